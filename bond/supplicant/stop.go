package supplicant

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// Stop ends the wpa_supplicant that a Run on dir started, whoever called it,
// waits for its end, and removes dir. There is no error if there is none. No
// Run on dir may be under way, or it would start another one.
//
// It has two seconds to leave its network. After those it is killed, and so it
// is when ctx ends before: ctx only bounds the farewell. One that can't be killed
// within two seconds more, being stuck in the kernel, is an error.
func Stop(ctx context.Context, dir string) error {
	found, err := ours(dir)
	if err != nil {
		return err
	}
	for _, p := range found {
		err = errors.Join(err, p.end(ctx))
		p.Close()
	}
	if err != nil {
		return err
	}
	sweep(dir, "monitor.*")
	sweep(dir, clientName+".*")
	err = statefile.Remove(filepath.Join(dir, digestFile))
	for _, name := range []string{control(dir), dir} {
		if rm := os.Remove(name); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}
	return err
}
