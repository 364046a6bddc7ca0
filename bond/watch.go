package bond

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Changes returns a channel that has an item after anything changed in the
// namespace that a bond depends on: links, addresses, routes that went, what
// udev has done with a device, and whether rfkill blocks Wi-Fi. Items carry
// nothing and run together: whoever is woken looks at everything anew. It is
// closed when ctx ends, or when the kernel's messages can't be had any more.
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
	wake := make(chan struct{}, 1)
	var rfkill rfkillListener
	var readers sync.WaitGroup
	hearRFKill := func() {
		rfkill.open(func(f *os.File) { readers.Go(func() { wakeBy(f, wake, isBlocking) }) })
	}
	end := func() { routes.Close(); udev.Close(); rfkill.close() }
	hearRFKill() // before the caller's first look, as the rest
	context.AfterFunc(ctx, end)
	readers.Go(func() {
		defer end()
		wakeBy(routes, wake, func(message []byte) bool {
			if isLink(message) {
				hearRFKill() // before the look that this message calls for
			}
			return isChange(message)
		})
	})
	readers.Go(func() { defer end(); wakeBy(udev, wake, func([]byte) bool { return true }) })
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

// wakeBy puts an item into wake after each message that counts, until the file
// is closed. Messages that were lost (ENOBUFS) are an empty one.
func wakeBy(file *os.File, wake chan<- struct{}, counts func([]byte) bool) {
	message := make([]byte, 1<<16)
	for {
		n, err := file.Read(message)
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
		if !counts(message[:n]) {
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
func isChange(message []byte) bool { return messageType(message) != unix.RTM_NEWROUTE }

// isLink says whether a message of NETLINK_ROUTE may be of a new link.
func isLink(message []byte) bool {
	t := messageType(message)
	return t == unix.RTM_NEWLINK || t == 0
}

// messageType is the type of a netlink message; 0 for messages that were lost.
func messageType(message []byte) uint16 {
	if len(message) < unix.SizeofNlMsghdr {
		return 0
	}
	return binary.NativeEndian.Uint16(message[4:])
}

// ErrNoActive says that a bond had no active slave in the time given.
var ErrNoActive = errors.New("no active slave yet")

// WaitActive waits until the bond has an active slave. It follows the kernel's
// events. The error is ErrNoActive when the time is over.
func (h *Host) WaitActive(ctx context.Context, name string, limit time.Duration) error {
	return h.wait(ctx, name, limit, ErrNoActive, func() (bool, error) {
		b, err := h.sysfs.Bond(name)
		return b.ActiveSlave != "", err
	})
}

// ErrNoAddress says that a bond had no IPv4 address in the time given.
var ErrNoAddress = errors.New("no address yet")

// WaitAddress is [Host.WaitActive] for an IPv4 address, which its keeper gives
// it. The error is ErrNoAddress when the time is over.
func (h *Host) WaitAddress(ctx context.Context, name string, limit time.Duration) error {
	return h.wait(ctx, name, limit, ErrNoAddress, func() (bool, error) {
		st, err := h.Brief(name)
		return slices.ContainsFunc(st.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() }), err
	})
}

// wait waits until something is so of a bond.
func (h *Host) wait(ctx context.Context, name string, limit time.Duration, over error, isSo func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var changes <-chan struct{}
	for {
		if so, err := isSo(); so || err != nil {
			return err
		}
		// Most often it is so at once; only who must wait subscribes, and looks
		// once more then.
		if changes == nil {
			var err error
			if changes, err = h.Changes(ctx); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", name, over)
		case _, open := <-changes:
			if !open && ctx.Err() == nil {
				return fmt.Errorf("wait for %s: the kernel's messages can't be had", name)
			}
		}
	}
}
