package sysfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// FS is a mounted sysfs. The zero FS is the one at /sys. It holds no resources
// and may be copied and used from several goroutines.
type FS struct {
	root string
}

// New returns the sysfs mounted at root, such as "/sys". A path through an open
// directory, such as "/proc/self/fd/7", will do too. Nothing is opened yet.
func New(root string) FS {
	return FS{root: root}
}

// Root returns where the sysfs is mounted, as given to [New].
func (f FS) Root() string {
	return f.root
}

// Devices returns the names of all network devices, sorted: the directories of
// class/net.
func (f FS) Devices() ([]string, error) {
	entries, err := os.ReadDir(f.path())
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}

	names := make([]string, 0, len(entries))
	for _, e := range entries {
		// Every device is a link to its directory below devices/. What is a
		// plain file belongs to the class: bonding_masters.
		if !e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}

	return names, nil
}

// Bonds returns the names of all bonds in the kernel's order, the oldest first:
// class/net/bonding_masters. It returns nil without an error when there is no
// such file, because the bonding module isn't loaded.
func (f FS) Bonds() ([]string, error) {
	d, err := openDir(f.path())
	if err != nil {
		return nil, fmt.Errorf("list bonds: %w", &fs.PathError{Op: "open", Path: f.path(), Err: err})
	}
	defer d.close()

	b, err := d.read("bonding_masters")
	switch {
	case absent(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("list bonds: %w", &fs.PathError{Op: "read", Path: f.path("bonding_masters"), Err: err})
	}

	names, err := parseNames(b)
	if errors.Is(err, errTruncated) {
		names, err = f.bondsByDirectory()
	}
	if err != nil {
		return nil, fmt.Errorf("list bonds: %w", err)
	}

	return names, nil
}

// bondsByDirectory finds the bonds by their bonding directories, for a
// bonding_masters that has more names than fit into its page.
func (f FS) bondsByDirectory() ([]string, error) {
	devices, err := f.Devices()
	if err != nil {
		return nil, err
	}

	var bonds []string
	for _, name := range devices {
		if exists(f.path(name, "bonding")) {
			bonds = append(bonds, name)
		}
	}

	return bonds, nil
}

// lowers returns the names of the devices below the named one, sorted, by the
// lower_NAME links of its directory.
func (f FS) lowers(name string) ([]string, error) {
	entries, err := os.ReadDir(f.path(name))
	if err != nil {
		return nil, err
	}

	var lowers []string
	for _, e := range entries {
		if lower, ok := strings.CutPrefix(e.Name(), "lower_"); ok {
			lowers = append(lowers, lower)
		}
	}

	return lowers, nil
}

// path returns the path of class/net, or of something below it.
func (f FS) path(elem ...string) string {
	root := f.root
	if root == "" {
		root = "/sys"
	}

	return filepath.Join(append([]string{root, "class/net"}, elem...)...)
}

// open opens a directory of the named device: the device's own with no sub. A
// directory that isn't there, or not complete yet, is fs.ErrNotExist.
func (f FS) open(name, sub string) (*dir, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}

	d, err := openDevice(f.path(name), sub)
	if absent(err) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: f.path(name, sub), Err: err}
	}

	return d, nil
}
