package bond

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// ErrKept says that a bond has a keeper already.
var ErrKept = errors.New("it has a keeper already")

// Keep makes this process the bond's keeper until release is called or the
// process ends, however it ends. The error is ErrKept where there is one.
func (h *Host) Keep(name string) (release func(), err error) {
	path, err := h.store.prepare(name, keeperLockFile)
	if err != nil {
		return nil, err
	}
	unlock, err := statefile.TryLock(path)
	if errors.Is(err, statefile.ErrLocked) {
		return nil, fmt.Errorf("keep %s: %w", name, ErrKept)
	}
	if err != nil {
		return nil, err
	}
	self, err := statefile.Self()
	if err == nil {
		err = h.store.write(name, keeperFile, 0o644, self)
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return func() {
		_ = h.store.remove(name, keeperFile)
		unlock()
	}, nil
}

// Keeper is the process id of a bond's keeper; 0 when there is none. Anyone
// may ask.
func (h *Host) Keeper(name string) int { return h.keeper(name).PID }

// keeper is a bond's keeper; the zero Process when there is none.
func (h *Host) keeper(name string) statefile.Process {
	var p statefile.Process
	if err := h.store.read(name, keeperFile, &p); err != nil || !p.Alive() {
		return statefile.Process{}
	}
	return p
}

// stopTime is how long a keeper has to end before it is killed. It leaves
// nothing behind that the next one doesn't mend.
const stopTime = 5 * time.Second

// StopKeeper ends a bond's keeper and waits until it has. The bond stays as it
// is. It is no error if there is none.
func (h *Host) StopKeeper(ctx context.Context, name string) error {
	pid, err := h.signalKeeper(name, unix.SIGTERM)
	if err != nil || pid == 0 {
		return err
	}
	kill := time.After(stopTime)
	for h.Keeper(name) == pid {
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop the keeper of %s (process %d): %w", name, pid, ctx.Err())
		case <-kill:
			if _, err := h.signalKeeper(name, unix.SIGKILL); err != nil {
				return err
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// WakeKeeper has a bond's keeper look at what is wanted, which is recorded
// anew. It is no error if there is none.
func (h *Host) WakeKeeper(name string) error {
	_, err := h.signalKeeper(name, unix.SIGUSR1)
	return err
}

// signalKeeper sends a bond's keeper a signal, and returns its process id; 0
// when there is none.
func (h *Host) signalKeeper(name string, sig unix.Signal) (int, error) {
	keeper := h.keeper(name)
	err := keeper.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("signal the keeper of %s (process %d): %w", name, keeper.PID, err)
	}
	return keeper.PID, nil
}

// SupplicantDir is where a bond's keeper has what belongs to the
// wpa_supplicants that it runs, in a folder by each interface's name.
func (h *Host) SupplicantDir(name string) string { return filepath.Join(h.store.dir, name, "wpa") }

// maxHistory bounds the history that is kept.
const maxHistory = 256

// Snapshot reads what events are told from. The error is ErrNoBond when there
// is no such bond.
func (h *Host) Snapshot(name string) (Snapshot, error) {
	st, err := h.read(name)
	if err != nil {
		return Snapshot{}, err
	}
	return snapshot(st), nil
}

// A Note is what a keeper has seen, for others to be shown.
type Note struct {
	Snapshot
	Events []Event // Note numbers them
	First  bool    // it can't know what was before
	// Troubles are what doesn't work, in words, by what it is: dhcp, a member.
	Troubles map[string]string
}

// Note records what a keeper saw. The error is ErrNotWanted when nothing is
// recorded of the bond.
func (h *Host) Note(ctx context.Context, name string, n Note) error {
	return h.amend(ctx, name, func(r *record) {
		if n.First {
			r.Active = ""
		}
		r.Kept, r.Troubles = true, n.Troubles
		r.note(n.Snapshot, n.Events, time.Now())
	})
}

// Unkeep notes that the bond is to have no keeper any more. The error is
// ErrNotWanted when nothing is recorded of it.
func (h *Host) Unkeep(ctx context.Context, name string) error {
	return h.amend(ctx, name, func(r *record) { r.Kept, r.Troubles = false, nil })
}

// amend changes what is recorded of a bond, under its lock.
func (h *Host) amend(ctx context.Context, name string, change func(*record)) error {
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
		return fmt.Errorf("%s: %w", name, ErrNotWanted)
	}
	change(&r)
	return h.store.writeRecord(name, r)
}

// note adds events to a record.
func (r *record) note(s Snapshot, events []Event, now time.Time) {
	last := 0
	if n := len(r.History); n > 0 {
		last = r.History[n-1].Seq
	}
	for i := range events {
		last++
		events[i].Seq = last
	}
	r.History = append(r.History, events...)
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
