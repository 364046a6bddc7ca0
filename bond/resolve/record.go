package resolve

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/bondctl/bondctl/bond/internal/statefile"
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

	path  string
	close func() // lets others have it
}

// open waits until no other process has the record, and reads it. If the context
// ended meanwhile, nothing is to be done any more, for the next one to have the
// record may be the last: Clear comes after the keeper's end, and is to undo all.
func (r *Resolver) open(ctx context.Context) (*record, error) {
	if err := statefile.MakeDir(r.dir()); err != nil {
		return nil, err
	}
	unlock, err := statefile.Lock(ctx, filepath.Join(r.dir(), lockFile))
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		unlock()
		return nil, err
	}
	rec := &record{path: filepath.Join(r.dir(), recordFile), close: unlock}
	if err := statefile.ReadJSON(rec.path, rec); err != nil {
		unlock()
		return nil, err
	}
	if rec.Holders == nil {
		rec.Holders = map[string][]Holder{}
	}
	if rec.Boots == nil {
		rec.Boots = map[string]string{}
	}
	return rec, nil
}

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
	boot := statefile.BootID()
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
	boot := statefile.BootID()
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
		return statefile.Remove(rec.path)
	}
	return statefile.WriteJSON(rec.path, rec, 0o644)
}
