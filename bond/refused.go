package bond

import (
	"fmt"
	"time"
)

// refusedMember is a member that the kernel wouldn't take.
type refusedMember struct {
	index int // of the device: another by the same name is tried at once
	why   string
	wait  time.Duration
	until time.Time
}

// The wait before a member that the kernel refused is tried again grows from
// one to the next.
const (
	firstRefusal = time.Second
	lastRefusal  = time.Minute
)

// refuse remembers that the kernel wouldn't take a member.
func (h *Host) refuse(link Link, err error) {
	if h.refused == nil {
		h.refused = map[string]refusedMember{}
	}
	wait := firstRefusal
	if before := h.refused[link.Name]; before.index == link.Index {
		wait = min(2*before.wait, lastRefusal)
	}
	h.refused[link.Name] = refusedMember{link.Index, fmt.Sprintf("refused by the kernel (%v)", err), wait, time.Now().Add(wait)}
}

// refusals says which members the kernel wouldn't take when last asked.
func (h *Host) refusals() map[string]string {
	why := map[string]string{}
	for name, r := range h.refused {
		why[name] = r.why
	}
	return why
}

// setRefused marks the links that aren't to be tried yet, and returns the time
// until the first of them is; 0 when there is none.
func (h *Host) setRefused(s *State) time.Duration {
	retry := time.Duration(0)
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
