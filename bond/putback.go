package bond

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// putBack gives the bond back the addresses and routes that it had and that
// nobody took away: with an address the kernel drops those of the same network
// that came after it (without promote_secondaries), and with the last one of a
// family every route. dropped are the steps that took something away.
func (k *kernel) putBack(was State, dropped []Step) error {
	if was.Bond == nil || len(was.Bond.Addresses)+len(was.Bond.routes) == 0 {
		return nil
	}
	link, err := k.link(was.Name)
	if err != nil {
		return nil // it is gone, and all with it
	}
	var failed []error
	for _, a := range was.Bond.Addresses {
		if slices.Contains(dropped, Step(DelAddress{was.Name, a})) {
			continue
		}
		err := k.send(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, addressMessage(link.index, a)...)
		if err = gone(err, unix.EEXIST); err != nil {
			failed = append(failed, fmt.Errorf("put back %s: %w", a, err))
		}
	}
	for _, r := range was.Bond.routes {
		if lost(r, dropped) {
			continue
		}
		if err := k.handle.RouteAdd(&r); err != nil && !errors.Is(err, unix.EEXIST) {
			failed = append(failed, fmt.Errorf("put back the route to %s: %w", destination(r), err))
		}
	}
	return errors.Join(failed...)
}

// lost says whether a route was meant to go: it is one that a step removes, or
// bound to an address that one removes.
func lost(r netlink.Route, dropped []Step) bool {
	return slices.ContainsFunc(dropped, func(step Step) bool {
		switch s := step.(type) {
		case DelRoute:
			route, ok := routeOf(r)
			return ok && route == s.Route
		case DelAddress:
			return r.Src.Equal(net.IP(s.Address.Addr().AsSlice()))
		}
		return false
	})
}

func destination(r netlink.Route) string {
	if r.Dst == nil {
		return "default"
	}
	if ones, _ := r.Dst.Mask.Size(); ones == 0 {
		return "default"
	}
	return r.Dst.String()
}
