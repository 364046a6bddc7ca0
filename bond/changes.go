package bond

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// Changes returns a channel that gets an item after each change in the namespace that
// may concern a bond: of links and addresses, of routes and rules that went, of IPv6 default
// routes, of what udev has done with a device, and of rfkill. Items carry nothing, and several changes may be
// one item: whoever is woken looks at everything anew. The channel is closed when ctx
// ends, or when the kernel sends no more messages.
func (h *Host) Changes(ctx context.Context) (<-chan struct{}, error) {
	routes, err := rtnl.Listen(unix.RTMGRP_LINK | 1<<(unix.RTNLGRP_IPV4_RULE-1) | 1<<(unix.RTNLGRP_IPV6_RULE-1) |
		unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE)
	if err != nil {
		return nil, err
	}
	udev, err := listenToUdev()
	if err != nil {
		return nil, errors.Join(err, routes.Close())
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
		wakeByRoutes(routes, wake, hearRFKill)
	})
	readers.Go(func() { defer end(); wakeBy(udev, wake, func([]byte) bool { return true }) })
	go func() { readers.Wait(); close(wake) }()
	return wake, nil
}

// udevGroup is the multicast group of NETLINK_KOBJECT_UEVENT on which udevd says that
// it has initialised a device (systemd, sd-device/device-monitor.c). Of a device that
// it doesn't rename there is no other sign.
const udevGroup = 2

// listenToUdev opens a socket that gets what udevd sends.
func listenToUdev() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("listen to udev: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: udevGroup}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen to udev: %w", err)
	}
	return os.NewFile(uintptr(fd), "udev"), nil
}

// wakeByRoutes puts an item into wake after each change that counts, until the watch
// is closed. Where the change may be a new link it calls linked first.
func wakeByRoutes(watch *rtnl.Watch, wake chan<- struct{}, linked func()) {
	for {
		messages, err := watch.Next()
		lost := errors.Is(err, rtnl.ErrLost)
		if err != nil && !lost {
			return
		}
		if lost || slices.ContainsFunc(messages, func(m rtnl.Message) bool { return m.Type == unix.RTM_NEWLINK }) {
			linked()
		}
		if lost || slices.ContainsFunc(messages, counts) {
			put(wake)
		}
	}
}

// counts says whether a change may concern a bond. A new route doesn't: a router
// learns thousands, and none of them takes anything from a bond. But with its IPv6
// default route a bond may be able to do without IPv4. Nor does a new rule.
func counts(m rtnl.Message) bool {
	return m.Type != unix.RTM_NEWROUTE && m.Type != unix.RTM_NEWRULE || m.DefaultRoute6()
}

func put(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// wakeBy puts an item into wake after each message that counts, until the file is
// closed. For messages that were lost (ENOBUFS) counts gets an empty one.
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
		put(wake)
	}
}
