package bond

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/internal/backoff"
)

// Refusals remember what the kernel refused, for a keeper, who goes on without it.
// Each is tried again after a while that grows from one refusal to the next. The zero
// value remembers none.
type Refusals struct {
	of     map[string]denial // by the member's name, or by what a step is about
	unkept Plan              // what the kernel took and didn't keep
	rests  rests
}

// A denial is one refusal: of a member, or of a step on the bond.
type denial struct {
	index  int // of the device: another by the same name is tried at once
	why    string
	pauses backoff.Backoff
	until  time.Time
}

// add remembers a refusal.
func (r *Refusals) add(what string, index int, err error) {
	if r.of == nil {
		r.of = map[string]denial{}
	}
	denied := r.of[what]
	if denied.index != index {
		denied = denial{index: index}
	}
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	denied.why, denied.until = fmt.Sprintf("refused by the kernel (%s)", text), time.Now().Add(denied.pauses.Next())
	r.of[what] = denied
}

// taken forgets the refusal of what the kernel has taken now. What follows from it, as
// a route does from an address, isn't to wait any longer.
func (r *Refusals) taken(what string) {
	if _, refused := r.of[what]; !refused {
		return
	}
	delete(r.of, what)
	for other, denied := range r.of {
		denied.until = time.Time{}
		r.of[other] = denied
	}
}

// words say what the kernel refused last, and why; nil for nothing.
func (r *Refusals) words() map[string]string {
	if len(r.of) == 0 {
		return nil
	}
	why := map[string]string{}
	for what, denied := range r.of {
		why[what] = denied.why
	}
	return why
}

// mark marks the links that weren't to be tried yet when an attempt began: what was
// refused since waits for another one. It forgets those that have been enslaved since,
// or are other devices.
func (r *Refusals) mark(s *State, began time.Time) {
	for i, l := range s.Links {
		refused, ok := r.of[l.Name]
		switch {
		case !ok:
		case refused.index != l.Index || l.Master == s.Name:
			delete(r.of, l.Name)
		case refused.until.After(began):
			s.Links[i].refused = refused.why
		}
	}
}

// leaveOut removes the steps from a plan that weren't to be tried yet when an attempt
// began. It forgets the refusals of what the plan doesn't ask for any more.
func (r *Refusals) leaveOut(p *Plan, s State, began time.Time) {
	called, without := map[string]bool{}, map[string]bool{}
	p.Steps = slices.DeleteFunc(p.Steps, func(step Step) bool {
		if without[step.link()] {
			return true
		}
		what := about(step)
		link, _ := s.link(step.link())
		refused, ok := r.of[what]
		if !ok || refused.index != link.Index {
			return false
		}
		called[what] = true
		left := refused.until.After(began)
		without[step.link()] = left && takesLink(step)
		return left
	})
	maps.DeleteFunc(r.of, func(what string, _ denial) bool { return !called[what] && !slices.Contains(p.refused, what) })
}

// retry is the time until the next one is tried again; 0 when there is none.
func (r *Refusals) retry() (least time.Duration) {
	consider := func(until time.Time) {
		if left := max(time.Until(until), time.Millisecond); least == 0 || left < least {
			least = left
		}
	}
	for _, refused := range r.of {
		consider(refused.until)
	}
	if until := r.rests.next(); !until.IsZero() {
		consider(until)
	}
	return least
}

// about is what a step is about: a member that is to join, or else what it changes.
func about(step Step) string {
	switch s := step.(type) {
	case enslave:
		return s.Member
	case addRoute:
		return s.Route.String()
	case addRule:
		return s.Rule.String()
	case addAddress:
		return "address " + s.Address.String()
	}
	return step.String()
}

// takesLink says whether no other step on its link makes sense without this one.
func takesLink(step Step) bool {
	switch step.(type) {
	case enslave, release, giveBack:
		return true
	}
	return false
}

// isMember tells a member's name from what else a refusal is about, which has a space
// in it.
func isMember(what string) bool { return !strings.Contains(what, " ") }

// refusedOfBond says what the kernel refused that isn't about a member, and why.
func refusedOfBond(refused map[string]string) (all []string) {
	for _, what := range slices.Sorted(maps.Keys(refused)) {
		if !isMember(what) {
			all = append(all, what+": "+refused[what])
		}
	}
	return all
}
