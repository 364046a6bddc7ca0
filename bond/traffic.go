package bond

import (
	"net/netip"
	"slices"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// traffic is what links carry. It also foretells what is left of that when the kernel
// has taken away what goes along with a change (net/ipv4/devinet.c, fib_frontend.c,
// net/ipv6/addrconf.c).
type traffic struct {
	addrs  []rtnl.Addr      // of every link, in the kernel's order
	routes []rtnl.Route     // of every table, without the kernel's own
	neighs []rtnl.Neighbour // those that somebody set; read where something is to be changed

	promotes bool // an address that goes takes no others of its network along (promote_secondaries)
}

func (t traffic) clone() traffic {
	return traffic{slices.Clone(t.addrs), slices.Clone(t.routes), slices.Clone(t.neighs), t.promotes}
}

// addrsOf are the addresses of a link.
func (t *traffic) addrsOf(link int) (list []rtnl.Addr) {
	for _, a := range t.addrs {
		if a.Link == link {
			list = append(list, a)
		}
	}
	return list
}

// inOrder are addresses in an order in which they can be added so that the kernel lists
// them as it did. It puts an IPv6 one before those that it has, and prefers the first one
// as the source of what is sent.
func inOrder(list []rtnl.Addr) []rtnl.Addr {
	list = slices.Clone(list)
	var six []rtnl.Addr
	for _, a := range slices.Backward(list) {
		if a.Prefix.Addr().Is6() {
			six = append(six, a)
		}
	}
	for i := range list {
		if list[i].Prefix.Addr().Is6() {
			list[i], six = six[0], six[1:]
		}
	}
	return list
}

// linkGone takes away all that a link carries, and the IPv4 routes over others that are
// bound to its addresses.
func (t *traffic) linkGone(index int) {
	t.linkDown(index)
	gone := t.addrsOf(index)
	t.addrs = slices.DeleteFunc(t.addrs, func(a rtnl.Addr) bool { return a.Link == index })
	t.unbound(gone)
}

// unbound takes away the IPv4 routes that are bound to addresses which are gone, unless
// another link has them.
func (t *traffic) unbound(gone []rtnl.Addr) {
	t.routes = slices.DeleteFunc(t.routes, func(r rtnl.Route) bool {
		return r.Is4() && slices.ContainsFunc(gone, func(g rtnl.Addr) bool { return r.Source == g.Prefix.Addr() && !t.local(r.Source) })
	})
}

// linkDown takes away the routes, the neighbours and the IPv6 addresses of a link that
// goes down, for a moment, or as it is enslaved or released.
func (t *traffic) linkDown(index int) {
	t.neighs = slices.DeleteFunc(t.neighs, func(n rtnl.Neighbour) bool { return n.Link == index })
	t.addrs = slices.DeleteFunc(t.addrs, func(a rtnl.Addr) bool { return a.Link == index && a.Prefix.Addr().Is6() })
	t.routesGone(index, func(rtnl.Route) bool { return true })
}

// routesGone takes away routes over a link. Of an IPv6 one of several paths those over
// other links stay.
func (t *traffic) routesGone(index int, which func(rtnl.Route) bool) {
	var left []rtnl.Route
	for _, r := range t.routes {
		if r.Over(index) && which(r) {
			if !r.Is4() {
				r = r.WithoutPaths(func(link int, _ netip.Addr) bool { return link == index })
			}
			if r.Is4() || r.Paths == "" {
				continue
			}
		}
		left = append(left, r)
	}
	t.routes = left
}

// lacking is what is to be added of a route that isn't there: of an IPv6 one of several
// paths those that no route has, and once each, for each is one to the kernel. ok is
// false where there is none.
func (t *traffic) lacking(want rtnl.Route) (lacks rtnl.Route, ok bool) {
	if want.Is4() || want.Paths == "" {
		return want, true
	}
	type path struct {
		link    int
		gateway netip.Addr
	}
	var taken []path
	lacks = want.WithoutPaths(func(link int, gateway netip.Addr) bool {
		p := path{link, gateway}
		if slices.Contains(taken, p) {
			return true
		}
		taken = append(taken, p)
		return link != 0 && slices.ContainsFunc(t.routes, func(r rtnl.Route) bool {
			return r.Destination == want.Destination && r.Table == want.Table && r.Metric == want.Metric && r.Leads(link, gateway)
		})
	})
	return lacks, lacks.Paths != ""
}

// ipv6Gone takes away all that a link carries of IPv6.
func (t *traffic) ipv6Gone(index int) {
	t.addrs = slices.DeleteFunc(t.addrs, func(a rtnl.Addr) bool { return a.Link == index && a.Prefix.Addr().Is6() })
	t.routesGone(index, func(r rtnl.Route) bool { return !r.Is4() })
}

// removeAddr takes away an address. With the first of an IPv4 network go the others
// of it, unless promote_secondaries is set, and with a link's last one its IPv4
// routes; the routes that are bound to an address go with it, unless another link has it.
func (t *traffic) removeAddr(a rtnl.Addr) {
	gone := []rtnl.Addr{a}
	if a.Prefix.Addr().Is4() {
		network := slices.DeleteFunc(slices.Clone(t.addrs), func(o rtnl.Addr) bool {
			return o.Link != a.Link || o.Prefix.Masked() != a.Prefix.Masked()
		})
		if len(network) > 0 && network[0] == a && !t.promotes {
			gone = network
		}
	}
	t.addrs = slices.DeleteFunc(t.addrs, func(o rtnl.Addr) bool { return slices.Contains(gone, o) })
	last := a.Prefix.Addr().Is4() && !slices.ContainsFunc(t.addrs, func(o rtnl.Addr) bool { return o.Link == a.Link && o.Prefix.Addr().Is4() })
	t.routes = slices.DeleteFunc(t.routes, func(r rtnl.Route) bool {
		return last && r.Is4() && r.Over(a.Link) ||
			slices.ContainsFunc(gone, func(g rtnl.Addr) bool { return r.Source == g.Prefix.Addr() && !t.local(r.Source) })
	})
}

// local says whether an address is one of this machine's.
func (t *traffic) local(addr netip.Addr) bool {
	return slices.ContainsFunc(t.addrs, func(a rtnl.Addr) bool { return a.Prefix.Addr() == addr })
}

// removeRoute takes away a route over a link.
func (t *traffic) removeRoute(link int, route rtnl.Route) {
	t.routes = slices.DeleteFunc(t.routes, func(r rtnl.Route) bool { return r.Paths == "" && serves(r, link, route) })
}

// legs are the routes of several paths that a link leaves behind when it goes down: IPv4's
// as they are, and of IPv6's the path over the link, which the kernel only marks as dead.
func (t *traffic) legs(link Link) (steps []Step) {
	for _, r := range t.routes {
		switch {
		case r.Paths == "" || !r.Over(link.Index):
		case r.Is4():
			steps = append(steps, delRoute{link.Name, r})
		default:
			steps = append(steps, delRoute{link.Name, r.Leg(link.Index)})
		}
	}
	return steps
}

// addr finds an address of a link.
func (t *traffic) addr(link int, p netip.Prefix) (rtnl.Addr, bool) {
	i := slices.IndexFunc(t.addrs, func(a rtnl.Addr) bool { return a.Link == link && a.Prefix == p })
	if i < 0 {
		return rtnl.Addr{}, false
	}
	return t.addrs[i], true
}

// hasRoute says whether a link carries what serves as a route.
func (t *traffic) hasRoute(link int, want rtnl.Route) bool {
	return slices.ContainsFunc(t.routes, func(r rtnl.Route) bool { return serves(r, link, want) })
}
