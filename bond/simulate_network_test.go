package bond

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

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
		if step.Held {
			a = a.WithoutTemporary()
		}
		if a.Link == s.mustLink(step.Link).Index && step.Link == s.Name && a.Prefix.Addr().Is6() && s.ipv6[disableIPv6].has == "1" {
			s.t.Fatalf("%s: permission denied", step)
		}
		if s.strict && a.Prefix.Addr().Is6() {
			a.Flags |= unix.IFA_F_TENTATIVE // it isn't found free yet
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
		s.checkRoute(step, r)
		if !slices.Contains(s.routes, r) { // restore takes EEXIST for done
			s.routes = append(s.routes, r)
		}
	case delRoute:
		r := step.Route.By(s.mustLink(step.Link).Index)
		first := slices.IndexFunc(s.routes, func(o rtnl.Route) bool { return o == r || serves(o, r.Link, r) })
		if first >= 0 {
			s.routes = slices.Delete(s.routes, first, first+1)
		}
	case addRule:
		if _, has := step.Rule.In(s.rules); has {
			s.t.Fatalf("%s: file exists", step)
		}
		s.rules = append(s.rules, step.Rule)
	case delRule:
		has, there := step.Rule.In(s.rules)
		if !there {
			s.t.Fatalf("%s: no such file or directory", step)
		}
		s.rules = slices.DeleteFunc(s.rules, has.Like)
	case setSysctl:
		s.setSysctl(step)
	case addNeighbour:
		s.neighs = append(s.neighs, step.Neighbour.On(s.mustLink(step.Link).Index))
	case knowNeighbours:
	case haveTemporary:
		s.do(setAddress{step.Link, step.Address, false})
	default:
		s.t.Fatalf("unknown step %T", step)
	}
}

// checkRoute refuses a route as the kernel does: over a link that is down, by a gateway
// that isn't on it, from an address that isn't there, and of IPv6 a second one that
// differs in its source alone.
func (s *simulation) checkRoute(step addRoute, r rtnl.Route) {
	s.t.Helper()
	on := func(a rtnl.Addr) bool { return a.Link == r.Link && a.Prefix.Contains(r.Gateway) }
	direct := func(o rtnl.Route) bool {
		return o.Link == r.Link && !o.Gateway.IsValid() && o.Destination.Contains(r.Gateway)
	}
	switch {
	case !s.mustLink(step.Link).Up:
		s.t.Fatalf("%s: network is down", step)
	case !s.strict:
	case r.Gateway.IsValid() && !r.OnLink && !r.Gateway.IsLinkLocalUnicast() && !slices.ContainsFunc(s.addrs, on) && !slices.ContainsFunc(s.routes, direct):
		s.t.Fatalf("%s: network is unreachable", step)
	case r.Source.IsValid() && !slices.ContainsFunc(s.addrs, func(a rtnl.Addr) bool { return a.Prefix.Addr() == r.Source && a.Flags&unix.IFA_F_TENTATIVE == 0 }):
		s.t.Fatalf("%s: invalid argument", step)
	}
	for _, o := range s.routes {
		has := o.Source
		if o.Source = r.Source; o == r && has != r.Source && !r.Is4() {
			s.t.Fatalf("%s: file exists", step)
		}
	}
}

// setSysctl sets one of the bond's settings. With IPv6 goes all that the bond has of it.
func (s *simulation) setSysctl(step setSysctl) {
	s.t.Helper()
	setting, known := s.ipv6[step.To.Key]
	if !known || step.Link != s.Name {
		return // no other one has a part in what is simulated
	}
	setting.has = step.To.Value
	s.ipv6[step.To.Key] = setting
	if disablesIPv6(step) {
		index := s.mustLink(step.Link).Index
		s.addrs = slices.DeleteFunc(s.addrs, func(a rtnl.Addr) bool { return a.Link == index && a.Prefix.Addr().Is6() })
		s.routes = slices.DeleteFunc(s.routes, func(r rtnl.Route) bool { return !r.Is4() && r.Over(index) })
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
		for j := range s.routes { // fib6_remove_prefsrc
			if s.routes[j].Source == a.Prefix.Addr() {
				s.routes[j].Source = netip.Addr{}
			}
		}
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
