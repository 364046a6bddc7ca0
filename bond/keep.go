package bond

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrKept says that a bond has a keeper already.
var ErrKept = errors.New("it has a keeper already")

// Keep makes this process the bond's keeper until release is called or the
// process ends, however it ends. The error is ErrKept where there is one.
func (h *Host) Keep(name string) (release func(), err error) {
	f, err := h.store.openLock(name, keeperFile, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("keep %s: %w", name, ErrKept)
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	pid := strconv.Itoa(os.Getpid()) + "\n"
	if err := errors.Join(f.Truncate(0), writeAt(f, pid)); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// Keeper is the process id of a bond's keeper; 0 when there is none. Anyone
// may ask.
func (h *Host) Keeper(name string) int {
	f, err := os.Open(filepath.Join(h.store.dir, name, keeperFile))
	if err != nil {
		return 0
	}
	defer f.Close()
	// A shared lock is to be had only while no keeper holds its own. It is
	// gone again with the descriptor.
	if unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil {
		return 0
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// StopKeeper ends a bond's keeper and waits until it has. The bond stays as it
// is. It is no error if there is none.
func (h *Host) StopKeeper(ctx context.Context, name string) error {
	for asked := false; ; asked = true {
		pid := h.Keeper(name)
		if pid == 0 {
			return nil
		}
		if !asked {
			if err := signalKeeper(pid, unix.SIGTERM); err != nil {
				return fmt.Errorf("stop the keeper of %s (process %d): %w", name, pid, err)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop the keeper of %s (process %d): it goes on: %w", name, pid, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// WakeKeeper has a bond's keeper look at what is wanted, which is recorded
// anew. It is no error if there is none.
func (h *Host) WakeKeeper(name string) error {
	pid := h.Keeper(name)
	if pid == 0 {
		return nil
	}
	if err := signalKeeper(pid, unix.SIGUSR1); err != nil {
		return fmt.Errorf("wake the keeper of %s (process %d): %w", name, pid, err)
	}
	return nil
}

// signalKeeper sends a signal to a process that was the keeper a moment ago.
func signalKeeper(pid int, sig unix.Signal) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); !errors.Is(err, unix.ESRCH) {
		return err
	}
	return nil
}

// maxHistory bounds the history that is kept.
const maxHistory = 256

// Snapshot reads what events are told from. The error is ErrNoBond when there
// is no such bond.
func (h *Host) Snapshot(name string) (Snapshot, error) {
	st, _, err := h.read(name)
	if err != nil {
		return Snapshot{}, err
	}
	return snapshot(st), nil
}

// Note records what a keeper saw: events, and who is active since when.
func (h *Host) Note(ctx context.Context, name string, s Snapshot, events []Event) error {
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
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist) // a down was faster
	}
	r.note(s, events, time.Now())
	return h.store.writeRecord(name, r)
}

// note adds events to a record. A slave that was active before a keeper came
// is known to be so only since the keeper looked.
func (r *record) note(s Snapshot, events []Event, now time.Time) {
	for _, e := range events {
		if n := len(r.History); n > 0 {
			e.Seq = r.History[n-1].Seq
		}
		e.Seq++
		r.History = append(r.History, e)
	}
	r.History = r.History[max(0, len(r.History)-maxHistory):]
	if r.Active != s.Active {
		r.Active, r.ActiveSince = s.Active, now
	}
}

// History is what a bond's keepers saw since it was made, the oldest first and
// the latest 256 events at most.
func (h *Host) History(name string) ([]Event, error) {
	r, err := h.store.record(name)
	return r.History, err
}
