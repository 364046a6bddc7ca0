package bond

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// ErrNoBond says that there is no bond of the name that was asked for.
var ErrNoBond = errors.New("no such bond")

// Down takes a bond away and gives every member back as it was found: admin
// state, MAC address, MTU and what it carried. It returns the plan with the steps
// that it took. Its notes are what the kernel wouldn't let a member have back: the
// bond is gone all the same, and nothing is kept of it. What belongs to a member that isn't
// there is kept till the next boot, and a later Down gives it back.
//
// The error is ErrNoBond when there is nothing to take away. Unless force is set, it is an
// [*ObstacleError] for a bond that bondctl didn't make, for one that carries something which
// would go with it, and for one without which the machine would have no address, as the
// member that had it isn't there. [How.Verify] is called when the bond
// is gone. Its error is returned, and then nothing is forgotten yet: whoever has put the
// Down on trial puts the bond back. A Down that was interrupted goes on where it stopped
// when it is called again.
func (h *Host) Down(ctx context.Context, name string, force bool, how How) (Plan, error) {
	p := Plan{Bond: name}
	if !h.exists(name) {
		return p, fmt.Errorf("%s: %w", name, ErrNoBond) // so nothing is written, and no privilege wanted
	}
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return p, err
	}
	defer unlock()
	s, err := h.look(Config{Name: name})
	if err != nil {
		return p, err
	}
	if p.Steps, err = h.payBack(name, how); err != nil {
		return p, err
	}
	if s.Bond == nil && s.Before == nil {
		err := h.store.forget(name)
		if err == nil && p.Steps == nil {
			err = fmt.Errorf("%s: %w", name, ErrNoBond)
		}
		return p, err
	}
	if err := mayTakeDown(s, force); err != nil {
		return p, err
	}
	if err := h.lookCloser(&s); err != nil {
		return p, err
	}
	if err := h.noteUnbound(s); err != nil {
		return p, err
	}
	p.Notes = s.notGivenBack()
	done, refused := h.kernel.restore(downPlan(s, force).Steps, how)
	p.Steps = append(p.Steps, done...)
	bond, _ := s.link(name)
	if index, err := h.kernel.ifindex(name); err == nil && s.Bond != nil && index == bond.Index {
		return p, joined(refused)
	}
	for _, r := range refused {
		p.Notes = append(p.Notes, Messagef("%v", r))
	}
	if how.Verify != nil {
		if err := how.Verify(ctx); err != nil {
			return p, err
		}
	}
	kept, err := h.forgetBond(&s)
	p.Notes = append(p.Notes, kept...)
	return p, err
}

// forgetBond removes what was written down of a bond that is gone. It keeps a pending trial
// and what is owed to members that aren't there; the notes tell of that.
func (h *Host) forgetBond(s *State) (notes []Message, err error) {
	name := s.Name
	t, err := h.Trial(name)
	if err != nil {
		return nil, err
	}
	var but []statedir.File
	if t.Pending() { // whoever has put this on trial keeps it
		but = []statedir.File{statedir.Trial, statedir.Before}
	}
	owed, err := h.store.owed(name)
	if err != nil {
		return nil, err
	}
	missing := s.Before.owed(s)
	return noteOwed(missing, name), errors.Join(h.store.keepOwed(name, mergeOwed(owed, missing)), h.store.forget(name, but...))
}

// notGivenBack says which of the bond's addresses a down gives to nobody: those that
// somebody gave it.
func (s *State) notGivenBack() (notes []Message) {
	bond, present := s.link(s.Name)
	if !present || !s.madeBond() {
		return nil
	}
	for _, a := range s.addrsOf(bond.Index) {
		ours := slices.ContainsFunc(s.Before.Added.Addresses, func(o addedAddress) bool { return o.Prefix == a.Prefix })
		if isGlobal(a) && !ours && a.Valid == rtnl.Forever {
			notes = append(notes, Messagef("%s, which bondctl didn't give to %s, goes with it", a, s.Name))
		}
	}
	return notes
}

// noteUnbound has the journal know the routes over other links that go for a moment with
// the bond's addresses: a Down that is interrupted then gives them back later.
func (h *Host) noteUnbound(s State) error {
	if s.Before == nil {
		return nil
	}
	routes := unbound(s.Before, &s)
	if routes == nil {
		return nil
	}
	s.Before.Routes = append(s.Before.Routes, routes...)
	return h.store.writeJournal(s.Name, s.Before)
}

