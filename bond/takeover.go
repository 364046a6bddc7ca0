package bond

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// A takeover is what a bond takes over from members that are about to join it.
type takeover struct {
	from    []giver // the first one's network is the bond's
	dropped []giver // whose addresses can't work there
	network string  // whose network they aren't on
}

// A giver is a member that carries something.
type giver struct {
	link Link
	carried
	knows []rtnl.Neighbour // that the kernel found by itself
}

// takeOver finds what members carry that are about to join the bond. Those on the
// network of the bond or, where that carries nothing yet, of the member with the
// default route give it all; the others would be cut off.
func (s *State) takeOver(members []wantedMember) (t takeover) {
	var givers []giver
	for _, m := range members {
		if m.pending == "" && m.link.Master != s.Name && m.link.busy() {
			givers = append(givers, giver{m.link, s.carries(m.link), s.knows(m.link)})
		}
	}
	if givers == nil {
		return t
	}
	// The order of preference decides among those whose default routes are alike.
	slices.SortStableFunc(givers, func(a, b giver) int { return compareDefaults(a.defaultMetric(), b.defaultMetric()) })
	bond, _ := s.link(s.Name)
	network := giver{link: bond, carried: s.carries(bond)}
	if len(bond.Addresses) == 0 {
		network = givers[0]
	}
	t.network = network.link.Name
	for _, g := range givers {
		if g.onNetworkOf(network) {
			t.from = append(t.from, g)
		} else {
			t.dropped = append(t.dropped, g)
		}
	}
	order := func(g giver) int {
		return slices.IndexFunc(members, func(m wantedMember) bool { return m.link.Index == g.link.Index })
	}
	if len(t.from) > 1 { // the first keeps its place, since the bond is to look like it
		slices.SortStableFunc(t.from[1:], func(a, b giver) int { return order(a) - order(b) })
	}
	return t
}

// knows are the neighbours of a link that the kernel found by itself, by ARP or neighbour
// discovery; as stale ones, so that it asks for them again.
func (s *State) knows(link Link) (list []rtnl.Neighbour) {
	for _, n := range s.neighs {
		if n.Link == link.Index && !n.Permanent() {
			list = append(list, n.Stale())
		}
	}
	return list
}

// busy says whether a link carries what somebody would miss.
func (l Link) busy() bool { return len(l.Addresses) > 0 || l.Routes > 0 }

// defaultMetric is the metric of the link's default route of the main table, the
// least of them; -1 for none.
func (g giver) defaultMetric() int64 {
	least := int64(-1)
	for _, r := range g.Routes {
		if r.Destination.Bits() == 0 && r.Table == unix.RT_TABLE_MAIN && (least < 0 || int64(r.Metric) < least) {
			least = int64(r.Metric)
		}
	}
	return least
}

// compareDefaults puts the lower metric first, and last those without a route (-1).
func compareDefaults(a, b int64) int {
	switch {
	case a == b:
		return 0
	case b < 0 || a >= 0 && a < b:
		return -1
	}
	return 1
}

// onNetworkOf says whether a link is on the network of another: they share a prefix or a
// gateway. One without an address is on every network.
func (g giver) onNetworkOf(o giver) bool {
	if g.link.Index == o.link.Index || len(g.Addresses) == 0 {
		return true
	}
	for _, a := range g.Addresses {
		if slices.ContainsFunc(o.Addresses, func(b rtnl.Addr) bool { return shareNetwork(a, b) }) {
			return true
		}
	}
	return slices.ContainsFunc(g.Routes, func(r rtnl.Route) bool {
		return r.Gateway.IsValid() && !r.Gateway.IsLinkLocalUnicast() &&
			slices.ContainsFunc(o.Routes, func(q rtnl.Route) bool { return q.Gateway == r.Gateway })
	})
}

// shareNetwork says whether two addresses are in one network. A single address (/32, /128)
// is none, and link-local ones are the same on every link.
func shareNetwork(a, b rtnl.Addr) bool {
	p, q := a.Prefix.Masked(), b.Prefix.Masked()
	return p == q && !p.IsSingleIP() && !p.Addr().IsLinkLocalUnicast()
}

