package bond

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
)

// Changes returns a channel that has an item after anything about the
// namespace's links or addresses changed. Items carry nothing and run
// together: whoever is woken looks at everything anew. It is closed when ctx
// ends, or when the kernel's messages were lost for good.
func (h *Host) Changes(ctx context.Context) (<-chan struct{}, error) {
	w := watcher{wake: make(chan struct{}, 1)}
	if err := w.subscribe(ctx); err != nil {
		return nil, err
	}
	return w.wake, nil
}

// watcher turns netlink's notifications into wake-ups.
type watcher struct{ wake chan struct{} }

// eventBuffer holds the messages of a burst, such as a hub with many devices.
const eventBuffer = 1 << 20

// subscribe listens, and listens again when the subscription ends, as it does
// on any receive error: messages were lost then, so whoever waits is woken.
func (w watcher) subscribe(ctx context.Context) error {
	links := make(chan netlink.LinkUpdate)
	addresses := make(chan netlink.AddrUpdate)
	err := errors.Join(
		netlink.LinkSubscribeWithOptions(links, ctx.Done(), netlink.LinkSubscribeOptions{ReceiveBufferSize: eventBuffer}),
		netlink.AddrSubscribeWithOptions(addresses, ctx.Done(), netlink.AddrSubscribeOptions{ReceiveBufferSize: eventBuffer}),
	)
	if err != nil {
		return fmt.Errorf("subscribe to link changes: %w", err)
	}
	go func() {
		open := true
		for open {
			select {
			case _, open = <-links:
			case _, open = <-addresses:
			}
			w.signal()
		}
		if ctx.Err() != nil || w.subscribe(ctx) != nil {
			close(w.wake)
		}
	}()
	return nil
}

func (w watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// ErrNoActive says that a bond had no active slave in the time given.
var ErrNoActive = errors.New("no active slave yet")

// WaitActive waits until the bond has an active slave, and returns it. It
// follows the kernel's events. The error is ErrNoActive when the time is over.
func (h *Host) WaitActive(ctx context.Context, name string, limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var changes <-chan struct{}
	for {
		b, err := h.sysfs.Bond(name)
		if err != nil {
			return "", err
		}
		if b.ActiveSlave != "" {
			return b.ActiveSlave, nil
		}
		// Most bonds have one at once; only who must wait subscribes, and
		// looks once more then.
		if changes == nil {
			if changes, err = h.Changes(ctx); err != nil {
				return "", err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%s: %w", name, ErrNoActive)
		case <-changes:
		}
	}
}
