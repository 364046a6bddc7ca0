package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/guard"
	"github.com/bondctl/bondctl/bond/keeper"
	"github.com/bondctl/bondctl/bond/reach"
)

// changeTime is how long an up may take to make its changes. After that it is taken to
// hang.
const changeTime = time.Minute

// A trial is what an up puts on trial.
type trial struct {
	c      *cli.Context
	h      *bond.Host
	config bond.Config
	trialFlags

	owners   *owners    // that let go of the members for it
	networks *wifiCarry // that those know
	wireless []bond.Association
	limit    time.Duration // to verify; 0 for not at all
	takes    bool          // everybody must answer; else one of them is enough
	guardian *guard.Watch  // nil while nothing is on trial
	asks     reach.Questions
	own      netip.Addr // by which its user is logged in; the zero Addr where that isn't known
}

// trialFlags are --verify and --confirm of up.
type trialFlags struct {
	verify  time.Duration
	asked   bool          // --verify was given
	confirm time.Duration // 0 for no --confirm
}

// defaultVerify is how long the gateways have to answer where the bond takes something over,
// or loses an address or a default route.
const defaultVerify = 10 * time.Second

// readTrialFlags reads --verify and --confirm.
func readTrialFlags(c *cli.Context) (f trialFlags, err error) {
	f.verify, f.asked = defaultVerify, c.IsSet("verify")
	if f.asked {
		if f.verify, err = verifyFlag(c); err != nil {
			return f, err
		}
	}
	if c.IsSet("confirm") {
		if f.confirm, err = time.ParseDuration(c.String("confirm")); err != nil || f.confirm < time.Second {
			return f, usage(fmt.Sprintf("--confirm: %q is not a duration of a second or more; write one such as 1m", c.String("confirm")), "bondctl up --help")
		}
	}
	return f, nil
}

// verifyFlag reads --verify.
func verifyFlag(c *cli.Context) (time.Duration, error) {
	limit, err := time.ParseDuration(c.String("verify"))
	if err != nil || limit < 0 {
		return 0, usage(fmt.Sprintf("--verify: %q is not a duration; write one such as 10s, or 0", c.String("verify")), "bondctl "+c.Command.Name+" --help")
	}
	return limit, nil
}

// of says how long to verify, and whether the change is put on trial at all. moves says that
// the bond takes something over, or loses an address or a default route: then the change is
// always on trial, for whoever is logged in over that must not be cut off.
func (f trialFlags) of(moves bool) (verify time.Duration, onTrial bool) {
	if f.asked || moves {
		verify = f.verify
	}
	return verify, moves || verify > 0 || f.confirm > 0
}

// how is how the change is made: guarded before each step, begun and verified by the trial.
func (t *trial) how() bond.How {
	w := how(t.c)
	tell := w.OnStep
	w.OnStep = func(s bond.Step) error {
		if tell != nil {
			if err := tell(s); err != nil {
				return err
			}
		}
		return t.guarded()
	}
	w.Lent, w.Begin, w.Verify = t.lent, t.begin, t.check
	return w
}

// lent finds the DHCP clients of members that are about to join, and says what they were
// lent.
func (t *trial) lent(plan bond.Plan) (lent map[netip.Prefix]time.Duration, err error) {
	if t.owners, err = findOwners(t.c, t.h, t.config, plan); err != nil {
		return nil, err
	}
	return t.owners.lent(), nil
}

// change makes the change, after that of another process which was faster.
func (t *trial) change(wanted bond.Wanted) (bond.Plan, error) {
	for {
		plan, err := t.h.Reconcile(t.c.Context, wanted, t.how())
		if err == nil && plan.Empty() {
			err = t.takeOver()
		}
		if other, ok := errors.AsType[*bond.TrialError](err); !ok || other.Confirm {
			return plan, err
		}
		if err := clearTrial(t.c, t.h, t.config.Name); err != nil {
			return bond.Plan{}, err
		}
	}
}

// guarded is an error when the guardian has ended.
func (t *trial) guarded() error {
	if t.guardian != nil && t.guardian.Over() {
		return guard.ErrUnguarded
	}
	return nil
}

// begin comes right before the first change. It puts the change on trial, and stops the DHCP
// clients that would undo it.
func (t *trial) begin(p bond.Plan, before bond.Image) error {
	t.wireless = p.Associations
	warnOfFilters(t.c, t.config.Name, p)
	if limit, onTrial := t.of(p.Takes || p.Loses); onTrial {
		if err := t.guard(p, before, limit); err != nil {
			return err
		}
	}
	return t.takeOver()
}

// takeOver has the owners let go of the members: of those that join and, if that is asked for,
// of those that have joined, and of what is yet to come.
func (t *trial) takeOver() error {
	if err := t.networks.write(t.c); err != nil {
		return err
	}
	if t.config.TakeOver {
		if t.owners == nil { // no member joins
			t.owners = &owners{c: t.c, host: t.h, config: t.config}
		}
		if err := t.owners.addSlaves(); err != nil {
			return err
		}
	}
	if t.guardian != nil && t.owners != nil {
		if err := t.h.ExtendTrial(t.config.Name, changeTime+t.owners.time(), false); err != nil {
			return err
		}
	}
	return t.owners.takeOver()
}

