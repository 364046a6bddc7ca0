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

// Wanted is what is wanted of a bond, and where that was written. Both are recorded.
type Wanted struct {
	Config Config
	Source Source
}

// Observe reads a bond, and every link beside it. It changes nothing.
func (h *Host) Observe(c Config) (State, error) {
	s, err := h.look(c)
	if err == nil {
		s.rules, err = h.kernel.Rules()
	}
	return s, err
}

// Restore carries out [NewRestore], and returns the steps that it took. It goes on
// where one fails; the error has all that failed.
func (h *Host) Restore(ctx context.Context, name string, before Image, how How) ([]Step, error) {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := h.Observe(Config{Name: name})
	if err != nil {
		return nil, err
	}
	return h.kernel.restore(NewRestore(before, s).Steps, how.OnUndo)
}

// Plan says what Reconcile would do. It changes nothing.
func (h *Host) Plan(c Config) (Plan, error) {
	s, err := h.look(c)
	if err != nil {
		return Plan{}, err
	}
	return NewPlan(c, s, machineID())
}

// How says how changes are made. The zero value makes all of them or none.
type How struct {
	// OnStep, where it is set, is called before each change. If it returns an error
	// nothing more is changed, and what was done is taken back.
	OnStep func(Step) error
	// OnUndo, where it is set, is called before each change that takes something back.
	OnUndo func(Step)

	// Refusals is for a keeper, whom nobody watches. Where it is set, what the kernel
	// refuses is left out, remembered there and tried again later, and a member that
	// carries an address, a route or another interface is pending. Where it is nil, a
	// refusal has everything taken back, and such a member is an [*ObstacleError].
	Refusals *Refusals
}

// look reads a bond's state, with the journal and the lease.
func (h *Host) look(c Config) (State, error) {
	s, err := h.observe(c.Name, c.Members)
	if err != nil {
		return State{}, err
	}
	if s.Before, err = h.store.journal(c.Name); err != nil {
		return State{}, err
	}
	if s.Before != nil && s.Before.Rules != nil {
		if s.rules, err = h.kernel.Rules(); err != nil {
			return State{}, err
		}
	}
	k, _, err := h.store.of(c.Name).Keeper()
	s.Lease, s.LeaseLeft = k.Lent.Now()
	return s, err
}

// maxRounds bounds how often Reconcile looks again. The first round does the work;
// others are for what udev or somebody else has changed meanwhile.
const maxRounds = 4

// Reconcile makes the bond what is wanted, changing only what differs, and records
// what is wanted. It returns the plan that it carried out, which is empty for a bond
// that was as wanted.
//
// The errors are those of [NewPlan], and [*StepError] for a step that failed. After
// any error everything is as it was, or the error says what isn't.
func (h *Host) Reconcile(ctx context.Context, w Wanted, how How) (Plan, error) {
	if err := w.Config.Check(); err != nil {
		return Plan{}, err
	}
	return h.reconcile(ctx, w.Config.Name, &w, how)
}

// ErrNotWanted says that nothing is recorded as wanted of a bond.
var ErrNotWanted = errors.New("nothing is wanted of it")

// ReconcileRecorded is [Host.Reconcile] with what the last Reconcile recorded. The
// error is ErrNotWanted when nothing is recorded. It is for a keeper.
func (h *Host) ReconcileRecorded(ctx context.Context, name string, how How) (Plan, error) {
	return h.reconcile(ctx, name, nil, how)
}

// reconcile makes the bond what is wanted; nil is for what is recorded. The record is
// read under the lock, for another Reconcile may be about to write it.
func (h *Host) reconcile(ctx context.Context, name string, wanted *Wanted, how How) (Plan, error) {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return Plan{}, err
	}
	defer unlock()
	if wanted == nil {
		wanted, err = h.Recorded(name)
		switch {
		case err == nil && wanted == nil:
			err = fmt.Errorf("%s: %w", name, ErrNotWanted)
		case err == nil:
			err = wanted.Config.Check() // it may be another version's
		}
		if err != nil {
			return Plan{}, err
		}
	}
	a := attempt{Host: h, config: wanted.Config, source: wanted.Source, how: how, patient: how.Refusals != nil, refusals: how.Refusals}
	if !a.patient {
		a.refusals = &Refusals{}
	}
	err = a.converge(ctx)
	if err != nil && !a.patient {
		return Plan{}, a.takeBack(err)
	}
	return a.done, err
}

// An attempt is one Reconcile under way.
type attempt struct {
	*Host
	config   Config
	source   Source
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
		s, err := a.look(a.config)
		if err != nil {
			return err
		}
		s.patient = a.patient
		a.refusals.mark(&s)
		plan, err := newPlan(a.config, s, machineID())
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
	return fmt.Errorf("make %s as wanted: it keeps being changed by somebody else", a.config.Name)
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
	r, err := a.remember(a.config, a.source, a.refusals.words())
	if err == nil && s.Bond != nil {
		a.done.After, err = a.statusOf(s, r)
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
	s, err := a.look(a.config)
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
		return errors.Join(err, a.store.restoreJournal(a.config.Name, a.was.Before))
	}
	if step, ok := errors.AsType[*StepError](err); ok {
		step.Undo = undo
		return err
	}
	return fmt.Errorf("%w; not everything could be put back: %w", err, undo)
}

// remember records what is wanted of a bond.
func (h *Host) remember(c Config, from Source, refused map[string]string) (record, error) {
	r, err := h.store.record(c.Name)
	if err != nil {
		return r, err
	}
	if r.Config != nil && reflect.DeepEqual(*r.Config, c) && r.Source == from && maps.Equal(r.Refused, refused) {
		return r, nil
	}
	r.Config, r.Source, r.Refused = &c, from, refused
	return r, h.store.writeRecord(c.Name, r)
}

// Recorded is what was last wanted of a bond; nil when nothing was.
func (h *Host) Recorded(name string) (*Wanted, error) {
	r, err := h.store.record(name)
	if err != nil || r.Config == nil {
		return nil, err
	}
	return &Wanted{*r.Config, r.Source}, nil
}
