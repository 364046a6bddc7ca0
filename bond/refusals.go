package bond

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/backoff"
)

// Refusals remember what the kernel refused, for a keeper, who goes on without it.
// Each is tried again after a while that grows from one refusal to the next. The zero
// value remembers none.
type Refusals struct {
	of     map[string]denial // by the member's name, or by what a step is about
	unkept Plan              // what the kernel took and didn't keep
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
	denied.why, denied.until = fmt.Sprintf("refused by the kernel (%v)", err), time.Now().Add(denied.pauses.Next())
	r.of[what] = denied
}

// words say what the kernel refused last, and why.
func (r *Refusals) words() map[string]string {
	why := map[string]string{}
	for what, denied := range r.of {
		why[what] = denied.why
	}
	return why
}

// mark marks the links that aren't to be tried yet. It forgets those that have been
// enslaved since, or are other devices.
func (r *Refusals) mark(s *State) {
	for i, l := range s.Links {
		refused, ok := r.of[l.Name]
		switch {
		case !ok:
		case refused.index != l.Index || l.Master == s.Name:
			delete(r.of, l.Name)
		case time.Until(refused.until) > 0:
			s.Links[i].refused = refused.why
		}
	}
}

// leaveOut removes the steps from a plan that aren't to be tried yet. It forgets the
// refusals of what no plan asks for any more.
func (r *Refusals) leaveOut(p *Plan, s State) {
	bond, _ := s.link(s.Name)
	called := map[string]bool{}
	p.Steps = slices.DeleteFunc(p.Steps, func(step Step) bool {
		what := about(step)
		refused, ok := r.of[what]
		if !ok || refused.index != bond.Index || step.link() != s.Name {
			return false
		}
		called[what] = true
		return time.Until(refused.until) > 0
	})
	maps.DeleteFunc(r.of, func(what string, _ denial) bool {
		_, isLink := s.link(what)
		return !isLink && !called[what]
	})
}

// retry is the time until the next one is tried again; 0 when there is none.
func (r *Refusals) retry() (least time.Duration) {
	for _, refused := range r.of {
		if left := max(time.Until(refused.until), time.Millisecond); least == 0 || left < least {
			least = left
		}
	}
	return least
}

// about is what a step is about: a member, or what of the bond it changes.
func about(step Step) string {
	switch s := step.(type) {
	case addRoute:
		return s.Route.String()
	case addAddress:
		return "address " + s.Address.String()
	case enslave, release, setPrio, giveBack:
		return step.link()
	}
	return step.String()
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

// each applies steps one by one, and leaves out what the kernel refuses. A member
// whose step was refused is set as it was.
func (a *attempt) each(ctx context.Context, steps []Step, s *State) error {
	refused := map[string]bool{}
	for _, step := range steps {
		what := about(step)
		if refused[what] {
			continue
		}
		done, err := a.kernel.apply(ctx, []Step{step}, a.how.OnStep)
		a.done.Steps = append(a.done.Steps, done...)
		if err == nil {
			continue
		}
		index, gone := a.kernel.ifindex(step.link())
		if ctx.Err() != nil || gone != nil || !standsAlone(step, err) {
			return err
		}
		refused[what] = true
		a.refusals.add(what, index, errors.Unwrap(err))
		if link, present := s.link(step.link()); present && link.Name != s.Name {
			if err := a.restore(s.Image(link.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// standsAlone says whether the other steps make sense without one that was refused:
// without the bond none does.
func standsAlone(step Step, err error) bool {
	_, creates := step.(createBond)
	return !creates && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENODEV)
}
