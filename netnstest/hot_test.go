package netnstest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHotLayer: what is asked for comes with the links in its path and what they lead to.
func TestHotLayer(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "usr", "lib"), 0o755),
		os.WriteFile(filepath.Join(dir, "usr", "lib", "a.so.1.2"), []byte("text"), 0o644),
		os.Symlink("usr/lib", filepath.Join(dir, "lib")),
		os.Symlink("a.so.1.2", filepath.Join(dir, "usr", "lib", "a.so.1")),
		os.Symlink(filepath.Join(dir, "lib", "a.so.1"), filepath.Join(dir, "absolute")),
		os.Symlink("loop", filepath.Join(dir, "loop")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"lib/a.so.1", "absolute"} {
		h := hotLayer{archive: new(cpio), have: map[string]bool{"/": true}}
		real, err := h.add(filepath.Join(dir, name))
		if want := filepath.Join(dir, "usr", "lib", "a.so.1.2"); real != want || err != nil {
			t.Errorf("%s is %q, error %v, want %s", name, real, err, want)
		}
		var got []string
		for file := range h.have {
			if file, ok := strings.CutPrefix(file, dir+"/"); ok && file != "absolute" {
				got = append(got, file)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"lib", "usr", "usr/lib", "usr/lib/a.so.1", "usr/lib/a.so.1.2"}, got); diff != "" {
			t.Errorf("layer for %s (-want +got):\n%s", name, diff)
		}
		if n := strings.Count(string(h.archive.bytes()), "text"); n != 1 {
			t.Errorf("layer for %s has the file %d times, want once", name, n)
		}
	}
	h := hotLayer{archive: new(cpio), have: map[string]bool{"/": true}}
	if _, err := h.add(filepath.Join(dir, "loop")); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("a loop: error %v, want %v", err, syscall.ELOOP)
	}
}
