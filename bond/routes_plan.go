package bond

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// newRoutesPlan is [NewPlan] of the strategy routes.
func newRoutesPlan(c Config, s State) (Plan, error) {
	if l, present := s.link(c.Name); present {
		return Plan{}, &ObstacleError{Bond: c.Name, What: fmt.Sprintf("there is an interface %s, and the strategy routes makes none", l.Name),
			Mend: Messagef("give the group a name of its own, such as uplink")}
	}
	p := &routesPlanner{Plan: Plan{Bond: c.Name}, state: s, members: s.routesMembers(c)}
	for _, m := range p.members {
		switch {
		case m.link.Name == "":
			p.note("%s is absent; the others serve for now", m.name)
		case m.pending != "":
			p.note("%s is %s; the others serve for now", m.name, m.pending)
		default:
			p.Members++
			p.takeIn(m)
			p.add(p.sysctls(m)...)
			p.setUp(m)
			p.addresses(m)
		}
	}
	p.routes()
	p.advertisements()
	p.rules()
	p.mptcp(c)
	p.oldAddresses()
	p.giveBackReleased()
	p.Policy = p.policy()
	p.Associations = (&wanted{members: p.plain()}).associations()
	p.Loses = slices.ContainsFunc(p.Steps, p.loses)
	return p.Plan, nil
}

// routesPlanner builds a Plan of the strategy routes.
type routesPlanner struct {
	Plan
	state   State
	members []routesMember
}

func (p *routesPlanner) add(steps ...Step) { p.Steps = append(p.Steps, steps...) }

func (p *routesPlanner) note(format string, args ...any) {
	p.Notes = append(p.Notes, Messagef(format, args...))
}

// plain are the members as a bond has them.
func (p *routesPlanner) plain() (list []wantedMember) {
	for _, m := range p.members {
		list = append(list, m.wantedMember)
	}
	return list
}

// loses says whether a step takes from a member an address, or a default route of somebody else's.
func (p *routesPlanner) loses(step Step) bool {
	switch step := step.(type) {
	case delAddress:
		return true
	case delRoute:
		return step.Route.Destination.Bits() == 0 && step.Route.Table == unix.RT_TABLE_MAIN && step.Route.Protocol != RouteProtocol
	}
	return false
}

// takeIn notes a member that has just come to the group.
func (p *routesPlanner) takeIn(m routesMember) {
	if _, taken := p.state.Before.link(m.link.Index); taken {
		return
	}
	p.joining = append(p.joining, m.name)
	if m.leases() {
		p.leasing = append(p.leasing, m.name)
	}
}

// setUp sets a member up. One that somebody has just set down is left so for a while.
func (p *routesPlanner) setUp(m routesMember) {
	if !m.link.Up && !m.link.resting {
		up := m.link.settings()
		up.Up = true
		p.add(setLink{m.link.Name, m.link.settings(), up})
	}
}

// sysctls are the steps that a member's settings need.
func (p *routesPlanner) sysctls(m routesMember) (steps []Step) {
	set := func(family, key, value string) {
		has := sysctl{Link: m.link.Index, Family: family, Key: key}.in(p.state.memberSysctls)
		if has.Value != "" && has.Value != value {
			to := has
			to.Value = value
			steps = append(steps, setSysctl{m.link.Name, has.Value, to})
		}
	}
	set("ipv4", ignoreLinkDown, "1")
	set("ipv4", promoteSecondaries, "1")
	if p.sharesNetwork(m, func(routesMember) bool { return true }) {
		set("ipv4", arpFilter, "1")
	}
	strict := sysctl{Link: m.link.Index, Family: "ipv4", Key: rpFilter}.in(p.state.memberSysctls).Value == "1"
	if strict || p.state.strictAll {
		set("ipv4", rpFilter, "2")
	}
	set("ipv6", ignoreLinkDown, "1")
	for _, n := range m.nets {
		if n.family == unix.AF_INET6 {
			set("ipv6", raMetric.Key, metricWord(n.metric))
			steps = append(steps, p.takeIPv6(m.link)...)
		}
	}
	return steps
}

// takeIPv6 has the kernel do a link's IPv6 where a manager did: such a one listens to routers itself, and has the kernel
// not do so and make no addresses. By its default route it is known that there was one.
func (p *routesPlanner) takeIPv6(link Link) (steps []Step) {
	if !slices.ContainsFunc(p.state.routes, func(r rtnl.Route) bool {
		return r.Link == link.Index && !r.Is4() && r.Destination.Bits() == 0 && r.Protocol == unix.RTPROT_RA && !isAdvertised(r)
	}) {
		return nil
	}
	for _, key := range []struct{ name, off, usual string }{{acceptRA, "0", "1"}, {addrGenMode, "1", "0"}} {
		has := sysctl{Link: link.Index, Family: "ipv6", Key: key.name}.in(p.state.memberSysctls)
		if has.Value == key.off {
			to := has
			to.Value = key.usual
			steps = append(steps, setSysctl{link.Name, has.Value, to})
		}
	}
	return steps
}

