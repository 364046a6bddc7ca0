package bond

import (
	"net/netip"
	"slices"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// during is the image while a plan is carried out, when what it changes may have to
// be put back from either side.
func (i *Image) during(p Plan, s *State) *Image {
	image := i.begun(s)
	image.Inherited = p.inherited
	for _, step := range p.Steps {
		if s.byRoutes {
			image.keepByRoutes(step, s)
		} else {
			image.grow(step, s)
		}
	}
	return image
}

// after is the image once those steps of a plan are done. What a link is owed still
// stays in it.
func (i *Image) after(p Plan, done []Step, owed map[string]bool, s *State) *Image {
	image := i.begun(s)
	image.Inherited = p.inherited
	for _, step := range p.Steps {
		if _, enslaves := step.(enslave); enslaves && owed[step.link()] {
			image.grow(step, s)
		}
	}
	for _, step := range done {
		link, present := s.link(step.link())
		if s.byRoutes {
			image.keepByRoutes(step, s)
		}
		switch step := step.(type) {
		case release:
			if present && !owed[link.Name] && !p.enslaves(link.Name) && !p.givesBack(link.Name) {
				image.drop(link.Index)
			}
		case giveBack:
			if !owed[step.Name] {
				image.drop(step.To.Index)
			}
		case delAddress:
			image.Added.Addresses = without(image.Added.Addresses, addedAddress{step.Link, step.Address.Prefix})
		case delRoute:
			image.Added.Routes = without(image.Added.Routes, addedRoute{step.Link, step.Route.Fields()})
		case delRule:
			image.Added.dropRule(step.Rule)
		case delEndpoint:
			image.Added.Endpoints = without(image.Added.Endpoints, addedEndpoint{step.Link, step.Endpoint.Addr})
		case setSysctl:
			if !s.byRoutes {
				image.grow(step, s)
			}
			if set, ours := s.setsOurs(step); ours && step.To.Value == s.ipv6[set.Key].initial {
				image.Added.Sysctls = without(image.Added.Sysctls, set)
			}
		default:
			if !s.byRoutes {
				image.grow(step, s)
			}
		}
	}
	return image
}

// begun is a copy of the image, before the first change or a later one.
func (i *Image) begun(s *State) *Image {
	image := i.clone()
	if s.byRoutes {
		if image.Strategy == "" {
			image.Strategy, image.Taken = StrategyRoutes, statefile.SinceBoot()
		}
		gone := func(name string) bool { _, present := s.link(name); return !present } // and its routes with it
		image.Added.Routes = slices.DeleteFunc(image.Added.Routes, func(a addedRoute) bool { return gone(a.Link) })
		image.Added.Addresses = slices.DeleteFunc(image.Added.Addresses, func(a addedAddress) bool { return gone(a.Link) })
		for member, l := range s.leases {
			link, _ := s.link(member)
			if _, there := s.addr(link.Index, l.Address); there { // which a DHCP client may have added
				image.Added.Addresses = with(image.Added.Addresses, addedAddress{member, l.Address})
			}
		}
		return image
	}
	if image.Bond == nil {
		image.Taken = statefile.SinceBoot()
		image.Bond = &bondImage{Made: true}
	}
	bond, _ := s.link(s.Name)
	image.Bond.Index = bond.Index // 0: a plan will make it
	return image
}

// grow adds what a step changes: a member as it was, what the bond is given.
func (i *Image) grow(step Step, s *State) {
	switch step := step.(type) {
	case enslave:
		if link, present := s.link(step.Member); present {
			i.take(s, link, step.Was)
		}
	case deleteLink:
		if link, present := s.link(step.Name); present {
			if lower, _ := s.linkByIndex(link.Lower); lower.Name != s.Name { // which a member's was before
				i.takeUpper(s, link, lower.Name)
			}
		}
	case addAddress:
		if step.Link == s.Name { // and not given back
			i.Added.Addresses = with(i.Added.Addresses, addedAddress{step.Link, step.Address.Prefix})
		}
	case addRoute:
		if step.Link == s.Name {
			i.Added.Routes = with(i.Added.Routes, addedRoute{step.Link, step.Route.Fields()})
		}
	case addRule:
		if step.Link == s.Name {
			i.Added.addRule(step.Rule)
		}
	case setSysctl:
		if set, ours := s.setsOurs(step); ours {
			i.Added.Sysctls = with(i.Added.Sysctls, set)
		}
	}
}

// undoing is the image to which an attempt that failed goes back: the bond and
// the links that its steps name as they were, and without what they added.
func (s *State) undoing(p Plan) *Image {
	i := &Image{contents{Taken: statefile.SinceBoot(), Bond: &bondImage{Made: true}}}
	if s.byRoutes {
		i.Strategy, i.Bond = StrategyRoutes, nil
	}
	if s.Bond != nil {
		bond, _ := s.link(s.Name)
		i.Bond = &bondImage{State: s.Bond}
		i.take(s, bond, bond.settings())
	}
	for _, step := range p.Steps {
		link, present := s.link(step.link())
		switch lower, _ := s.linkByIndex(link.Lower); {
		case !present || link.Name == s.Name:
		case isUpper(step) || slices.ContainsFunc(i.Uppers, func(u upper) bool { return u.Name == link.Name }):
			i.takeUpper(s, link, lower.Name)
		default:
			i.take(s, link, link.settings())
		}
		switch step := step.(type) {
		case setOptions:
			i.Bond.PrimaryNamed = i.Bond.PrimaryNamed || slices.ContainsFunc(step.Changes, func(c change) bool { return c.Key == "primary" })
		case setSysctl:
			was := step.To
			if was.Value = step.From; was.Value != "" { // or the bond is new
				i.Sysctls = append(i.Sysctls, was)
			}
		case addAddress:
			i.Added.Addresses = with(i.Added.Addresses, addedAddress{step.Link, step.Address.Prefix})
		case addRoute:
			i.Added.Routes = with(i.Added.Routes, addedRoute{step.Link, step.Route.Fields()})
		case addRule:
			i.Added.addRule(step.Rule)
		case delRule:
			i.Rules = with(i.Rules, step.Rule)
		case addEndpoint, setMPTCPLimits:
			i.keepMPTCP(step)
		}
	}
	return i
}

// addRule adds a rule that isn't there yet, in our form of it.
func (a *added) addRule(r rtnl.Rule) {
	if _, known := r.In(a.Rules); !known {
		a.Rules = append(a.Rules, r)
	}
}

func (a *added) dropRule(r rtnl.Rule) {
	if known, ok := r.In(a.Rules); ok {
		a.Rules = without(a.Rules, known)
	}
}

// dropRoute takes out a route over a link: the very same or, as the kernel would, the
// first that serves as it.
func (i *Image) dropRoute(link int, route rtnl.Route) {
	at := slices.IndexFunc(i.Routes, func(r rtnl.Route) bool { return r.Fields() == route.By(link).Fields() })
	if at < 0 {
		at = slices.IndexFunc(i.Routes, func(r rtnl.Route) bool { return serves(r, link, route) })
	}
	if at >= 0 {
		i.Routes = slices.Delete(i.Routes, at, at+1)
	}
}

// isUpper says whether a step makes or deletes a link that stands upon another.
func isUpper(step Step) bool {
	switch step.(type) {
	case deleteLink, newUpper:
		return true
	}
	return false
}

// before is the image of all that an attempt may change which is to carry out a plan, be
// it in several rounds. By then any member may be ready, with all that stands upon it.
func (s *State) before(p Plan, c Config) *Image {
	i := s.undoing(p)
	links := []string{}
	for _, m := range s.expand(c) {
		links = append(links, m.name)
	}
	if s.Bond != nil {
		links = append(links, s.Bond.slaveNames()...)
	}
	for _, name := range links {
		link, present := s.link(name)
		if _, known := i.link(link.Index); present && !known {
			i.take(s, link, link.settings())
		}
		movable, _ := s.uppers(link)
		for _, u := range movable {
			if !slices.ContainsFunc(i.Uppers, func(o upper) bool { return o.Name == u.Name }) {
				i.takeUpper(s, u, link.Name)
			}
		}
	}
	return i
}

// rest is what of the bond's addresses and routes a plan means to be there; nil where
// it removes no address, with which others may go that are somebody else's, or were
// added by the same plan.
func (s *State) rest(p Plan) *Image {
	bond, _ := s.link(s.Name)
	if !slices.ContainsFunc(p.Steps, func(step Step) bool { _, ok := step.(delAddress); return ok && step.link() == s.Name }) {
		return nil
	}
	rest := s.Image(s.Name)
	for _, step := range p.Steps {
		if step.link() != s.Name {
			continue // what a member gets back
		}
		switch step := step.(type) {
		case addAddress:
			rest.Addresses = append(rest.Addresses, step.Address.On(bond.Index))
		case delAddress:
			rest.Addresses = without(rest.Addresses, step.Address)
			rest.Routes = slices.DeleteFunc(rest.Routes, func(r rtnl.Route) bool { return r.Source == step.Address.Prefix.Addr() })
		case addRoute:
			rest.Routes = append(rest.Routes, step.Route.By(bond.Index))
		case delRoute:
			rest.dropRoute(bond.Index, step.Route)
		case delRule:
			rest.Rules = slices.DeleteFunc(rest.Rules, step.Rule.Like)
		case setSysctl:
			if disablesIPv6(step) {
				rest.withoutIPv6()
			}
		}
	}
	rest.Links = nil
	return rest
}

// keepByRoutes notes what a step of the strategy routes changes: a member as it was, and what is added to it.
func (i *Image) keepByRoutes(step Step, s *State) {
	link, present := s.link(step.link())
	if _, known := i.link(link.Index); present && !known {
		i.take(s, link, link.settings())
	}
	i.keepMPTCP(step)
	switch step := step.(type) {
	case addAddress:
		if _, was := i.address(link.Index, step.Address.Prefix); !was { // and isn't given back
			i.Added.Addresses = with(i.Added.Addresses, addedAddress{step.Link, step.Address.Prefix})
		}
	case addRoute:
		if step.Route.Protocol == RouteProtocol {
			i.Added.Routes = with(i.Added.Routes, addedRoute{step.Link, step.Route.Fields()})
		}
	case addRule:
		i.Added.addRule(step.Rule)
	case delRoute:
		if r := step.Route.By(link.Index); r.Protocol != RouteProtocol && !isAdvertised(r) && !slices.ContainsFunc(i.Routes, r.Like) {
			i.Routes = append(i.Routes, r)
		}
	case setSysctl:
		was := step.To
		if was.in(i.Sysctls).Value == "" {
			was.Value = step.From
			i.Sysctls = append(i.Sysctls, was)
		}
	}
}

// address finds an address that a link had.
func (i *Image) address(link int, p netip.Prefix) (rtnl.Addr, bool) {
	at := slices.IndexFunc(i.Addresses, func(a rtnl.Addr) bool { return a.Link == link && a.Prefix == p })
	if at < 0 {
		return rtnl.Addr{}, false
	}
	return i.Addresses[at], true
}

// renamed has the image call links as they are called now: what was added over them is known by their names.
func (i *Image) renamed(s *State) {
	for n, was := range i.Links {
		link, present := s.linkByIndex(was.Index)
		if !present || link.Name == was.Name {
			continue
		}
		for a, added := range i.Added.Addresses {
			if added.Link == was.Name {
				i.Added.Addresses[a].Link = link.Name
			}
		}
		for r, added := range i.Added.Routes {
			if added.Link == was.Name {
				i.Added.Routes[r].Link = link.Name
			}
		}
		i.Links[n].Name = link.Name
	}
}
