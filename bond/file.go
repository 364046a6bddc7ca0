package bond

import (
	"context"
	"path/filepath"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// WriteFile replaces a file of the administrator's as a whole, such as a
// configuration that [FormatTOML] gives, and makes its folder. Everybody may read
// it. A link in its place is replaced, not followed. It waits for other callers
// until ctx ends.
func WriteFile(ctx context.Context, path string, text []byte) error {
	for _, dir := range []string{filepath.Dir(path), DefaultStateDir} {
		if err := statefile.MakeDir(dir); err != nil {
			return err
		}
	}
	unlock, err := statefile.Lock(ctx, filepath.Join(DefaultStateDir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	return statefile.Write(path, text, statefile.Attributes{Mode: 0o644})
}
