package known

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/etc"
	"github.com/bondctl/bondctl/bond/internal/statefile"
	"github.com/bondctl/bondctl/bond/keyfile"
)

// managerDirs have NetworkManager's profiles. One that is in two of them counts in the
// first.
var managerDirs = []string{
	"/etc/NetworkManager/system-connections", "/run/NetworkManager/system-connections", "/usr/lib/NetworkManager/system-connections",
}

// iwdDir has iwd's profiles.
const iwdDir = "/var/lib/iwd"

// Find returns the networks that NetworkManager and iwd know of an interface, those of
// higher priority first, and the profiles that can't be carried over. It needs root, for
// nobody else may read them.
func Find(of Interface) ([]Network, []Missing, error) { return find("/", of) }

// find is [Find] below another root.
func find(root string, of Interface) ([]Network, []Missing, error) {
	f := finder{root: root, of: of, seen: map[string]bool{}}
	for _, dir := range managerDirs {
		if err := f.look(dir, f.manager); err != nil {
			return nil, nil, err
		}
	}
	if err := f.look(iwdDir, f.iwd); err != nil {
		return nil, nil, err
	}
	slices.SortStableFunc(f.networks, func(a, b Network) int { return b.Priority - a.Priority })
	return f.networks, f.missing, nil
}

// finder is what was found so far.
type finder struct {
	root     string
	of       Interface
	seen     map[string]bool // by UUID
	networks []Network
	missing  []Missing
}

// look reads a folder's files; none if there is no such folder.
func (f *finder) look(dir string, read func(file string, text []byte) (name string, err error)) error {
	entries, err := os.ReadDir(filepath.Join(f.root, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for known Wi-Fi networks: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() || noProfile(e.Name()) {
			continue
		}
		file := filepath.Join(dir, e.Name())
		name := e.Name()
		text, err := readSecret(filepath.Join(f.root, file))
		if err == nil {
			name, err = read(file, text)
		}
		if err != nil && !errors.Is(err, errNotWiFi) && !errors.Is(err, errOther) {
			f.missing = append(f.missing, Missing{Name: name, Source: file, Reason: err.Error()})
		}
	}
	return nil
}

// noProfile says whether a file isn't read by those whose folder it is in: hidden ones,
// an editor's, and what NetworkManager notes of a profile beside it.
func noProfile(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ".nmmeta")
}

func (f *finder) manager(file string, text []byte) (name string, err error) {
	p, err := NetworkManager(bytes.NewReader(text), f.of, filepath.Dir(file))
	if p.UUID != "" && f.seen[p.UUID] {
		return p.ID, errOther
	}
	f.seen[p.UUID] = true
	if err == nil {
		err = f.add(file, p.Network)
	}
	if p.ID == "" {
		p.ID = filepath.Base(file)
	}
	return p.ID, err
}

func (f *finder) iwd(file string, text []byte) (name string, err error) {
	list, err := IWD(filepath.Base(file), bytes.NewReader(text))
	name = filepath.Base(file)
	for _, n := range list {
		name = string(n.SSID)
		if err == nil {
			err = f.add(file, n)
		}
	}
	return name, err
}

func (f *finder) add(file string, n Network) error {
	if err := n.Check(); err != nil {
		return err
	}
	n.Source = file
	f.networks = append(f.networks, n)
	return nil
}

// readSecret reads a file that root alone may have written.
func readSecret(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, unfit("it is a symbolic link")
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	owner, _ := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return nil, unfit("it isn't a regular file")
	case owner == nil || owner.Uid != 0 && int(owner.Uid) != os.Geteuid():
		return nil, unfit("it isn't root's")
	case info.Mode().Perm()&0o022 != 0:
		return nil, unfit("others than root may write to it")
	}
	text, err := io.ReadAll(io.LimitReader(file, keyfile.Largest+1))
	if err == nil && len(text) > keyfile.Largest {
		err = keyfile.ErrTooLarge
	}
	return text, err
}

// Write adds networks to a wpa_supplicant.conf(5), or makes it, for root's eyes only (see
// [Merge]). One process at a time writes: the others wait until ctx ends.
func Write(ctx context.Context, path string, networks []Network) error {
	return etc.Change(ctx, path, func() error { return write(path, networks) })
}

func write(path string, networks []Network) error {
	old, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	text, err := Merge(old, networks)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if bytes.Equal(text, old) {
		return os.Chmod(path, 0o600)
	}
	return statefile.Write(path, text, statefile.Attributes{Mode: 0o600})
}