// inherits is the inheritance once the bond has taken over what members give. With DHCP
// asked for it keeps no IPv4 address beyond the lease.
func (t takeover) inherits(has *Inherited, c Config, s *State) *Inherited {
	out := has.clone()
	bond, _ := s.link(s.Name)
	for i, g := range t.from {
		if i == 0 && has == nil {
			out.Lasting.Sysctls = s.settingsOf(g)
			if g.link.MTU != defaultMTU {
				out.Lasting.MTU = g.link.MTU // which its neighbours, and open connections, count on
			}
		}
		g.Routes = slices.DeleteFunc(slices.Clone(g.Routes), t.loseSource)
		for _, routes := range [][]rtnl.Route{g.Routes, out.Lasting.Routes, out.Passing.Routes} {
			t.overBond(routes, bond.Index)
		}
		lasting, passing := g.ending(c.Lent).onto(s.Name, g.link, valueOr(c.Metric6, defaultMetric)+1)
		if c.Method == MethodDHCP {
			passing = passing.with(lasting.filter(netip.Addr.Is4, netip.Addr.Is4))
			lasting = lasting.filter(netip.Addr.Is6, netip.Addr.Is6)
		}
		out.Lasting, out.Passing = out.Lasting.with(lasting), out.Passing.with(passing)
	}
	return out.orNil()
}

// overBond has each path of routes that leads over a giver, or over the bond, lead over
// ifindex 0, which stands for the bond.
func (t takeover) overBond(routes []rtnl.Route, bond int) {
	for i := range routes {
		if routes[i].Paths == "" {
			continue
		}
		for _, g := range t.from {
			routes[i] = routes[i].On(g.link.Index, 0)
		}
		if bond != 0 {
			routes[i] = routes[i].On(bond, 0)
		}
	}
}

// loseSource says whether a route's source is an address that is given up.
func (t takeover) loseSource(r rtnl.Route) bool {
	return slices.ContainsFunc(t.dropped, func(g giver) bool {
		return slices.ContainsFunc(g.Addresses, func(a rtnl.Addr) bool { return a.Prefix.Addr() == r.Source })
	})
}

// settingsOf are the settings of a link that the bond is to have as well. Some network
// managers switch the kernel's autoconfiguration off, make the link-local address and act on
// routers' advertisements themselves. On the bond the kernel does that, so those settings are
// left out.
func (s *State) settingsOf(g giver) (list []sysctl) {
	const none = "1" // of addr_gen_mode: the kernel makes no link-local address
	managed := func(c sysctl) bool {
		return c.Link == g.link.Index && c.Family == "ipv6" && (c.Key == acceptRA && c.Value == "0" || c.Key == addrGenMode && c.Value == none)
	}
	count := 0
	for _, c := range s.differing {
		if managed(c) {
			count++
		}
	}
	auto := count == 2 || g.autoconfigured()
	for _, c := range s.differing {
		switch {
		case c.Link != g.link.Index || auto && managed(c):
		default:
			c.Link = 0
			list = append(list, c)
		}
	}
	return list
}

// bearer is the member whose place the bond takes; "" for none.
func (t takeover) bearer() string {
	if len(t.from) == 0 {
		return ""
	}
	return t.from[0].link.Name
}

// drops are the members that carry what the bond can't.
func (t takeover) drops() (members []string) {
	for _, g := range t.dropped {
		members = append(members, g.link.Name)
	}
	return members
}

// takes says whether the bond takes over what a member carries.
func (t takeover) takes(member string) bool {
	return slices.ContainsFunc(t.from, func(g giver) bool { return g.link.Name == member })
}

// cutOff says what would be cut off: the configuration, or the bond's network, leaves no
// room for it. It is "" for nothing.
func (t takeover) cutOff(c Config, wanted []netip.Prefix, has *Inherited) string {
	var lines []string
	for _, g := range t.dropped {
		lines = append(lines, fmt.Sprintf("%s of %s, which is on another network than %s", g.texts(), g.link.Name, t.network))
	}
	if c.Method == MethodDHCP {
		return strings.Join(lines, "; ")
	}
	kept := func(p netip.Prefix) bool {
		return slices.Contains(wanted, p) || has != nil && slices.ContainsFunc(slices.Concat(has.Lasting.Addresses, has.Passing.Addresses),
			func(a rtnl.Addr) bool { return a.Prefix == p })
	}
	for _, g := range t.from {
		for _, a := range g.Addresses {
			if isGlobal(a) && !kept(a.Prefix) {
				lines = append(lines, fmt.Sprintf("%s of %s, which isn't wanted of the bond", a, g.link.Name))
			}
		}
	}
	return strings.Join(lines, "; ")
}

// texts names the addresses that a link carries or, where it has none, its routes.
func (g giver) texts() string {
	if len(g.Addresses) == 0 {
		return strings.Join(texts(g.Routes), ", ")
	}
	return strings.Join(texts(g.Addresses), ", ")
}
