package bond

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
	rejoin  string // the bridge that a bond which was made anew is to be a port of again
}

// converge plans and applies in rounds, until the kernel has what is wanted.
func (a *attempt) converge(ctx context.Context) error {
	var last Plan
	began := time.Now()
	for round := range maxRounds {
		s, err := a.see(began)
		if err != nil {
			return err
		}
		plan, err := a.plan(s)
		if err != nil {
			return err
		}
		a.Config.Inherited = plan.inherited
		a.refusals.leaveOut(&plan, s, began)
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
		err = a.carryOut(ctx, plan, &s)
		switch {
		case err == nil:
			err = a.verify(ctx)
		case raced(err, round):
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("make %s as wanted: it keeps being changed by somebody else", a.Config.Name)
}

// plan plans a round. The first time that members are to join, it asks what was lent.
func (a *attempt) plan(s State) (Plan, error) {
	if whole := s; a.how.Lent != nil {
		whole.stepwise = false
		p, err := newPlan(a.Config, whole, machineID())
		if err != nil {
			return p, err
		}
		if p.Joining() != nil {
			if a.Config.Lent, err = a.how.Lent(p); err != nil {
				return p, err
			}
			a.how.Lent = nil
		}
	}
	return newPlan(a.Config, s, machineID())
}

// see looks, and marks what isn't to be touched for now.
func (a *attempt) see(began time.Time) (State, error) {
	s, err := a.look(a.Config)
	if err != nil {
		return s, err
	}
	if a.done.Looked.IsZero() {
		a.done.Looked = time.Now()
		switch {
		case s.byRoutes && s.Before != nil:
			a.done.Before = newRoutesStatus(s, a.record)
		case s.Bond != nil:
			a.done.Before = newStatus(s, a.record)
		}
	}
	s.heldBack, s.manual = a.how.HeldBack, a.record.Manual
	s.patient, s.stepwise, s.lost = a.patient, true, stack{Master: a.rejoin}
	if s.Bond == nil {
		s.lost = a.record.Stack
	}
	a.refusals.mark(&s, began)
	if a.patient {
		a.refusals.rests.mark(&s, a.held(a.Config.Name))
	}
	return s, nil
}

// note adds what is to be said of a round's plan.
func (a *attempt) note(plan Plan) {
	a.done.inherited = plan.inherited
	a.done.Bond, a.done.Members, a.done.Associations = plan.Bond, plan.Members, plan.Associations
	a.done.Takes, a.done.Interrupts = a.done.Takes || plan.Takes, append(a.done.Interrupts, plan.Interrupts...)
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

// verify calls How.Verify after a round of changes.
func (a *attempt) verify(ctx context.Context) error {
	if a.how.Verify == nil {
		return nil
	}
	if err := a.how.Verify(ctx); err != nil {
		return &UnverifiedError{err}
	}
	return nil
}

// finish records what is wanted, and says how the bond is now.
func (a *attempt) finish(s State) error {
	err := a.remember(s)
	if err == nil && (s.Bond != nil || s.byRoutes) {
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
	return isCreate(step.Step) && errors.Is(err, unix.EEXIST) || isRace(err)
}

// isRace says whether a step was refused as its link has gone meanwhile.
func isRace(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) }

// carryOut applies the plan. The journal is written first: so at any point it says
// what to give back after a crash.
func (a *attempt) carryOut(ctx context.Context, p Plan, s *State) (err error) {
	if err := a.lookCloser(s); err != nil {
		return err
	}
	if a.was == nil {
		if err := a.begin(s); err != nil {
			return err
		}
		if a.was = s; s.byRoutes { // leases may be the members' by now that were DHCP clients'
			if s.leases, err = a.leases(s.Name); err != nil {
				return err
			}
		}
	}
	a.planned = append(a.planned, p.Steps...)
	if err := a.store.writeJournal(s.Name, s.Before.during(p, s)); err != nil {
		return err
	}
	done, owed, err := a.apply(ctx, p.Steps, s)
	a.done.Steps = append(a.done.Steps, done...)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(done, isCreate) {
		a.rejoin = s.lost.Master
	}
	if rest := s.rest(Plan{Steps: done}); rest != nil {
		if err := a.restore(rest); err != nil {
			a.say(Messagef("%v", err))
		}
	}
	after := s.Before.after(p, done, owed, s)
	if after.Bond != nil && after.Bond.Index == 0 {
		if after.Bond.Index, err = a.kernel.ifindex(s.Name); err != nil {
			return err
		}
	}
	return a.store.writeJournal(s.Name, after)
}

// begin calls How.Begin with an image of all that may be changed, in all rounds.
func (a *attempt) begin(s *State) error {
	if a.how.Begin == nil {
		return nil
	}
	whole := *s
	whole.stepwise = false
	p, err := newPlan(a.Config, whole, machineID())
	if err != nil {
		return err
	}
	return a.how.Begin(p, *s.before(p, a.Config))
}

func isCreate(step Step) bool { _, creates := step.(createBond); return creates }

// apply carries out steps until one fails, and returns those that were done. Those
// that the others can do without are no failure: they are left out. Links that were
// refused something, or couldn't be set as they were, are owed that.
func (a *attempt) apply(ctx context.Context, steps []Step, s *State) (done []Step, owed map[string]bool, err error) {
	owed = map[string]bool{}
	without := map[string]bool{} // links whose other steps make no sense any more
	for len(steps) > 0 {
		step := steps[0]
		steps = steps[1:]
		if without[step.link()] {
			continue
		}
		if err := a.how.mayGoOn(ctx, step); err != nil {
			return done, owed, err
		}
		err := a.kernel.try(step)
		if err == nil {
			a.refusals.taken(about(step))
			done = append(done, step)
			continue
		}
		if parts := split(step); a.patient && parts != nil && !isRace(err) && !errors.Is(err, unix.EEXIST) {
			steps = append(parts, steps...)
			continue
		}
		index, gone := a.kernel.ifindex(step.link())
		if gone != nil || !a.canDoWithout(step, s) {
			return done, owed, err
		}
		a.leaveOut(step, index, err)
		without[step.link()] = takesLink(step)
		owed[step.link()] = true
		if _, enslaves := step.(enslave); enslaves {
			back := a.restore(s.Image(step.link()))
			owed[step.link()] = back != nil
			if back != nil {
				a.say(Messagef("%v", back))
			}
		}
	}
	return done, owed, nil
}

// leaveOut remembers a step that was refused, and says so. What a member that can't
// join is refused is said where it waits.
func (a *attempt) leaveOut(step Step, index int, err error) {
	what := about(step)
	a.refusals.add(what, index, errors.Unwrap(err))
	if !isMember(what) {
		a.say(Messagef("%s: %s", what, a.refusals.of[what].why))
	}
}

// canDoWithout says whether a step that was refused is left out. A keeper goes on
// without anything but the bond, for nobody is there to be told. An up fails, but not
// for what a server asks for, a sysctl, or a link that it only lets go.
func (a *attempt) canDoWithout(step Step, s *State) bool {
	if a.patient || isCreate(step) {
		return !isCreate(step)
	}
	if s.byRoutes {
		switch step.(type) {
		case setSysctl, solicitRouters:
			return true
		}
		return false
	}
	switch step := step.(type) {
	case addRoute:
		advertised := step.Route.Protocol == unix.RTPROT_DHCP || step.Route.Protocol == unix.RTPROT_RA
		return advertised || step.Link != s.Name
	case giveBack, setSysctl, addNeighbour, knowNeighbours, haveTemporary:
		return true
	case addAddress, addRule:
		return step.link() != s.Name
	}
	return false
}

// restore looks, and carries out the way back to an image.
func (a *attempt) restore(before *Image) error {
	s, err := a.look(a.Config)
	if err == nil {
		err = a.lookCloser(&s)
	}
	if err != nil {
		return err
	}
	if err := s.lookFor(before); err != nil {
		return err
	}
	_, refused := a.kernel.restore(NewRestore(*before, s).Steps, a.how)
	return joined(refused)
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

// remember records what is wanted, what the kernel refused of it, and what stands on
// the bond.
func (a *attempt) remember(s State) error {
	r := a.record
	r.Config, r.Source, r.Refused = &a.Config, a.Source, a.refusals.words()
	if s.Bond != nil {
		r.Stack, r.Rejoin = s.stack(), a.rejoin
	}
	if r.Stack.Master != "" {
		r.Rejoin = ""
	}
	switch made := slices.ContainsFunc(a.done.Steps, isCreate); {
	case !a.patient:
		r.Lost = nil // who is there has been told
	case made:
		r.Lost = absent(a.record.Stack.Upper, s)
	default:
		// One that was made again is its owner's business from then on.
		r.Lost = absent(r.Lost, s)
	}
	if reflect.DeepEqual(r, a.record) {
		return nil
	}
	if a.record.Config == nil || !reflect.DeepEqual(a.Config.Inherited, a.record.Config.Inherited) {
		if err := a.store.keepInherited(a.Config.Name, a.Config.Inherited); err != nil {
			return err
		}
	}
	a.record = r
	return a.store.writeRecord(a.Config.Name, r)
}

// absent are the links of these names that aren't there.
func absent(names []string, s State) []string {
	return filter(names, func(name string) bool { _, present := s.link(name); return !present })
}
