package keeper

import (
	"time"

	"github.com/bondctl/bondctl/bond"
)

// solicits are the routers that are asked again, under the strategy routes: the kernel gives their default routes the
// metrics that it has been told with the next advertisement, and the one for which a plan has asked may be lost.
type solicits struct {
	ask     func(member string) error
	members map[string]soliciting
}

// A soliciting is what has been asked over a member.
type soliciting struct {
	times int
	next  time.Time
}

const (
	// solicitPause is the time for the first answer, which doubles (RFC 4861 section 6.3.7 has 4 s; an answer takes up to
	// half a second).
	solicitPause = time.Second
	mostSolicits = 4
)

// decide asks where it is time, and returns when it is next; zero for never.
func (s *solicits) decide(st bond.Status, now time.Time) (due time.Time) {
	before := s.members
	s.members = map[string]soliciting{}
	for _, m := range st.Members {
		if !m.Unadvertised || !linked(m) {
			continue
		}
		one, known := before[m.Name]
		switch {
		case !known:
			one.next = now.Add(solicitPause)
		case one.times < mostSolicits && !now.Before(one.next):
			_ = s.ask(m.Name) // it is asked again
			one.times++
			one.next = now.Add(solicitPause << one.times)
		}
		s.members[m.Name] = one
		if one.times < mostSolicits && (due.IsZero() || one.next.Before(due)) {
			due = one.next
		}
	}
	return due
}
