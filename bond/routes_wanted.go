package bond

import (
	"cmp"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// Under the strategy routes each member has a table and rules of its own, so that what comes from one of its
// addresses goes out over it, and a default route in main by order of preference.
const (
	// RouteProtocol is the protocol number (RTPROT_*, FRA_PROTOCOL) of bondctl's routes and rules under the
	// strategy routes. No one else's is known to be the same (iproute2's etc/iproute2/rt_protos).
	RouteProtocol = 98

	// firstTable and a link's ifindex are the number of its table.
	firstTable = 31000
	// memberMetric is the metric of the first member; each further one has one more.
	memberMetric = 100
	// standInMetric is added to that of a route which stands in for a router's.
	standInMetric = 2 * heldBackMetric
	// heldBackMetric is added to the metrics of a member that is held back: whoever isn't goes before it, and
	// where there is nobody else it serves still.
	heldBackMetric = 20000
)

// The priorities of a member's rules. They come after a VPN's that was set up later, whose tool takes a priority
// below all that there are, and before main.
const (
	// To a network of the member itself, over it. Where it has no carrier the look-up goes on.
	ruleConnected = 30000 + iota
	// By main, but not by its default routes: the networks of VPNs and containers are reached as by everybody.
	ruleSpecific
	// By the member's own table, that is by its default route.
	ruleDefault
	// By main with its default routes, where the member's own has no carrier: by another member of its network. Without
	// this a full tunnel, whose rules come next, would take what goes around it while the member is well.
	ruleOthers
)

// A routesMember is a member, and what it is to have.
type routesMember struct {
	wantedMember
	rank   int // its place in the order of preference, the primary first
	metric uint32
	held   bool
	nets   []routesNet
}

// A routesNet is what a member has of one family.
type routesNet struct {
	family    int
	named     []netip.Prefix // the addresses that it is to be given
	addresses []netip.Prefix // all that it has by then, of global scope
	gateway   netip.Addr
	byRouter  bool        // the gateway is known by its advertisements, and the kernel makes its route in main
	standsIn  bool        // until the kernel does, one of ours is there
	dhcp      bool        // the address is to be leased
	lease     memberLease // what is lent; without a Lease nothing
	metric    uint32
	table     uint32
}

// routesMembers are the members with what they are to have, in order of preference. Those that aren't there or can't
// be used have nothing.
func (s *State) routesMembers(c Config) (list []routesMember) {
	for i, r := range s.ranked(c) {
		r.rank = i
		if r.link.Name != "" {
			r.pending = s.barred(r.link)
		}
		if r.pending == "" {
			chosen := s.chosen(r.link)
			r.held = !chosen && s.isHeldBack(r)
			for _, family := range families {
				if n, _ := r.network(family); n.Method != MethodNone && !(family == unix.AF_INET6 && s.no6) {
					net := s.routesNet(r, family, *n)
					if chosen {
						net.metric = c.leastMetric() - 1
					}
					r.nets = append(r.nets, net)
				}
			}
		}
		list = append(list, r)
	}
	return list
}

// routesNet is what a member is to have of a family.
func (s *State) routesNet(m routesMember, family int, n MemberNetwork) routesNet {
	r := routesNet{family: family, named: n.Addresses, metric: valueOr(m.namedMetric(family), m.metric), table: n.Table}
	if m.held {
		r.metric += heldBackMetric
	}
	if r.table == 0 {
		r.table = firstTable + uint32(m.link.Index)
	}
	var others []netip.Prefix // which somebody else has given it
	for _, a := range s.addrsOf(m.link.Index) {
		ours := slices.Contains(s.added().Addresses, addedAddress{m.link.Name, a.Prefix})
		lent := s.lentTo(m.link)
		leased := lent.Lease != nil && lent.Address == a.Prefix
		if r.owns(a) && !ours && !leased && !slices.Contains(n.Addresses, a.Prefix) {
			others = append(others, a.Prefix)
		}
	}
	r.lend(m.link, s, n.Method, len(others) > 0)
	r.addresses = slices.Concat(r.named, others)
	switch {
	case n.Gateway.IsValid():
		r.gateway = n.Gateway
	case r.lease.Lease != nil:
		r.gateway = r.lease.Gateway()
	case len(r.addresses) > 0:
		r.gatewayOver(m.link.Index, s)
	}
	return r
}

// lend finds out whether an address is to be leased, and takes the one that is.
func (n *routesNet) lend(link Link, s *State, method string, others bool) {
	auto := (method == "" || method == MethodAuto) && len(n.named) == 0 && !others
	if n.dhcp = n.family == unix.AF_INET && (method == MethodDHCP || auto); !n.dhcp {
		return
	}
	if l := s.lentTo(link); l.Lease != nil {
		n.lease = l
		n.named = append(slices.Clone(n.named), l.Address)
	}
}

// lentTo is what DHCP has lent a member; without a Lease nothing. What was lent over another link by that name, since
// unplugged, isn't for this one: its keeper finds out first where it leads.
func (s *State) lentTo(l Link) memberLease {
	lent := s.leases[l.Name]
	if lent.ifindex != 0 && lent.ifindex != l.Index {
		return memberLease{}
	}
	return lent
}

// leases says whether the member is to be leased an address, once what a DHCP client was lent is the member's own.
func (m routesMember) leases() bool {
	n := m.IPv4
	return n.Method == MethodDHCP || (n.Method == "" || n.Method == MethodAuto) && n.Addresses == nil
}

// owns says whether an address is one of the family that others may send to.
func (n routesNet) owns(a rtnl.Addr) bool {
	const unusable = unix.IFA_F_TEMPORARY | unix.IFA_F_DADFAILED
	return a.Prefix.Addr().Is4() == (n.family == unix.AF_INET) && isGlobal(a) && a.Flags&unusable == 0
}

// gatewayOver finds the gateway of a link's default route of others, be it by a router's advertisement, or else that of
// the one whose place ours took.
func (n *routesNet) gatewayOver(link int, s *State) {
	var best rtnl.Route
	for _, r := range s.routes {
		r = over(r, link)
		if r.Link != link || !n.isDefault(r) || !r.Gateway.IsValid() || r.Table != unix.RT_TABLE_MAIN || r.Type != unix.RTN_UNICAST {
			continue
		}
		if rankOf := gatewayRank(r); best.Link == 0 || rankOf < gatewayRank(best) || rankOf == gatewayRank(best) && r.Metric < best.Metric {
			best = r
		}
	}
	n.standsIn = best.Protocol == RouteProtocol && best.Expires != rtnl.Forever
	n.byRouter = isAdvertised(best) || n.standsIn
	switch {
	case best.Link != 0 && (best.Protocol != RouteProtocol || best.Is4() || n.standsIn):
		n.gateway = best.Gateway
	case s.Before != nil: // the kernel may have removed ours with the link's carrier or state
		n.gateway = s.Before.gatewayOver(link, *n)
	}
}

// standIn is what stands in for a router's default route while the kernel doesn't have it with the metric that it is told.
func (n routesNet) standIn(r rtnl.Route) rtnl.Route {
	in := rtnl.NewRoute(r.Destination, r.Gateway)
	in.Protocol, in.Link, in.Metric, in.Expires = RouteProtocol, r.Link, standInMetric+n.metric%heldBackMetric, r.Expires
	return in
}

// gatewayRank is by whom a default route is that says which gateway to use: somebody else's says it anew.
func gatewayRank(r rtnl.Route) int {
	switch {
	case r.Protocol == RouteProtocol:
		return 2
	case isAdvertised(r):
		return 1
	}
	return 0
}

// isAdvertised says whether a route is one that the kernel made of a router's advertisement: it ends unless the router
// says it anew. NetworkManager's are of the same protocol, and last.
func isAdvertised(r rtnl.Route) bool {
	return r.Protocol == unix.RTPROT_RA && r.Expires != rtnl.Forever
}

// gatewayOver is that of a link's default route as it was.
func (i *Image) gatewayOver(link int, n routesNet) netip.Addr {
	for _, r := range i.Routes {
		if r = over(r, link); r.Link == link && n.isDefault(r) && r.Table == unix.RT_TABLE_MAIN && r.Gateway.IsValid() && !isAdvertised(r) {
			return r.Gateway
		}
	}
	return netip.Addr{}
}

// over is a route, or that of its several paths which leads over a link.
func over(r rtnl.Route, link int) rtnl.Route {
	if r.Paths == "" || !r.Over(link) {
		return r
	}
	return r.Leg(link)
}

// isOurs says whether a default route over the member is that which bondctl makes.
func (n routesNet) isOurs(r rtnl.Route) bool {
	return r.Protocol == RouteProtocol || !r.Is4() && r.Gateway == n.gateway && r.Metric == n.metric
}

// isDefault says whether a route is a default route of the family.
func (n routesNet) isDefault(r rtnl.Route) bool {
	return r.Destination.Bits() == 0 && r.Is4() == (n.family == unix.AF_INET)
}

// reaches says whether a gateway is in a network of the member.
func (n routesNet) reaches(gateway netip.Addr) bool {
	return slices.ContainsFunc(n.addresses, func(p netip.Prefix) bool { return p.Contains(gateway) })
}

// source is the address from which what goes by the gateway comes: one of the gateway's network, or else the first.
func (n routesNet) source() netip.Addr {
	for _, p := range n.addresses {
		if p.Contains(n.gateway) {
			return p.Addr()
		}
	}
	if len(n.addresses) == 0 {
		return netip.Addr{}
	}
	return n.addresses[0].Addr()
}

// routes are those that the member is to have, of its own table first. The kernel makes those to its networks in main,
// with the metrics of its addresses.
func (n routesNet) routes(link int) (list []rtnl.Route) {
	add := func(to netip.Prefix, gateway, source netip.Addr, table, metric uint32) {
		r := rtnl.NewRoute(to, gateway)
		r.Protocol, r.Link, r.Table, r.Source = RouteProtocol, link, table, source
		r.OnLink = gateway.IsValid() && !gateway.IsLinkLocalUnicast() && !n.reaches(gateway)
		r.Metric = metric
		if !r.Is4() {
			// The kernel takes no source that isn't found free yet, and prefers the outgoing link's by itself
			// (RFC 6724 rule 5).
			r.Source, r.Metric = netip.Addr{}, cmp.Or(metric, rtnl.DefaultMetric6)
		}
		list = with(list, r)
	}
	for _, p := range n.addresses {
		if p.Bits() < p.Addr().BitLen() {
			add(p.Masked(), netip.Addr{}, p.Addr(), n.table, 0)
		}
	}
	if n.gateway.IsValid() && len(n.addresses) > 0 {
		all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if n.family == unix.AF_INET6 {
			all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		add(all, n.gateway, n.source(), n.table, 0)
		switch {
		case n.standsIn:
			add(all, n.gateway, n.source(), unix.RT_TABLE_MAIN, standInMetric+n.metric%heldBackMetric)
		case !n.byRouter: // or the kernel has it, with the metric that it is told
			add(all, n.gateway, n.source(), unix.RT_TABLE_MAIN, n.metric)
		}
	}
	if n.lease.Lease == nil {
		return list
	}
	for _, r := range n.lease.Routes { // of those without a gateway some lead to the next gateway
		if r.Destination.Bits() > 0 {
			add(r.Destination, r.Gateway, n.lease.Address.Addr(), n.table, 0)
			add(r.Destination, r.Gateway, n.lease.Address.Addr(), unix.RT_TABLE_MAIN, n.metric)
		}
	}
	return list
}

// rules are those by which what comes from the member's addresses goes out over it. By own the member itself is used,
// and by others those of its network where it isn't.
func (n routesNet) rules(own, others bool) (list []rtnl.Rule) {
	for _, p := range n.addresses {
		from := netip.PrefixFrom(p.Addr(), p.Addr().BitLen())
		add := func(priority, table uint32, to netip.Prefix, suppress bool) {
			r := rtnl.NewRule(uint8(n.family), priority, table)
			r.From, r.To, r.SuppressDefault, r.Protocol = from, to, suppress, RouteProtocol
			list = with(list, r)
		}
		if own && p.Bits() < p.Addr().BitLen() {
			add(ruleConnected, n.table, p.Masked(), false)
		}
		add(ruleSpecific, unix.RT_TABLE_MAIN, netip.Prefix{}, true)
		if own {
			add(ruleDefault, n.table, netip.Prefix{}, false)
		}
		if others {
			add(ruleOthers, unix.RT_TABLE_MAIN, netip.Prefix{}, false)
		}
	}
	return list
}

// ownByRoutes is what bondctl has put in place, by its protocol number alone: for who may not read the journal.
func (s *State) ownByRoutes() *Image {
	i := &Image{contents{Strategy: StrategyRoutes}}
	for _, r := range s.routes {
		if link, present := s.linkByIndex(r.Link); present && r.Protocol == RouteProtocol {
			i.Added.Routes = append(i.Added.Routes, addedRoute{link.Name, r.Fields().By(0)})
		}
	}
	for _, r := range s.rules {
		if r.Protocol == RouteProtocol {
			i.Added.Rules = append(i.Added.Rules, r)
		}
	}
	return i
}

// routesSysctls are the settings that the members are to have, without their values.
func (s *State) routesSysctls(c Config) (list []sysctl) {
	for _, m := range s.expand(c) {
		if m.link.Name == "" {
			continue
		}
		for _, key := range []string{ignoreLinkDown, arpFilter, rpFilter, promoteSecondaries} {
			list = append(list, sysctl{Link: m.link.Index, Family: "ipv4", Key: key})
		}
		for _, key := range []string{ignoreLinkDown, raMetric.Key, acceptRA, addrGenMode} {
			list = append(list, sysctl{Link: m.link.Index, Family: "ipv6", Key: key})
		}
	}
	return list
}

// routerMetrics are the settings by which routers' default routes get their metrics, without their values.
func (s *State) routerMetrics(c Config) (list []sysctl) {
	for _, m := range s.expand(c) {
		if m.link.Name != "" {
			list = append(list, raMetric.of(m.link.Index))
		}
	}
	return list
}

// The settings of a link that the strategy routes needs (Documentation/networking/ip-sysctl.rst).
const (
	// A pulled cable takes the link's routes out of the choice at once, whoever keeps the group or not.
	ignoreLinkDown = "ignore_routes_with_linkdown"
	// Of several members on one network the one that would answer by its routes answers for an address: its own
	// as long as it has carrier, then another.
	arpFilter = "arp_filter"
	// 1 drops what comes in over a member whose routes are behind another one's.
	rpFilter = "rp_filter"
	// An address that goes takes no others of its network along.
	promoteSecondaries = "promote_secondaries"
	// 1: the kernel makes no link-local address.
	addrGenMode = "addr_gen_mode"
)
