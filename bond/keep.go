package bond

import (
	"bytes"
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

// keeperID names a process: its number alone is used again.
type keeperID struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // in clock ticks since the boot (proc_pid_stat(5))
}

// Keep makes this process the bond's keeper until release is called or the
// process ends, however it ends. The error is ErrKept where there is one.
func (h *Host) Keep(name string) (release func(), err error) {
	// The lock is root's alone: whoever may open it could hold it, too.
	f, err := h.store.openLock(name, keeperLockFile)
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
	self := keeperID{PID: os.Getpid()}
	if self.Start, err = startTime(self.PID); err == nil {
		err = h.store.write(name, keeperFile, 0o644, self)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		_ = h.store.remove(name, keeperFile)
		f.Close()
	}, nil
}

// Keeper is the process id of a bond's keeper; 0 when there is none. Anyone
// may ask.
func (h *Host) Keeper(name string) int {
	var id keeperID
	if err := h.store.read(name, keeperFile, &id); err != nil || !id.alive() {
		return 0
	}
	return id.PID
}

func (id keeperID) alive() bool {
	if id.PID == 0 {
		return false
	}
	start, err := startTime(id.PID)
	return err == nil && start == id.Start
}

// startTime is when a process was started. The error is fs.ErrNotExist when
// there is no such process.
func startTime(pid int) (uint64, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	// The second field is the program's name, which may contain anything; the
	// 22nd is the time. A zombie isn't a process any more.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return 0, fmt.Errorf("read %s: %w", path, fs.ErrNotExist)
	}
	return strconv.ParseUint(fields[19], 10, 64)
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
	pid := h.Keeper(name)
	if pid == 0 {
		return 0, nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("signal the keeper of %s (process %d): %w", name, pid, err)
	}
	defer unix.Close(fd)
	// The descriptor holds the process that it was opened for: is it the one?
	if h.Keeper(name) != pid {
		return 0, nil
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return 0, fmt.Errorf("signal the keeper of %s (process %d): %w", name, pid, err)
	}
	return pid, nil
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
