package manager

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// writtenBy is what a file says of itself.
func writtenBy(bond string) string {
	return "Written by bondctl for " + bond + "; bondctl down removes it."
}

// writeFile writes a file for a manager, which anybody may read.
func writeFile(path, text string) error {
	if err := statefile.MakeDir(filepath.Dir(path)); err != nil {
		return err
	}
	return statefile.Write(path, []byte(text), statefile.Attributes{Mode: 0o644})
}

// removeFiles removes those of the files that are there.
func removeFiles(paths ...string) error {
	var errs []error
	for _, path := range paths {
		errs = append(errs, statefile.Remove(path))
	}
	return errors.Join(errs...)
}

// lockTime is how long another bond's handover may take to write a file.
const lockTime = 10 * time.Second

// lockShared takes the lock for files that those of several bonds share.
func lockShared() (unlock func(), err error) {
	dir := filepath.Join(root, statedir.Root)
	if err := statefile.MakeDir(dir); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockTime)
	defer cancel()
	return statefile.Lock(ctx, filepath.Join(dir, "lock"))
}
