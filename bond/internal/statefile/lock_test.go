package statefile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("others may hold it: %v, %v", info.Mode(), err)
	}
	if _, err := TryLock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("a second one got %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Lock(over, path); !errors.Is(err, context.Canceled) || !errors.Is(err, ErrLocked) {
		t.Errorf("one who waited got %v", err)
	}
	other, err := TryLock(path + "2")
	if err != nil {
		t.Fatalf("another lock: %v", err)
	}
	other()

	unlock()
	if unlock, err = Lock(over, path); err != nil {
		t.Fatalf("after the first one ended: %v", err)
	}
	unlock()
}

func TestLockWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "lock")
		unlock, err := Lock(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		go func() {
			unlock, err := Lock(t.Context(), path)
			if err == nil {
				unlock()
			}
			got <- err
		}()
		synctest.Wait()
		unlock()
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
}

// A link in its place would have root make or open a file of somebody's choice.
func TestLockFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lock")
	if err := os.Symlink("victim", path); err != nil {
		t.Fatal(err)
	}
	if _, err := TryLock(path); err == nil {
		t.Error("a link was taken for a lock")
	}
	if _, err := os.Lstat(filepath.Join(dir, "victim")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link was followed: %v", err)
	}
}
