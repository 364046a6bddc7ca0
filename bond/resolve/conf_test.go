package resolve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const (
	original    = "nameserver 198.51.100.1\nsearch home\noptions edns0\n"
	originalToo = "# by hand\nnameserver 203.0.113.1\n"
)

var (
	settings0 = Settings{addrs("192.0.2.1"), []string{"zero.example"}}
	settings1 = Settings{addrs("192.0.2.2"), []string{"one.example"}}
)

// fixture is a machine with neither resolved nor resolvconf, whose resolv.conf has
// that text; none if it is empty.
func fixture(t *testing.T, text string) *Resolver {
	t.Helper()
	dir := t.TempDir()
	r := &Resolver{
		Dir: filepath.Join(dir, "var", "lib"), File: filepath.Join(dir, "resolv.conf"),
		Path: filepath.Join(dir, "sbin"), Bus: "unix:path=" + filepath.Join(dir, "bus"),
	}
	if text != "" {
		put(t, r.File, text)
	}
	return r
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// set is a Set that must come to that outcome, twice: the second time nothing is
// written.
func set(t *testing.T, r *Resolver, bond string, s Settings, want Outcome) {
	t.Helper()
	check := func() {
		t.Helper()
		got, err := r.Set(t.Context(), bond, s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("set %s (-want +got):\n%s", bond, diff)
		}
	}
	check()
	before := inodes(t, r)
	check()
	if diff := cmp.Diff(before, inodes(t, r)); diff != "" {
		t.Errorf("a second set wrote (-before +after):\n%s", diff)
	}
}

// inodes tell, for each file, whether it was replaced or written.
func inodes(t *testing.T, r *Resolver) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{r.File, filepath.Join(r.Dir, recordFile), filepath.Join(r.Dir, originalFile)} {
		var stat unix.Stat_t
		err := unix.Lstat(name, &stat)
		files[name] = fmt.Sprintln(err, stat.Ino, stat.Mtim, stat.Ctim)
	}
	return files
}

func clearBond(t *testing.T, r *Resolver, bond string) {
	t.Helper()
	for range 2 {
		if err := r.Clear(t.Context(), bond); err != nil {
			t.Fatal(err)
		}
	}
}

// missing is what wantText takes for no file.
const missing = "missing"

// wantText checks resolv.conf: all of it or, of bondctl's, the lines that aren't comments.
func wantText(t *testing.T, r *Resolver, want string) {
	t.Helper()
	text, err := os.ReadFile(r.File)
	got := string(text)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		got = missing
	case err != nil:
		t.Fatal(err)
	case strings.HasPrefix(got, "# Written by bondctl"):
		got = ""
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "#") {
				got += line
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resolv.conf (-want +got):\n%s", diff)
	}
}

// wantClean checks that nothing is kept any more, of what can be in a folder.
func wantClean(t *testing.T, r *Resolver) {
	t.Helper()
	for dir, want := range map[string][]string{r.Dir: {lockFile}, filepath.Dir(r.File): {"resolv.conf", "var"}} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := e.Name(); !strings.Contains(strings.Join(want, " "), name) {
				t.Errorf("%s is left in %s", name, dir)
			}
		}
	}
}

func TestFile(t *testing.T) {
	r := fixture(t, original)
	if err := os.Chmod(r.File, 0o640); err != nil {
		t.Fatal(err)
	}
	clearBond(t, r, "bond0")
	if _, err := os.Stat(r.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a Clear with nothing to do made its folder: %v", err)
	}
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	wantText(t, r, "nameserver 192.0.2.1\nsearch zero.example\noptions edns0\n")
	wantMode(t, r.File, 0o640)
	wantMode(t, filepath.Join(r.Dir, originalFile), 0o640)
	text, _ := os.ReadFile(r.File)
	if want := filepath.Join(r.Dir, originalFile); !strings.Contains(string(text), want) {
		t.Errorf("it doesn't say that the original is %s:\n%s", want, text)
	}

	set(t, r, "bond0", Settings{Servers: addrs("192.0.2.9")}, Outcome{Holder: File})
	wantText(t, r, "nameserver 192.0.2.9\nsearch home\noptions edns0\n")
	set(t, r, "bond1", settings1, Outcome{Holder: File})
	wantText(t, r, "nameserver 192.0.2.9\nnameserver 192.0.2.2\nsearch one.example\noptions edns0\n")
	clearBond(t, r, "bond0")
	wantText(t, r, "nameserver 192.0.2.2\nsearch one.example\noptions edns0\n")
	clearBond(t, r, "bond1")
	wantText(t, r, original)
	wantMode(t, r.File, 0o640)
	wantClean(t, r)
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != want {
		t.Errorf("mode of %s is %v, want %v", path, info.Mode(), want)
	}
}

