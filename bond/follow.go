package bond

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// FollowHistory returns a channel that has an item after a bond's history may
// have grown. It is closed when ctx ends.
func (h *Host) FollowHistory(ctx context.Context, name string) (<-chan struct{}, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch the history of %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), "inotify")
	// The record is replaced as a whole: a rename into its folder.
	if _, err := unix.InotifyAddWatch(fd, filepath.Join(h.store.dir, name), unix.IN_MOVED_TO); err != nil {
		return nil, errors.Join(fmt.Errorf("watch the history of %s: %w", name, err), f.Close())
	}
	context.AfterFunc(ctx, func() { f.Close() })
	grown := make(chan struct{}, 1)
	go func() {
		defer close(grown)
		buffer := make([]byte, 4096)
		for {
			if _, err := f.Read(buffer); err != nil {
				return
			}
			select {
			case grown <- struct{}{}:
			default:
			}
		}
	}()
	return grown, nil
}