func metricWord(metric uint32) string { return strconv.FormatUint(uint64(metric), 10) }

// advertisements have the routers' default routes go by the members' order. The kernel gives them their metric with the
// next advertisement; of a member that is held back one of ours stands in until then, behind all others.
func (p *routesPlanner) advertisements() {
	for _, m := range p.members {
		for _, n := range m.nets {
			has := raMetric.of(m.link.Index).in(p.state.memberSysctls).Value
			if n.family != unix.AF_INET6 || len(n.addresses) == 0 || has == "" || has == metricWord(n.metric) {
				continue
			}
			for _, r := range p.state.routes {
				if m.held && r.Link == m.link.Index && n.isDefault(r) && isAdvertised(r) && r.Metric < n.metric {
					p.add(addRoute{m.link.Name, n.standIn(r).By(0)}, delRoute{m.link.Name, r.By(0)})
				}
			}
			p.add(solicitRouters{m.link.Name})
		}
	}
}

// sharesNetwork says whether another member that counts is in a network of this one.
func (p *routesPlanner) sharesNetwork(m routesMember, counts func(routesMember) bool) bool {
	return slices.ContainsFunc(p.members, func(o routesMember) bool {
		return o.name != m.name && counts(o) && slices.ContainsFunc(o.nets, func(theirs routesNet) bool {
			return slices.ContainsFunc(m.nets, theirs.isAlso)
		})
	})
}

// isAlso says whether two members are in one network, as far as one can tell: those of one prefix by another gateway are
// two.
func (n routesNet) isAlso(o routesNet) bool {
	return slices.ContainsFunc(n.addresses, func(a netip.Prefix) bool {
		one := slices.ContainsFunc(o.addresses, func(b netip.Prefix) bool { return a.Masked() == b.Masked() })
		return one && (n.gateway == o.gateway || !a.Contains(n.gateway) || !a.Contains(o.gateway))
	})
}

// standsBack says whether what comes from a member's addresses goes over another of the same network for now.
func (p *routesPlanner) standsBack(m routesMember) bool {
	return m.held && p.sharesNetwork(m, routesMember.serves)
}

// addresses gives a member those that it misses, and has the kernel's routes to their networks go by the member's order.
func (p *routesPlanner) addresses(m routesMember) {
	for _, n := range m.nets {
		for _, prefix := range n.addresses {
			has, there := p.state.addr(m.link.Index, prefix)
			want := has
			if !there {
				want = rtnl.NewAddr(prefix)
			}
			// Of an IPv6 address that ends the kernel would keep the route of the metric before as well.
			ends := prefix.Addr().Is6() && (want.Valid != rtnl.Forever || want.ByRouter())
			if want.Flags&unix.IFA_F_NOPREFIXROUTE == 0 && !ends {
				want.Metric = n.metric
			}
			n.lifetime(&want)
			switch {
			case !there:
				p.add(addAddress{Link: m.link.Name, Address: want})
			case want != has:
				p.add(setAddress{m.link.Name, want, want.Metric != has.Metric})
			}
		}
	}
}

// lifetime has a leased address end with its lease.
func (n routesNet) lifetime(a *rtnl.Addr) {
	if n.lease.Lease == nil || a.Prefix != n.lease.Address {
		return
	}
	left := n.lease.left.Truncate(time.Second)
	if left > 0 && (a.Valid == rtnl.Forever || (a.Valid.Duration()-left).Abs() > lifetimeSlack) {
		a.Valid, a.Preferred = rtnl.In(left), rtnl.In(left)
	}
}

// routes first come and then go, so that there always is one. Only where the kernel would make ours a path of one that
// goes, that one goes first.
func (p *routesPlanner) routes() {
	var wanted []rtnl.Route
	for _, m := range p.members {
		for _, n := range m.nets {
			for _, r := range n.routes(m.link.Index) {
				wanted = with(wanted, r)
			}
		}
	}
	going := p.goingRoutes(wanted)
	for _, r := range wanted {
		if slices.ContainsFunc(p.state.routes, func(has rtnl.Route) bool { return has.Holds(r) }) {
			continue
		}
		going = slices.DeleteFunc(going, func(d delRoute) bool {
			joins := !r.Is4() && r.Destination == d.Route.Destination && r.Table == d.Route.Table && r.Metric == d.Route.Metric && d.Route.Protocol != RouteProtocol
			if joins {
				p.add(d)
			}
			return joins
		})
		link, _ := p.state.linkByIndex(r.Link)
		p.add(addRoute{link.Name, r.By(0)})
	}
	for _, d := range going {
		p.add(d)
	}
}

