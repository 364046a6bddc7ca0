package bond

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// store is the folder in which bondctl keeps, till the next boot, what it must
// know of the bonds of one network namespace: a folder for each.
type store struct{ dir string }

// record is public.json: what anyone may see.
type record struct {
	Config *Config `json:"config,omitempty"`
	Source Source  `json:"source,omitzero"` // of Config
	// Manual is what `switch` chose last; nil when it has chosen nothing.
	Manual *choice `json:"manual,omitempty"`
	// Refused has the members and leased routes that the kernel wouldn't take, and why.
	Refused map[string]string `json:"refused,omitempty"`
	// Kept says that a keeper was at work, and nobody has ended it.
	Kept bool `json:"kept,omitempty"`
	// Lease is what DHCP has lent the bond.
	Lease *Lease `json:"lease,omitempty"`
	// LeaseEnd is when it is over, since the boot.
	LeaseEnd time.Duration `json:"lease_end,omitempty"`
	// Active has been the active slave since ActiveSince, as a keeper saw it.
	Active      string    `json:"active,omitempty"`
	ActiveSince time.Time `json:"active_since,omitzero"`
	History     []Event   `json:"history,omitempty"`
	// Troubles are what doesn't work, in words, by what it is.
	Troubles map[string]string `json:"troubles,omitempty"`
}

// A Source says where what is wanted of a bond was written.
type Source struct {
	// File is the path of a configuration file; "" for none.
	File string `json:"file,omitempty"`
	// Flags is for flags, over a file or instead: what they asked for is
	// recorded till the next boot, and written nowhere else.
	Flags bool `json:"flags,omitempty"`
}

// choice is a slave that was made active by hand.
type choice struct {
	Slave   string `json:"slave"`
	Ifindex int    `json:"ifindex"`
	// Failures is how often its link had failed by then. Once more, and it was
	// the kernel that chose.
	Failures int `json:"link_failure_count"`
}

const (
	publicFile     = "public.json"
	journalFile    = "journal.json"
	lockFile       = "lock"
	keeperFile     = "keeper.json"
	keeperLockFile = "keeper.lock"
	leaseFile      = "lease.json"
)

// lock takes the bond's apply lock, so that one process at a time changes it.
// It waits for another one to end, or for ctx.
func (s store) lock(ctx context.Context, name string) (unlock func(), err error) {
	f, err := s.openLock(name, lockFile)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("lock %s: another bondctl is at work on %s: %w", f.Name(), name, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// openLock opens a file that is there to be locked, by root alone.
func (s store) openLock(name, file string) (*os.File, error) {
	dir, err := s.mkdir(name)
	if err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(dir, file), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
}

// mkdir makes a bond's folder. Everybody may look into it, whatever root's
// umask is.
func (s store) mkdir(name string) (string, error) {
	dir := filepath.Join(s.dir, name)
	for _, d := range []string{filepath.Dir(s.dir), s.dir, dir} {
		err := os.Mkdir(d, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = os.Chmod(d, 0o755)
		}
		if err != nil {
			return "", err
		}
	}
	return dir, nil
}

// record reads what is recorded of a bond; the zero record when nothing is.
func (s store) record(name string) (record, error) {
	var r record
	return r, s.read(name, publicFile, &r)
}

// journal reads a bond's journal; nil when there is none of this boot.
func (s store) journal(name string) (*Image, error) {
	var j Image
	err := s.read(name, journalFile, &j)
	if err != nil || j.BootID == "" || j.BootID != bootID() {
		return nil, err
	}
	return &j, nil
}

// knows says whether anything is kept of a bond.
func (s store) knows(name string) bool {
	for _, file := range []string{publicFile, journalFile} {
		if _, err := os.Lstat(filepath.Join(s.dir, name, file)); err == nil {
			return true
		}
	}
	return false
}

// names lists the bonds that something is recorded of.
func (s store) names() []string {
	entries, _ := os.ReadDir(s.dir)
	var names []string
	for _, e := range entries {
		if r, err := s.record(e.Name()); err == nil && r.Config != nil {
			names = append(names, e.Name())
		}
	}
	return names
}

func (s store) read(name, file string, into any) error {
	path := filepath.Join(s.dir, name, file)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func (s store) writeRecord(name string, r record) error {
	return s.write(name, publicFile, 0o644, r)
}

func (s store) writeJournal(name string, j *Image) error {
	j.BootID = bootID()
	return s.write(name, journalFile, 0o600, j)
}

// restoreJournal puts back the journal of before; nil is none.
func (s store) restoreJournal(name string, j *Image) error {
	if j == nil {
		return s.remove(name, journalFile)
	}
	return s.writeJournal(name, j)
}

// forget removes what is kept of a bond that is gone. The lock stays: another
// process may be waiting for it.
func (s store) forget(name string) error {
	return errors.Join(s.remove(name, journalFile), s.remove(name, publicFile))
}

func (s store) remove(name, file string) error {
	if err := os.Remove(filepath.Join(s.dir, name, file)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// write replaces a file as a whole: a reader sees the old or the new one, and
// so does whoever comes after a crash. A link in its place is replaced, not
// followed.
func (s store) write(name, file string, mode fs.FileMode, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	dir, err := s.mkdir(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+file+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	return os.Rename(f.Name(), filepath.Join(dir, file))
}

func bootID() string { return firstLine("/proc/sys/kernel/random/boot_id") }

// machineID is the machine's id (machine-id(5)); "" where there is none.
func machineID() string { return firstLine("/etc/machine-id") }

func firstLine(path string) string {
	text, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}