// guard puts the change on trial, and asks who answers before.
func (t *trial) guard(p bond.Plan, before bond.Image, limit time.Duration) error {
	name := t.config.Name
	t.takes = p.Takes
	if err := t.h.BeginTrial(name, before, changeTime); err != nil {
		return err
	}
	if err := t.startGuardian(limit); err != nil {
		return err
	}
	if limit > 0 {
		t.asks = questions(t.h, &before, p.Drops).Answered(t.c.Context)
		if own, ok := sshOwn(sshConnection()); ok && before.HasAddress(own) {
			t.own = own
		}
	}
	return nil
}

// startGuardian starts the guardian of what has been put on trial.
func (t *trial) startGuardian(limit time.Duration) error {
	name := t.config.Name
	watch, err := startGuarded(t.c, t.h, name)
	if err != nil {
		return errors.Join(fmt.Errorf("start the guardian of %s, without which nothing is changed: %w", name, err), t.h.DropTrial(name))
	}
	t.guardian, t.limit = &watch, limit
	return nil
}

// startGuarded starts the guardian, and watches it.
func startGuarded(c *cli.Context, h *bond.Host, name string) (guard.Watch, error) {
	if err := startGuardian(c, h, name); err != nil {
		return guard.Watch{}, err
	}
	return guard.Of(h, name)
}

// failed ends the trial of a change that Reconcile has taken back.
func (t *trial) failed(err error) error {
	if kept, _ := t.h.KeptBefore(t.config.Name); t.guardian != nil && !kept && len(t.wireless) > 0 {
		for _, err := range keeper.Dissociate(context.WithoutCancel(t.c.Context), t.h, t.config.Name) {
			warn(t.c, "end wpa_supplicant: %v", err)
		}
	}
	t.owners.giveBack()
	t.networks.undo(t.c)
	if t.guardian == nil {
		return err
	}
	unguarded := errors.Is(err, guard.ErrUnguarded)
	_, decided := t.h.DecideTrial(t.config.Name, false, err.Error())
	t.dismiss()
	ended := errors.Join(decided, t.h.DropTrial(t.config.Name))
	if unguarded {
		err = fmt.Errorf("%w, so nothing is changed any more and everything is put back", err)
	}
	if ended != nil {
		return fmt.Errorf("%w; %w", err, ended)
	}
	return err
}

// endTime is how long a guardian that is dismissed has to end.
const endTime = 5 * time.Second

// dismiss ends the guardian and waits for that, as the next one is a unit of the same name.
func (t *trial) dismiss() {
	if err := t.h.DismissGuardian(t.config.Name); err != nil {
		warn(t.c, "%v", err)
	}
	select {
	case <-t.guardian.Ended():
	case <-time.After(endTime):
	}
	t.guardian.Close()
	t.guardian = nil
}

// keep keeps the change. If the guardian was faster, the error says what it put back.
func (t *trial) keep(why string) error {
	decided, err := t.h.DecideTrial(t.config.Name, true, why)
	if err != nil {
		return err
	}
	if !decided.Verdict.Kept {
		<-t.guardian.Ended()
		return t.outcome()
	}
	t.dismiss()
	return nil
}

// done keeps a change that works, unless somebody is to confirm it.
func (t *trial) done() error {
	if t.guardian == nil {
		return nil
	}
	if t.confirm == 0 {
		if err := t.keep("it works"); err != nil {
			return err
		}
		return t.h.DropTrial(t.config.Name)
	}
	// Before anybody is asked to confirm it, the keeper starts, and a slave becomes active.
	if err := t.h.ExtendTrial(t.config.Name, 2*changeTime, false); err != nil {
		return t.abandon(err)
	}
	return nil
}

// undo puts everything back now. The guardian would do so later, or has ended.
func (t *trial) undo(why string) error {
	c := within(t.c, context.WithoutCancel(t.c.Context))
	err := putBack(c, t.h, t.config.Name, why)
	t.dismiss()
	if err != nil {
		return err
	}
	return t.outcome()
}

// abandon puts back what is still on trial, when something fails after the change.
func (t *trial) abandon(err error) error {
	if t.guardian == nil {
		return err
	}
	return errors.Join(err, t.undo(err.Error()))
}

// outcome is what became of the trial; nil where it was kept.
func (t *trial) outcome() error {
	decided, err := t.h.Trial(t.config.Name)
	if err != nil {
		return err
	}
	return verdictError(t.config.Name, decided)
}

// verdictError says that a trial was put back, is to be put back yet, or is forgotten; nil
// where it was kept.
func verdictError(name string, t bond.Trial) error {
	switch v := t.Verdict; {
	case v == nil:
		return fmt.Errorf("%s: nothing is on trial any more", name)
	case v.Kept && v.Why == takenDownWhy:
		return fmt.Errorf("%s was taken down before anybody kept it", name)
	case v.Kept:
		return nil
	case !v.Done:
		return fmt.Errorf("%s is not put back yet: %s", name, v.Why)
	default:
		return fmt.Errorf("%s was put back at %s: %s", name, v.At.Format(time.TimeOnly), v.Why)
	}
}