// goingRoutes are the routes that go: those of ours that aren't wanted any more, and those whose place ours take.
func (p *routesPlanner) goingRoutes(wanted []rtnl.Route) (list []delRoute) {
	for _, a := range p.state.added().Routes {
		link, present := p.state.link(a.Link)
		r := a.Route.By(link.Index)
		is := func(has rtnl.Route) bool { return has.Holds(r) }
		if present && slices.ContainsFunc(p.state.routes, is) && !slices.ContainsFunc(wanted, r.Equals) {
			list = append(list, delRoute{link.Name, a.Route})
		}
	}
	for _, r := range p.state.routes {
		if p.replaces(r) {
			link, _ := p.state.linkByIndex(r.Links()[0])
			list = append(list, delRoute{link.Name, r.By(0)})
		}
	}
	return list
}

// replaces says whether a route of somebody else's is a default route over members alone, and ours take its place: it was
// there before ours. What is added later is left alone.
func (p *routesPlanner) replaces(r rtnl.Route) bool {
	if r.Protocol == RouteProtocol || isAdvertised(r) || r.Table != unix.RT_TABLE_MAIN || r.Type != unix.RTN_UNICAST {
		return false
	}
	stays := func(link int) bool {
		return !slices.ContainsFunc(p.members, func(m routesMember) bool {
			return m.link.Index == link && slices.ContainsFunc(m.nets, func(n routesNet) bool {
				return n.isDefault(r) && n.gateway.IsValid() && len(n.addresses) > 0 && !p.state.addedDefault(m.link.Name, n)
			})
		})
	}
	return len(r.Links()) > 0 && !slices.ContainsFunc(r.Links(), stays)
}

// addedDefault says whether bondctl has given a link a default route of a family.
func (s *State) addedDefault(link string, n routesNet) bool {
	return slices.ContainsFunc(s.added().Routes, func(a addedRoute) bool { return a.Link == link && n.isDefault(a.Route) })
}

// giveBackReleased gives links back what they had that are no members any more.
func (p *routesPlanner) giveBackReleased() {
	if p.state.Before == nil {
		return
	}
	for _, was := range p.state.Before.Links {
		link, present := p.state.linkByIndex(was.Index)
		member := slices.ContainsFunc(p.members, func(m routesMember) bool { return m.link.Index == was.Index })
		if present && !member {
			p.add(NewRestore(p.state.Before.only(was.Index), p.state).Steps...)
			if !p.givesBack(link.Name) {
				p.add(giveBack{link.Name, link.settings()}) // as it is: all that is left of it is to be noted
			}
		}
	}
}

// rules plans the rules that are missing, and removes those of ours that aren't wanted any more.
func (p *routesPlanner) rules() {
	var wanted []rtnl.Rule
	for _, m := range p.members {
		for _, r := range p.rulesOf(m) {
			wanted = append(wanted, r)
			if _, there := r.In(p.state.rules); !there {
				p.add(addRule{m.link.Name, r})
			}
		}
	}
	for _, added := range p.state.added().Rules {
		has, there := added.In(p.state.rules)
		if _, still := added.In(wanted); there && !still {
			p.add(delRule{p.Bond, has})
		}
	}
}

// rulesOf are the rules that a member is to have.
func (p *routesPlanner) rulesOf(m routesMember) (list []rtnl.Rule) {
	others := p.sharesNetwork(m, func(routesMember) bool { return true })
	for _, n := range m.nets {
		list = append(list, n.rules(!p.standsBack(m), others)...)
	}
	return list
}

// oldAddresses removes the addresses that bondctl has added and that aren't wanted any more.
func (p *routesPlanner) oldAddresses() {
	for _, a := range slices.Backward(p.state.added().Addresses) {
		link, present := p.state.link(a.Link)
		has, there := p.state.addr(link.Index, a.Prefix)
		wanted := slices.ContainsFunc(p.members, func(m routesMember) bool {
			return m.link.Name == a.Link && slices.ContainsFunc(m.nets, func(n routesNet) bool { return slices.Contains(n.named, a.Prefix) })
		})
		if present && there && !wanted {
			p.add(delAddress{a.Link, has})
		}
	}
}
