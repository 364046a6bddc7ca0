// Package guard waits beside a change that is on trial (see [bond.Trial]), and has it
// put back when nobody keeps it.
//
// The process that makes the change may lose its terminal, be killed or hang, and nobody
// may be able to log in by then: so another process must wait. It does nothing else, and
// takes nothing from the one that it guards but the deadline. No process can do more than
// this: if both are killed, the next one that would change the bond puts back what was on
// trial.
package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// A Guardian waits beside the trial of a bond.
type Guardian struct {
	Host *bond.Host
	Name string // the bond's
	Log  *slog.Logger
	// Wake has it read the deadline anew.
	Wake <-chan struct{}
	// Ready is called once the guardian is noted as such.
	Ready func()
	// PutBack puts everything back. why is the verdict's reason, unless there is a verdict.
	PutBack func(ctx context.Context, why string) error
}

// Run waits until the trial is decided, and puts back what isn't kept. It ends early, and
// puts nothing back, when ctx ends: so it is dismissed. The error is [bond.ErrNoTrial] when
// nothing is on trial, and else says what couldn't be put back.
func (g *Guardian) Run(ctx context.Context) error {
	if err := g.Host.GuardTrial(g.Name); err != nil {
		return err
	}
	t, err := g.Host.Trial(g.Name)
	if err != nil {
		return err
	}
	timer, err := newBootTimer()
	if err != nil {
		return err
	}
	defer timer.close()
	ended, release := watch(t.Up)
	defer release()
	g.Ready()
	for {
		if t, err = g.Host.Trial(g.Name); err != nil {
			return g.putBack(ctx, t, err.Error())
		}
		gone := !t.Up.Alive()
		if why := verdict(t, gone); why != "" {
			return g.putBack(ctx, t, why)
		}
		if !t.Pending() {
			return nil
		}
		if gone {
			ended = nil // it has been told
		}
		due, err := timer.at(t.Deadline)
		if err != nil {
			return g.putBack(ctx, t, err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-due:
		case <-g.Wake:
		case <-ended:
		}
	}
}

// verdict says why a trial is to be put back now; "" where it isn't. gone says that the
// process that makes the change has ended.
func verdict(t bond.Trial, gone bool) string {
	switch {
	case !t.Pending():
		return ""
	case t.Verdict != nil && gone:
		return t.Verdict.Why // whoever decided it hasn't got to the end
	case gone && !t.Confirm:
		return "the bondctl that changed it ended without a word"
	case t.Left() > 0:
		return ""
	case t.Confirm:
		return "nobody confirmed it in time"
	}
	return "the bondctl that changed it wasn't done in time"
}

// endTime is how long a process that was killed has to end.
const endTime = 5 * time.Second

// putBack puts the trial back, even when ctx has ended. A process that still makes the
// change hangs, and is killed first: it has the lock, and would go on with the change when
// it wakes. But one that waits to be confirmed isn't killed: it does no harm, and tells
// its user what became of the change.
func (g *Guardian) putBack(ctx context.Context, t bond.Trial, why string) error {
	ctx = context.WithoutCancel(ctx)
	if !t.Confirm && t.Up.Alive() {
		ended, release := watch(t.Up)
		defer release()
		if err := t.Up.Signal(unix.SIGKILL); err != nil {
			g.Log.Warn("end the bondctl that hangs", "process", t.Up.PID, "error", err)
		}
		select {
		case <-ended:
		case <-time.After(endTime):
		}
	}
	g.Log.Warn("put back "+g.Name, "reason", why)
	if err := g.PutBack(ctx, why); err != nil {
		return fmt.Errorf("put back %s: %w", g.Name, err)
	}
	return nil
}

// watch gives a channel that is closed when a process has ended. release lets go of it.
func watch(p statefile.Process) (ended <-chan struct{}, release func()) {
	h, err := p.Hold()
	if err != nil {
		gone := make(chan struct{})
		close(gone)
		return gone, func() {}
	}
	return h.Ended(), h.Close
}

// ErrUnguarded says that a trial's guardian has ended.
var ErrUnguarded = errors.New("the guardian has ended")

// A Watch is a guardian that is watched in turn by the process that it guards.
type Watch struct{ handle *statefile.Handle }

// Of watches a bond's guardian. The error is ErrUnguarded when there is none.
func Of(h *bond.Host, name string) (Watch, error) {
	t, err := h.Trial(name)
	if err != nil {
		return Watch{}, err
	}
	handle, err := t.Guardian.Hold()
	if err != nil {
		return Watch{}, ErrUnguarded
	}
	return Watch{handle}, nil
}

// Over says whether the guardian has ended by now.
func (w Watch) Over() bool { return w.handle.Over() }

// Ended is closed when it has.
func (w Watch) Ended() <-chan struct{} { return w.handle.Ended() }

// Close lets go of it.
func (w Watch) Close() { w.handle.Close() }
