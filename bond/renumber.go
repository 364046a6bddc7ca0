package bond

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// Renumber removes from the bond what IPv6 routers on another network have given it:
// the addresses that the kernel made of their prefixes (SLAAC, RFC 4862), and their
// routes. The kernel would go on to use them for as long as they were advertised for,
// often hours. It returns the steps that it took. It is for a keeper.
//
// had is the [Status.SLAAC] of when the routers were last known. prefixes and routers
// are those that routers on the present path advertise. If an address of had is in one
// of the prefixes, it is still the same network. Then a router that is missing may
// only be slow, so that all of had stays, and only what was added since by another
// network is removed. Link-local addresses tell nothing: many routers are fe80::1.
func (h *Host) Renumber(ctx context.Context, name string, had, prefixes []netip.Prefix, routers []netip.Addr, how How) ([]Step, error) {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := h.observe(name, nil)
	if err != nil {
		return nil, err
	}
	done, err := h.kernel.apply(ctx, s.foreign(had, prefixes, routers), how)
	if err != nil {
		err = fmt.Errorf("take from %s what another network gave it: %w", name, err)
	}
	return done, err
}

// AddressesRemoved are the addresses that steps took off the bond.
func AddressesRemoved(steps []Step) (list []netip.Addr) {
	for _, step := range steps {
		if del, is := step.(delAddress); is {
			list = append(list, del.Address.Prefix.Addr())
		}
	}
	return list
}

// slaac are the bond's addresses that the kernel made of advertised prefixes. They
// end, and they are temporary ones (RFC 8981) or those of which temporary ones are
// made.
func (s *State) slaac() []rtnl.Addr {
	const derived = unix.IFA_F_MANAGETEMPADDR | unix.IFA_F_TEMPORARY
	bond, _ := s.link(s.Name)
	return slices.DeleteFunc(s.addrsOf(bond.Index), func(a rtnl.Addr) bool {
		return !a.Prefix.Addr().Is6() || a.Scope != unix.RT_SCOPE_UNIVERSE || a.Flags&unix.IFA_F_PERMANENT != 0 || a.Flags&derived == 0
	})
}

// foreign plans to remove what isn't of the network with these prefixes: the
// addresses, and the routes of other routers.
func (s *State) foreign(had, prefixes []netip.Prefix, routers []netip.Addr) (steps []Step) {
	if len(had) == 0 {
		return nil
	}
	bond, _ := s.link(s.Name)
	same := slices.ContainsFunc(had, func(p netip.Prefix) bool { return within(p.Addr(), prefixes) })
	for _, a := range s.slaac() {
		if !within(a.Prefix.Addr(), prefixes) && !(same && slices.Contains(had, a.Prefix)) {
			steps = append(steps, delAddress{s.Name, a})
		}
	}
	if steps == nil {
		return nil
	}
	var routes []Step
	for _, r := range s.routes {
		if r.Link == bond.Index && r.Protocol == unix.RTPROT_RA && r.Gateway.IsValid() && !slices.Contains(routers, r.Gateway) {
			routes = append(routes, delRoute{s.Name, r})
		}
	}
	return append(routes, steps...)
}

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}
