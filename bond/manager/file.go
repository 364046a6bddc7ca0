package manager

import (
	"errors"
	"path/filepath"

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
