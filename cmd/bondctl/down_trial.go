package main

import (
	"context"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/keeper"
	"github.com/bondctl/bondctl/bond/manager"
	"github.com/bondctl/bondctl/bond/reach"
)

// defaultDownVerify is how long the gateways have to answer over the members.
const defaultDownVerify = "10s"

// A downTrial is a down that is put on trial where the members get addresses back: who
// answers over the bond must answer over them.
type downTrial struct {
	trial
	was  bond.Status    // the bond's, before it goes
	back []bond.NextHop // the gateways that the members get back
}

// begin puts the down on trial, unless nobody answers now: then nobody can fall silent.
func (t *downTrial) begin(limit time.Duration) error {
	name := t.config.Name
	addresses, back, err := t.h.GivesBack(name)
	if err != nil || !addresses || limit == 0 {
		return err
	}
	gateways, err := t.h.Gateways(name)
	if err != nil {
		return err
	}
	t.back = back
	gateways = slices.DeleteFunc(gateways, func(g bond.NextHop) bool { return len(t.overMembers(g)) == 0 })
	asks := questionsTo(t.h, gateways, func(link string) bool { return link == name }).Answered(t.c.Context)
	if len(asks) == 0 {
		return nil
	}
	if t.was, err = t.h.Brief(name); err != nil {
		return err
	}
	if err := t.h.BeginDownTrial(t.c.Context, name, t.c.Bool("force"), changeTime); err != nil {
		return err
	}
	t.asks = asks
	return t.startGuardian(limit)
}

// overMembers are where a gateway of the bond is found once that is gone.
func (t *downTrial) overMembers(g bond.NextHop) (hops []bond.NextHop) {
	for _, hop := range t.back {
		if hop.Addr == g.Addr {
			hops = append(hops, hop)
		}
	}
	return hops
}

// takeDown takes the bond away, and puts it back if who answered doesn't answer any more.
func (t *downTrial) takeDown() (bond.Plan, error) {
	c, h, name, w := t.c, t.h, t.config.Name, how(t.c)
	if t.guardian == nil {
		if err := takeDownKeeper(c, h, name); err != nil {
			return bond.Plan{}, err
		}
		return h.Down(c.Context, name, c.Bool("force"), w)
	}
	w.Verify = t.check
	later, err := t.retireKeeper()
	if err != nil {
		return bond.Plan{}, t.abandon(err)
	}
	plan, err := h.Down(c.Context, name, c.Bool("force"), w)
	if err != nil {
		return bond.Plan{}, t.undo(err.Error())
	}
	if err := t.keep(takenDownWhy); err != nil {
		return plan, err
	}
	if err := h.DropTrial(name); err != nil {
		return plan, err
	}
	if later {
		warnAll(c, keeper.EndLease(h, name))
	}
	return plan, nil
}

// retireKeeper ends the keeper. Its lease is given back to the server before the bond goes,
// unless a member's owner goes on with it: later says that the lease is ended once the bond is
// gone for good.
func (t *downTrial) retireKeeper() (later bool, err error) {
	c, h, name := t.c, t.h, t.config.Name
	if goesOn, err := hasOwners(h, name); err != nil {
		return false, err
	} else if !goesOn {
		return false, takeDownKeeper(c, h, name)
	}
	if err := stopKeeper(c, h, name); err != nil {
		return false, err
	}
	notes, err := keeper.Retire(c.Context, h, name)
	warnAll(c, notes)
	return true, err
}

// check verifies that who answered over the bond answers without it.
func (t *downTrial) check(ctx context.Context) error {
	if err := t.guarded(); err != nil {
		return err
	}
	_, limit := reach.Times(t.limit, t.was)
	if err := t.h.ExtendTrial(t.config.Name, limit+2*changeTime, false); err != nil {
		return err
	}
	ctx, end := t.whileGuarded(ctx)
	defer end()
	if t.h.InitialNamespace() { // who associates a Wi-Fi member again is a manager, perhaps
		if err := manager.LedgerOf(t.config.Name).Try(ctx); err != nil {
			warn(t.c, "%v", err)
		}
	}
	left := t.asks.Silent(ctx, t.h, limit, t.overMembers)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return left.Err("without "+t.config.Name, limit)
}
