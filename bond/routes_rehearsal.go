package bond

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// beginGroupRehearsal is what a drill of a group of the strategy routes notes: who is active, and whom somebody has chosen.
func (h *Host) beginGroupRehearsal(name string, r record) (*Rehearsal, error) {
	st, err := h.Brief(name)
	if err != nil {
		return nil, err
	}
	if st.Active == nil {
		return nil, &ObstacleError{Bond: name, What: name + " has no active member"}
	}
	return &Rehearsal{Active: *st.Active, Group: true, Choice: r.Manual}, nil
}

// rehearseByRoutes makes a member the active one, as if it had been chosen by hand.
func (h *Host) rehearseByRoutes(ctx context.Context, name, member string, how How) error {
	return h.inGroup(ctx, name, func(s State, r record) error {
		members := s.routesMembers(*r.Config)
		at := slices.IndexFunc(members, func(m routesMember) bool { return m.link.Name != "" && m.name == member })
		if err := mayBeActive(name, member, members, at); err != nil {
			return err
		}
		link := members[at].link
		return h.choose(ctx, name, r, &choice{link.Name, link.Index, link.Changes}, onTrial(how))
	})
}

// endGroupRehearsal has the order decide again, or whom somebody had chosen before.
func (h *Host) endGroupRehearsal(ctx context.Context, name string, was Rehearsal, how How) error {
	err := h.inGroup(ctx, name, func(_ State, r record) error {
		return h.choose(ctx, name, r, was.Choice, onTrial(how))
	})
	if errors.Is(err, ErrNoBond) {
		err = nil // a down was faster
	}
	return errors.Join(err, h.concludeTrial(name))
}

// onTrial has a drill go on, whose own trial is no reason to wait.
func onTrial(how How) How {
	how.Refusals = &Refusals{}
	return how
}

// inGroup calls f with how a group is and what is recorded of it, under its apply lock.
func (h *Host) inGroup(ctx context.Context, name string, f func(State, record) error) error {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := h.store.record(name)
	if err != nil {
		return err
	}
	if r.Config == nil {
		return fmt.Errorf("%s: %w", name, ErrNoBond)
	}
	s, err := h.look(*r.Config)
	if err != nil {
		return err
	}
	return f(s, r)
}
