package bond

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// Renumber takes from the bond what IPv6 routers on another network have given
// it: the addresses that the kernel made by itself (SLAAC, RFC 4862) and the
// routes. The kernel would keep them for as long as they were advertised for,
// often hours, and use them. It returns the steps that it took.
//
// had are the addresses that [Status.SLAAC] had when the routers were last known;
// prefixes and routers are what those on the path of now advertise. As long as
// one of the addresses is among them it is the same network: a router that is
// missing may only be slow, and goes only what came in between, from a network
// that the bond was on for a moment. Link-local addresses tell nothing: many
// routers are fe80::1.
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
	done, err := h.kernel.apply(ctx, s.foreign(had, prefixes, routers), how.OnStep)
	if err != nil {
		err = fmt.Errorf("take from %s what another network gave it: %w", name, err)
	}
	return done, err
}

// slaac are the bond's addresses of advertised prefixes: they live for a time, and
// temporary ones (RFC 8981) are derived from them, or they are those.
func (s *State) slaac() []rtnl.Addr {
	const derived = unix.IFA_F_MANAGETEMPADDR | unix.IFA_F_TEMPORARY
	bond, _ := s.link(s.Name)
	return slices.DeleteFunc(s.addrsOf(bond.Index), func(a rtnl.Addr) bool {
		return !a.Prefix.Addr().Is6() || a.Scope != unix.RT_SCOPE_UNIVERSE || a.Flags&unix.IFA_F_PERMANENT != 0 || a.Flags&derived == 0
	})
}

// foreign plans to remove what isn't of the network which these prefixes are
// advertised on: the addresses, and the routes of other routers.
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
