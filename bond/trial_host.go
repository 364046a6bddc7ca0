package bond

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// ErrNoTrial says that nothing of a bond is on trial.
var ErrNoTrial = errors.New("nothing is on trial")

// A TrialError says that a change of a bond is still on trial, and so may be put back.
type TrialError struct {
	Bond string
	Trial
}

func (e *TrialError) Error() string {
	if e.Confirm {
		return fmt.Sprintf("%s is on trial until %s, and nothing else is changed before that is decided", e.Bond, e.Until().Format(time.TimeOnly))
	}
	if e.Drill != nil {
		return fmt.Sprintf("another bondctl (process %d) rehearses the failovers of %s, and puts it back as it was", e.Up.PID, e.Bond)
	}
	return fmt.Sprintf("another bondctl (process %d) is changing %s, and puts it back if it doesn't work", e.Up.PID, e.Bond)
}

// Hint is what the user can do about it.
func (e *TrialError) Hint() string {
	if e.Confirm {
		return "to keep it: bondctl confirm " + e.Bond
	}
	return ""
}

// BeginTrial puts on trial what this process is about to change: unless it is kept within
// limit, it is put back as it was before. It is for [How.Begin]. Whoever calls it starts a
// guardian then, or calls [Host.DropTrial].
//
// The error is a [*TrialError] while another change of the bond is on trial. Else it says
// why nothing could be written down, such as a full disk below /run or /var/lib.
func (h *Host) BeginTrial(name string, before Image, limit time.Duration) error {
	for _, dir := range []statedir.Dir{h.store.of(name), statedir.Of(h.store.lasting, name)} {
		if err := dir.CheckRoom(); err != nil {
			return fmt.Errorf("nothing is changed, for it couldn't be put back: %w", err)
		}
	}
	b := beforeTrial{BootID: statefile.BootID(), Image: before}
	var err error
	if b.Journal, err = h.store.journal(name); err != nil {
		return err
	}
	if b.Record, err = h.store.record(name); err != nil {
		return err
	}
	if b.Inherited, err = h.store.inherited(name); err != nil {
		return err
	}
	k, _, err := h.store.of(name).Keeper()
	if err != nil {
		return err
	}
	b.Keeper = k.Alive()
	up, err := statefile.Self()
	if err != nil {
		return err
	}
	if t, err := h.Trial(name); err != nil || t.Pending() && (t.Guarded() || t.Up.Alive()) {
		return errors.Join(err, &TrialError{name, t})
	}
	if err := h.store.of(name).Write(statedir.Before, b); err != nil {
		return err
	}
	t := Trial{BootID: b.BootID, Up: up, Deadline: statefile.SinceBoot() + limit}
	return h.changeTrial(name, func(old *Trial) error { *old = t; return nil })
}

// Trial reads what is on trial of a bond, or what became of the last trial; the zero
// Trial when there was none since the boot.
func (h *Host) Trial(name string) (Trial, error) {
	var t Trial
	if err := h.store.of(name).Read(statedir.Trial, &t); err != nil || t.BootID != statefile.BootID() {
		return Trial{}, err
	}
	return t, nil
}

