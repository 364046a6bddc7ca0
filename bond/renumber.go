package bond

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Renumber takes from the bond what IPv6 routers on another network have given
// it: the addresses that the kernel made by itself (SLAAC, RFC 4862) of other
// prefixes than those advertised now, and the routes by other routers. The
// kernel would keep them for as long as they were advertised for, often hours,
// and use them. It says in words what it took away.
func (h *Host) Renumber(ctx context.Context, name string, prefixes []netip.Prefix, routers []netip.Addr) ([]string, error) {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	link, err := h.kernel.link(name)
	if err != nil {
		return nil, err
	}
	routes, err := h.kernel.dropRoutes(link.index, routers)
	if err != nil {
		return routes, fmt.Errorf("renumber %s: %w", name, err)
	}
	addresses, err := h.kernel.dropAddresses(link.index, prefixes)
	if err != nil {
		err = fmt.Errorf("renumber %s: %w", name, err)
	}
	return append(routes, addresses...), err
}

// dropRoutes takes away the routes that other routers have advertised.
func (k *kernel) dropRoutes(index int, routers []netip.Addr) (dropped []string, err error) {
	learnt := &netlink.Route{LinkIndex: index, Protocol: unix.RTPROT_RA, Table: unix.RT_TABLE_UNSPEC}
	routes, err := retryDump(func() ([]netlink.Route, error) {
		return k.handle.RouteListFiltered(netlink.FAMILY_V6, learnt, netlink.RT_FILTER_OIF|netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
	})
	for _, r := range routes {
		gateway, byGateway := netip.AddrFromSlice(r.Gw)
		if !byGateway || slices.Contains(routers, gateway) {
			continue
		}
		if err := k.handle.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
			return dropped, fmt.Errorf("remove the route to %s via %s: %w", destination(r), gateway, err)
		}
		dropped = append(dropped, fmt.Sprintf("remove route to %s via %s", destination(r), gateway))
	}
	return dropped, err
}

// dropAddresses takes away the addresses that the kernel made of other prefixes.
func (k *kernel) dropAddresses(index int, prefixes []netip.Prefix) (dropped []string, err error) {
	filter := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: index}}
	addresses, err := retryDump(func() ([]netlink.Addr, error) { return k.handle.AddrList(filter, netlink.FAMILY_V6) })
	for _, a := range addresses {
		ip, _ := netip.AddrFromSlice(a.IP)
		ones, _ := a.Mask.Size()
		p := netip.PrefixFrom(ip, ones)
		if !isSLAAC(a) || slices.ContainsFunc(prefixes, func(o netip.Prefix) bool { return o.Contains(ip) }) {
			continue
		}
		err := k.send(unix.RTM_DELADDR, 0, addressMessage(index, p)...)
		if err = gone(err, unix.EADDRNOTAVAIL); err != nil {
			return dropped, fmt.Errorf("remove %s: %w", p, err)
		}
		dropped = append(dropped, "remove "+p.String())
	}
	return dropped, err
}

// isSLAAC says whether the kernel made an address of an advertised prefix: it
// lives for a time, and temporary ones are managed by it (rfc4941) or it is one.
func isSLAAC(a netlink.Addr) bool {
	const made = unix.IFA_F_MANAGETEMPADDR | unix.IFA_F_TEMPORARY
	return a.Scope == unix.RT_SCOPE_UNIVERSE && a.Flags&unix.IFA_F_PERMANENT == 0 && a.Flags&made != 0
}
