// Package drill rehearses a bond's failovers, and measures what each of them costs.
//
// # What is measured
//
// A [Train] of numbered frames goes through the bond, at a rate, to somebody who answers each:
// mostly the gateway. They are ICMP echo requests wherever that answers those, as they carry
// a number which the answer repeats, and go the way of all that this machine sends, through
// its routes, neighbours and packet filter. Elsewhere they are ARP requests or neighbour
// solicitations. These have no number: an answer is taken for that to the last question before
// it. How many were lost is known all the same, and when, as long as an answer doesn't take
// longer than the time between two questions.
//
// A failover's outage is the longest time in which nothing got through: from one frame that was
// answered to the next one that was, by when they were sent, less the time between two frames,
// in which there would have been none in any case. Where no frame was lost it is zero, and that
// means less than the time between two frames ([Measure]). When answers came doesn't count: so a
// machine that is slow to receive them makes no outage longer. A frame counts as lost that got
// no answer, be it that the answer alone was lost.
//
// # What is done
//
// [Drill.Run] has each member fail in turn: another one is made active in its place or, with
// Cut, it is set down, and whoever does so in earnest, the kernel or the keeper, makes another
// one active. Then it comes back, and becomes active again: by itself where the bond's policy
// says so, or else by hand. After each step the drill waits until frames are answered again
// and go on to be.
//
// It takes no care that everything is put back: whoever calls it has the bond on trial as a
// [bond.Rehearsal].
package drill
