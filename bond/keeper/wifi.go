package keeper

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/supplicant"
)

// Supplicants are the wpa_supplicants that a bond's keeper runs, one a member. It is
// root's to know: for others the error is fs.ErrPermission.
func Supplicants(h *bond.Host, name string) ([]supplicant.Client, error) {
	dir := statedir.Of(h.StateDir(), name).Supplicants()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []supplicant.Client
	for _, e := range entries {
		all = append(all, supplicant.Client{Interface: e.Name(), Dir: filepath.Join(dir, e.Name())})
	}
	return all, nil
}
