package bond

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// Inherited is what a bond took over from its members, and so what is wanted of it
// beside its configuration. [Host.Reconcile] fills it in.
type Inherited struct{ inheritance }

// inheritance is the contents of an [Inherited]. Nothing in it has a link: it is the
// bond's, whatever ifindex that has.
type inheritance struct {
	// Lasting is kept for as long as it is wanted.
	Lasting carried `json:"lasting"`
	// Passing ends by itself: what another DHCP client was lent, until the bond has a
	// lease of its own, and what IPv6 routers advertised, which they do again.
	Passing carried `json:"passing"`
}

// carried is what a link carries that somebody would miss.
type carried struct {
	Addresses  []rtnl.Addr      `json:"addresses,omitempty"`
	Routes     []rtnl.Route     `json:"routes,omitempty"`
	Rules      []rtnl.Rule      `json:"rules,omitempty"` // that name the link
	Neighbours []rtnl.Neighbour `json:"neighbours,omitempty"`
	Sysctls    []sysctl         `json:"sysctls,omitempty"` // with another value than a new link has
	MTU        int              `json:"mtu,omitempty"`     // where it isn't the usual one
}

func (c carried) empty() bool {
	return len(c.Addresses)+len(c.Routes)+len(c.Rules)+len(c.Neighbours)+len(c.Sysctls)+c.MTU == 0
}

// orNil is nil for an inheritance of nothing.
func (i *Inherited) orNil() *Inherited {
	if i == nil || i.Lasting.empty() && i.Passing.empty() {
		return nil
	}
	return i
}

// clone copies an inheritance; that of nil is the empty one.
func (i *Inherited) clone() *Inherited {
	if i == nil {
		return &Inherited{}
	}
	return &Inherited{inheritance{i.Lasting.filter(all, all), i.Passing.filter(all, all)}}
}

func all(netip.Addr) bool { return true }

// filter is what is carried, with only those addresses for which addresses says so, and
// those routes for whose destination routes does.
func (c carried) filter(addresses, routes func(netip.Addr) bool) carried {
	c.Addresses = slices.DeleteFunc(slices.Clone(c.Addresses), func(a rtnl.Addr) bool { return !addresses(a.Prefix.Addr()) })
	c.Routes = slices.DeleteFunc(slices.Clone(c.Routes), func(r rtnl.Route) bool { return !routes(r.Destination.Addr()) })
	c.Rules, c.Neighbours, c.Sysctls = slices.Clone(c.Rules), slices.Clone(c.Neighbours), slices.Clone(c.Sysctls)
	return c
}

// own is what is carried without the routes that have paths over other links, for those
// have other ifindexes after a boot.
func (c carried) own() carried {
	c.Routes = filter(c.Routes, func(r rtnl.Route) bool { return !slices.ContainsFunc(r.Links(), func(l int) bool { return l != 0 }) })
	return c
}

// has4 says whether there is an IPv4 address among what was inherited for good.
func (i *Inherited) has4() bool {
	return i != nil && slices.ContainsFunc(i.Lasting.Addresses, func(a rtnl.Addr) bool { return a.Prefix.Addr().Is4() })
}

// within is what a configuration leaves of the inheritance: what it names itself, such as
// addresses or a gateway, goes before. own says that the bond has a lease of its own.
func (i *Inherited) within(c Config, own bool) *Inherited {
	if i == nil {
		return nil
	}
	out := *i.clone()
	not4 := func(a netip.Addr) bool { return !a.Is4() }
	if c.refuses4() {
		out.Lasting, out.Passing = out.Lasting.filter(not4, not4), out.Passing.filter(not4, not4)
	}
	if c.Method == MethodDHCP { // until there is a lease
		until := out.Lasting.filter(netip.Addr.Is4, netip.Addr.Is4)
		out.Passing = out.Passing.with(carried{Addresses: until.Addresses, Routes: until.Routes})
		out.Lasting = out.Lasting.filter(not4, not4)
	}
	if own {
		out.Passing = out.Passing.filter(not4, not4)
	}
	out.leaveIPv6(c.Method6)
	named := func(r rtnl.Route) bool {
		return r.Destination.Bits() == 0 && r.Table == unix.RT_TABLE_MAIN &&
			slices.ContainsFunc(c.Gateways, func(g netip.Addr) bool { return g.Is4() == r.Is4() }) ||
			slices.ContainsFunc(c.Routes, func(o Route) bool { return o.To == r.Destination && o.table() == r.Table })
	}
	for _, part := range []*carried{&out.Lasting, &out.Passing} {
		part.Routes = slices.DeleteFunc(part.Routes, named)
		part.Addresses = slices.DeleteFunc(part.Addresses, func(a rtnl.Addr) bool { return slices.Contains(c.Addresses, a.Prefix) })
		part.Rules = slices.DeleteFunc(part.Rules, func(r rtnl.Rule) bool { return slices.ContainsFunc(c.rules(false), r.Serves) })
	}
	return out.orNil()
}

