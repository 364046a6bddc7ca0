package bond

import "time"

// restTime is how long a member is left down that somebody has set down: long enough to
// rename it, which the kernel does only then (EBUSY).
const restTime = 2 * time.Second

// rests are the times until which members that are down are left so, by ifindex. The zero
// time is that of one which isn't.
type rests map[int]time.Time

// mark marks the members that were set down a moment ago, and the one that a drill holds down.
func (r *rests) mark(s *State, held string) {
	now := rests{}
	for i, l := range s.Links {
		if l.Up || !s.hasMember(l) {
			continue
		}
		until, known := (*r)[l.Index]
		if !known && !l.RFKill || l.Name == held { // what rfkill unblocks is set up at once
			until = time.Now().Add(restTime)
		}
		now[l.Index] = until
		s.Links[i].resting = time.Until(until) > 0
	}
	*r = now
}

// hasMember says whether a link is a slave of the bond, or has been taken into the group.
func (s *State) hasMember(l Link) bool {
	if s.byRoutes {
		_, taken := s.Before.link(l.Index)
		return taken
	}
	return l.Master == s.Name
}

// next is when the next rest is over; zero where nothing rests.
func (r rests) next() (first time.Time) {
	for _, until := range r {
		if time.Until(until) > 0 && (first.IsZero() || until.Before(first)) {
			first = until
		}
	}
	return first
}
