package bond

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// follow returns a channel that gets an item when a file of a bond may be another one.
// It is closed when ctx ends.
func (s store) follow(ctx context.Context, name string) (<-chan struct{}, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "inotify")
	// The folder is watched, for a file may not be there yet, and most are replaced by a
	// rename.
	if _, err := unix.InotifyAddWatch(fd, s.of(name).Path(), unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO|unix.IN_DELETE); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	context.AfterFunc(ctx, func() { f.Close() })
	changed := make(chan struct{}, 1)
	go func() {
		defer close(changed)
		buffer := make([]byte, 4096)
		for {
			if _, err := f.Read(buffer); err != nil {
				return
			}
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}()
	return changed, nil
}
