package bond

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/internal/backoff"
	"github.com/bondctl/bondctl/bond/lease"
)

// denial is of a member that the kernel wouldn't take, or of a leased route.
type denial struct {
	index  int // of the device: another by the same name is tried at once
	why    string
	pauses backoff.Backoff
	until  time.Time
}

// refuse remembers that the kernel wouldn't take a member, by its name, or a
// leased route over the bond, by its text: no name has a space in it.
func (h *Host) refuse(what string, index int, err error) {
	if h.refused == nil {
		h.refused = map[string]denial{}
	}
	r := h.refused[what]
	if r.index != index {
		r = denial{index: index}
	}
	r.why, r.until = fmt.Sprintf("refused by the kernel (%v)", err), time.Now().Add(r.pauses.Next())
	h.refused[what] = r
}

// refusals says what the kernel wouldn't take when last asked, and why.
func (h *Host) refusals() map[string]string {
	why := map[string]string{}
	for name, r := range h.refused {
		why[name] = r.why
	}
	return why
}

// setRefused marks the links that aren't to be tried yet, takes such routes out
// of the lease, and returns the time until the first is; 0 when there is none.
func (h *Host) setRefused(s *State) time.Duration {
	retry := h.leaveOutRefused(s)
	for i, l := range s.Links {
		r, ok := h.refused[l.Name]
		left := time.Until(r.until)
		if ok && (r.index != l.Index || l.Master == s.Name) {
			delete(h.refused, l.Name) // another device, or taken in the end
			continue
		}
		if !ok || left <= 0 {
			continue
		}
		s.Links[i].Refused = r.why
		if retry == 0 || left < retry {
			retry = left
		}
	}
	return retry
}

// leaveOutRefused takes the routes out of the lease that aren't to be tried yet.
// Those that the bond has were taken in the end.
func (h *Host) leaveOutRefused(s *State) (retry time.Duration) {
	lent := map[string]bool{}
	if s.Lease != nil && s.Bond != nil {
		link, _ := s.link(s.Name)
		trimmed := *s.Lease
		trimmed.Routes = slices.DeleteFunc(slices.Clone(trimmed.Routes), func(route lease.Route) bool {
			text := leasedRoute(route).String()
			r, ok := h.refused[text]
			if !ok || r.index != link.Index || slices.Contains(s.Bond.Routes, leasedRoute(route)) {
				return false
			}
			lent[text] = true
			left := time.Until(r.until)
			if left > 0 && (retry == 0 || left < retry) {
				retry = left
			}
			return left > 0
		})
		s.Lease = &trimmed
	}
	maps.DeleteFunc(h.refused, func(what string, _ denial) bool { return isRoute(what) && !lent[what] })
	return retry
}

// isRoute tells a route's text from a member's name.
func isRoute(what string) bool { return strings.Contains(what, " ") }

// refusedRoutes says which routes of the lease aren't there, and why.
func refusedRoutes(refused map[string]string) (all []string) {
	for _, what := range slices.Sorted(maps.Keys(refused)) {
		if isRoute(what) {
			all = append(all, what+": "+refused[what])
		}
	}
	return all
}
