package bond

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statedir"
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
		err = h.lookCloser(&s)
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
	if err := s.lookFor(&before); err != nil {
		return nil, err
	}
	done, refused := h.kernel.restore(NewRestore(before, s).Steps, how)
	return done, joined(refused)
}

// Plan says what Reconcile would do. It changes nothing, and needs no privilege. But
// without any it can't tell what members that are released get back.
func (h *Host) Plan(c Config) (Plan, error) {
	s, err := h.look(c)
	unprivileged := errors.Is(err, fs.ErrPermission)
	if unprivileged {
		s, err = h.lookUnprivileged(c)
	}
	if err != nil {
		return Plan{}, err
	}
	p, err := NewPlan(c, s, machineID())
	if unprivileged && err == nil {
		p.Notes = append(p.Notes, Messagef("without privilege it isn't known what a member had before, so the plan doesn't say what it gets back"))
	}
	return p, err
}

// How says how changes are made. The zero value makes all of them or none.
type How struct {
	// OnStep, where it is set, is called before each change. If it returns an error
	// nothing more is changed, and what was done is taken back.
	OnStep func(Step) error
	// OnUndo, where it is set, is called before each change that takes something back.
	OnUndo func(Step)

	// Lent, where it is set, is called once, with a plan by which members join ([Plan.Joining]).
	// It says which addresses on them a DHCP client was lent, and for how
	// much longer. If it returns an error nothing is changed.
	Lent func(Plan) (map[netip.Prefix]time.Duration, error)
	// Begin, where it is set, is called once, before the first change, under the lock
	// that keeps others from changing the bond: with the plan that is about to be
	// carried out, and an image of everything that may be changed until Reconcile
	// returns, in later rounds as well. If it returns an error nothing is changed.
	Begin func(p Plan, before Image) error
	// Verify, where it is set, is called after each round of changes: mostly there is one,
	// and where the bond takes the place of a member before others join there is one for
	// that. If it returns an error everything is taken back, and that is an
	// [*UnverifiedError].
	Verify func(ctx context.Context) error

	// HeldBack is for a keeper under the strategy routes: the members that are to stay behind the others, as
	// they have only just got their link back. Where it is nil each stays as it is.
	HeldBack map[string]bool

	// Refusals is for a keeper, whom nobody watches. Where it is set, what the kernel
	// refuses is left out, remembered there and tried again later, and a member that
	// carries an address, a route or another interface is pending. Where it is nil, a
	// refusal has everything taken back, and the bond takes over what such a member
	// carries; what it can't take over is an [*ObstacleError].
	Refusals *Refusals
}

// An UnverifiedError says that [How.Verify] found that what was changed doesn't work, and
// so it was taken back.
type UnverifiedError struct{ Err error }

func (e *UnverifiedError) Error() string { return e.Err.Error() }

func (e *UnverifiedError) Unwrap() error { return e.Err }

// look reads a bond's state, with the journal and the lease.
func (h *Host) look(c Config) (State, error) {
	s, err := h.lookAtLease(c)
	if err != nil {
		return State{}, err
	}
	if s.Before, err = h.store.journal(c.Name); s.Before == nil || err != nil {
		if err == nil {
			s.inherited, err = h.store.inherited(c.Name)
		}
		return s, err
	}
	if err := s.lookFor(s.Before); err != nil {
		return s, err
	}
	if s.byRoutes = s.byRoutes || s.Before.Strategy == StrategyRoutes; s.byRoutes {
		s.Before.renamed(&s)
	}
	if s.Before.namesRules() || s.Before.Inherited != nil {
		err = h.lookCloser(&s)
	}
	return s, err
}

// lookFor reads what an image speaks of and isn't read otherwise.
func (s *State) lookFor(before *Image) (err error) {
	s.sysctls = s.readSysctls(before.Sysctls)
	if before.Added.Endpoints != nil || before.MPTCPLimits != nil {
		s.mptcp, err = readMPTCP()
	}
	return err
}

// lookCloser reads what isn't read where nothing is to be changed.
func (h *Host) lookCloser(s *State) (err error) {
	if s.rules == nil {
		s.rules, err = h.kernel.Rules()
	}
	if s.neighs == nil && err == nil {
		s.neighs, err = h.kernel.Neighbours()
	}
	return err
}

// lookAtLease reads a bond's state with the lease, which anybody may.
func (h *Host) lookAtLease(c Config) (State, error) {
	s, err := h.observe(c.Name, c.Members)
	if err != nil {
		return State{}, err
	}
	if s.byRoutes = c.ByRoutes(); s.byRoutes {
		return s, h.lookAtRoutes(&s, c)
	}
	for _, m := range s.expand(c) {
		if m.pending == "" && m.link.Master != c.Name && m.link.busy() {
			if err := h.lookCloser(&s); err != nil {
				return s, err
			}
			s.differing = append(s.differing, readDiffering(m.link)...)
			s.bondSettings = s.readSysctls(heritableOf(c.Name, s))
		}
	}
	k, _, err := h.store.of(c.Name).Keeper()
	s.Lease, s.LeaseLeft = k.Lent.Now()
	return s, errors.Join(err, h.readRules(&s, &c))
}

