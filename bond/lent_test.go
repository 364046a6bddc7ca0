package bond

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/lease"
)

// An address that a DHCP client was lent without telling the kernel ends on the bond, which
// asks for a lease. The member gets back the one that it had.
func TestLent(t *testing.T) {
	s := inUse(addr(1, "192.0.2.10/24"), route(1, "0.0.0.0/0", "192.0.2.1"))
	c := config(t, "member=eth0", "member=eth1")
	p := mustPlan(t, c, s)
	c.Inherited = p.inherited
	if c.WantsDHCP() {
		t.Error("an address for good is there, and a lease is wanted")
	}
	c.Inherited = nil
	c.Lent = map[netip.Prefix]time.Duration{netip.MustParsePrefix("192.0.2.10/24"): time.Hour}
	p = mustPlan(t, c, s)
	i := slices.IndexFunc(p.Steps, func(s Step) bool { a, ok := s.(addAddress); return ok && a.Link == "bond0" })
	if i < 0 {
		t.Fatalf("the bond gets no address: %s", p)
	}
	if got := p.Steps[i].(addAddress).Address; got.Valid != 3600 || got.Preferred != 3600 {
		t.Errorf("it has the address for %d s, is to use it for %d", got.Valid, got.Preferred)
	}
	if has := p.inherited; len(has.Lasting.Addresses)+len(has.Lasting.Routes) > 0 || len(has.Passing.Addresses) != 1 {
		t.Errorf("inherited: %+v", has)
	}
	if c.Inherited = p.inherited; !c.WantsDHCP() {
		t.Error("no lease is wanted")
	}
	sim := simulate(t, s)
	sim.apply(p.Steps...)
	down := downPlan(sim.after(p, s), false)
	sim.apply(down.Steps...)
	if diff := cmp.Diff(s.settings(), sim.settings()); diff != "" {
		t.Errorf("after down (-before +after)\n%s", diff)
	}
	if a := s.addrsOf(1)[0]; a.Valid != rtnl.Forever {
		t.Errorf("the member's address ends: %+v", a)
	}
}

// An up that was killed has left the lease to the bond, and its address to the member: the
// next one goes on.
func TestLeaseOfMember(t *testing.T) {
	s := inUse(lent(addr(1, "192.0.2.10/24")), route(1, "0.0.0.0/0", "192.0.2.1"))
	s.Lease, s.LeaseLeft = &lease.Lease{Address: netip.MustParsePrefix("192.0.2.10/24")}, time.Hour
	p := mustPlan(t, config(t, "member=eth0", "member=eth1"), s)
	if !slices.Contains(texts(p.Steps), "add 192.0.2.10/24 to bond0") || !slices.Equal(p.Joining(), []string{"eth0", "eth1"}) {
		t.Errorf("the plan is %s, and %v join", p, p.Joining())
	}
}
