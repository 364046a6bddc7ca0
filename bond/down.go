package bond

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// ErrNoBond says that there is no bond of the name that was asked for.
var ErrNoBond = errors.New("no such bond")

// Down takes a bond away and gives every member back as it was found: admin
// state, MAC address, MTU and what it carried. It returns the plan with the steps
// that it took. Its notes are what the kernel wouldn't let a member have back: the
// bond is gone all the same, and nothing is kept of it. What a member had that isn't there
// is kept till the next boot: it gets that by a later Down, once it is there.
//
// The error is ErrNoBond when there is nothing to take away, and a
// [*ObstacleError] for a bond that bondctl didn't make, unless force is set. A
// Down that was interrupted goes on where it stopped when it is called again.
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
	owed, err := h.store.owed(name)
	if err != nil {
		return p, err
	}
	missing := s.Before.owed(&s)
	p.Notes = append(p.Notes, noteOwed(missing, name)...)
	return p, errors.Join(h.store.keepOwed(name, mergeOwed(owed, missing)), h.store.forget(name))
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

// downPlan deletes the bond first: so no member is down for longer than it must be.
// Then it gives back what the kernel doesn't.
func downPlan(s State, force bool) Plan {
	before := s.Before.clone()
	if before.Bond == nil || force && !s.madeBond() {
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
	if s.madeBond() {
		return nil
	}
	return &ObstacleError{
		Bond: s.Name, Force: true,
		What: fmt.Sprintf("%s wasn't made by bondctl, which doesn't know how its members (%s) were before", s.Name, orNone(strings.Join(s.Bond.slaveNames(), ", "))),
	}
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
