// Package manager knows the network managers that look after links, and has them hand links
// over to a bond and take them back.
//
// A link that is enslaved while its manager still looks after it has no peace: one day the
// manager gives it an address again, or takes it out of the bond. [Holds] says who looks after
// which link. It changes nothing.
//
// A [Handover] has one manager leave a bond's members alone: those that are there, those that
// are away, and whatever matches a pattern. It works by files that the manager reads: below
// /run, so that they are gone at the next boot, or below /etc, where the handover is to last.
// What can be told about a handover in advance stands in its [Handover.Lines].
//
//	holds, err := manager.Holds(ctx, []string{"eth0", "wlan0"})
//	...                                                 // none has an Obstacle
//	handovers := manager.Plan("bond0", members, holds)
//	err = ledger.Release(ctx, handovers)                // from here on the members are left alone
//	...
//	back, err := ledger.Reclaim(ctx, nil)               // no slave is left
//
// A link keeps what its manager gave it when it is handed over, and somebody else goes on with
// the manager's lease (Hold.Link). A Wi-Fi link may lose its association.
//
// What a manager is told can be told twice, and can be undone whatever part of it was done: so
// a process that is killed in between leaves nothing behind that the next one can't put right.
package manager
