package bond

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Changes returns a channel that has an item after anything changed in the
// namespace that a bond depends on: links, addresses, routes that went, and
// what udev has done with a device. Items carry nothing and run together:
// whoever is woken looks at everything anew. It is closed when ctx ends, or
// when the kernel's messages can't be had any more.
func (h *Host) Changes(ctx context.Context) (<-chan struct{}, error) {
	routes, err := listen(unix.NETLINK_ROUTE, unix.RTMGRP_LINK|
		unix.RTMGRP_IPV4_IFADDR|unix.RTMGRP_IPV6_IFADDR|unix.RTMGRP_IPV4_ROUTE|unix.RTMGRP_IPV6_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("listen to the kernel's changes: %w", err)
	}
	udev, err := listen(unix.NETLINK_KOBJECT_UEVENT, udevGroup)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen to udev: %w", err), routes.Close())
	}
	context.AfterFunc(ctx, func() { routes.Close(); udev.Close() })
	wake := make(chan struct{}, 1)
	var readers sync.WaitGroup
	readers.Go(func() { wakeBy(routes, wake, isChange); udev.Close() })
	readers.Go(func() { wakeBy(udev, wake, func([]byte) bool { return true }); routes.Close() })
	go func() { readers.Wait(); close(wake) }()
	return wake, nil
}

// udevGroup is the multicast group of NETLINK_KOBJECT_UEVENT on which udevd
// says that it has done with a device (systemd, sd-device/device-monitor.c). A
// device that needn't be renamed says so in no other way.
const udevGroup = 2

// listen opens a netlink socket that gets what is sent to multicast groups.
func listen(family int, groups uint32) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, family)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}

// wakeBy puts an item into wake after each message that counts, and after
// messages were lost (ENOBUFS), until the socket is closed.
func wakeBy(socket *os.File, wake chan<- struct{}, counts func([]byte) bool) {
	message := make([]byte, 1<<16)
	for {
		n, err := socket.Read(message)
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
		if err == nil && !counts(message[:n]) {
			continue
		}
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// isChange says whether a message of NETLINK_ROUTE is one to look after. New
// routes aren't: a router learns thousands, and none of them takes anything
// from a bond.
func isChange(message []byte) bool {
	return len(message) < unix.SizeofNlMsghdr || binary.NativeEndian.Uint16(message[4:]) != unix.RTM_NEWROUTE
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
		case _, open := <-changes:
			if !open && ctx.Err() == nil {
				return "", fmt.Errorf("wait for an active slave of %s: the kernel's messages can't be had", name)
			}
		}
	}
}
