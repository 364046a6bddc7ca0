package bond

import (
	"slices"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// doNetwork is what the kernel does with addresses and routes
// (net/ipv4/devinet.c, fib_frontend.c and net/ipv6/addrconf.c).
func (s *simulation) doNetwork(step Step) {
	s.t.Helper()
	switch step := step.(type) {
	case addAddress:
		a := step.Address.On(s.mustLink(step.Link).Index)
		if _, has := s.addr(a.Link, a.Prefix); has {
			s.t.Fatalf("%s: file exists", step)
		}
		s.addrs = append(s.addrs, a)
	case setAddress:
		a := step.Address.On(s.mustLink(step.Link).Index)
		i := slices.IndexFunc(s.addrs, a.Same)
		if i < 0 {
			s.t.Fatalf("%s: no such address", step)
		}
		s.addrs[i] = a
	case delAddress:
		s.delAddress(step.Address.On(s.mustLink(step.Link).Index))
	case addRoute:
		r := step.Route.By(s.mustLink(step.Link).Index)
		if !s.mustLink(step.Link).Up {
			s.t.Fatalf("%s: network is down", step)
		}
		if !slices.Contains(s.routes, r) { // restore takes EEXIST for done
			s.routes = append(s.routes, r)
		}
	case delRoute:
		r := step.Route.By(s.mustLink(step.Link).Index)
		s.routes = slices.DeleteFunc(s.routes, func(o rtnl.Route) bool { return serves(o, r.Link, r) })
	case addRule:
		s.rules = append(s.rules, step.Rule)
	case delRule:
		s.rules = slices.DeleteFunc(s.rules, step.Rule.Like)
	case addNeighbour:
		s.neighs = append(s.neighs, step.Neighbour.On(s.mustLink(step.Link).Index))
	case setSysctl, knowNeighbours:
	default:
		s.t.Fatalf("unknown step %T", step)
	}
}

// goDown costs a link its routes and its IPv6 addresses.
func (s *simulation) goDown(index int) {
	s.addrs = slices.DeleteFunc(s.addrs, func(a rtnl.Addr) bool { return a.Link == index && a.Prefix.Addr().Is6() })
	s.routes = slices.DeleteFunc(s.routes, func(r rtnl.Route) bool { return r.Over(index) })
	s.neighs = slices.DeleteFunc(s.neighs, func(n rtnl.Neighbour) bool { return n.Link == index })
}

// delAddress removes an address. With the first of an IPv4 network go the others
// of it, and with a link's last one its IPv4 routes; so do routes from an address.
func (s *simulation) delAddress(a rtnl.Addr) {
	s.t.Helper()
	i := slices.IndexFunc(s.addrs, a.Same)
	if i < 0 {
		s.t.Fatalf("remove %s: no such address", a)
	}
	a = s.addrs[i]
	if !a.Prefix.Addr().Is4() {
		s.addrs = slices.Delete(s.addrs, i, i+1)
		return
	}
	same := func(o rtnl.Addr) bool { return o.Link == a.Link && o.Prefix.Masked() == a.Prefix.Masked() }
	first := slices.IndexFunc(s.addrs, same) == i
	var gone []rtnl.Addr
	s.addrs = slices.DeleteFunc(s.addrs, func(o rtnl.Addr) bool {
		goes := o == a || first && same(o)
		if goes {
			gone = append(gone, o)
		}
		return goes
	})
	left := slices.ContainsFunc(s.addrs, func(o rtnl.Addr) bool { return o.Link == a.Link && o.Prefix.Addr().Is4() })
	s.routes = slices.DeleteFunc(s.routes, func(r rtnl.Route) bool {
		return r.Is4() && r.Over(a.Link) && !left ||
			slices.ContainsFunc(gone, func(g rtnl.Addr) bool { return r.Source == g.Prefix.Addr() && !s.local(r.Source) })
	})
}