// AwaitTrial waits while another process makes a change that is on trial. It returns when
// that is decided or waits to be confirmed, and when the process has ended. The error is
// that of ctx when it ends earlier.
func (h *Host) AwaitTrial(ctx context.Context, name string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var changed <-chan struct{}
	for {
		t, err := h.Trial(name)
		if err != nil || !t.Pending() || t.Confirm {
			return err
		}
		if changed == nil {
			if changed, err = h.store.follow(ctx, name); err != nil {
				return fmt.Errorf("watch what is on trial of %s: %w", name, err)
			}
			continue
		}
		up, err := t.Up.Hold()
		if err != nil {
			return nil // it has ended
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-up.Ended():
		}
		up.Close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// undisturbed is a [*TrialError] while another process's change is on trial: what is
// changed meanwhile would be put back with it. A keeper does its work all the same.
func (h *Host) undisturbed(name string) error {
	t, err := h.Trial(name)
	if err != nil || !t.Pending() || t.Abandoned() {
		return err
	}
	if self, err := statefile.Self(); err != nil || self == t.Up || self == t.Guardian {
		return err
	}
	return &TrialError{name, t}
}

// changeTrial changes trial.json. Nothing is written if f returns an error.
func (h *Host) changeTrial(name string, f func(*Trial) error) error {
	unlock, err := h.store.of(name).LockTrial()
	if err != nil {
		return err
	}
	defer unlock()
	t, err := h.Trial(name)
	if err == nil {
		err = f(&t)
	}
	if err != nil {
		return err
	}
	return h.store.of(name).Write(statedir.Trial, t)
}

// pending calls f with a trial that isn't decided. The error is ErrNoTrial when there is
// none.
func (h *Host) pending(name string, f func(*Trial)) error {
	return h.changeTrial(name, func(t *Trial) error {
		if t.BootID == "" || t.Verdict != nil {
			return fmt.Errorf("%s: %w", name, ErrNoTrial)
		}
		f(t)
		return nil
	})
}

// GuardTrial notes that this process guards a trial. The error is ErrNoTrial when there
// is none.
func (h *Host) GuardTrial(name string) error {
	self, err := statefile.Self()
	if err != nil {
		return err
	}
	return h.pending(name, func(t *Trial) { t.Guardian = self })
}

// ExtendTrial sets a trial's deadline to limit from now, which may be earlier than it was,
// and whether it waits to be confirmed. The error is ErrNoTrial when it is decided by now.
func (h *Host) ExtendTrial(name string, limit time.Duration, confirm bool) error {
	var guardian statefile.Process
	err := h.pending(name, func(t *Trial) {
		t.Deadline, t.Confirm = statefile.SinceBoot()+limit, confirm
		guardian = t.Guardian
	})
	if err != nil {
		return err
	}
	return signalGuardian(name, guardian, unix.SIGUSR1) // so that it reads the new deadline
}

func signalGuardian(name string, guardian statefile.Process, sig unix.Signal) error {
	if err := guardian.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal the guardian of %s (process %d): %w", name, guardian.PID, err)
	}
	return nil
}

// DecideTrial gives a trial its verdict, unless it has one, and returns it with the verdict
// that holds. To keep the change nothing more is needed; else [Host.PutBack] is to put it
// back. The error is ErrNoTrial when there is none.
func (h *Host) DecideTrial(name string, keep bool, why string) (decided Trial, err error) {
	err = h.changeTrial(name, func(t *Trial) error {
		if t.BootID == "" {
			return fmt.Errorf("%s: %w", name, ErrNoTrial)
		}
		if t.Verdict == nil {
			t.Verdict = &Verdict{Kept: keep, At: time.Now().Round(time.Second), Why: why, Done: keep}
			t.Confirm = false
			t.Deadline = statefile.SinceBoot() + putBackTime
		}
		decided = *t
		return nil
	})
	if err == nil && decided.Verdict.Kept {
		err = h.store.of(name).Remove(statedir.Before)
	}
	return decided, err
}

// putBackTime is how long a process may take to put a change back. After that the guardian
// takes it to hang.
const putBackTime = time.Minute

// DropTrial forgets a trial of which nothing has been changed, or all put back.
func (h *Host) DropTrial(name string) error {
	dir := h.store.of(name)
	return errors.Join(dir.Remove(statedir.Trial), dir.Remove(statedir.Before))
}

// DismissGuardian ends a trial's guardian. It is no error if that has ended.
func (h *Host) DismissGuardian(name string) error {
	t, err := h.Trial(name)
	if err != nil {
		return err
	}
	return signalGuardian(name, t.Guardian, unix.SIGTERM)
}
