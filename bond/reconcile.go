package bond

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"

	"golang.org/x/sys/unix"
)

// Plan says what Reconcile would do. It changes nothing.
func (h *Host) Plan(c Config) (Plan, error) {
	s, _, err := h.look(c)
	if err != nil {
		return Plan{}, err
	}
	return NewPlan(c, s, machineID())
}

// look observes a bond and adds what bondctl's journal knows of it.
func (h *Host) look(c Config) (State, *journal, error) {
	names := make([]string, len(c.Members))
	for i, m := range c.Members {
		names[i] = m.Name
	}
	s, err := h.observe(c.Name, names)
	if err != nil {
		return State{}, nil, err
	}
	j, err := h.store.journal(c.Name)
	if err != nil {
		return State{}, nil, err
	}
	s.Ours = j.ours(&s)
	return s, j, nil
}

// ours is what of a state a journal knows to be bondctl's.
func (j *journal) ours(s *State) Ours {
	if j == nil {
		return Ours{}
	}
	link, present := s.link(s.Name)
	return Ours{
		Bond:  present && (j.Ifindex == 0 || j.Ifindex == link.Index),
		Found: j.Found, Addresses: j.Addresses, Gateways: j.Gateways,
	}
}

// maxRounds bounds how often Reconcile looks again. The first round does the
// work; another is for what udev or somebody else changed meanwhile.
const maxRounds = 4

// Reconcile makes the bond what is wanted, changing only what differs, and
// records c as wanted. It returns the plan that it carried out, which is empty
// for a bond that was as wanted.
//
// The errors are those of [NewPlan], where nothing was changed, and
// [*StepError], where everything was put back.
func (h *Host) Reconcile(ctx context.Context, c Config) (Plan, error) {
	unlock, err := h.store.lock(ctx, c.Name)
	if err != nil {
		return Plan{}, err
	}
	defer unlock()
	var done Plan
	last := ""
	for round := range maxRounds {
		s, j, err := h.look(c)
		if err != nil {
			return done, err
		}
		plan, err := NewPlan(c, s, machineID())
		if err != nil {
			return done, err
		}
		done.Bond, done.Members = plan.Bond, plan.Members
		for _, note := range plan.Notes {
			if !slices.Contains(done.Notes, note) {
				done.Notes = append(done.Notes, note)
			}
		}
		if plan.Empty() {
			return done, h.remember(c)
		}
		said := plan.words()
		if said == last && done.Steps != nil {
			done.Notes = append(done.Notes, "the kernel didn't keep this: "+said)
			return done, h.remember(c)
		}
		last = said
		err = h.carryOut(ctx, plan, s, j)
		if err != nil && !raced(err, round) {
			return done, err
		}
		if err == nil {
			done.Steps = append(done.Steps, plan.Steps...)
		}
	}
	return done, fmt.Errorf("make %s as wanted: it keeps being changed by somebody else", c.Name)
}

// raced says whether a step failed since the kernel's state changed between
// the look and the step; then another round sees it. The bonding module, when
// our message loads it, makes a bond0 of its own first.
func raced(err error, round int) bool {
	step, ok := errors.AsType[*StepError](err)
	if !ok || step.Undo != nil || round > 0 {
		return false
	}
	_, creating := step.Step.(CreateBond)
	return creating && errors.Is(err, unix.EEXIST) || errors.Is(err, fs.ErrNotExist)
}

// carryOut applies the plan, with the journal written first: whoever comes
// after a crash at any point knows what to give back.
func (h *Host) carryOut(ctx context.Context, p Plan, s State, old *journal) error {
	during, after := old.across(p, s)
	if err := h.store.writeJournal(s.Name, during); err != nil {
		return err
	}
	if err := h.kernel.apply(ctx, p.Steps, s, h.OnStep); err != nil {
		if step, ok := errors.AsType[*StepError](err); ok && step.Undo == nil {
			return errors.Join(err, h.store.restoreJournal(s.Name, old))
		}
		return err
	}
	if after.Ifindex == 0 {
		index, err := h.kernel.ifindex(s.Name)
		if err != nil {
			return err
		}
		after.Ifindex = index
	}
	return h.store.writeJournal(s.Name, after)
}

// across is the journal while a plan is being applied, when what was found
// before and what is found now may both have to be given back, and after it.
func (j *journal) across(p Plan, s State) (during, after *journal) {
	during, after = j.clone(), j.clone()
	link, _ := s.link(s.Name) // index 0: the plan will create it
	during.Ifindex, after.Ifindex = link.Index, link.Index
	for _, step := range p.Steps {
		switch step := step.(type) {
		case Enslave:
			during.Found[step.Member] = step.Was
			after.Found[step.Member] = step.Was
		case Release:
			delete(after.Found, step.Member)
		case AddAddress:
			during.Addresses = append(during.Addresses, step.Address)
			after.Addresses = append(after.Addresses, step.Address)
		case DelAddress:
			after.Addresses = without(after.Addresses, step.Address)
		case AddRoute:
			during.Gateways = append(during.Gateways, step.Gateway)
			after.Gateways = append(after.Gateways, step.Gateway)
		case DelRoute:
			after.Gateways = without(after.Gateways, step.Gateway)
		}
	}
	return during, after
}

// clone copies a journal; that of nil is empty.
func (j *journal) clone() *journal {
	if j == nil {
		return &journal{Found: map[string]LinkSettings{}}
	}
	c := *j
	c.Found = maps.Clone(j.Found)
	if c.Found == nil {
		c.Found = map[string]LinkSettings{}
	}
	c.Addresses = slices.Clone(j.Addresses)
	c.Gateways = slices.Clone(j.Gateways)
	return &c
}

func without[T comparable](list []T, item T) []T {
	return slices.DeleteFunc(list, func(t T) bool { return t == item })
}

// remember records what is wanted of a bond.
func (h *Host) remember(c Config) error {
	r, err := h.store.record(c.Name)
	if err != nil {
		return err
	}
	if r.Config != nil && reflect.DeepEqual(*r.Config, c) {
		return nil
	}
	r.Config = &c
	return h.store.writeRecord(c.Name, r)
}

// Recorded is what was last wanted of a bond; nil when nothing was.
func (h *Host) Recorded(name string) (*Config, error) {
	r, err := h.store.record(name)
	return r.Config, err
}
