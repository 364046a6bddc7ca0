package bond

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// takeOverFirst has the bond carry what it takes over before the members that carry it now
// join. So there is never a moment without an address, or without a route. The kernel
// takes the same one twice, and uses the one that was there first.
func (p *planner) takeOverFirst() {
	t := p.wanted.takeover
	bond, _ := p.state.link(p.Bond)
	if has := p.wanted.inherited; has != nil && (p.state.Bond == nil || t.from != nil) {
		for _, c := range has.Lasting.Sysctls {
			c.Link = bond.Index
			if has := c.in(p.state.bondSettings).Value; has != c.Value {
				p.add(setSysctl{p.Bond, has, c})
			}
		}
	}
	if t.from == nil {
		return
	}
	for _, part := range p.inheritedParts() {
		for _, a := range inOrder(part.Addresses) {
			if _, there := p.state.addr(bond.Index, a.Prefix); !there && !p.given(a.Prefix) {
				p.add(addAddress{p.Bond, a, true})
			}
		}
	}
	for _, part := range p.inheritedParts() { // from those addresses
		p.addRoutes(bond, part.Routes, rtnl.Route.Is4)
		p.addRules(part.Rules)
		for _, n := range part.Neighbours {
			p.add(addNeighbour{p.Bond, n})
		}
	}
	for _, m := range p.wanted.members {
		if m.pending == "" && m.link.Master != p.Bond && !p.wanted.joinsLater(m.name) {
			p.moveUppers(m.link, p.Bond)
		}
	}
	for _, g := range t.from {
		if g.knows != nil {
			p.add(knowNeighbours{p.Bond, g.link.Name, g.knows})
		}
	}
	for _, a := range p.wanted.static {
		if _, there := p.state.addr(bond.Index, a); !there && t.gives(a) {
			p.add(addAddress{p.Bond, rtnl.NewAddr(a), true})
		}
	}
}

// given says whether an earlier step gives the bond an address.
func (p *planner) given(prefix netip.Prefix) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool {
		a, ok := s.(addAddress)
		return ok && a.Link == p.Bond && a.Address.Prefix == prefix
	})
}

// inheritedParts are both parts of the inheritance.
func (p *planner) inheritedParts() []carried {
	if p.wanted.inherited == nil {
		return nil
	}
	return []carried{p.wanted.inherited.Lasting, p.wanted.inherited.Passing}
}

// moved takes away from members what is the bond's by now, and only then adds the IPv6
// routes. Of two IPv6 routes with one metric the kernel makes one with two paths, and the
// bond's path leads nowhere before it has a member.
func (p *planner) moved() {
	t := p.wanted.takeover
	for _, g := range t.givers() {
		// The last one first: with the first of a network go the others, and what is
		// put back half way must come in the order in which it was.
		for _, a := range slices.Backward(g.Addresses) {
			if a.Prefix.Addr().Is4() { // the others go when the link goes down
				p.add(delAddress{g.link.Name, a})
			}
		}
		for _, r := range g.Rules {
			p.add(delRule{g.link.Name, r})
		}
		p.Steps = append(p.Steps, p.state.legs(g.link)...)
	}
	if t.from == nil {
		return
	}
	bond, _ := p.state.link(p.Bond)
	for _, part := range p.inheritedParts() {
		p.addRoutes(bond, part.Routes, func(r rtnl.Route) bool { return !r.Is4() })
	}
	for _, part := range p.inheritedParts() {
		for _, a := range part.Addresses {
			if a.HasTemporary() {
				p.add(haveTemporary{p.Bond, a})
			}
		}
	}
}

// addRoutes plans those of the routes that the bond hasn't got: the ones without a
// gateway first, by which others are reached.
func (p *planner) addRoutes(bond Link, routes []rtnl.Route, which func(rtnl.Route) bool) {
	for _, direct := range []bool{true, false} {
		for _, r := range routes {
			if !which(r) || direct != (!r.Gateway.IsValid() && r.Paths == "") || p.state.carriesRoute(bond.Index, r) {
				continue
			}
			if lacks, ok := p.state.lacking(r.By(bond.Index)); ok {
				p.add(addRoute{p.Bond, lacks.On(bond.Index, 0)})
			}
		}
	}
}

// carriesRoute says whether a link carries a route that was another link's, or one that
// serves it.
func (t *traffic) carriesRoute(link int, want rtnl.Route) bool {
	want = want.By(link)
	return link != 0 && slices.ContainsFunc(t.routes, func(r rtnl.Route) bool { return r.Like(want) || serves(r, link, want) })
}

