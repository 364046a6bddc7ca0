// Package statedir knows which files bondctl keeps of a bond, and who writes
// them. No two write to one file, so nobody has to put back what another wrote.
//
// Till the next boot, in a folder below [Root] by the network namespace and
// the bond's name:
//
//	public.json    what is wanted, and what became of it; written under the apply lock
//	journal.json   what must be given back; for root alone, and under the apply lock
//	clients.json   the DHCP clients that were stopped, and are to be started again; for root
//	               alone, and under the apply lock
//	owed.json      what devices had that weren't there at a down; for root alone, and under the
//	               apply lock
//	keeper.json    see [Keeper]; written by the keeper
//	history.jsonl  what happened, a line each; written by the keeper
//	trial.json     the change that is on trial, or what became of the last one
//	before.json    how things were before that change; for root alone
//	lock           the apply lock: one process at a time changes the bond
//	keeper.lock    the keeper's, for as long as it is at work
//	trial.lock     held for a moment, by whoever changes trial.json
//	wpa            a folder for each wpa_supplicant that the keeper runs
//
// And in a folder below [Lasting], by the bond's name:
//
//	lease.json     see [Remembered]; for root alone, and written by the keeper; also in a folder by
//	               [OfMember]
//	inherited.json what the bond took over from its members; written under the apply lock
//	handovers.json which network managers leave its members alone; for root alone, and under
//	               the lock that is in the same folder
package statedir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// Root has what is kept till the next boot, and Lasting what is kept beyond it: of the
// machine's own network namespace, for no other one can be told again then.
const (
	Root    = "/run/bondctl"
	Lasting = "/var/lib/bondctl"
)

// A Dir is a bond's folder.
type Dir struct{ path string }

// Of is the folder of a bond below that of its network namespace.
func Of(namespace, bond string) Dir { return Dir{filepath.Join(namespace, bond)} }

// OfMember is the name of the folder below [Lasting] for what a member of a group is leased by itself. No bond can be
// called so.
func OfMember(group, member string) string { return group + "%" + member }

// A File is the name of a file in a [Dir].
type File string

// The files that bondctl itself reads and writes. What the keeper alone writes
// has functions of its own.
const (
	Public  File = "public.json"
	Journal File = "journal.json"
	Trial   File = "trial.json"
	Before  File = "before.json"
	Clients File = "clients.json"
	Owed    File = "owed.json"
	// Inherited is of a folder below Lasting.
	Inherited File = "inherited.json"
	// Handovers is, too.
	Handovers File = "handovers.json"

	keeperFile  File = "keeper.json"
	historyFile File = "history.jsonl"
	leaseFile   File = "lease.json"
	roomFile    File = "room" // for a moment
)

// mode is who may read a file.
func (f File) mode() fs.FileMode {
	switch f {
	case Journal, Before, Clients, Owed, Handovers, leaseFile, roomFile:
		return 0o600
	}
	return 0o644
}

// Path is the folder's.
func (d Dir) Path() string { return d.path }

// Supplicants is the folder of the wpa_supplicants that the keeper runs, in a
// folder by each interface's name.
func (d Dir) Supplicants() string { return filepath.Join(d.path, "wpa") }

// Lock takes the bond's apply lock, so that one process at a time changes it. It
// waits for another one to end, or for ctx.
func (d Dir) Lock(ctx context.Context) (unlock func(), err error) {
	if err := statefile.MakeDir(d.path); err != nil {
		return nil, err
	}
	unlock, err = statefile.Lock(ctx, filepath.Join(d.path, "lock"))
	if errors.Is(err, statefile.ErrLocked) {
		return nil, fmt.Errorf("another bondctl is at work on %s: %w", filepath.Base(d.path), err)
	}
	return unlock, err
}

// LockTrial takes the lock of trial.json, which nobody holds for long: not the apply
// lock, for the one who has that writes the file, too.
func (d Dir) LockTrial() (unlock func(), err error) {
	if err := statefile.MakeDir(d.path); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), trialLockTime)
	defer cancel()
	return statefile.Lock(ctx, filepath.Join(d.path, "trial.lock"))
}

const trialLockTime = 10 * time.Second

// CheckRoom writes a file as large as what is kept of a bond, and removes it: the
// error says why nothing can be kept.
func (d Dir) CheckRoom() error {
	if err := statefile.MakeDir(d.path); err != nil {
		return err
	}
	err := statefile.Write(d.file(roomFile), make([]byte, room), statefile.Attributes{Mode: roomFile.mode()})
	return errors.Join(err, d.Remove(roomFile))
}

// room is more than what bondctl keeps of a bond in one folder.
const room = 64 << 10

// Read reads a file; without one it leaves the value as it is.
func (d Dir) Read(f File, into any) error { return statefile.ReadJSON(d.file(f), into) }

// Write replaces a file as a whole.
func (d Dir) Write(f File, v any) error {
	if err := statefile.MakeDir(d.path); err != nil {
		return err
	}
	return statefile.WriteJSON(d.file(f), v, f.mode())
}

// Remove removes a file, if there is one.
func (d Dir) Remove(f File) error { return statefile.Remove(d.file(f)) }

// kept are the files that there are no more once the bond is gone.
var kept = []File{Journal, Public, keeperFile, historyFile, Trial, Before, roomFile}

// Keeps says whether there is anything for [Dir.Forget] to remove.
func (d Dir) Keeps() bool {
	return slices.ContainsFunc(kept, func(f File) bool { return statefile.Exists(d.file(f)) })
}

// Has says whether there is a file.
func (d Dir) Has(f File) bool { return statefile.Exists(d.file(f)) }

// Forget removes what is kept of a bond that is gone, but for some files. The locks
// stay: another process may be waiting for one.
func (d Dir) Forget(but ...File) (err error) {
	for _, f := range kept {
		if !slices.Contains(but, f) {
			err = errors.Join(err, d.Remove(f))
		}
	}
	return err
}

func (d Dir) file(f File) string { return filepath.Join(d.path, string(f)) }