// lookAtRoutes reads what the strategy routes needs to know of the members.
func (h *Host) lookAtRoutes(s *State, c Config) error {
	s.memberSysctls = s.readSysctls(s.routesSysctls(c))
	leases, err := h.leases(c.Name)
	if err != nil {
		return err
	}
	s.leases = leases
	if c.MPTCP {
		if s.mptcp, err = readMPTCP(); err != nil {
			return err
		}
	}
	s.strictAll = readSettable(sysctl{Family: "ipv4", Key: rpFilter}, "all") == "1"
	return h.lookCloser(s)
}

// leases are those that members of a group have by their keeper.
func (h *Host) leases(name string) (map[string]memberLease, error) {
	k, _, err := h.store.of(name).Keeper()
	return leasesOf(k), err
}

// leasesOf are the leases of members that still hold.
func leasesOf(k statedir.Keeper) map[string]memberLease {
	all := map[string]memberLease{}
	for member, lent := range k.MemberLents {
		if l, left := lent.Now(); l != nil {
			all[member] = memberLease{l, left, lent.Ifindex}
		}
	}
	return all
}

// lookUnprivileged is look for who may not read the journal. A bond of which there is
// a record was made by bondctl, which put in place what was wanted of it.
func (h *Host) lookUnprivileged(c Config) (State, error) {
	r, err := h.store.record(c.Name)
	if err != nil {
		return State{}, err
	}
	s, err := h.lookAtLease(c)
	if err == nil && r.Config == nil {
		s.inherited, err = h.store.inherited(c.Name)
	}
	if err != nil || r.Config == nil {
		return s, err
	}
	if r.byRoutes() {
		s.Before = s.ownByRoutes()
		return s, nil
	}
	s.Before = &Image{contents{Bond: &bondImage{Made: true}, Inherited: r.Config.Inherited}}
	was, err := newWanted(*r.Config, s, machineID())
	for _, a := range was.addresses {
		s.Before.Added.Addresses = append(s.Before.Added.Addresses, addedAddress{c.Name, a})
	}
	for _, route := range was.routes {
		s.Before.Added.Routes = append(s.Before.Added.Routes, addedRoute{c.Name, route})
	}
	if s.Before.Added.Rules = was.rules; was.rules != nil && s.rules == nil {
		s.rules, err = h.kernel.Rules()
	}
	for key := range settings6(r.Config.Method6) {
		s.Before.Added.Sysctls = append(s.Before.Added.Sysctls, addedSysctl{c.Name, key})
	}
	return s, err
}

// maxRounds bounds how often Reconcile looks again. The first round does the work;
// others are for what udev or somebody else has changed meanwhile.
const maxRounds = 4

// Reconcile makes the bond what is wanted, changing only what differs, and records
// what is wanted. It returns the plan that it carried out, which is empty for a bond
// that was as wanted.
//
// The errors are those of [NewPlan], [*StepError] for a step that failed, and
// [*TrialError] for a change of another process that may be put back yet. After any
// error everything is as it was, or the error says what isn't.
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
	return h.reconcileLocked(ctx, name, wanted, how)
}

// reconcileLocked is reconcile for who has the lock.
func (h *Host) reconcileLocked(ctx context.Context, name string, wanted *Wanted, how How) (Plan, error) {
	if how.Refusals == nil {
		if err := h.undisturbed(name); err != nil {
			return Plan{}, err
		}
	}
	r, err := h.store.record(name)
	if err != nil {
		return Plan{}, err
	}
	if wanted == nil {
		if wanted = r.wanted(); wanted == nil {
			return Plan{}, fmt.Errorf("%s: %w", name, ErrNotWanted)
		}
		if err := wanted.Config.Check(); err != nil { // it may be another version's
			return Plan{}, err
		}
	}
	a := attempt{Host: h, Wanted: *wanted, record: r, rejoin: r.Rejoin, how: how, patient: how.Refusals != nil, refusals: how.Refusals}
	if !a.patient {
		a.refusals = &Refusals{}
	}
	err = a.converge(ctx)
	if _, unverified := errors.AsType[*UnverifiedError](err); unverified || err != nil && !a.patient {
		return Plan{}, a.takeBack(err)
	}
	return a.done, err
}

// Recorded is what was last wanted of a bond; nil when nothing was.
func (h *Host) Recorded(name string) (*Wanted, error) {
	r, err := h.store.record(name)
	return r.wanted(), err
}
