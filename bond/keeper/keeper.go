// Package keeper keeps a bond as it is wanted while hardware comes and goes.
//
// It is level-triggered: netlink's and udev's messages and signals only wake
// it. Then it reads what is recorded as wanted, and has [bond.Host.Reconcile],
// the same that `up` calls, make it so. While nothing happens it does nothing:
// it sets no timer but after a failure.
//
// A keeper that ends, however it ends, leaves the bond as it is; another one
// takes over without touching what holds.
package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// A Keeper keeps one bond.
type Keeper struct {
	Host *bond.Host
	Name string
	Log  *slog.Logger

	// Wanted is read at the start, unless Recorded is set, and after each
	// Reload; nil is nothing new. In between what is recorded holds: that is
	// what was read last, or what an up has wanted since.
	Wanted   func() (*bond.Config, error)
	Recorded bool
	// Reload has Wanted read again; Wake has everything looked at.
	Reload, Wake <-chan struct{}
	// Ready is called once, when the bond has become what is wanted.
	Ready func()
}

// settle is the least time between two looks. The first of a burst of events
// is acted upon at once: an undock brings many, and the first one counts.
const settle = 100 * time.Millisecond

// Run keeps the bond until ctx ends or nothing is wanted of it any more. The
// error is [bond.ErrKept] when another keeper is at work.
func (k *Keeper) Run(ctx context.Context) error {
	release, err := k.Host.Keep(k.Name)
	if err != nil {
		return err
	}
	defer release()
	changes, err := k.Host.Changes(ctx)
	if err != nil {
		return err
	}
	devices, err := watchDevices(ctx)
	if err != nil {
		return err
	}
	w := watch{keeper: k, reload: !k.Recorded}
	wake := waker{changes: changes, devices: devices, reload: k.Reload, wake: k.Wake}
	for {
		wanted, err := w.look(ctx)
		if ctx.Err() != nil || !wanted {
			return nil
		}
		more, err := wake.wait(ctx, w.after(err))
		if err != nil {
			return err
		}
		w.reload = w.reload || more
	}
}

// watch is what a keeper remembers from one look to the next.
type watch struct {
	keeper *Keeper
	seen   bond.Snapshot
	looked bool // seen is of the kernel
	ready  bool
	reload bool
	failed failures
	said   string // the last failure that was logged
}

// look takes one look and does what is to be done. It returns false when
// nothing is wanted any more. A failure has been logged; the caller only needs
// to know when to try again.
func (w *watch) look(ctx context.Context) (wanted bool, err error) {
	k := w.keeper
	if err := w.note(ctx); err != nil {
		k.Log.Warn("note what happened", "error", err)
	}
	plan, err := w.reconcile(ctx)
	if errors.Is(err, bond.ErrNotWanted) {
		return false, nil
	}
	for _, step := range plan.Steps {
		k.Log.Info(step.String())
	}
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	w.tell(err)
	if err := w.note(ctx); err != nil {
		k.Log.Warn("note what happened", "error", err)
	}
	if err == nil && !w.ready && k.Ready != nil {
		k.Ready()
		w.ready = true
	}
	return true, err
}

// reconcile makes the bond what was read anew, or else what is recorded. A new
// configuration that is broken leaves the old one in force.
func (w *watch) reconcile(ctx context.Context) (bond.Plan, error) {
	k := w.keeper
	if w.reload {
		w.reload = false
		config, err := k.Wanted()
		if config != nil && err == nil {
			return k.Host.Reconcile(ctx, *config)
		}
		if err != nil {
			k.Log.Error("read the configuration; the one before stays in force", "error", err)
		}
	}
	return k.Host.ReconcileRecorded(ctx, k.Name)
}

// note tells what has happened since the last look, in the log and the history.
func (w *watch) note(ctx context.Context) error {
	k := w.keeper
	now, err := k.Host.Snapshot(k.Name)
	if errors.Is(err, bond.ErrNoBond) {
		now, err = bond.Snapshot{}, nil
	}
	if err != nil {
		return err
	}
	var events []bond.Event
	if w.looked {
		events = now.Since(w.seen, k.Name, time.Now())
	}
	first := !w.looked
	w.seen, w.looked = now, true
	for _, e := range events {
		k.Log.Info(e.String())
	}
	if !first && len(events) == 0 {
		return nil
	}
	return k.Host.Note(ctx, k.Name, now, events)
}

// tell logs a failure once and not each time that it comes again.
func (w *watch) tell(err error) {
	said := ""
	if err != nil {
		said = err.Error()
	}
	if said != w.said && err != nil {
		w.keeper.Log.Error(fmt.Sprintf("keep %s: %v", w.keeper.Name, err))
	}
	if said != w.said && err == nil {
		w.keeper.Log.Info(fmt.Sprintf("keep %s: it is as wanted again", w.keeper.Name))
	}
	w.said = said
}

// after is when to try again after a look: never, unless it failed.
func (w *watch) after(err error) time.Duration { return w.failed.next(err != nil) }

// failures counts failures in a row, for waits that grow from one to the next.
type failures int

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// next is the time until the next try; 0 is none.
func (f *failures) next(failed bool) time.Duration {
	if !failed {
		*f = 0
		return 0
	}
	wait := min(firstRetry<<min(*f, 10), lastRetry)
	*f++
	return wait
}
