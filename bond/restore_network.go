package bond

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// sysctls gives back the settings of links.
func (r *restorer) sysctls() {
	for _, was := range r.before.Sysctls {
		link, present := r.linkOf(was.Link)
		if !present || slices.Contains(r.now.sysctls, was) {
			continue
		}
		has := was.in(r.now.sysctls)
		step := setSysctl{link.Name, has.Value, was}
		r.add(step)
		if disablesIPv6(step) {
			r.then.ipv6Gone(link.Index)
		}
	}
}

// advertisements have the routers' default routes get their metrics back.
func (r *restorer) advertisements() {
	for _, step := range slices.Clone(r.Steps) {
		set, ok := step.(setSysctl)
		link, _ := r.now.link(step.link())
		was, _ := r.before.link(link.Index)
		if ok && set.To.Key == raMetric.Key && link.Up && was.Up {
			r.last = append(r.last, solicitRouters{link.Name})
		}
	}
}

// removeAdded takes away what bondctl has put in place, as far as it is still
// there.
func (r *restorer) removeAdded() {
	for _, added := range r.before.Added.Routes {
		link, _ := r.now.link(added.Link)
		if r.then.hasRoute(link.Index, added.Route) {
			r.add(delRoute{link.Name, added.Route})
			r.then.removeRoute(link.Index, added.Route)
		}
	}
	for _, added := range r.before.Added.Rules {
		if has, there := added.In(r.now.rules); there {
			r.add(delRule{r.now.Name, has})
		}
	}
	for _, added := range slices.Backward(r.before.Added.Addresses) {
		link, _ := r.now.link(added.Link)
		if a, has := r.then.addr(link.Index, added.Prefix); has && !r.keepsAddress(a) {
			r.remove(link, a)
		}
	}
}

// keepsAddress says whether an address that bondctl took for its own is one that the link had, and has again.
func (r *restorer) keepsAddress(a rtnl.Addr) bool {
	was, had := r.before.address(a.Link, a.Prefix)
	return had && was.After(r.elapsed).Valid != 0
}

func (r *restorer) remove(link Link, a rtnl.Addr) {
	r.add(delAddress{link.Name, a})
	r.then.removeAddr(a)
}

// addresses gives the links back the addresses that they miss.
func (r *restorer) addresses() {
	for _, was := range inOrder(r.before.Addresses) {
		link, present := r.linkOf(was.Link)
		was = was.On(link.Index).After(r.elapsed)
		if !present || was.Valid == 0 || slices.Contains(r.others, link.Index) {
			continue
		}
		has, there := r.then.addr(link.Index, was.Prefix)
		switch {
		case !there:
			r.precede(link, was)
			r.add(addAddress{Link: link.Name, Address: was, Held: true})
			if was.HasTemporary() {
				r.last = append(r.last, haveTemporary{link.Name, was})
			}
		case !was.Like(has):
			r.add(setAddress{link.Name, was, was.Metric != has.Metric})
		}
	}
}

// linkOf finds the link of something in the image. The bond may have been made
// anew, with another ifindex, which is 0 while it is still to be.
func (r *restorer) linkOf(index int) (Link, bool) {
	if own := r.ownLink(); own.Index == index && index != 0 && r.before.Bond != nil && r.before.Bond.State != nil {
		link, _ := r.now.link(r.Bond)
		link.Name = r.Bond
		return link, true
	}
	for _, u := range r.made {
		if u.Index == index {
			return Link{Name: u.Name, Index: u.Index, MAC: u.MAC, MTU: u.MTU}, true
		}
	}
	link, present := r.now.linkByIndex(index)
	return link, present && !r.gone(link)
}

// precede takes away the IPv4 addresses of the same network that are to come
// behind one that is missing: the first of a network is the one that is used. They
// are added again in their turn.
func (r *restorer) precede(link Link, missing rtnl.Addr) {
	if !missing.Prefix.Addr().Is4() {
		return
	}
	after := false
	for _, was := range r.before.Addresses {
		if was.Link == missing.Link && was.Prefix == missing.Prefix {
			after = true
			continue
		}
		has, there := r.then.addr(link.Index, was.Prefix)
		if after && there && was.Prefix.Masked() == missing.Prefix.Masked() {
			r.remove(link, has)
		}
	}
}

// routes adds the routes that are missing, those without a gateway first: others
// lead by what they reach.
func (r *restorer) routes() {
	missing := slices.DeleteFunc(slices.Concat(r.before.Routes, unbound(r.before, r.now)), func(was rtnl.Route) bool {
		return slices.ContainsFunc(r.then.routes, was.Like) || r.advertised(was)
	})
	slices.SortStableFunc(missing, func(a, b rtnl.Route) int {
		return cmp.Compare(rank(a.Gateway.IsValid() || a.Paths != ""), rank(b.Gateway.IsValid() || b.Paths != ""))
	})
	for _, was := range missing {
		names := ""
		all := true
		for _, index := range was.Links() {
			link, present := r.linkOf(index)
			all = all && present && !slices.Contains(r.others, link.Index)
			was = was.On(index, link.Index)
			names = cmp.Or(names, link.Name)
		}
		was, lacks := r.then.lacking(was.Whole().After(r.elapsed))
		if all && lacks && was.Expires != 0 && !r.cutOff(was) {
			r.add(addRoute{names, was})
		}
	}
}

