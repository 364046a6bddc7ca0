package statefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Attributes are what a file has besides its text. Only root can give a file to
// somebody: for others UID and GID mean nothing.
type Attributes struct {
	Mode fs.FileMode `json:"mode"` // whatever the umask is
	UID  int         `json:"uid"`
	GID  int         `json:"gid"`
}

// Write replaces a file as a whole, on the disk too before it returns. A link in
// its place is replaced, not followed. One that is mounted there can't be
// replaced (EBUSY). The folder must exist; see [MakeDir].
//
// Those who write to one file hold a lock meanwhile: they would use the same
// temporary file. Its name is always the same so that a crash leaves one at most.
func Write(path string, text []byte, a Attributes) error {
	temporary := temporary(path)
	if err := remove(temporary); err != nil {
		return err // left by a crash
	}
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	_, err = f.Write(text)
	// In this order: changing the mode of another user's file takes CAP_FOWNER.
	err = errors.Join(err, f.Chmod(a.Mode))
	if os.Geteuid() == 0 {
		err = errors.Join(err, f.Chown(a.UID, a.GID))
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// WriteJSON is [Write] for a value. If this is root, the file is root's.
func WriteJSON(path string, v any, mode fs.FileMode) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return Write(path, append(text, '\n'), Attributes{Mode: mode})
}

// ReadJSON reads what [WriteJSON] wrote. If there is no such file, it leaves the
// value as it is, and that is no error.
func ReadJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// Remove removes a file, and what a crash left of a [Write] to it. It is no error
// if there is none. Like Write it needs the lock.
func Remove(path string) error {
	if err := errors.Join(remove(temporary(path)), remove(path)); err != nil {
		return err
	}
	err := syncDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Exists says whether there is anything for [Remove] to remove.
func Exists(path string) bool {
	return slices.ContainsFunc([]string{path, temporary(path)}, func(path string) bool {
		_, err := os.Lstat(path)
		return err == nil
	})
}

// MakeDir makes a folder, and those in which it is, where they don't exist.
// Everybody may look into them (0755), whatever the umask is.
func MakeDir(path string) error {
	err := os.Mkdir(path, 0o755)
	if errors.Is(err, fs.ErrNotExist) {
		if err := MakeDir(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o755)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}

// temporary is the file that becomes the one at path.
func temporary(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".bondctl")
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncDir has the names in a folder written to the disk.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