// leaveIPv6 takes out the IPv6 that a method leaves no room for. The methods static and
// none take out addresses, routes, accept_ra and disable_ipv6, and the method none takes
// out rules, too. Other methods take out nothing.
func (i *Inherited) leaveIPv6(method string) {
	own := settings6(method)
	if own == nil {
		return
	}
	is4 := func(a netip.Addr) bool { return a.Is4() }
	i.Lasting, i.Passing = i.Lasting.filter(is4, is4), i.Passing.filter(is4, is4)
	i.Lasting.Sysctls = slices.DeleteFunc(i.Lasting.Sysctls, func(c sysctl) bool {
		return c.Family == "ipv6" && (c.Key == acceptRA || c.Key == disableIPv6)
	})
	if method == MethodNone {
		i.Lasting.Rules = slices.DeleteFunc(i.Lasting.Rules, func(r rtnl.Rule) bool { return r.Family == unix.AF_INET6 })
	}
}

// refuses4 says whether a configuration leaves no room for IPv4 that isn't its own.
func (c Config) refuses4() bool {
	named := slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() })
	return named || c.Method == MethodStatic || c.Method == MethodNone
}

// mtu is the MTU that was inherited; 0 for the usual one.
func (i *Inherited) mtu() int {
	if i == nil {
		return 0
	}
	return i.Lasting.MTU
}

// without is the inheritance without what goes back to a link that leaves.
func (i *Inherited) without(gone Image) *Inherited {
	if i == nil {
		return nil
	}
	out := i.clone()
	for _, part := range []*carried{&out.Lasting, &out.Passing} {
		part.Addresses = slices.DeleteFunc(part.Addresses, func(a rtnl.Addr) bool {
			return slices.ContainsFunc(gone.Addresses, func(b rtnl.Addr) bool { return a.Prefix == b.Prefix })
		})
		part.Routes = slices.DeleteFunc(part.Routes, func(r rtnl.Route) bool {
			return slices.ContainsFunc(gone.Routes, func(o rtnl.Route) bool { return unlinked(o).Like(r) })
		})
		part.Rules = slices.DeleteFunc(part.Rules, func(r rtnl.Rule) bool {
			return slices.ContainsFunc(gone.Rules, func(o rtnl.Rule) bool { return o.Priority == r.Priority && o.Table == r.Table })
		})
	}
	return out.orNil()
}

// unlinked is a route as it is without its link. Its paths keep theirs.
func unlinked(r rtnl.Route) rtnl.Route { return r.Whole().By(0) }

// carries is what a link carries. What the kernel makes by itself doesn't count, but
// for temporary addresses (RFC 8981), from which connections go out.
func (s *State) carries(link Link) (c carried) {
	for _, a := range s.addrsOf(link.Index) {
		if a.Flags&unix.IFA_F_TEMPORARY != 0 || !a.ByKernel(net.HardwareAddr(link.MAC)) {
			c.Addresses = append(c.Addresses, a)
		}
	}
	for _, r := range s.routes {
		if r.Over(link.Index) {
			c.Routes = append(c.Routes, r)
		}
	}
	for _, r := range s.rules {
		if names(r, link.Name) {
			c.Rules = append(c.Rules, r)
		}
	}
	for _, n := range s.neighs {
		if n.Link == link.Index && n.Permanent() {
			c.Neighbours = append(c.Neighbours, n)
		}
	}
	return c
}