func TestFileMissing(t *testing.T) {
	r := fixture(t, "")
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	wantText(t, r, "nameserver 192.0.2.1\nsearch zero.example\n")
	wantMode(t, r.File, 0o644)
	clearBond(t, r, "bond0")
	wantText(t, r, missing)
	wantClean(t, r)
}

// TestFileDeleted deletes what bondctl wrote: nobody wants it so.
func TestFileDeleted(t *testing.T) {
	r := fixture(t, original)
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	os.Remove(r.File)
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	wantText(t, r, "nameserver 192.0.2.1\nsearch zero.example\noptions edns0\n")
	os.Remove(r.File)
	clearBond(t, r, "bond0")
	wantText(t, r, original)
	wantClean(t, r)
}

func TestNoSettings(t *testing.T) {
	r := fixture(t, original)
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	set(t, r, "bond0", Settings{Domains: []string{"x"}, Servers: addrs("0.0.0.0")}, Outcome{Notes: []string{
		`"0.0.0.0" is no address of a DNS server, left out`,
	}})
	wantText(t, r, original)
	wantClean(t, r)
}

func TestTooMany(t *testing.T) {
	r := fixture(t, original)
	set(t, r, "bond0", Settings{Servers: addrs("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4")}, Outcome{
		Holder: File, Notes: []string{r.File + " has room for 3 servers, left out: 192.0.2.4"},
	})
}

// TestNotOurs has a resolv.conf that must be left alone, from the start or from
// the time that somebody makes it so.
func TestNotOurs(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(path string) error
		want string
	}{
		{"link", func(path string) error {
			target := filepath.Join(filepath.Dir(path), "run", "stub-resolv.conf")
			return errors.Join(os.Mkdir(filepath.Dir(target), 0o755), os.WriteFile(target, []byte(originalToo), 0o644),
				os.Symlink("run/stub-resolv.conf", path))
		}, `a link to "run/stub-resolv.conf"`},
		{"dangling link", func(path string) error { return os.Symlink("no\nwhere", path) }, `a link to "no\nwhere"`},
		{"pipe", func(path string) error { return unix.Mkfifo(path, 0o600) }, "no regular file"},
		{"folder", func(path string) error { return os.Mkdir(path, 0o755) }, "no regular file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := fixture(t, "")
			if err := tt.make(r.File); err != nil {
				t.Fatal(err)
			}
			alone := Outcome{Notes: []string{r.File + " is " + tt.want + ", left alone"}}
			set(t, r, "bond0", settings0, alone)
			clearBond(t, r, "bond0")
			if _, err := os.Stat(filepath.Join(r.Dir, recordFile)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("something is recorded: %v", err)
			}

			r = fixture(t, original)
			set(t, r, "bond0", settings0, Outcome{Holder: File})
			os.Remove(r.File)
			if err := tt.make(r.File); err != nil {
				t.Fatal(err)
			}
			alone.Notes[0] = r.File + " is " + tt.want + ", left alone"
			set(t, r, "bond0", settings1, alone)
			wantEdited(t, r, "bond0")
			clearBond(t, r, "bond0")
			set(t, r, "bond0", settings1, alone)
		})
	}
}

// wantEdited clears a bond, and that finds somebody else's resolv.conf.
func wantEdited(t *testing.T, r *Resolver, bond string) {
	t.Helper()
	err := r.Clear(t.Context(), bond)
	if want := filepath.Join(r.Dir, originalFile); !errors.Is(err, ErrEdited) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want that it was edited and that the original is %s", err, want)
	}
}

