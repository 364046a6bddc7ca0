package resolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Files in the resolver's folder.
const (
	recordFile   = "resolve.json"
	lockFile     = "resolve.lock"
	originalFile = "resolv.conf.original"
)

// record is who has, or was about to get, the settings of which bond. It is
// written before anything is handed over, so that it can be taken back after a
// crash.
type record struct {
	Holders map[string][]Holder `json:"holders,omitempty"`
	// Boots are the ids of the boots in which they were last handed over.
	Boots map[string]string `json:"boot_ids,omitempty"`
	// Conf is of resolv.conf; nil while that has no bond's settings.
	Conf *confRecord `json:"resolv_conf,omitempty"`

	path string
	lock *os.File
}

// open waits until no other process has the record, and reads it. If the context
// ended meanwhile, nothing is to be done any more, for the next one to have the
// record may be the last: Clear comes after the keeper's end, and is to undo all.
func (r *Resolver) open(ctx context.Context) (*record, error) {
	if err := os.MkdirAll(r.dir(), 0o755); err != nil {
		return nil, err
	}
	lock, err := lockPath(ctx, filepath.Join(r.dir(), lockFile))
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		lock.Close()
		return nil, err
	}
	rec := &record{path: filepath.Join(r.dir(), recordFile), lock: lock}
	text, err := os.ReadFile(rec.path)
	if err == nil {
		err = json.Unmarshal(text, rec)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		lock.Close()
		return nil, fmt.Errorf("read %s: %w", rec.path, err)
	}
	if rec.Holders == nil {
		rec.Holders = map[string][]Holder{}
	}
	if rec.Boots == nil {
		rec.Boots = map[string]string{}
	}
	return rec, nil
}

func (rec *record) close() { rec.lock.Close() }

// used says whether there ever was a record. There may be none yet while a first
// Set is at work, which has the lock.
func (r *Resolver) used() (bool, error) {
	_, err := os.Stat(filepath.Join(r.dir(), lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// add notes that a holder is about to get a bond's settings, and says whether
// that is news, which the caller is to write.
func (rec *record) add(bond string, h Holder) bool {
	boot := bootID()
	if slices.Contains(rec.Holders[bond], h) && rec.Boots[bond] == boot {
		return false
	}
	rec.Boots[bond] = boot
	if !slices.Contains(rec.Holders[bond], h) {
		rec.Holders[bond] = append(rec.Holders[bond], h)
	}
	return true
}

// stale lists the bonds whose settings are those of an earlier boot.
func (rec *record) stale() []string {
	boot := bootID()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(rec.Holders)), func(bond string) bool {
		return rec.Boots[bond] == boot
	})
}

// mark is add for those who have nothing else to write.
func (rec *record) mark(bond string, h Holder) error {
	if !rec.add(bond, h) {
		return nil
	}
	return rec.write()
}

// unmark records that a holder hasn't them any more.
func (rec *record) unmark(bond string, h Holder) error {
	rec.Holders[bond] = slices.DeleteFunc(rec.Holders[bond], func(o Holder) bool { return o == h })
	if len(rec.Holders[bond]) == 0 {
		delete(rec.Holders, bond)
		delete(rec.Boots, bond)
	}
	return rec.write()
}

// write writes the record, or removes it when there is nothing to say.
func (rec *record) write() error {
	if len(rec.Holders) == 0 && rec.Conf == nil {
		return removeFile(rec.path)
	}
	text, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(rec.path, append(text, '\n'), attributes{Mode: 0o644})
}

func lockPath(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// attributes are what a file has besides its text.
type attributes struct {
	Mode uint32 `json:"mode"` // the permission bits, as in chmod(2)
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
}

// writeFile replaces a file as a whole, on the disk too before it returns: a
// reader sees the old or the new one, and so does whoever comes after a power
// cut. It takes a lock that all who write there hold.
func writeFile(path string, text []byte, a attributes) error {
	dir, name := filepath.Split(path)
	temporary := filepath.Join(dir, "."+name+".bondctl")
	if err := removeFile(temporary); err != nil {
		return err // left by a crash
	}
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	_, err = f.Write(text)
	// In this order: what is somebody else's can be changed with CAP_FOWNER alone.
	err = errors.Join(err, unix.Fchmod(int(f.Fd()), a.Mode))
	if os.Geteuid() == 0 {
		err = errors.Join(err, f.Chown(a.UID, a.GID))
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", temporary, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncDir(dir)
}

// removeFile removes a file if it is there.
func removeFile(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir has the names in a folder written to the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
