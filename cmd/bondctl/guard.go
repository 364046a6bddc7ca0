package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/guard"
	"github.com/bondctl/bondctl/bond/manager"
	"github.com/bondctl/bondctl/bond/reach"
)

// guardTemplate begins the name of a guardian's unit: bondctl-guard@bond0.service.
const guardTemplate = "bondctl-guard@"

// guardCommand is what up starts, and nobody else.
func guardCommand() *cli.Command {
	return &cli.Command{
		Name:      "guard",
		Usage:     "put back what an up changed, unless it is kept",
		ArgsUsage: "[NAME]",
		Hidden:    true,
		Description: "Only up starts it.\n\n" +
			"  bondctl guard bond0\n\n" +
			"Exit status: 0 kept or put back, 1 failed, 2 usage.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "syslog", Usage: "log to syslog(3) and not to stderr"},
			&cli.BoolFlag{Name: readyFlag, Hidden: true},
		},
		Action: guardTrial,
	}
}

func guardTrial(c *cli.Context) error {
	up := starter(c)
	defer up.close()
	err := onBond(func(c *cli.Context, h *bond.Host, name string) error {
		g := guard.Guardian{
			Host: h, Name: name, Log: logger(c), Wake: onSignal(c.Context, unix.SIGUSR1),
			Ready: func() {
				up.say(readyWord)
				tellSystemd(nil)
				stayLean()
			},
			PutBack: func(ctx context.Context, why string) error { return putBack(within(c, ctx), h, name, why) },
		}
		return g.Run(c.Context)
	})(c)
	if err != nil {
		up.say(err.Error())
	}
	return err
}

// stayLean gives back the memory that it took to start, and keeps the heap small.
func stayLean() {
	debug.SetGCPercent(20)
	debug.FreeOSMemory()
}

// within is c with another context.
func within(c *cli.Context, ctx context.Context) *cli.Context {
	with := *c
	with.Context = ctx
	return &with
}

// startGuardian starts the guardian of a trial, and returns when it guards. Where systemd
// runs it is a service, which outlives the login.
func startGuardian(c *cli.Context, h *bond.Host, name string) error {
	if manager, err := openSystemd(c.Context, h, name); err == nil {
		defer manager.close()
		properties, err := transientGuardian(name)
		if err != nil {
			return err
		}
		return manager.startTransient(c.Context, guardTemplate+name+service, properties)
	}
	cmd, word, err := startApart(c, "guard", name)
	if err != nil {
		return err
	}
	if word == readyWord {
		return cmd.Process.Release()
	}
	if err := c.Context.Err(); err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Process.Release())
	}
	_ = cmd.Wait()
	return errors.New(cmp.Or(word, cmd.ProcessState.String()))
}

// transientGuardian has the properties of the guardian's service. It has the keeper's
// capabilities, for it may have to do what the keeper does.
func transientGuardian(name string) ([]property, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return propertiesOf(map[string]any{
		"Description":           "Guardian of bond " + name,
		"Type":                  "notify",
		"ExecStart":             []command{{self, []string{self, "guard", name}, false}},
		"TimeoutStopUSec":       uint64((2 * time.Minute).Microseconds()), // it may be putting back
		"KillMode":              "process",
		"CapabilityBoundingSet": capabilities(),
		"CollectMode":           "inactive-or-failed",
	}), nil
}

// putBack puts back what is on trial, unless it has been kept meanwhile. It goes on where a
// part fails; the error has all that failed.
func putBack(c *cli.Context, h *bond.Host, name, why string) error {
	t, err := h.DecideTrial(name, false, why)
	if err != nil {
		return err
	}
	if !t.Pending() {
		return nil
	}
	if t.Drill != nil {
		return endDrill(c, h, name)
	}
	kept, err := h.KeptBefore(name)
	if err != nil {
		return err
	}
	stop := takeDownKeeper
	if kept {
		stop = stopKeeper // the next one, which is started below, takes over what it leaves
	}
	stopped := stop(c, h, name)
	if h.InitialNamespace() {
		stopped = errors.Join(stopped, manager.LedgerOf(name).Undo(c.Context))
	}
	_, err = h.PutBack(c.Context, name, how(c))
	if kept {
		err = errors.Join(err, leaveKeeper(c, h, name))
	}
	giveBackOwners(c, h, name)
	return errors.Join(stopped, err)
}

// endDrill puts back what a drill did. The keeper goes on.
func endDrill(c *cli.Context, h *bond.Host, name string) error {
	st, err := h.Brief(name)
	if err != nil && !errors.Is(err, bond.ErrNoBond) {
		return err
	}
	_, limit := reach.Times(backTime, st)
	return h.EndRehearsal(c.Context, name, limit, how(c))
}

// backTime is how long the slave that was active has, beyond updelay, to have its link again.
const backTime = 10 * time.Second

// endTrial ends the trial of a bond that is to be taken down. A change that waits to be
// confirmed is kept: down gives everything back in any case.
func endTrial(c *cli.Context, h *bond.Host, name string) error {
	t, err := h.Trial(name)
	if err != nil {
		return err
	}
	if t.Pending() && t.Confirm && !t.Abandoned() {
		if t, err = h.DecideTrial(name, true, takenDownWhy); err != nil {
			return err
		}
		if t.Verdict.Kept {
			return errors.Join(h.DismissGuardian(name), awaitGuardian(c.Context, h, name), awaitUp(c.Context, t))
		}
	}
	return clearTrial(c, h, name)
}

const takenDownWhy = "taken down"

// awaitUp waits until the up that made a change has told its user what became of it, before
// something else is on trial. It waits no longer than endTime: an up that is stopped (SIGSTOP)
// finds out later.
func awaitUp(ctx context.Context, t bond.Trial) error {
	up, err := t.Up.Hold()
	if err != nil {
		return nil // it has ended
	}
	defer up.Close()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-up.Ended():
	case <-time.After(endTime):
	}
	return nil
}

// clearTrial sees to it that nothing of a bond is on trial before it is changed. It waits for
// a change that is under way, and for a guardian that puts one back. It puts back itself what
// nobody looks after any more. The error is a *bond.TrialError for a change that waits to be
// confirmed.
func clearTrial(c *cli.Context, h *bond.Host, name string) error {
	if err := h.AwaitTrial(c.Context, name); err != nil {
		return err
	}
	t, err := h.Trial(name)
	if err == nil && t.Pending() && !t.Confirm {
		if err := awaitGuardian(c.Context, h, name); err != nil {
			return err
		}
		t, err = h.Trial(name)
	}
	switch {
	case err != nil || !t.Pending():
		return err
	case !t.Abandoned():
		return &bond.TrialError{Bond: name, Trial: t}
	case !t.Guarded():
		return h.DropTrial(name)
	}
	warn(c, "an earlier change of %s was cut short, and its guardian as well: it is put back first", name)
	if err := putBack(c, h, name, "it was cut short, and its guardian as well"); err != nil {
		return fmt.Errorf("put back an earlier change of %s: %w", name, err)
	}
	return nil
}

// awaitGuardian waits for the end of the bond's guardian, if it has one.
func awaitGuardian(ctx context.Context, h *bond.Host, name string) error {
	w, err := guard.Of(h, name)
	if errors.Is(err, guard.ErrUnguarded) {
		return nil
	}
	if err != nil {
		return err
	}
	defer w.Close()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.Ended():
		return nil
	}
}
