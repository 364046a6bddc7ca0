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
// it: the addresses that the kernel made by itself (SLAAC, RFC 4862) and the
// routes. The kernel would keep them for as long as they were advertised for,
// often hours, and use them. It says in words what it took away.
//
// had are the addresses that [Host.SLAAC] told when the routers were last known;
// prefixes and routers are what those on the path of now advertise. As long as
// one of the addresses is among them it is the same network: a router that is
// missing may only be slow, and goes only what came in between, from a network
// that the bond was on for a moment. Link-local addresses tell nothing: many
// routers are fe80::1.
func (h *Host) Renumber(ctx context.Context, name string, had, prefixes []netip.Prefix, routers []netip.Addr) ([]string, error) {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	link, err := h.kernel.link(name)
	if err != nil {
		return nil, err
	}
	has, err := h.SLAAC(name)
	if err != nil {
		return nil, err
	}
	foreign := foreignAddresses(had, has, prefixes)
	if len(foreign) == 0 {
		return nil, nil
	}
	dropped, err := h.kernel.dropRoutes(link.index, routers)
	for _, p := range foreign {
		if err != nil {
			break
		}
		err = gone(h.kernel.send(unix.RTM_DELADDR, 0, addressMessage(link.index, p)...), unix.EADDRNOTAVAIL)
		dropped = append(dropped, "remove "+p.String())
	}
	if err != nil {
		err = fmt.Errorf("take from %s what another network gave it: %w", name, err)
	}
	return dropped, err
}

// foreignAddresses are those of a bond that aren't of the network which these
// prefixes are advertised on.
func foreignAddresses(had, has, prefixes []netip.Prefix) []netip.Prefix {
	same := slices.ContainsFunc(had, func(p netip.Prefix) bool { return within(p.Addr(), prefixes) })
	return slices.DeleteFunc(slices.Clone(has), func(p netip.Prefix) bool {
		return len(had) == 0 || within(p.Addr(), prefixes) || same && slices.Contains(had, p)
	})
}

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
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

// SLAAC lists the addresses of a bond that the kernel made of advertised
// prefixes: they live for a time, and temporary ones (RFC 8981) are derived
// from them, or they are those.
func (h *Host) SLAAC(name string) (made []netip.Prefix, err error) {
	link, err := h.kernel.link(name)
	if err != nil {
		return nil, err
	}
	filter := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: link.index}}
	list, err := retryDump(func() ([]netlink.Addr, error) { return h.handle.AddrList(filter, netlink.FAMILY_V6) })
	if err != nil {
		return nil, fmt.Errorf("list the addresses of %s: %w", name, err)
	}
	for _, a := range list {
		const derived = unix.IFA_F_MANAGETEMPADDR | unix.IFA_F_TEMPORARY
		if a.Scope != unix.RT_SCOPE_UNIVERSE || a.Flags&unix.IFA_F_PERMANENT != 0 || a.Flags&derived == 0 {
			continue
		}
		ip, _ := netip.AddrFromSlice(a.IP)
		ones, _ := a.Mask.Size()
		made = append(made, netip.PrefixFrom(ip, ones))
	}
	return made, nil
}
