package resolve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// confRecord is what is known of resolv.conf while bonds have settings there. The
// original's text is a file of its own, so that people can put it back too.
type confRecord struct {
	// Boot is the id of the boot in which it was last written.
	Boot  string              `json:"boot_id"`
	Bonds map[string]Settings `json:"bonds"`
	// Absent: there was no original. Otherwise it had these attributes.
	Absent bool `json:"absent,omitempty"`
	statefile.Attributes
	// Written are digests (SHA-256) of what was there before the last write, if
	// that was bondctl's, and after: after a crash it is one of them.
	Written []string `json:"written"`
}

// resolvConf is resolv.conf as a holder.
type resolvConf struct{ *Resolver }

// conf is resolv.conf as it is.
type conf struct {
	absent bool
	text   []byte
	statefile.Attributes
	// whose says why it is somebody else's and must be left alone.
	whose string
}

// look reads resolv.conf, if it can be ours.
func (c resolvConf) look() (conf, error) {
	path := c.file()
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return conf{absent: true, Attributes: statefile.Attributes{Mode: 0o644}}, nil
	}
	if err != nil {
		return conf{}, err
	}
	if whose := someoneElses(path, info); whose != "" {
		return conf{whose: fmt.Sprintf("%s is %s, left alone", path, whose)}, nil
	}
	stat := info.Sys().(*syscall.Stat_t)
	text, err := os.ReadFile(path)
	return conf{text: text, Attributes: statefile.Attributes{
		Mode: info.Mode(), UID: int(stat.Uid), GID: int(stat.Gid),
	}}, err
}

// someoneElses says what it is that isn't ours to replace; "" for a plain file.
func someoneElses(path string, info fs.FileInfo) string {
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(path)
		if err != nil {
			return "a link"
		}
		return fmt.Sprintf("a link to %q", target)
	}
	if !info.Mode().IsRegular() {
		return "no regular file"
	}
	// The kernel says so since 5.8; before, the rename fails (EBUSY).
	var stat unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &stat)
	if err == nil && stat.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return "a mount point"
	}
	return ""
}

// ours tells whether resolv.conf is as bondctl wrote it, or isn't there at all:
// nothing of anybody's is lost then.
func (now conf) ours(rec *confRecord) bool {
	return now.absent || slices.Contains(rec.Written, digest(now.text))
}

func (c resolvConf) give(_ context.Context, rec *record, bond string, s Settings) (Outcome, error) {
	now, err := c.look()
	if err != nil {
		return Outcome{}, err
	}
	if now.whose != "" {
		return Outcome{Notes: []string{now.whose}}, nil
	}
	original, err := c.original(rec.Conf)
	if err != nil {
		return Outcome{}, err
	}
	next := confRecord{Bonds: map[string]Settings{}}
	switch old := rec.Conf; {
	case old != nil && (now.ours(old) || !old.Absent && bytes.Equal(now.text, original)):
		next = *old
	case old == nil || old.Boot != statefile.BootID():
		if original, err = c.keep(now); err != nil {
			return Outcome{}, err
		}
		next.Absent, next.Attributes = now.absent, now.Attributes
		if old != nil {
			next.Bonds = old.Bonds
		}
	default:
		return Outcome{Notes: []string{c.edited().Error()}}, nil
	}
	next.Bonds = maps.Clone(next.Bonds)
	next.Bonds[bond] = s
	left, err := c.write(rec, rec.add(bond, File), now, next, original)
	o := Outcome{Holder: File}
	if len(left) > 0 {
		o.Notes = []string{fmt.Sprintf("%s has room for %d servers, left out: %s", c.file(), maxServers, join(left))}
	}
	return o, err
}

func (c resolvConf) takeBack(_ context.Context, rec *record, bond string) error {
	if rec.Conf == nil {
		return nil
	}
	now, err := c.look()
	if err != nil {
		return err
	}
	next := *rec.Conf
	next.Bonds = maps.Clone(next.Bonds)
	delete(next.Bonds, bond)
	original, err := c.original(rec.Conf)
	if errors.Is(err, fs.ErrNotExist) {
		// It stays as it is: servers that may not answer are better than none.
		return errors.Join(fmt.Errorf("the original of %s: %w", c.file(), err), c.forget(rec, next))
	}
	if err != nil {
		return err
	}
	theirs := now.whose != "" || !now.ours(rec.Conf) && !bytes.Equal(now.text, original)
	switch {
	case theirs && rec.Conf.Boot != statefile.BootID():
		return c.forget(rec, next)
	case theirs:
		return errors.Join(c.edited(), c.forget(rec, next))
	case len(next.Bonds) > 0:
		_, err := c.write(rec, false, now, next, original)
		return err
	}
	if err := c.putBack(rec.Conf, now, original); err != nil {
		return err
	}
	if err := c.forget(rec, next); err != nil {
		return err
	}
	return statefile.Remove(c.kept())
}

// putBack makes resolv.conf what it was before bondctl.
func (c resolvConf) putBack(rec *confRecord, now conf, original []byte) error {
	switch {
	case rec.Absent:
		return statefile.Remove(c.file())
	case !now.absent && bytes.Equal(now.text, original):
		return nil
	default:
		return statefile.Write(c.file(), original, rec.Attributes)
	}
}

// forget records what is left of the bonds.
func (c resolvConf) forget(rec *record, next confRecord) error {
	rec.Conf = nil
	if len(next.Bonds) > 0 {
		rec.Conf = &next
	}
	return rec.write()
}

// edited is ErrEdited with where things are.
func (c resolvConf) edited() error {
	return fmt.Errorf("%s: %w; the original is in %s", c.file(), ErrEdited, c.kept())
}

// write writes the record, if that is new, and then resolv.conf, if they differ.
// It returns the servers that found no room.
func (c resolvConf) write(rec *record, changed bool, now conf, next confRecord, original []byte) ([]netip.Addr, error) {
	text, left := compose(next.Bonds, original, c.note(next))
	same := !now.absent && bytes.Equal(now.text, text)
	if !slices.Contains(next.Written, digest(text)) {
		next.Written = slices.DeleteFunc(slices.Clone(next.Written), func(d string) bool { return d != digest(now.text) })
		next.Written = append(next.Written, digest(text))
	}
	next.Boot = statefile.BootID()
	if changed || rec.Conf == nil || !reflect.DeepEqual(*rec.Conf, next) {
		rec.Conf = &next
		if err := rec.write(); err != nil {
			return left, err
		}
	}
	if same {
		return left, nil
	}
	return left, statefile.Write(c.file(), text, next.Attributes)
}

// note tells a reader of resolv.conf how to get the original back.
func (c resolvConf) note(rec confRecord) string {
	if rec.Absent {
		return "# There was no such file before; \"bondctl down\" removes it.\n"
	}
	return fmt.Sprintf("# The original is %q; \"bondctl down\" puts it back.\n", c.kept())
}

// kept is where the original is.
func (c resolvConf) kept() string { return filepath.Join(c.dir(), originalFile) }

// keep copies what is there now, the original from here on.
func (c resolvConf) keep(now conf) ([]byte, error) {
	if now.absent {
		return nil, statefile.Remove(c.kept())
	}
	return now.text, statefile.Write(c.kept(), now.text, now.Attributes)
}

// original reads the original; nil if there was none.
func (c resolvConf) original(rec *confRecord) ([]byte, error) {
	if rec == nil || rec.Absent {
		return nil, nil
	}
	return os.ReadFile(c.kept())
}

func digest(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text)) }
