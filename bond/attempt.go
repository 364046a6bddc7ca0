package bond

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// An attempt is one Reconcile under way.
type attempt struct {
	*Host
	Wanted
	record   record // as it was
	how      How
	patient  bool
	refusals *Refusals

	was     *State // what was there before the first change
	planned []Step // all that was called for since
	done    Plan   // so far
}

// converge plans and applies in rounds, until the kernel has what is wanted.
func (a *attempt) converge(ctx context.Context) error {
	var last Plan
	for round := range maxRounds {
		s, err := a.look(a.Config)
		if err != nil {
			return err
		}
		if round == 0 {
			a.done.Looked = time.Now()
			if s.Bond != nil {
				a.done.Before = newStatus(s, a.record)
			}
		}
		s.patient = a.patient
		a.refusals.mark(&s)
		plan, err := newPlan(a.Config, s, machineID())
		if err != nil {
			return err
		}
		a.refusals.leaveOut(&plan, s)
		a.note(plan)
		if plan.Empty() {
			return a.finish(s)
		}
		if a.done.Steps != nil && plan.same(last) || a.patient && plan.same(a.refusals.unkept) {
			a.say(Messagef("the kernel didn't keep this: %s", plan))
			a.refusals.unkept = plan
			return a.finish(s)
		}
		last = plan
		if err := a.carryOut(ctx, plan, &s); err != nil && !raced(err, round) {
			return err
		}
	}
	return fmt.Errorf("make %s as wanted: it keeps being changed by somebody else", a.Config.Name)
}

// note adds what is to be said of a round's plan.
func (a *attempt) note(plan Plan) {
	a.done.Bond, a.done.Members, a.done.Associations = plan.Bond, plan.Members, plan.Associations
	a.done.Retry = a.refusals.retry()
	for _, note := range plan.Notes {
		a.say(note)
	}
	for _, text := range refusedOfBond(a.refusals.words()) {
		a.say(Messagef("%s", text))
	}
}

// say adds a note, unless it has been said.
func (a *attempt) say(note Message) {
	if !slices.Contains(texts(a.done.Notes), note.String()) {
		a.done.Notes = append(a.done.Notes, note)
	}
}

// finish records what is wanted, and says how the bond is now.
func (a *attempt) finish(s State) error {
	err := a.remember()
	if err == nil && s.Bond != nil {
		a.done.After, err = a.statusOf(s, a.record)
	}
	return err
}

// raced says whether a step failed because the kernel's state changed after the look:
// another round sees the change. The bonding module, when our message loads it, makes
// a bond0 of its own first.
func raced(err error, round int) bool {
	step, ok := errors.AsType[*StepError](err)
	if !ok || round > 0 {
		return false
	}
	_, creating := step.Step.(createBond)
	return creating && errors.Is(err, unix.EEXIST) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV)
}

// carryOut applies the plan. The journal is written first: so at any point it says
// what to give back after a crash.
func (a *attempt) carryOut(ctx context.Context, p Plan, s *State) (err error) {
	if s.rules, err = a.kernel.Rules(); err != nil {
		return err
	}
	if a.was == nil {
		a.was = s
	}
	a.planned = append(a.planned, p.Steps...)
	during, after := s.Before.across(p, s)
	if err := a.store.writeJournal(s.Name, during); err != nil {
		return err
	}
	before := len(a.done.Steps)
	if err := a.apply(ctx, p.Steps, s); err != nil {
		return err
	}
	if rest := s.rest(Plan{Steps: a.done.Steps[before:]}); rest != nil {
		if err := a.restore(rest); err != nil {
			a.say(Messagef("%v", err))
		}
	}
	if after.Bond.Index == 0 {
		if after.Bond.Index, err = a.kernel.ifindex(s.Name); err != nil {
			return err
		}
	}
	return a.store.writeJournal(s.Name, after)
}

// apply carries out all steps or none; or, patiently, each one that the kernel takes.
// Leased routes come last and patiently: a route of a server's that the kernel refuses
// must not undo the rest.
func (a *attempt) apply(ctx context.Context, steps []Step, s *State) error {
	if a.patient {
		return a.each(ctx, steps, s)
	}
	steps, leased := apart(steps)
	done, err := a.kernel.apply(ctx, steps, a.how.OnStep)
	a.done.Steps = append(a.done.Steps, done...)
	if err != nil {
		return err
	}
	return a.each(ctx, leased, s)
}

// apart separates the steps that add a leased route from the others.
func apart(steps []Step) (others, leased []Step) {
	for _, step := range steps {
		if add, ok := step.(addRoute); ok && add.Route.Protocol == unix.RTPROT_DHCP {
			leased = append(leased, step)
		} else {
			others = append(others, step)
		}
	}
	return others, leased
}

// restore looks, and carries out the way back to an image.
func (a *attempt) restore(before *Image) error {
	s, err := a.look(a.Config)
	if err == nil && before.Rules != nil {
		s.rules, err = a.kernel.Rules()
	}
	if err != nil {
		return err
	}
	_, err = a.kernel.restore(NewRestore(*before, s).Steps, a.how.OnUndo)
	return err
}

// takeBack takes back all that was done before err.
func (a *attempt) takeBack(err error) error {
	if a.was == nil {
		return err
	}
	undo := a.restore(a.was.undoing(Plan{Steps: a.planned}))
	if undo == nil {
		return errors.Join(err, a.store.restoreJournal(a.Config.Name, a.was.Before))
	}
	if step, ok := errors.AsType[*StepError](err); ok {
		step.Undo = undo
		return err
	}
	return fmt.Errorf("%w; not everything could be put back: %w", err, undo)
}

// remember records what is wanted, and what the kernel refused of it.
func (a *attempt) remember() error {
	r, refused := a.record, a.refusals.words()
	if r.Config != nil && reflect.DeepEqual(*r.Config, a.Config) && r.Source == a.Source && maps.Equal(r.Refused, refused) {
		return nil
	}
	r.Config, r.Source, r.Refused = &a.Config, a.Source, refused
	a.record = r
	return a.store.writeRecord(a.Config.Name, r)
}
