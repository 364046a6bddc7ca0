package bond

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// useRoutes adds the routes and the rules of the configuration. The routes that the
// kernel would refuse for now wait.
func (w *wanted) useRoutes(c Config, s State) {
	for i, why := range s.waits(c, slices.Concat(w.addresses, w.inherited.prefixes())) {
		if why != "" {
			route := c.route(c.Routes[i])
			w.routes = slices.DeleteFunc(w.routes, func(r rtnl.Route) bool { return r == route })
			if w.alone == "" { // otherwise more is taken over in a moment
				w.note("the %s waits for %s", route, why)
			}
		}
	}
	w.rules = c.rules(s.no6)
}

// prefixes are the inherited addresses.
func (i *Inherited) prefixes() (list []netip.Prefix) {
	if i == nil {
		return nil
	}
	for _, a := range slices.Concat(i.Lasting.Addresses, i.Passing.Addresses) {
		list = append(list, a.Prefix)
	}
	return list
}

// waits says for each route what it waits for; "" for nothing. Its gateway must be on
// the link, and its source an address of this machine that is found free: those of a
// lease, and those of IPv6 routers, come and go.
func (s *State) waits(c Config, addresses []netip.Prefix) []string {
	bond, _ := s.link(s.Name)
	going := func(a rtnl.Addr) bool { // they are ours, and not wanted any more
		return slices.Contains(s.added().Addresses, addedAddress{s.Name, a.Prefix}) && !slices.Contains(addresses, a.Prefix)
	}
	own := slices.DeleteFunc(s.addrsOf(bond.Index), going)
	others := slices.DeleteFunc(slices.Clone(s.addrs), func(a rtnl.Addr) bool { return a.Link == bond.Index })
	networks := slices.Clone(addresses)
	for _, a := range own {
		networks = append(networks, a.Prefix)
	}
	why := make([]string, len(c.Routes))
	for i, r := range c.Routes {
		switch {
		case !reaches(r, networks, c.Routes):
			why[i] = "an address beside its gateway"
		case r.Source.IsValid() && !isSource(r.Source, own, addresses) && !isSource(r.Source, others, nil):
			why[i] = "its source " + r.Source.String()
		}
	}
	return why
}

// isSource says whether the kernel takes an address for a route's source where there
// are those addresses, and the wanted ones are added: of IPv6 one that isn't found free
// yet it refuses.
func isSource(source netip.Addr, addrs []rtnl.Addr, wanted []netip.Prefix) bool {
	const unusable = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED
	if source.Is4() && slices.ContainsFunc(wanted, func(p netip.Prefix) bool { return p.Addr() == source }) {
		return true
	}
	return slices.ContainsFunc(addrs, func(a rtnl.Addr) bool {
		return a.Prefix.Addr() == source && (a.Flags&unusable == 0 || a.Flags&unix.IFA_F_OPTIMISTIC != 0)
	})
}

// serveRule says whether one of the rules does what a wanted one would.
func (s *State) serveRule(want rtnl.Rule) bool { return slices.ContainsFunc(s.rules, want.Serves) }
