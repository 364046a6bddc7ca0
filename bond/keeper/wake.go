package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// errLost says that the kernel's messages can't be had any more.
var errLost = errors.New("the kernel's messages were lost for good")

// waker waits for whatever calls for another look.
type waker struct {
	changes, devices, reload, wake <-chan struct{}
	last                           time.Time // when the last wait ended
}

// wait blocks until there is something to look at, or until retry is over
// unless that is 0. It returns whether the configuration is to be read again.
func (w *waker) wait(ctx context.Context, retry time.Duration) (reload bool, err error) {
	var again <-chan time.Time
	if retry > 0 {
		timer := time.NewTimer(retry)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-ctx.Done():
		return false, nil
	case _, open := <-w.changes:
		if !open && ctx.Err() == nil {
			return false, errLost
		}
	case <-w.devices:
	case <-w.wake:
	case <-w.reload:
		reload = true
	case <-again:
	}
	w.pace(ctx)
	return reload, nil
}

// pace lets the first event of a burst through at once, and then no more than
// one look in the time that a burst takes.
func (w *waker) pace(ctx context.Context) {
	if rest := settle - time.Since(w.last); rest > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(rest):
		}
	}
	w.last = time.Now()
}

// udevMessages is the multicast group of NETLINK_KOBJECT_UEVENT on which udevd
// says that it has done with a device (systemd, sd-device/device-monitor.c).
// A device that needn't be renamed says so in no other way.
const udevMessages = 2

// watchDevices returns a channel that has an item after udevd said anything.
// The messages aren't read: anyone may look at /run/udev instead.
func watchDevices(ctx context.Context) (<-chan struct{}, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("listen to udev: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: udevMessages}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen to udev: %w", err)
	}
	f := os.NewFile(uintptr(fd), "uevent")
	context.AfterFunc(ctx, func() { f.Close() })
	wake := make(chan struct{}, 1)
	go func() {
		buffer := make([]byte, 1)
		for {
			// A datagram is taken as a whole, however little of it fits. Lost
			// ones (ENOBUFS) are a reason to look, too.
			if _, err := f.Read(buffer); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return
			}
			select {
			case wake <- struct{}{}:
			default:
			}
		}
	}()
	return wake, nil
}
