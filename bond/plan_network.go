package bond

import (
	"slices"
	"strconv"
	"time"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// network plans the bond's addresses and routes. What others have added stays; what
// bondctl has added and isn't wanted any more goes.
func (p *planner) network() {
	bond, _ := p.state.link(p.Bond) // index 0 carries nothing
	p.routersMetric(bond)
	p.inheritedNetwork(bond)
	w, added := p.wanted, p.state.added()
	for _, a := range w.addresses {
		want := rtnl.NewAddr(a)
		has, there := p.state.addr(bond.Index, a)
		if there = there && isGlobal(has); there {
			want = has
		}
		p.lifetime(&want)
		switch {
		case !there && p.given(a):
		case !there:
			p.add(addAddress{Link: p.Bond, Address: want})
		case want != has:
			p.add(setAddress{p.Bond, want, false})
		}
	}
	// Routes first come and then go, so that there always is one.
	old := p.newRoutes(bond, p.oldRoutes(bond))
	p.newRules()
	p.oldRules()
	for _, r := range old {
		p.add(delRoute{p.Bond, r})
	}
	// Last, for the kernel may remove other addresses of its network with it, and
	// routes. They are put back then.
	for _, a := range slices.Backward(added.Addresses) {
		has, ok := p.state.addr(bond.Index, a.Prefix)
		holds := w.unleased && a.Prefix.Addr().Is4() && has.Valid == rtnl.Forever // one that was leased doesn't
		if ok && a.Link == p.Bond && !holds && !slices.Contains(w.addresses, a.Prefix) && !w.inherited.hasAddress(a.Prefix) {
			p.add(delAddress{p.Bond, has})
		}
	}
	p.forgetRouters(bond)
	if p.state.Bond != nil {
		p.takeIPv6()
	}
}

// routersMetric has the kernel give routers' default routes the metric of the others.
func (p *planner) routersMetric(bond Link) {
	has, want := p.state.raMetric, strconv.FormatUint(uint64(p.wanted.metric6), 10)
	if has != "" && has != want {
		to := raMetric
		to.Link, to.Value = bond.Index, want
		p.add(setSysctl{p.Bond, has, to})
	}
}

// lifetimeSlack is how much the kernel's end of an address and the lease's may differ:
// both count seconds, from different moments.
const lifetimeSlack = 10 * time.Second

// lifetime has the leased address end with its lease. An address that was leased and
// is wanted by itself doesn't end.
func (p *planner) lifetime(a *rtnl.Addr) {
	lease := p.state.Lease
	switch {
	case slices.Contains(p.wanted.static, a.Prefix):
		if slices.Contains(p.state.added().Addresses, addedAddress{p.Bond, a.Prefix}) {
			a.Valid, a.Preferred = rtnl.Forever, rtnl.Forever
		}
	case lease != nil && a.Prefix == lease.Address:
		left := p.state.LeaseLeft.Truncate(time.Second)
		if left > 0 && (a.Valid == rtnl.Forever || (a.Valid.Duration()-left).Abs() > lifetimeSlack) {
			a.Valid, a.Preferred = rtnl.In(left), rtnl.In(left)
		}
	}
}
