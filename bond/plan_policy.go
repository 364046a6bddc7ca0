package bond

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// newRules plans the rules that are missing, whoever would have set them.
func (p *planner) newRules() {
	for _, r := range p.wanted.rules {
		if !p.state.serveRule(r) {
			p.add(addRule{p.Bond, r})
		}
	}
}

// oldRules plans to remove the rules that bondctl has added and that aren't wanted any
// more.
func (p *planner) oldRules() {
	for _, added := range p.state.added().Rules {
		if has, there := added.In(p.state.rules); there && !slices.ContainsFunc(p.wanted.rules, added.Serves) && !p.wanted.inherited.hasRule(added) {
			p.add(delRule{p.Bond, has})
		}
	}
}

// hasRule says whether a rule was inherited.
func (i *Inherited) hasRule(rule rtnl.Rule) bool {
	return i != nil && slices.ContainsFunc(slices.Concat(i.Lasting.Rules, i.Passing.Rules), rule.Serves)
}

// hasRoute says whether a route is wanted, or one that it serves.
func (w *wanted) hasRoute(route rtnl.Route) bool {
	return slices.ContainsFunc(w.routes, func(want rtnl.Route) bool {
		return want == route || serves(route, 0, want) && route.Source == want.Source
	})
}

// oldRoutes are the routes that bondctl has added and that aren't wanted any more, as
// far as they are still there.
func (p *planner) oldRoutes(bond Link) (old []rtnl.Route) {
	for _, r := range p.state.added().Routes {
		holds := p.wanted.unleased && r.Route.Is4() && r.Route.Protocol != unix.RTPROT_DHCP
		if r.Link == p.Bond && !holds && p.state.hasRoute(bond.Index, r.Route) && !p.wanted.hasRoute(r.Route) && !p.wanted.inherited.hasRoute(r.Route) {
			old = append(old, r.Route)
		}
	}
	return old
}

// newRoutes plans the routes that are missing, and returns the old ones that are still
// to go. A route that is about to go doesn't stand in for a wanted one. An old route goes
// first where the kernel can't tell it from its successor: with IPv6 the new one couldn't
// be added (EEXIST), and with IPv4 the wrong one might be removed.
func (p *planner) newRoutes(bond Link, old []rtnl.Route) (left []rtnl.Route) {
	stays := p.state.traffic
	stays.routes = slices.DeleteFunc(slices.Clone(stays.routes), func(r rtnl.Route) bool {
		return r.Link == bond.Index && slices.Contains(old, r.Fields().By(0))
	})
	for _, want := range p.wanted.routes {
		if stays.hasRoute(bond.Index, want) {
			continue
		}
		old = slices.DeleteFunc(old, func(r rtnl.Route) bool {
			inTheWay := r.Destination == want.Destination && r.Gateway == want.Gateway && r.Metric == want.Metric && r.Table == want.Table
			if inTheWay {
				p.add(delRoute{p.Bond, r})
			}
			return inTheWay
		})
		if slices.Contains(p.state.added().Routes, addedRoute{p.Bond, want}) {
			p.removeRobbed(bond, want)
		}
		p.add(addRoute{p.Bond, want})
	}
	return old
}

// removeRobbed plans to remove what the kernel has made of an IPv6 route of ours whose
// source has gone for a while: one without a source, which keeps it from being added.
func (p *planner) removeRobbed(bond Link, ours rtnl.Route) {
	if ours.Is4() || !ours.Source.IsValid() {
		return
	}
	robbed := ours
	robbed.Source = netip.Addr{}
	for _, r := range p.state.routes {
		if !r.Source.IsValid() && serves(r, bond.Index, robbed) {
			p.add(delRoute{p.Bond, r})
		}
	}
}
