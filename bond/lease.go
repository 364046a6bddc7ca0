package bond

import (
	"net/netip"
	"slices"

	"github.com/bondctl/bondctl/bond/lease"
)

// A Route leads to Destination over the bond: by Gateway or, where that is the
// zero Addr, directly.
type Route struct {
	Destination netip.Prefix `json:"destination"`
	Gateway     netip.Addr   `json:"gateway,omitzero"`
	// DHCP marks a route that was leased (RTPROT_DHCP, where others have
	// RTPROT_STATIC): somebody who lists the routes sees where it is from.
	DHCP bool `json:"dhcp,omitempty"`
}

func (r Route) String() string {
	text := "route " + r.Destination.String()
	if r.Destination.Bits() == 0 {
		text = "default route"
	}
	if r.Gateway.IsValid() {
		text += " via " + r.Gateway.String()
	}
	return text
}

// defaultRoute is the route to everywhere by a gateway.
func defaultRoute(gateway netip.Addr) Route {
	everywhere := netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	if gateway.Is4() {
		everywhere = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return Route{Destination: everywhere, Gateway: gateway}
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

// lend settles what of a lease is used.
func (w *wanted) lend(c Config, l *lease.Lease) {
	if l == nil || !c.WantsDHCP() {
		return
	}
	w.addresses = with(slices.Clone(w.addresses), l.Address)
	if valueOr(c.UseRoutes, true) {
		for _, r := range l.Routes {
			static := slices.ContainsFunc(w.routes, func(o Route) bool { return o.Destination == r.Destination })
			if !static {
				w.routes = append(w.routes, leasedRoute(r))
			}
		}
	}
	if c.UseMTU && c.MTU == 0 && l.MTU != 0 {
		w.mtu = l.MTU
	}
}

// leasedRoute is a route of a lease as the bond has it.
func leasedRoute(r lease.Route) Route {
	return Route{Destination: r.Destination, Gateway: r.Gateway, DHCP: true}
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
