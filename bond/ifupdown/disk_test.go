package ifupdown

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A source line with a * leaves out what an editor or a package manager has hidden.
func TestGlob(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", ".b"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string][]string{"*": {"a"}, ".*": {".b"}, "a": {"a"}, ".b": {".b"}, "c*": nil} {
		found, err := OnDisk().Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, path := range found {
			got = append(got, filepath.Base(path))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", pattern, diff)
		}
	}
}
