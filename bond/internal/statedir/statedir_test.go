package statedir

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestReadAndForget(t *testing.T) {
	d := Of(t.TempDir(), "bond0")
	value := 1
	if err := d.Read(Public, &value); err != nil || value != 1 || d.Keeps() {
		t.Fatalf("nothing is there, and yet: %d, %v", value, err)
	}
	if err := errors.Join(d.Write(Public, 2), d.Write(Journal, 3), d.WriteKeeper(Keeper{}), HistoryOf[int](d).Append(4)); err != nil {
		t.Fatal(err)
	}
	if err := d.Read(Public, &value); err != nil || value != 2 || !d.Keeps() {
		t.Errorf("got %d, %v", value, err)
	}
	if err := d.Forget(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(d.Path()); len(left) > 0 || d.Keeps() {
		t.Errorf("it is forgotten, and yet there is %v", left)
	}
}

// Whatever a crash leaves is something to forget.
func TestKeeps(t *testing.T) {
	for _, left := range []string{"journal.json", ".journal.json.bondctl", "public.json", "keeper.json", ".keeper.json.bondctl", "history.jsonl"} {
		d := Of(t.TempDir(), "")
		file := filepath.Join(d.Path(), left)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if !d.Keeps() {
			t.Errorf("%s isn't kept", left)
		}
		if err := d.Forget(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(file); err == nil || d.Keeps() {
			t.Errorf("%s isn't forgotten", left)
		}
	}
}

// What status shows is for everybody, the rest for root alone.
func TestModes(t *testing.T) {
	d := Of(filepath.Join(t.TempDir(), "1"), "bond0")
	unlock, err := d.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	err = errors.Join(d.Write(Public, 1), d.Write(Journal, 1), d.WriteKeeper(Keeper{}), d.Remember(Remembered{}), HistoryOf[int](d).Append(1))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{
		"..": 0o755, ".": 0o755, "public.json": 0o644, "keeper.json": 0o644, "history.jsonl": 0o644,
		"journal.json": 0o600, "lease.json": 0o600, "lock": 0o600,
	} {
		info, err := os.Stat(filepath.Join(d.Path(), path))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}