// onto is what a link carries as the bond is to carry it. The routes of IPv6 routers
// get the metric behindRA.
func (c carried) onto(bond string, link Link, behindRA uint32) (lasting, passing carried) {
	lent := leased(c)
	for _, a := range c.Addresses {
		to := &lasting
		if a.Flags&unix.IFA_F_DADFAILED != 0 {
			continue // it is somebody else's
		}
		if a.Prefix.Addr().Is6() && a.Scope == unix.RT_SCOPE_LINK && a.Flags&unix.IFA_F_NOPREFIXROUTE != 0 {
			continue // NetworkManager's in place of the kernel's, and the kernel makes the bond's
		}
		if a.Valid != rtnl.Forever || a.ByRouter() {
			to = &passing
		}
		to.Addresses = append(to.Addresses, a.On(0).Labelled(link.Name, bond))
	}
	for _, r := range c.Routes {
		moved := r.Whole().On(link.Index, 0)
		switch {
		case r.Protocol == unix.RTPROT_KERNEL && r.Destination.Addr().IsLinkLocalUnicast() && !r.Is4():
			// NetworkManager has one in the kernel's name, and the kernel makes the bond's.
		case r.Protocol == unix.RTPROT_RA && r.Gateway.IsValid():
			// The kernel can't go on with a copy of its own route, and gives up on the
			// router's advertisement where it finds one. So this one stands behind it.
			passing.Routes = append(passing.Routes, moved.WithMetric(behindRA))
		case r.Expires != rtnl.Forever || r.Protocol == unix.RTPROT_RA || lent(r):
			passing.Routes = append(passing.Routes, moved)
		default:
			lasting.Routes = append(lasting.Routes, moved)
		}
	}
	for _, r := range c.Rules {
		lasting.Rules = append(lasting.Rules, r.Renamed(link.Name, bond))
	}
	for _, n := range c.Neighbours {
		lasting.Neighbours = append(lasting.Neighbours, n.On(0))
	}
	return lasting, passing
}

// ending is what a link carries. An address that is lent, but has no lifetime in the
// kernel, gets what is left of its lease.
func (c carried) ending(lent map[netip.Prefix]time.Duration) carried {
	c.Addresses = slices.Clone(c.Addresses)
	for i := range c.Addresses {
		a := &c.Addresses[i]
		if left, ok := lent[a.Prefix]; ok && a.Valid == rtnl.Forever {
			a.Valid = rtnl.Lifetime(left / time.Second)
			a.Preferred = a.Valid
		}
	}
	return c
}

// leased says which routes came with an address that a DHCP client was lent: those that
// say so (RTPROT_DHCP) and, where no other IPv4 address is there, the default routes.
func leased(c carried) func(rtnl.Route) bool {
	lent, lasts := false, false
	for _, a := range c.Addresses {
		if a.Prefix.Addr().Is4() {
			lent, lasts = lent || a.Valid != rtnl.Forever, lasts || a.Valid == rtnl.Forever
		}
	}
	return func(r rtnl.Route) bool {
		return r.Protocol == unix.RTPROT_DHCP || r.Is4() && lent && !lasts && r.Table == unix.RT_TABLE_MAIN
	}
}

// with adds what another member brings along. Where two routes differ in their metric
// alone the lower one is kept.
func (c carried) with(more carried) carried {
	for _, a := range more.Addresses {
		if !slices.ContainsFunc(c.Addresses, func(b rtnl.Addr) bool { return a.Prefix == b.Prefix }) {
			c.Addresses = append(c.Addresses, a)
		}
	}
	for _, r := range more.Routes {
		i := slices.IndexFunc(c.Routes, func(o rtnl.Route) bool { return sameWay(o, r) })
		switch {
		case i < 0:
			c.Routes = append(c.Routes, r)
		case r.Metric < c.Routes[i].Metric:
			c.Routes[i] = r
		}
	}
	for _, r := range more.Rules {
		if !slices.ContainsFunc(c.Rules, r.Like) {
			c.Rules = append(c.Rules, r)
		}
	}
	for _, n := range more.Neighbours {
		if !slices.ContainsFunc(c.Neighbours, func(o rtnl.Neighbour) bool { return o.Addr == n.Addr && o.Proxy == n.Proxy }) {
			c.Neighbours = append(c.Neighbours, n)
		}
	}
	for _, k := range more.Sysctls {
		if !slices.ContainsFunc(c.Sysctls, func(o sysctl) bool { return o.Family == k.Family && o.Key == k.Key }) {
			c.Sysctls = append(c.Sysctls, k)
		}
	}
	return c
}

// sameWay says whether two routes over the bond lead the same way, whatever their
// metrics and sources are.
func sameWay(a, b rtnl.Route) bool {
	return a.Destination == b.Destination && a.Table == b.Table && a.TOS == b.TOS && a.Type == b.Type &&
		a.Gateway == b.Gateway && a.Paths == b.Paths
}

// autoconfigured says whether IPv6 routers have a part in what a link carries.
func (c carried) autoconfigured() bool {
	return slices.ContainsFunc(c.Routes, func(r rtnl.Route) bool { return r.Protocol == unix.RTPROT_RA }) ||
		slices.ContainsFunc(c.Addresses, func(a rtnl.Addr) bool { return a.Prefix.Addr().Is6() && a.Valid != rtnl.Forever })
}
