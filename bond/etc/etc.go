// Package etc writes the administrator's files: configurations and units.
package etc

import (
	"context"
	"path/filepath"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// Write replaces a file as a whole, and makes its folder. Everybody may read it. A
// symbolic link in its place is replaced, not followed. One process at a time writes:
// the others wait until ctx ends.
func Write(ctx context.Context, path string, text []byte) error {
	return Change(ctx, path, func() error { return statefile.Write(path, text, statefile.Attributes{Mode: 0o644}) })
}

// Change makes a file's folder, and calls what reads the file and writes it anew, one
// process at a time like [Write].
func Change(ctx context.Context, path string, do func() error) error {
	for _, dir := range []string{filepath.Dir(path), statedir.Root} {
		if err := statefile.MakeDir(dir); err != nil {
			return err
		}
	}
	unlock, err := statefile.Lock(ctx, filepath.Join(statedir.Root, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}
