package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/guard"
	"github.com/bondctl/bondctl/bond/keeper"
	"github.com/bondctl/bondctl/bond/reach"
)

// check verifies that who answered before answers through the bond.
func (t *trial) check(ctx context.Context) error {
	if err := t.guarded(); t.guardian == nil || err != nil {
		return err
	}
	if err := t.checkOwn(); err != nil || len(t.asks) == 0 {
		return err
	}
	if t.config.ByRoutes() {
		return t.checkGroup(ctx)
	}
	name := t.config.Name
	st, err := t.h.Brief(name)
	if err != nil {
		return err
	}
	active, limit := reach.Times(t.limit, st)
	if err := t.h.ExtendTrial(name, active+2*limit+changeTime, false); err != nil {
		return err
	}
	ctx, end := t.whileGuarded(ctx)
	defer end()
	associated, err := t.associate(ctx)
	if err != nil {
		return err
	}
	defer associated()
	if err := t.h.WaitActive(ctx, name, active); errors.Is(err, bond.ErrNoActive) && ctx.Err() == nil {
		return fmt.Errorf("%s has no active slave after %s, where %s answered before", name, active, t.asks)
	} else if err != nil && ctx.Err() == nil {
		return err
	}
	if err := t.h.WaitSettled(ctx, name, limit); err != nil && ctx.Err() == nil {
		return err
	}
	silent := t.asks.Silent
	if !t.takes { // it is meant to do without some
		silent = t.asks.CutOff
	}
	left := silent(ctx, t.h, limit, reach.Through(t.h, st))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return left.Err("through "+name, limit)
}

// checkGroup verifies that who answered before answers over the same member: under the strategy routes nobody moves.
func (t *trial) checkGroup(ctx context.Context) error {
	if err := t.h.ExtendTrial(t.config.Name, 2*t.limit+changeTime, false); err != nil {
		return err
	}
	ctx, end := t.whileGuarded(ctx)
	defer end()
	left := t.asks.CutOff(ctx, t.h, t.limit, reach.Unchanged)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return left.Err("by the routes of "+t.config.Name, t.limit)
}

// associate has Wi-Fi members associate until end is called, if the keeper that does so starts
// only after the change.
func (t *trial) associate(ctx context.Context) (end func(), err error) {
	kept, err := t.h.KeptBefore(t.config.Name)
	if kept || len(t.wireless) == 0 || t.c.Bool("once") {
		return func() {}, err
	}
	return keeper.Associate(ctx, t.h, t.config.Name, t.wireless), err
}

// checkOwn verifies that the address by which the user is logged in is still one of this
// machine's.
func (t *trial) checkOwn() error {
	if !t.own.IsValid() {
		return nil
	}
	if own, err := t.h.IsOwn(t.own); own || err != nil {
		return err
	}
	return fmt.Errorf("%s, by which you are logged in, would be gone (--verify 0 has it done all the same)", t.own)
}

// whileGuarded ends a context when the guardian does.
func (t *trial) whileGuarded(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-t.guardian.Ended():
			cancel(guard.ErrUnguarded)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