// defaults adds default routes that a group has replaced while its own are there still, so that there always is one. The
// others, and an IPv6 one that the kernel would take for a path of ours, are for routes.
func (r *restorer) defaults() {
	for _, was := range r.before.Routes {
		link, present := r.now.linkByIndex(was.Link)
		reached := slices.ContainsFunc(r.then.addrsOf(link.Index), func(a rtnl.Addr) bool { return a.Prefix.Contains(was.Gateway) })
		there := slices.ContainsFunc(r.then.routes, func(has rtnl.Route) bool {
			joins := !was.Is4() && has.Destination == was.Destination && has.Table == was.Table && has.Metric == was.Metric
			return joins || was.Like(has)
		})
		if present && link.Up && reached && !there && was.Destination.Bits() == 0 && !isAdvertised(was) && (!was.Source.IsValid() || r.then.local(was.Source)) {
			back := was.Whole().After(r.elapsed)
			r.add(addRoute{link.Name, back})
			r.then.routes = append(r.then.routes, was)
		}
	}
}

// advertised says whether the kernel has a router's route still, be it with another metric. A copy of it would keep the
// kernel from taking in what the router advertises next.
func (r *restorer) advertised(was rtnl.Route) bool {
	if isAdvertised(was) && r.byRoutes() {
		return true // the routers are asked
	}
	return was.Protocol == unix.RTPROT_RA && slices.ContainsFunc(r.then.routes, func(has rtnl.Route) bool {
		return has.Protocol == unix.RTPROT_RA && has.Link == was.Link && has.Destination == was.Destination && has.Gateway == was.Gateway
	})
}

// unbound are the routes over other links that go with the bond's addresses, to which
// they are bound. They are put back once a link has those again.
func unbound(before *Image, now *State) []rtnl.Route {
	bond, _ := now.link(now.Name)
	return filter(now.routes, func(route rtnl.Route) bool {
		return route.Is4() && before.HasAddress(route.Source) && !slices.ContainsFunc(before.Routes, route.Like) &&
			!slices.ContainsFunc(route.Links(), func(index int) bool {
				_, own := before.link(index)
				return own || index == bond.Index
			})
	})
}

// cutOff says whether a route goes over a link that is to be down: the kernel
// takes none.
func (r *restorer) cutOff(route rtnl.Route) bool {
	return slices.ContainsFunc(route.Links(), func(index int) bool {
		was, known := r.before.link(index)
		return known && !was.Up
	})
}

// known has the links know whom the bond knows that goes: so nobody waits for an answer
// that a link is too early to ask for. They are neighbours of the link that gets back
// an address of their network or, by their link-local address, of the first one.
func (r *restorer) known() {
	bond, _ := r.now.link(r.Bond)
	if !slices.ContainsFunc(r.Steps, func(s Step) bool { _, ok := s.(deleteBond); return ok }) {
		return
	}
	of := map[int][]rtnl.Neighbour{}
	for _, n := range r.now.neighs {
		if n.Link != bond.Index || n.Permanent() {
			continue
		}
		i := slices.IndexFunc(r.before.Addresses, func(a rtnl.Addr) bool {
			return a.Prefix.Contains(n.Addr) || n.Addr.IsLinkLocalUnicast() && a.Prefix.Addr().Is6()
		})
		if i >= 0 {
			of[r.before.Addresses[i].Link] = append(of[r.before.Addresses[i].Link], n.Stale())
		}
	}
	for _, l := range r.before.Links {
		if link, present := r.now.linkByIndex(l.Index); present && of[l.Index] != nil && !slices.Contains(r.others, l.Index) {
			r.add(knowNeighbours{link.Name, r.Bond, of[l.Index]})
		}
	}
}

// neighbours adds the neighbours that are missing.
func (r *restorer) neighbours() {
	for _, was := range r.before.Neighbours {
		link, present := r.linkOf(was.Link)
		was = was.On(link.Index)
		if present && !slices.Contains(r.others, link.Index) && !slices.ContainsFunc(r.then.neighs, was.Like) {
			r.add(addNeighbour{link.Name, was})
		}
	}
}

// rules adds the rules that are missing.
func (r *restorer) rules() {
	for _, was := range r.before.Rules {
		if !slices.ContainsFunc(r.now.rules, was.Like) {
			r.add(addRule{cmp.Or(was.IIF, was.OIF), was})
		}
	}
}
