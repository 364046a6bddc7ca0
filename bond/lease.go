package bond

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/lease"
)

// everywhere is the destination of a default route over a gateway.
func everywhere(gateway netip.Addr) netip.Prefix {
	if gateway.Is4() {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
}

// WantsDHCP says whether the bond is to have an IPv4 address by DHCP: the method is
// dhcp, or it is auto and no IPv4 address is named, nor inherited other than as a leased one.
func (c Config) WantsDHCP() bool {
	switch c.Method {
	case MethodDHCP:
		return true
	case MethodStatic, MethodNone:
		return false
	}
	return !c.Inherited.has4() && !slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() })
}

// useLease adds what the configuration uses of a lease.
func (w *wanted) useLease(c Config, l *lease.Lease) {
	if l == nil || !c.WantsDHCP() {
		return
	}
	w.addresses = with(slices.Clone(w.addresses), l.Address)
	if valueOr(c.UseRoutes, true) {
		for _, r := range l.Routes {
			static := slices.ContainsFunc(w.routes, func(o rtnl.Route) bool { return o.Destination == r.Destination && o.Table == unix.RT_TABLE_MAIN })
			if !static {
				w.routes = append(w.routes, c.withMetric(leasedRoute(r)))
			}
		}
	}
	if c.UseMTU && c.MTU == 0 && l.MTU != 0 {
		w.mtu = l.MTU
	}
}

// gatewayRoute is the default route by a gateway.
func (c Config) gatewayRoute(gateway netip.Addr) rtnl.Route {
	return c.withMetric(rtnl.NewRoute(everywhere(gateway), gateway))
}

// withMetric gives a route the metric of its family.
func (c Config) withMetric(r rtnl.Route) rtnl.Route {
	metric := c.Metric6
	if r.Is4() {
		metric = c.Metric4
	}
	r.Metric = valueOr(metric, defaultMetric)
	return r
}

// leasedRoute is a lease's route, marked as such (RTPROT_DHCP). Its gateway may be
// outside the address's network (RFC 3442), and is on the link all the same.
func leasedRoute(leased lease.Route) rtnl.Route {
	r := rtnl.NewRoute(leased.Destination, leased.Gateway)
	r.Protocol, r.OnLink = unix.RTPROT_DHCP, leased.Gateway.IsValid()
	return r
}

// OwnAddresses are the bond's addresses that are wanted: those that are named, taken over,
// or leased. What IPv6 routers give it isn't among them.
func (c Config) OwnAddresses(l *lease.Lease) (list []netip.Addr) {
	for _, p := range slices.Concat(c.Addresses, c.Inherited.prefixes()) {
		list = append(list, p.Addr())
	}
	if l != nil && c.WantsDHCP() {
		list = append(list, l.Address.Addr())
	}
	for _, m := range c.Members { // under the strategy routes
		for _, p := range slices.Concat(m.IPv4.Addresses, m.IPv6.Addresses) {
			list = append(list, p.Addr())
		}
	}
	return list
}

// EndsConnections says whether the connections over an address that is gone are to end.
func (c Config) EndsConnections() bool { return valueOr(c.EndConnections, true) }

// NameServers are the bond's DNS servers and search domains: the configuration's or,
// where it names none, the lease's.
func (c Config) NameServers(l *lease.Lease) (servers []netip.Addr, domains []string) {
	if l != nil && c.WantsDHCP() && valueOr(c.UseDNS, true) {
		servers, domains = l.DNS, l.Domains
	}
	if len(c.DNS) > 0 {
		servers = c.DNS
	}
	if len(c.Search) > 0 {
		domains = c.Search
	}
	return servers, domains
}