// edited is the outcome for a resolv.conf that somebody else wrote.
func edited(r *Resolver) Outcome {
	return Outcome{Notes: []string{fmt.Sprintf("%s: changed by somebody else, left alone; the original is in %s",
		r.File, filepath.Join(r.Dir, originalFile))}}
}

func TestEdited(t *testing.T) {
	r := fixture(t, original)
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	set(t, r, "bond1", settings1, Outcome{Holder: File})
	put(t, r.File, originalToo)
	set(t, r, "bond0", settings1, edited(r))
	wantText(t, r, originalToo)
	wantEdited(t, r, "bond0")
	clearBond(t, r, "bond0")
	wantText(t, r, originalToo)
	wantEdited(t, r, "bond1")
	wantText(t, r, originalToo)
	if text, err := os.ReadFile(filepath.Join(r.Dir, originalFile)); string(text) != original {
		t.Errorf("the original is %q, %v", text, err)
	}

	// All is forgotten, so theirs is the original from now on.
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	wantText(t, r, "nameserver 192.0.2.1\nsearch zero.example\n")
	clearBond(t, r, "bond0")
	wantText(t, r, originalToo)
	wantClean(t, r)
}

// TestEditUndone puts back by hand what was there before, or what bondctl wrote.
func TestEditUndone(t *testing.T) {
	r := fixture(t, original)
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	ours, _ := os.ReadFile(r.File)
	put(t, r.File, originalToo)
	set(t, r, "bond0", settings0, edited(r))
	put(t, r.File, original)
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	wantText(t, r, "nameserver 192.0.2.1\nsearch zero.example\noptions edns0\n")
	put(t, r.File, originalToo)
	put(t, r.File, string(ours))
	clearBond(t, r, "bond0")
	wantText(t, r, original)
	wantClean(t, r)
}

// TestCopied has NetworkManager write the servers that it found there, at which the next ones are written all the same.
// Servers that it has from elsewhere, such as a VPN's, stay.
func TestCopied(t *testing.T) {
	const generated = "# Generated by NetworkManager\n"
	for _, tt := range []struct {
		text string
		ours bool
	}{
		{generated + "nameserver 192.0.2.1\n", true},
		{generated, true},
		{generated + "nameserver 192.0.2.1\nnameserver 198.51.100.53\n", false},
		{generated + "nameserver none\n", false},
		{"nameserver 192.0.2.1\n", false},
	} {
		r := fixture(t, generated+"nameserver 192.0.2.250\n")
		set(t, r, "bond0", settings0, Outcome{Holder: File})
		put(t, r.File, tt.text)
		if !tt.ours {
			set(t, r, "bond0", settings1, edited(r))
			wantText(t, r, tt.text)
			continue
		}
		set(t, r, "bond0", settings1, Outcome{Holder: File})
		wantText(t, r, "nameserver 192.0.2.2\nsearch one.example\n")
		put(t, r.File, tt.text)
		clearBond(t, r, "bond0")
		wantText(t, r, generated+"nameserver 192.0.2.250\n")
	}
}

func TestRefused(t *testing.T) {
	r := fixture(t, original)
	if _, err := r.Set(t.Context(), "../x", settings0); err == nil {
		t.Error("../x passes for a bond")
	}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(r.Dir, recordFile), "{")
	if _, err := r.Set(t.Context(), "bond0", settings0); err == nil {
		t.Error("a record that can't be read is no error to Set")
	}
	if err := r.Clear(t.Context(), "bond0"); err == nil {
		t.Error("a record that can't be read is no error to Clear")
	}
	wantText(t, r, original)
}

// TestWaits has another process at work.
func TestWaits(t *testing.T) {
	r := fixture(t, original)
	rec, err := r.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Set(ctx, "bond0", settings0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want that it waited", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.Clear(ctx, "bond0"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want that a clear waits for what a first set will have written", err)
	}
	rec.close()
	set(t, r, "bond0", settings0, Outcome{Holder: File})
}

// TestTooLate sets a bond's servers when the keeper has ended: a Clear comes after
// that, and may be through.
func TestTooLate(t *testing.T) {
	r := fixture(t, original)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Set(ctx, "bond0", settings0); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that the context has ended", err)
	}
	wantText(t, r, original)
	wantClean(t, r)
}