// BeginDownTrial puts on trial what [Host.Down] is about to do: unless that is kept
// before the time is over the bond is made anew, as it is now. See [Host.BeginTrial].
func (h *Host) BeginDownTrial(ctx context.Context, name string, force bool, limit time.Duration) error {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := h.look(Config{Name: name})
	if err == nil {
		err = h.lookCloser(&s)
	}
	if err != nil {
		return err
	}
	before := s.before(downPlan(s, force), Config{Name: name})
	// What comes back after it went for a moment was there before.
	before.Added.Routes = slices.DeleteFunc(before.Added.Routes, func(added addedRoute) bool {
		link, _ := s.link(added.Link)
		return s.hasRoute(link.Index, added.Route)
	})
	if link, present := s.link(name); present {
		// They would be those of a new link.
		metric := raMetric
		metric.Link = link.Index
		before.Sysctls = slices.Concat(before.Sysctls, readDiffering(link), s.readSysctls([]sysctl{metric}))
	}
	return h.BeginTrial(name, *before, limit)
}

// GivesBack says whether Down would give addresses back to links that are there, and
// which gateways those links had.
func (h *Host) GivesBack(name string) (addresses bool, gateways []NextHop, err error) {
	s, err := h.look(Config{Name: name})
	if err != nil || !s.madeBond() {
		return false, nil, err
	}
	present := func(index int) bool { _, there := s.linkByIndex(index); return there }
	addresses = slices.ContainsFunc(s.Before.Addresses, func(a rtnl.Addr) bool { return present(a.Link) })
	gateways = filter(s.Before.Gateways(), func(g NextHop) bool {
		return slices.ContainsFunc(s.Before.Links, func(l linkImage) bool { return l.Name == g.Link && present(l.Index) })
	})
	return addresses, gateways, nil
}

// downPlan deletes the bond first: so no member is down for longer than it must be.
// Then it gives back what the kernel doesn't.
func downPlan(s State, force bool) Plan {
	before := s.Before.clone()
	if before.Strategy != StrategyRoutes && (before.Bond == nil || force && !s.madeBond()) {
		before.Bond = &bondImage{Made: true}
	}
	return NewRestore(*before, s)
}

// MayTakeDown says whether Down would refuse: the error is an [*ObstacleError] then.
func (h *Host) MayTakeDown(name string, force bool) error {
	s, err := h.look(Config{Name: name})
	if err != nil {
		return err
	}
	return mayTakeDown(s, force)
}

func mayTakeDown(s State, force bool) error {
	if s.Bond == nil || force {
		return nil
	}
	if upon := s.upon(); s.madeBond() && upon != "" {
		return &ObstacleError{Bond: s.Name, Force: true, What: fmt.Sprintf("%s %s", s.Name, upon)}
	}
	if owed := s.Before.owed(&s); owed != nil && owed.Addresses != nil && !s.givesBackAddress() && s.madeBond() {
		return &ObstacleError{Bond: s.Name, Force: true, What: fmt.Sprintf(
			"%s isn't there, which had %s, so that this machine would be left without an address", owed.Links[0].Name, owed.Addresses[0])}
	}
	if s.madeBond() {
		return nil
	}
	return &ObstacleError{
		Bond: s.Name, Force: true,
		What: fmt.Sprintf("%s wasn't made by bondctl, which doesn't know how its members (%s) were before", s.Name, orNone(strings.Join(s.Bond.slaveNames(), ", "))),
	}
}

// givesBackAddress says whether a link that is there gets an address back.
func (s *State) givesBackAddress() bool {
	return slices.ContainsFunc(s.Before.Addresses, func(a rtnl.Addr) bool {
		_, present := s.linkByIndex(a.Link)
		return present && isGlobal(a)
	})
}

// upon says what somebody would miss who has put the bond to use, beside what was the
// members' and is theirs again; "" for nothing.
func (s *State) upon() string {
	bond, _ := s.link(s.Name)
	own := filter(bond.Upper, func(name string) bool {
		return !slices.ContainsFunc(s.Before.Uppers, func(u upper) bool { return u.Name == name })
	})
	switch {
	case len(own) > 0:
		return "carries " + strings.Join(own, ", ") + ", which would go with it"
	case bond.Master != "":
		return "is a port of " + bond.Master + ", which would lose it"
	}
	return ""
}

// exists says whether there is anything to take away: a bond, or a record or journal
// of one.
func (h *Host) exists(name string) bool {
	_, err := h.sysfs.Bond(name)
	return err == nil || h.store.knows(name) || h.store.of(name).Has(statedir.Owed)
}
