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
	s, err := h.observe(c.Name, c.Members)
	if err != nil {
		return State{}, nil, err
	}
	j, err := h.store.journal(c.Name)
	if err != nil {
		return State{}, nil, err
	}
	s.Ours = j.ours(&s)
	k, err := h.store.of(c.Name).Keeper()
	if k != nil {
		s.Lease, s.LeaseLeft = k.Lent.Now()
	}
	return s, j, err
}

// maxRounds bounds how often Reconcile looks again. The first round does the
// work; another is for what udev or somebody else changed meanwhile.
const maxRounds = 4

// Reconcile makes the bond what is wanted, changing only what differs, and
// records c as wanted. It returns the plan that it carried out, which is empty
// for a bond that was as wanted.
//
// The errors are those of [NewPlan], and [*StepError] for a step that failed.
// After any error everything is as it was; what could not be put back is said.
func (h *Host) Reconcile(ctx context.Context, c Config) (Plan, error) {
	return h.reconcile(ctx, c.Name, &c)
}

// ErrNotWanted says that nothing is recorded as wanted of a bond.
var ErrNotWanted = errors.New("nothing is wanted of it")

// ReconcileRecorded is [Host.Reconcile] for what is recorded as wanted: what
// the last Reconcile was given. The error is ErrNotWanted when nothing is.
func (h *Host) ReconcileRecorded(ctx context.Context, name string) (Plan, error) {
	return h.reconcile(ctx, name, nil)
}

// reconcile makes the bond what is wanted or, without that, what is recorded.
// The record is read under the lock and not before: another Reconcile may be
// about to write it.
func (h *Host) reconcile(ctx context.Context, name string, wanted *Config) (Plan, error) {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return Plan{}, err
	}
	defer unlock()
	a := attempt{Host: h, source: h.Source}
	if wanted == nil {
		r, err := h.store.record(name)
		if err != nil {
			return Plan{}, err
		}
		wanted, a.source = r.Config, r.Source
	}
	if wanted == nil {
		return Plan{}, fmt.Errorf("%s: %w", name, ErrNotWanted)
	}
	a.config = *wanted
	err = a.converge(ctx)
	if err != nil && !h.Cautious {
		return Plan{}, a.takeBack(err)
	}
	return a.done, err
}

// An attempt is one Reconcile under way.
type attempt struct {
	*Host
	config Config
	source Source

	// What was there before the first change.
	was     State
	journal *journal

	done Plan // so far
}

// converge plans and applies in rounds, until the kernel has what is wanted.
func (a *attempt) converge(ctx context.Context) error {
	last := ""
	for round := range maxRounds {
		s, j, err := a.look(a.config)
		if err != nil {
			return err
		}
		s.Cautious = a.Cautious
		retry := a.setRefused(&s)
		plan, err := NewPlan(a.config, s, machineID())
		if err != nil {
			return err
		}
		a.done.Bond, a.done.Members, a.done.Retry = plan.Bond, plan.Members, retry
		a.done.Associations = plan.Associations
		for _, note := range append(plan.Notes, refusedRoutes(a.refusals())...) {
			if !slices.Contains(a.done.Notes, note) {
				a.done.Notes = append(a.done.Notes, note)
			}
		}
		if plan.Empty() {
			return a.finish(s)
		}
		said := plan.words()
		again := said == last && a.done.Steps != nil || a.Cautious && said == a.unkept
		if again && !plan.joins() { // devices come and go, and are the same in words
			a.done.Notes = append(a.done.Notes, "the kernel didn't keep this: "+said)
			a.unkept = said
			return a.finish(s)
		}
		last = said
		if a.done.Steps == nil {
			a.was, a.journal = s, j
		}
		if err := a.carryOut(ctx, plan, s, j); err != nil && !raced(err, round) {
			return err
		}
	}
	return fmt.Errorf("make %s as wanted: it keeps being changed by somebody else", a.config.Name)
}

// finish records what is wanted, and says how the bond is now.
func (a *attempt) finish(s State) error {
	r, err := a.remember(a.config, a.source)
	if err == nil && s.Bond != nil {
		a.done.After, err = a.statusOf(s, r)
	}
	return err
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
	return creating && errors.Is(err, unix.EEXIST) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV)
}

// carryOut applies the plan, with the journal written first: whoever comes
// after a crash at any point knows what to give back.
func (a *attempt) carryOut(ctx context.Context, p Plan, s State, old *journal) error {
	during, after := old.across(p, s)
	if err := a.store.writeJournal(s.Name, during); err != nil {
		return err
	}
	if err := a.apply(ctx, p.Steps, s); err != nil {
		if step, ok := errors.AsType[*StepError](err); ok && step.Undo == nil && !a.Cautious {
			return errors.Join(err, a.store.restoreJournal(s.Name, old))
		}
		return err
	}
	if err := a.keepRest(p, s); err != nil {
		a.done.Notes = append(a.done.Notes, err.Error())
	}
	if after.Ifindex == 0 {
		index, err := a.kernel.ifindex(s.Name)
		if err != nil {
			return err
		}
		after.Ifindex = index
	}
	return a.store.writeJournal(s.Name, after)
}