// addRules plans those of the rules that aren't there.
func (p *planner) addRules(rules []rtnl.Rule) {
	for _, r := range rules {
		if !slices.ContainsFunc(p.state.rules, r.Like) {
			p.add(addRule{p.Bond, r})
		}
	}
}

// inheritedNetwork puts back what the bond has inherited and somebody has taken away.
// The copies of routers' routes go when the kernel has its own.
func (p *planner) inheritedNetwork(bond Link) {
	has := p.wanted.inherited
	if has == nil {
		return
	}
	if p.wanted.takeover.from == nil {
		for _, a := range inOrder(has.Lasting.Addresses) {
			if _, there := p.state.addr(bond.Index, a.Prefix); !there {
				p.add(addAddress{Link: p.Bond, Address: a})
			}
		}
		p.addRoutes(bond, has.Lasting.Routes, func(rtnl.Route) bool { return true })
		p.addRules(has.Lasting.Rules)
	}
	for _, a := range has.Passing.Addresses {
		if on, there := p.state.addr(bond.Index, a.Prefix); there && a.HasTemporary() && !on.HasTemporary() && bond.ready6 && p.wanted.takeover.from == nil {
			on.Flags |= unix.IFA_F_MANAGETEMPADDR
			p.add(haveTemporary{p.Bond, on})
		}
	}
	for _, r := range p.state.routes {
		if r.Link == bond.Index && slices.ContainsFunc(has.Passing.Routes, func(o rtnl.Route) bool { return isCopy(o, r) }) && p.state.advertised(bond.Index, r) {
			p.add(delRoute{p.Bond, r})
		}
	}
}

// isCopy says whether a route is the copy of a router's that the bond has inherited.
func isCopy(inherited, r rtnl.Route) bool {
	return r.Protocol == unix.RTPROT_RA && inherited.Protocol == unix.RTPROT_RA && inherited.Destination == r.Destination &&
		inherited.Gateway == r.Gateway && inherited.Metric == r.Metric
}

// advertised says whether the kernel has a route of its own to where a copy leads.
func (t *traffic) advertised(link int, copied rtnl.Route) bool {
	return slices.ContainsFunc(t.routes, func(r rtnl.Route) bool {
		return r.Link == link && r.Protocol == unix.RTPROT_RA && r.Destination == copied.Destination && r.Gateway == copied.Gateway && r.Metric < copied.Metric
	})
}

// hasAddress says whether an address was inherited.
func (i *Inherited) hasAddress(prefix netip.Prefix) bool {
	return i != nil && slices.ContainsFunc(slices.Concat(i.Lasting.Addresses, i.Passing.Addresses), func(a rtnl.Addr) bool { return a.Prefix == prefix })
}

// hasRoute says whether a route was inherited.
func (i *Inherited) hasRoute(route rtnl.Route) bool {
	return i != nil && slices.ContainsFunc(slices.Concat(i.Lasting.Routes, i.Passing.Routes), func(r rtnl.Route) bool { return sameWay(r, route) && r.Metric == route.Metric })
}

// givers are all that give up what they carry, be it to the bond or for nothing.
func (t takeover) givers() []giver { return slices.Concat(t.from, t.dropped) }

// gives says whether a member carries an address that it gives up.
func (t takeover) gives(prefix netip.Prefix) bool {
	return slices.ContainsFunc(t.from, func(g giver) bool {
		return slices.ContainsFunc(g.Addresses, func(a rtnl.Addr) bool { return a.Prefix == prefix })
	})
}

// interrupts says what is interrupted where members are in use.
func (p *planner) interrupts() {
	if !p.Takes {
		return
	}
	var wifi, wired []string
	for _, m := range p.wanted.members {
		switch {
		case !p.enslaves(m.name):
		case m.link.WiFi && value(m.link.Carrier):
			wifi = append(wifi, m.name)
		case m.link.Driver != "" && p.wanted.takeover.takes(m.name):
			wired = append(wired, m.name)
		}
	}
	for _, g := range p.wanted.takeover.dropped {
		p.interrupt("what goes over %s ends: %s", g.link.Name, g.texts())
	}
	if len(wifi) > 0 {
		p.interrupt("Wi-Fi re-associates, 1 to 3 s (%s)", strings.Join(wifi, ", "))
	}
	if len(wired) > 0 {
		p.interrupt("a link that goes down and up is negotiated anew, up to 4 s on Ethernet by copper (%s)", strings.Join(wired, ", "))
	}
	if len(p.wanted.takeover.dropped) == 0 {
		p.interrupt("no connection is lost: what the members carry goes on over %s", p.Bond)
	}
}

func (p *planner) interrupt(format string, args ...any) {
	p.Interrupts = append(p.Interrupts, Messagef(format, args...))
}
