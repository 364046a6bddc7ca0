package statefile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrite(t *testing.T) {
	tests := map[string]func(path string) error{
		"nothing there":             func(string) error { return nil },
		"another file":              func(path string) error { return os.WriteFile(path, []byte("a longer old text"), 0o666) },
		"left by a crash":           func(path string) error { return os.WriteFile(temporary(path), []byte("half"), 0o400) },
		"a link to none":            func(path string) error { return os.Symlink("none", path) },
		"a link":                    func(path string) error { return os.Symlink("victim", path) },
		"a link in a crash's place": func(path string) error { return os.Symlink("victim", temporary(path)) },
	}
	for name, before := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, victim := filepath.Join(dir, "file"), filepath.Join(dir, "victim")
			if err := errors.Join(os.WriteFile(victim, []byte("precious"), 0o600), before(path)); err != nil {
				t.Fatal(err)
			}
			if err := Write(path, []byte("new"), Attributes{Mode: 0o640, UID: os.Getuid(), GID: os.Getgid()}); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"file": "-rw-r----- new", "victim": "-rw------- precious"}
			if diff := cmp.Diff(want, files(t, dir)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// files has the mode and the text of each file in a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(filepath.Join(dir, e.Name()))
		found[e.Name()] = info.Mode().String() + " " + string(text)
	}
	return found
}

// What can't be written leaves the old file, and nothing beside it.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.MkdirAll(filepath.Join(path, "within"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new"), Attributes{Mode: 0o600, UID: os.Getuid(), GID: os.Getgid()}); err == nil {
		t.Error("a folder was replaced")
	}
	if err := WriteJSON(filepath.Join(dir, "json"), func() {}, 0o600); err == nil {
		t.Error("a function was written")
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("there is more than before: %v", got)
	}
	if err := Write(filepath.Join(dir, "none", "file"), nil, Attributes{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in no folder: %v", err)
	}
}

// An owner is root's to give, and a umask is nobody's to heed.
func TestWriteAttributes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	defer syscall.Umask(syscall.Umask(0o777))
	want := Attributes{Mode: 0o604, UID: os.Getuid(), GID: os.Getgid()}
	if os.Getuid() == 0 {
		want.UID, want.GID = 65534, 65533
	}
	if err := Write(path, nil, want); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	got := Attributes{Mode: info.Mode(), UID: int(stat.Uid), GID: int(stat.Gid)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	got := map[string]int{"old": 1}
	if err := ReadJSON(path, &got); err != nil || len(got) != 1 {
		t.Errorf("no file was read as %v, %v", got, err)
	}
	if err := WriteJSON(path, map[string]int{"new": 2}, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "{\n  \"new\": 2\n}\n" {
		t.Errorf("the file is %q", text)
	}
	if err := ReadJSON(path, &got); err != nil || got["new"] != 2 {
		t.Errorf("it was read as %v, %v", got, err)
	}
	// A damaged file is said by name, and never taken for none.
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ReadJSON(path, &got); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("half a file: %v", err)
	}
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, left := range [][]string{{path}, {temporary(path)}, {path, temporary(path)}, {}} {
		for _, file := range left {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := Exists(path), len(left) > 0; got != want {
			t.Errorf("%q: there is something to remove: %t", left, got)
		}
		if err := Remove(path); err != nil {
			t.Errorf("%q: %v", left, err)
		}
		if got := files(t, dir); len(got) > 0 {
			t.Errorf("%q: %v is left", left, got)
		}
	}
	if err := Remove(filepath.Join(dir, "none", "file")); err != nil {
		t.Errorf("in no folder: %v", err)
	}
}

func TestMakeDir(t *testing.T) {
	dir := t.TempDir()
	defer syscall.Umask(syscall.Umask(0o077))
	for _, path := range []string{"a/b/c", "a/b/c", "a", "a/d"} {
		if err := MakeDir(filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
		for ; path != "."; path = filepath.Dir(path) {
			info, err := os.Stat(filepath.Join(dir, path))
			if err != nil || info.Mode() != os.ModeDir|0o755 {
				t.Errorf("%s: %v, %v", path, info.Mode(), err)
			}
		}
	}
	private := filepath.Join(dir, "private")
	if err := errors.Join(os.Mkdir(private, 0o700), MakeDir(private)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("a folder that there was is another: %v, %v", info.Mode(), err)
	}
}