// apply carries out all steps or none; or, cautiously, each that can be. Leased
// routes come last, and each that can be: nothing else is to fail since a
// server names one that the kernel refuses.
func (a *attempt) apply(ctx context.Context, steps []Step, s State) error {
	steps, lent := apart(steps)
	if a.Cautious {
		if err := a.each(ctx, steps, s); err != nil {
			return err
		}
	} else {
		if err := a.kernel.apply(ctx, steps, s, a.OnStep); err != nil {
			return err
		}
		a.done.Steps = append(a.done.Steps, steps...)
	}
	return a.addLent(ctx, lent)
}

// apart takes the steps that add a leased route from the others.
func apart(steps []Step) (others, lent []Step) {
	for _, step := range steps {
		if add, ok := step.(AddRoute); ok && add.Route.DHCP {
			lent = append(lent, step)
		} else {
			others = append(others, step)
		}
	}
	return others, lent
}

// addLent adds leased routes, and remembers those that the kernel refuses.
func (a *attempt) addLent(ctx context.Context, lent []Step) error {
	for _, step := range lent {
		err := a.kernel.apply(ctx, []Step{step}, State{}, a.OnStep)
		if err == nil {
			a.done.Steps = append(a.done.Steps, step)
			continue
		}
		index, noBond := a.kernel.ifindex(a.config.Name)
		if ctx.Err() != nil || noBond != nil {
			return err
		}
		a.refuse(step.(AddRoute).Route.String(), index, errors.Unwrap(err))
	}
	return nil
}

// keepRest puts back what went along with an address that was removed: it may
// be somebody else's, or have been added by the same plan.
func (a *attempt) keepRest(p Plan, s State) error {
	if s.Bond == nil {
		return nil
	}
	b := *s.Bond
	b.Addresses = slices.Clone(b.Addresses)
	var dropped []Step
	for _, step := range p.Steps {
		switch step := step.(type) {
		case AddAddress:
			b.Addresses = append(b.Addresses, step.Address)
		case DelAddress, DelRoute:
			dropped = append(dropped, step)
		}
	}
	if dropped == nil {
		return nil
	}
	s.Bond = &b
	return a.kernel.putBack(s, dropped)
}

// each applies steps one by one. A member that the kernel refuses is set as it
// was and left out; the others are none the worse for it.
func (a *attempt) each(ctx context.Context, steps []Step, s State) error {
	refused := map[string]bool{}
	for _, step := range steps {
		var was State
		link, isMember := s.link(memberOf(step))
		isMember = isMember && link.Name != s.Name
		if isMember && refused[link.Name] {
			continue
		}
		if isMember {
			was.Links = []Link{link}
		}
		err := a.kernel.apply(ctx, []Step{step}, was, a.OnStep)
		switch {
		case err == nil:
			a.done.Steps = append(a.done.Steps, step)
		case isMember && ctx.Err() == nil:
			refused[link.Name] = true
			a.refuse(link.Name, link.Index, errors.Unwrap(err))
		default:
			return err
		}
	}
	return nil
}

// memberOf is the member that a step is about; "" for the bond.
func memberOf(step Step) string {
	switch s := step.(type) {
	case Enslave:
		return s.Member
	case SetPrio:
		return s.Member
	case GiveBack:
		return s.Name
	case SetLink:
		return s.Name
	}
	return ""
}

// takeBack undoes the rounds that went well, as err ended a later one.
func (a *attempt) takeBack(err error) error {
	if a.done.Steps == nil {
		return err
	}
	undo := a.kernel.undo(a.done.Steps, nil, a.was)
	if step, ok := errors.AsType[*StepError](err); ok {
		step.Undo = errors.Join(step.Undo, undo)
		undo = step.Undo
	} else if undo != nil {
		err = fmt.Errorf("%w; not everything could be put back: %w", err, undo)
	}
	if undo != nil {
		return err
	}
	return errors.Join(err, a.store.restoreJournal(a.config.Name, a.journal))
}

// remember records what is wanted of a bond.
func (h *Host) remember(c Config, from Source) (record, error) {
	r, err := h.store.record(c.Name)
	if err != nil {
		return r, err
	}
	refused := h.refusals()
	if r.Config != nil && reflect.DeepEqual(*r.Config, c) && r.Source == from && maps.Equal(r.Refused, refused) {
		return r, nil
	}
	r.Config, r.Source, r.Refused = &c, from, refused
	return r, h.store.writeRecord(c.Name, r)
}

// Recorded is what was last wanted of a bond; nil when nothing was.
func (h *Host) Recorded(name string) (*Config, error) {
	r, err := h.store.record(name)
	return r.Config, err
}

// RecordedSource says where that was written.
func (h *Host) RecordedSource(name string) (Source, error) {
	r, err := h.store.record(name)
	return r.Source, err
}
