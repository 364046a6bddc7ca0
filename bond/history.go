package bond

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// History is what a bond's keepers saw since it was made, the oldest first and
// the latest 256 events at most.
func (h *Host) History(name string) ([]Event, error) {
	return statedir.HistoryOf[Event](h.store.of(name)).Read()
}

// FollowHistory returns a channel that gets an item when a bond's history may have
// grown. It is closed when ctx ends.
func (h *Host) FollowHistory(ctx context.Context, name string) (<-chan struct{}, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch the history of %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), "inotify")
	// The folder is watched, for the history may not be there yet, and is now and then
	// replaced by a rename.
	if _, err := unix.InotifyAddWatch(fd, h.store.of(name).Path(), unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO); err != nil {
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
