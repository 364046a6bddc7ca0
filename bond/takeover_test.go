package bond

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/lease"
)

// inUse is a machine of eth0 and eth1, which carry what is given.
func inUse(carried ...any) State {
	s := State{Name: "bond0", Links: []Link{device(1, "eth0"), device(2, "eth1")}}
	s.Links[0].Up = true
	for _, c := range carried {
		switch c := c.(type) {
		case rtnl.Addr:
			carry(&s, c)
		case rtnl.Route:
			s.routes = append(s.routes, c)
			linkOf(&s, []string{"", "eth0", "eth1"}[c.Link]).Routes++
		case rtnl.Neighbour:
			s.neighs = append(s.neighs, c)
		case sysctl:
			s.differing = append(s.differing, c)
		}
	}
	return s
}

// lent is an address that ends.
func lent(a rtnl.Addr) rtnl.Addr {
	a.Valid, a.Preferred = 3600, 3600
	return a
}

func TestTakeOver(t *testing.T) {
	advertised := route(1, "::/0", "fe80::1")
	advertised.Protocol, advertised.Expires = unix.RTPROT_RA, 1800
	tests := map[string]struct {
		flags      []string
		state      State
		want       []string
		interrupts []string
		dhcp       bool // the keeper asks for a lease
	}{
		"an address and a default route": {
			state: inUse(addr(1, "192.0.2.10/24"), route(1, "0.0.0.0/0", "192.0.2.1").WithMetric(5)),
			want: []string{
				"create bond0: mode active-backup, miimon 100, address 02:00:00:00:00:01",
				"add 192.0.2.10/24 to bond0", "add default route via 192.0.2.1 metric 5 over bond0",
				"enslave eth0 to bond0", "enslave eth1 to bond0", "remove 192.0.2.10/24 from eth0",
			},
			interrupts: []string{"no connection is lost: what the members carry goes on over bond0"},
		},
		"the bond looks like the one with the default route, and IPv6 routes come last": {
			state: inUse(addr(1, "192.0.2.10/24"), addr(2, "192.0.2.11/24"), addr(2, "2001:db8::11/64"),
				route(2, "::/0", "2001:db8::1"), sysctl{2, "ipv4", "rp_filter", "2"}, sysctl{1, "ipv4", "rp_filter", "1"}),
			want: []string{
				"create bond0: mode active-backup, miimon 100, address 02:00:00:00:00:02",
				"set net.ipv4.conf.bond0.rp_filter to 2",
				"add 192.0.2.11/24 to bond0", "add 2001:db8::11/64 to bond0", "add 192.0.2.10/24 to bond0",
				"enslave eth1 to bond0", "enslave eth0 to bond0", "remove 192.0.2.11/24 from eth1", "remove 192.0.2.10/24 from eth0",
				"add default route via 2001:db8::1 over bond0",
			},
			interrupts: []string{"no connection is lost: what the members carry goes on over bond0"},
		},
		"of two routes that differ in their metric the lower one": {
			state: inUse(addr(1, "192.0.2.10/24"), addr(2, "192.0.2.11/24"),
				route(1, "0.0.0.0/0", "192.0.2.1").WithMetric(100), route(2, "0.0.0.0/0", "192.0.2.1").WithMetric(50)),
			want: []string{
				"create bond0: mode active-backup, miimon 100, address 02:00:00:00:00:02",
				"add 192.0.2.11/24 to bond0", "add 192.0.2.10/24 to bond0", "add default route via 192.0.2.1 metric 50 over bond0",
				"enslave eth1 to bond0", "enslave eth0 to bond0", "remove 192.0.2.11/24 from eth1", "remove 192.0.2.10/24 from eth0",
			},
			interrupts: []string{"no connection is lost: what the members carry goes on over bond0"},
		},
		"what was lent, and what a router advertised": {
			state: inUse(lent(addr(1, "192.0.2.10/24")), lent(addr(1, "2001:db8::77/64")), advertised, route(1, "0.0.0.0/0", "192.0.2.1"),
				sysctl{1, "ipv6", "accept_ra", "0"}, sysctl{1, "ipv6", "use_tempaddr", "2"}),
			dhcp: true,
			want: []string{
				"create bond0: mode active-backup, miimon 100, address 02:00:00:00:00:01", "set net.ipv6.conf.bond0.use_tempaddr to 2",
				"add 192.0.2.10/24 to bond0", "add 2001:db8::77/64 to bond0", "add default route via 192.0.2.1 over bond0",
				"enslave eth0 to bond0", "enslave eth1 to bond0", "remove 192.0.2.10/24 from eth0",
				"add default route via fe80::1 metric 101 over bond0",
			},
			interrupts: []string{"no connection is lost: what the members carry goes on over bond0"},
		},
		"the MTU is another one": {
			state: changed(inUse(addr(1, "192.0.2.10/24")), func(s *State) { s.Links[0].MTU = 1400 }),
			want: []string{
				"create bond0: mode active-backup, miimon 100, address 02:00:00:00:00:01, mtu 1400", "add 192.0.2.10/24 to bond0",
				"enslave eth0 to bond0", "enslave eth1 to bond0", "remove 192.0.2.10/24 from eth0",
			},
			interrupts: []string{"no connection is lost: what the members carry goes on over bond0"},
		},
		"the address is named, and so is another gateway": {
			flags: []string{"address=192.0.2.10/24", "gateway=192.0.2.254"},
			state: inUse(addr(1, "192.0.2.10/24"), route(1, "0.0.0.0/0", "192.0.2.1")),
			want: []string{
				"create bond0: mode active-backup, miimon 100, address 02:00:00:00:00:01", "add 192.0.2.10/24 to bond0",
				"enslave eth0 to bond0", "enslave eth1 to bond0", "remove 192.0.2.10/24 from eth0",
				"add default route via 192.0.2.254 metric 100 over bond0",
			},
			interrupts: []string{"no connection is lost: what the members carry goes on over bond0"},
		},
		"DHCP is asked for": {
			flags: []string{"dhcp=true"}, dhcp: true,
			state: inUse(addr(1, "192.0.2.10/24"), route(1, "0.0.0.0/0", "192.0.2.1")),
			want: []string{
				"create bond0: mode active-backup, miimon 100, address 02:00:00:00:00:01", "add 192.0.2.10/24 to bond0",
				"add default route via 192.0.2.1 over bond0",
				"enslave eth0 to bond0", "enslave eth1 to bond0", "remove 192.0.2.10/24 from eth0",
			},
			interrupts: []string{"no connection is lost: what the members carry goes on over bond0"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := config(t, append([]string{"member=eth0", "member=eth1"}, test.flags...)...)
			c.Members[0].Prio, c.Members[1].Prio = new(int32(0)), new(int32(0))
			p := mustPlan(t, c, test.state)
			if diff := cmp.Diff(test.want, texts(p.Steps)); diff != "" {
				t.Errorf("steps (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.interrupts, texts(p.Interrupts)); diff != "" {
				t.Errorf("what is interrupted (-want +got)\n%s", diff)
			}
			if !p.Takes {
				t.Error("it doesn't say that it takes something over")
			}
			// A second up, before a lease is there, has nothing to do.
			sim := simulate(t, test.state)
			sim.apply(p.Steps...)
			next := sim.after(p, test.state)
			recount(&next)
			again := mustPlan(t, c, next)
			if !again.Empty() {
				t.Errorf("once more: %s", again)
			}
			c.Inherited = again.inherited
			if c.WantsDHCP() != test.dhcp {
				t.Errorf("the keeper asks for a lease: %t", c.WantsDHCP())
			}
		})
	}
}

// A lease of the bond's own takes the place of what another client was lent.
func TestOwnLease(t *testing.T) {
	c := config(t, "member=eth0", "member=eth1")
	s := inUse(lent(addr(1, "192.0.2.10/24")), route(1, "0.0.0.0/0", "192.0.2.1"))
	p := mustPlan(t, c, s)
	sim := simulate(t, s)
	sim.apply(p.Steps...)
	next := sim.after(p, s)
	recount(&next)
	next.Lease, next.LeaseLeft = &lease.Lease{
		Address: netip.MustParsePrefix("192.0.2.10/24"),
		Routes:  []lease.Route{{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1")}},
	}, time.Hour
	again := mustPlan(t, c, next)
	want := []string{"add default route via 192.0.2.1 metric 100 over bond0", "remove default route via 192.0.2.1 over bond0"}
	if diff := cmp.Diff(want, texts(again.Steps)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if again.inherited != nil {
		t.Errorf("there is still %+v", again.inherited)
	}
}

func TestCompareDefaults(t *testing.T) {
	metrics := []int64{-1, 600, 0, 100}
	slices.SortStableFunc(metrics, compareDefaults)
	if diff := cmp.Diff([]int64{0, 100, 600, -1}, metrics); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestShareNetwork(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"192.0.2.1/24", "192.0.2.9/24", true},
		{"192.0.2.1/24", "192.0.2.9/25", false},
		{"192.0.2.1/32", "192.0.2.1/32", false},
		{"169.254.0.1/16", "169.254.7.7/16", false},
		{"2001:db8::1/64", "2001:db8::2/64", true},
		{"fe80::1/64", "fe80::2/64", false},
	} {
		if got := shareNetwork(addr(1, tt.a), addr(2, tt.b)); got != tt.want {
			t.Errorf("%s and %s: %t", tt.a, tt.b, got)
		}
	}
}

// A label begins with the name of its link, and so changes with it.
func TestLabelled(t *testing.T) {
	for label, want := range map[string]string{"eth0": "bond0", "eth0:second": "bond0:second", "other": "other", "eth0:thirteen123": "bond0"} {
		a := addr(1, "192.0.2.1/24")
		a.Label = label
		if got := a.Labelled("eth0", "bond0").Label; got != want {
			t.Errorf("%s became %s, want %s", label, got, want)
		}
	}
	six := addr(1, "2001:db8::1/64")
	if got := six.Labelled("eth0", "bond0"); got != six {
		t.Errorf("an IPv6 address has the label %q", got.Label)
	}
}

// A route over a link beside the members that is bound to an address of theirs stays as
// the bond takes that over, goes with it, and is there again after down.
func TestBoundBesideMembers(t *testing.T) {
	s := inUse(addr(1, "192.0.2.10/24"), route(1, "0.0.0.0/0", "192.0.2.1"))
	s.Links = append(s.Links, Link{Name: "wg0", Index: 3, Kind: "wireguard", Up: true})
	bound := route(3, "198.51.100.0/24", "")
	bound.Source = netip.MustParseAddr("192.0.2.10")
	s.routes = append(s.routes, bound)
	p := mustPlan(t, config(t, "member=eth0", "member=eth1"), s)
	sim := simulate(t, s)
	sim.apply(p.Steps...)
	if !slices.Contains(sim.routes, bound) {
		t.Errorf("%s went with up", bound)
	}
	down := downPlan(sim.after(p, s), false)
	sim.apply(down.Steps...)
	if diff := cmp.Diff(s.settings(), sim.settings()); diff != "" {
		t.Errorf("after down (-before +after)\n%s\n%s", diff, down)
	}
}

// What the bond has it keeps until there is a lease, once DHCP is asked for.
func TestUntilLeased(t *testing.T) {
	for name, c := range map[string]Config{
		"taken over": config(t, "member=eth0", "member=eth1"),
		"named":      config(t, "member=eth0", "member=eth1", "address=192.0.2.10/24", "gateway=192.0.2.1"),
	} {
		t.Run(name, func(t *testing.T) {
			s := inUse(addr(1, "192.0.2.10/24"), route(1, "0.0.0.0/0", "192.0.2.1").WithMetric(100))
			p := mustPlan(t, c, s)
			sim := simulate(t, s)
			sim.apply(p.Steps...)
			then := sim.after(p, s)
			recount(&then)
			dhcp := config(t, "member=eth0", "member=eth1", "dhcp=true")
			if p := mustPlan(t, dhcp, then); !p.Empty() {
				t.Errorf("without a lease: %s", p)
			}
			for range 2 { // with the first address of a network go the others
				then.Lease, then.LeaseLeft = &lease.Lease{Address: netip.MustParsePrefix("192.0.2.99/24")}, time.Hour
				p := mustPlan(t, dhcp, then)
				sim.apply(p.Steps...)
				then = sim.after(p, then)
			}
			var has []string
			for _, a := range sim.addrsOf(sim.mustLink("bond0").Index) {
				has = append(has, a.Prefix.String())
			}
			if diff := cmp.Diff([]string{"192.0.2.99/24"}, has); diff != "" {
				t.Errorf("with one it carries (-want +got)\n%s", diff)
			}
		})
	}
}

// A bond that loses an address, or a default route, may be the one over which its user is
// logged in.
func TestLoses(t *testing.T) {
	s := inUse(addr(1, "192.0.2.10/24"), route(1, "0.0.0.0/0", "192.0.2.1"))
	first := mustPlan(t, config(t, "member=eth0", "member=eth1"), s)
	sim := simulate(t, s)
	sim.apply(first.Steps...)
	then := sim.after(first, s)
	recount(&then)
	if first.Loses {
		t.Error("a take-over costs the bond something")
	}
	for flags, want := range map[string]bool{
		"member=eth0 member=eth1": false,
		"member=eth0 member=eth1 address=192.0.2.10/24 gateway=192.0.2.1": true, // of another metric
		"member=eth0 member=eth1 address=192.0.2.50/24":                   true,
		"member=eth1":                          true, // eth0 has them again
		"member=eth0":                          false,
		"member=eth0 member=eth1 primary=eth0": false,
	} {
		if p := mustPlan(t, config(t, strings.Fields(flags)...), then); p.Loses != want {
			t.Errorf("%s: %t, by %s", flags, p.Loses, p)
		}
	}
}

// What members can't give to the bond is in the way.
func TestWhatIsCutOff(t *testing.T) {
	tests := map[string]struct {
		flags []string
		state State
		want  string
	}{
		"another network": {
			nil, inUse(addr(1, "192.0.2.10/24"), addr(2, "198.51.100.7/24")), "198.51.100.7/24 of eth1, which is on another network than eth0",
		},
		"the default route decides": {
			nil, inUse(addr(1, "192.0.2.10/24"), addr(2, "198.51.100.7/24"), route(2, "0.0.0.0/0", "198.51.100.1")),
			"192.0.2.10/24 of eth0, which is on another network than eth1",
		},
		"one gateway":                   {nil, inUse(addr(1, "192.0.2.10/32"), addr(2, "192.0.2.11/32"), route(1, "0.0.0.0/0", "192.0.2.1"), route(2, "0.0.0.0/0", "192.0.2.1").WithMetric(9)), ""},
		"another address is named":      {[]string{"address=192.0.2.9/24"}, inUse(addr(1, "192.0.2.10/24")), "192.0.2.10/24 of eth0, which isn't wanted of the bond"},
		"the same address is named":     {[]string{"address=192.0.2.10/24"}, inUse(addr(1, "192.0.2.10/24")), ""},
		"IPv6 goes beside a named IPv4": {[]string{"address=192.0.2.10/24"}, inUse(addr(1, "2001:db8::1/64")), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := config(t, append([]string{"member=eth0", "member=eth1"}, test.flags...)...)
			_, err := NewPlan(c, test.state, "")
			if got := fmt.Sprint(err); test.want == "" && err != nil || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			c.TakeOver = true
			p := mustPlan(t, c, test.state)
			sim := simulate(t, test.state)
			sim.apply(p.Steps...)
			down := downPlan(sim.after(p, test.state), false)
			sim.apply(down.Steps...)
			if diff := cmp.Diff(test.state.settings(), sim.settings()); diff != "" {
				t.Errorf("after down (-before +after)\n%s\n%s", diff, down)
			}
		})
	}
}

// The bond keeps what was taken over, whatever is read and written in between.
func TestInheritedJSON(t *testing.T) {
	i := &Inherited{inheritance{
		Lasting: carried{Addresses: []rtnl.Addr{addr(0, "192.0.2.10/24")}, Routes: []rtnl.Route{route(0, "0.0.0.0/0", "192.0.2.1")}, Sysctls: []sysctl{{0, "ipv4", "rp_filter", "2"}}},
		Passing: carried{Addresses: []rtnl.Addr{lent(addr(0, "2001:db8::1/64"))}},
	}}
	s := store{dir: t.TempDir(), lasting: t.TempDir()}
	if err := s.writeJournal("bond0", &Image{contents{Inherited: i}}); err != nil {
		t.Fatal(err)
	}
	j, err := s.journal("bond0")
	if err != nil || !j.Inherited.hasAddress(netip.MustParsePrefix("2001:db8::1/64")) || !j.Inherited.has4() {
		t.Errorf("got %+v, %v", j, err)
	}
	if err := s.keepInherited("bond0", i); err != nil {
		t.Fatal(err)
	}
	kept, err := s.inherited("bond0")
	if err != nil || !kept.has4() || !kept.Passing.empty() || len(kept.Lasting.Sysctls) != 1 {
		t.Errorf("kept is %+v, %v", kept, err)
	}
	if err := s.forget("bond0"); err != nil {
		t.Fatal(err)
	}
	if kept, err := s.inherited("bond0"); kept != nil || err != nil {
		t.Errorf("after a down there is %+v, %v", kept, err)
	}
}
