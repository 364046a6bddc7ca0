package keeper

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/supplicant"
)

// Associate has members associate until end is called, for a bond that must have a link
// before its keeper starts. The keeper adopts the wpa_supplicants, and [Dissociate] ends them
// where there is to be none. No keeper may be at work meanwhile.
func Associate(ctx context.Context, h *bond.Host, name string, wanted []bond.Association) (end func()) {
	dir := statedir.Of(h.StateDir(), name).Supplicants()
	_ = os.Mkdir(dir, 0o700) // Run says what is wrong if that can't be done
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, a := range wanted {
		s := supplicant.Supplicant{Interface: a.Interface, Wired: a.Wired, Config: a.Config, Dir: filepath.Join(dir, a.Interface)}
		running.Go(func() { s.Run(ctx, func(supplicant.Event) {}) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// Dissociate ends the wpa_supplicants that Associate left running.
func Dissociate(ctx context.Context, h *bond.Host, name string) []error {
	return stopSupplicants(ctx, statedir.Of(h.StateDir(), name).Supplicants())
}
