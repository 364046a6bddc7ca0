package bond

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/lease"
)

// everywhere is what a default route by a gateway leads to.
func everywhere(gateway netip.Addr) netip.Prefix {
	if gateway.Is4() {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
}

// WantsDHCP says whether the bond is to have an IPv4 address by DHCP: where
// that is named, and where nothing is.
func (c Config) WantsDHCP() bool {
	switch c.Method {
	case MethodDHCP:
		return true
	case MethodStatic, MethodNone:
		return false
	}
	return !slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() })
}

// useLease adds what of a lease is used.
func (w *wanted) useLease(c Config, l *lease.Lease) {
	if l == nil || !c.WantsDHCP() {
		return
	}
	w.addresses = with(slices.Clone(w.addresses), l.Address)
	if valueOr(c.UseRoutes, true) {
		for _, r := range l.Routes {
			static := slices.ContainsFunc(w.routes, func(o rtnl.Route) bool { return o.Destination == r.Destination })
			if !static {
				w.routes = append(w.routes, leasedRoute(r))
			}
		}
	}
	if c.UseMTU && c.MTU == 0 && l.MTU != 0 {
		w.mtu = l.MTU
	}
}

// leasedRoute is marked as such (RTPROT_DHCP): somebody who lists the routes sees
// where it is from. A server may name a gateway beyond the address's own network
// (RFC 3442), which is on the link all the same.
func leasedRoute(leased lease.Route) rtnl.Route {
	r := rtnl.NewRoute(leased.Destination, leased.Gateway)
	r.Protocol, r.OnLink = unix.RTPROT_DHCP, leased.Gateway.IsValid()
	return r
}

// NameServers are the DNS servers and search domains that the bond brings: the
// configuration's or, where it names none, the lease's.
func (c Config) NameServers(l *lease.Lease) (servers []netip.Addr, domains []string) {
	if l != nil && c.WantsDHCP() && valueOr(c.UseDNS, true) {
		servers, domains = l.DNS, l.Domains
	}
	if len(c.DNS) > 0 {
		servers = c.DNS
	}
	return servers, domains
}
