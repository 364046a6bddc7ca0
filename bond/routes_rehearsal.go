package bond

import (
	"context"
	"errors"
	"fmt"
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
	return h.choose(ctx, name, how, func(s State) (*choice, error) {
		link, present := s.link(member)
		if !present {
			return nil, fmt.Errorf("%s isn't there any more", member)
		}
		return &choice{link.Name, link.Index, link.Changes}, nil
	})
}

// choose notes whom somebody has chosen, and has the routes go by that.
func (h *Host) choose(ctx context.Context, name string, how How, whom func(State) (*choice, error)) error {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := h.store.record(name)
	if err != nil {
		return err
	}
	s, err := h.look(*r.Config)
	if err != nil {
		return err
	}
	if r.Manual, err = whom(s); err != nil {
		return err
	}
	if err := h.store.writeRecord(name, r); err != nil {
		return err
	}
	how.Refusals = &Refusals{} // a drill is on trial, which is no reason to wait
	_, err = h.reconcileLocked(ctx, name, nil, how)
	return err
}

// endGroupRehearsal has the order decide again, or whom somebody had chosen before.
func (h *Host) endGroupRehearsal(ctx context.Context, name string, was Rehearsal, how How) error {
	err := h.choose(ctx, name, how, func(State) (*choice, error) { return was.Choice, nil })
	return errors.Join(err, h.concludeTrial(name))
}
