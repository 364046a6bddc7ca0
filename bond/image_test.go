package bond

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

func addr(link int, prefix string) rtnl.Addr {
	return rtnl.NewAddr(netip.MustParsePrefix(prefix)).On(link)
}

func route(link int, to, gateway string) rtnl.Route {
	by, _ := netip.ParseAddr(gateway)
	return rtnl.NewRoute(netip.MustParsePrefix(to), by).By(link)
}

// carry gives links addresses of which a State knows.
func carry(s *State, addrs ...rtnl.Addr) {
	for _, a := range addrs {
		s.addrs = append(s.addrs, a)
		for i := range s.Links {
			if s.Links[i].Index == a.Link {
				s.Links[i].Addresses = append(s.Links[i].Addresses, a.Prefix)
			}
		}
	}
}

// While a plan is being applied, what was found before and what is found now
// must both be known: either may have to be given back.
func TestImageAcross(t *testing.T) {
	link := func(i int, name string) linkImage { return linkImage{name, linkSettings{Index: i, MTU: 1500}} }
	address := func(text string) addedAddress { return addedAddress{"bond0", netip.MustParsePrefix(text)} }
	rule := func(priority uint32) rtnl.Rule { return rtnl.NewRule(unix.AF_INET, priority, 100) }
	by := func(gateway string) rtnl.Route { return route(0, "0.0.0.0/0", gateway) }
	old := &Image{contents{
		Taken: 1, Bond: &bondImage{Made: true, Index: 7}, Links: []linkImage{link(1, "eth0"), link(2, "eth1")},
		Added: added{Addresses: []addedAddress{address("192.0.2.10/24")}, Routes: []addedRoute{{"bond0", by("192.0.2.1")}},
			Rules: []rtnl.Rule{rule(100), rule(101)}, Sysctls: []addedSysctl{{"bond0", acceptRA}}},
	}}
	p := Plan{Steps: []Step{
		enslave{"bond0", "eth2", link(3, "eth2").linkSettings},
		release{"bond0", "eth1"},
		giveBack{"eth1", link(2, "eth1").linkSettings},
		delAddress{"bond0", addr(7, "192.0.2.10/24")},
		addAddress{Link: "bond0", Address: addr(0, "192.0.2.11/24")},
		delRoute{"bond0", by("192.0.2.1")},
		addRoute{"bond0", by("192.0.2.254")},
		addAddress{Link: "eth1", Address: addr(2, "192.0.2.99/24")}, // given back, and so none of bondctl's
		addRule{"bond0", rule(102)}, addRule{"eth1", rule(103)}, delRule{"bond0", rule(100)},
		setSysctl{"bond0", "0", sysctl{7, "ipv6", acceptRA, "1"}}, setSysctl{"bond0", "0", sysctl{7, "ipv6", disableIPv6, "1"}},
		setSysctl{"bond0", "1024", sysctl{7, "ipv6", raMetric.Key, "100"}},
	}}
	carried := addr(3, "198.51.100.3/24")
	s := State{
		Name:    "bond0",
		Links:   []Link{{Name: "bond0", Index: 7}, {Name: "eth1", Index: 2}, {Name: "eth2", Index: 3}},
		traffic: traffic{addrs: []rtnl.Addr{carried}},
		ipv6:    map[string]setting6{acceptRA: {"0", "1"}, disableIPv6: {"0", "0"}},
	}
	during, after := old.during(p, &s), old.after(p, p.Steps, nil, &s)

	wantDuring := &Image{contents{
		Taken: 1, Bond: &bondImage{Made: true, Index: 7}, Addresses: []rtnl.Addr{carried},
		Links: []linkImage{link(1, "eth0"), link(2, "eth1"), link(3, "eth2")},
		Added: added{
			Addresses: []addedAddress{address("192.0.2.10/24"), address("192.0.2.11/24")},
			Routes:    []addedRoute{{"bond0", by("192.0.2.1")}, {"bond0", by("192.0.2.254")}},
			Rules:     []rtnl.Rule{rule(100), rule(101), rule(102)}, Sysctls: []addedSysctl{{"bond0", acceptRA}, {"bond0", disableIPv6}},
		},
	}}
	wantAfter := &Image{contents{
		Taken: 1, Bond: &bondImage{Made: true, Index: 7}, Addresses: []rtnl.Addr{carried},
		Links: []linkImage{link(1, "eth0"), link(3, "eth2")},
		Added: added{Addresses: []addedAddress{address("192.0.2.11/24")}, Routes: []addedRoute{{"bond0", by("192.0.2.254")}},
			Rules: []rtnl.Rule{rule(101), rule(102)}, Sysctls: []addedSysctl{{"bond0", disableIPv6}}},
	}}
	values := cmp.Options{byValue, cmp.AllowUnexported(Image{}, linkImage{}), cmp.Comparer(func(a, b rtnl.Addr) bool { return a == b }), cmp.Comparer(func(a, b rtnl.Route) bool { return a == b }), cmp.Comparer(func(a, b rtnl.Rule) bool { return a == b })}
	if diff := cmp.Diff(wantDuring, during, values); diff != "" {
		t.Errorf("during (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(wantAfter, after, values); diff != "" {
		t.Errorf("after (-want +got)\n%s", diff)
	}
	if len(old.Links) != 2 || len(old.Added.Addresses) != 1 {
		t.Errorf("the old image was changed: %+v", old)
	}
}

// A dock that comes and goes leaves nothing behind in the journal.
func TestImageOfReturning(t *testing.T) {
	var image Image
	for i := range 3 {
		l := device(10+i, "usb0")
		s := State{Name: "bond0", Links: []Link{l}, traffic: traffic{addrs: []rtnl.Addr{addr(l.Index, "192.0.2.1/24")}}}
		image.take(&s, l, l.settings())
	}
	if len(image.Links) != 1 || image.Links[0].Index != 12 || len(image.Addresses) != 1 {
		t.Errorf("the image has %+v and %v", image.Links, image.Addresses)
	}
	renamed := device(12, "dock0")
	s := State{Name: "bond0", Links: []Link{renamed, device(13, "usb0")}}
	if image.take(&s, s.Links[1], s.Links[1].settings()); len(image.Links) != 2 {
		t.Errorf("one that was renamed is forgotten: %+v", image.Links)
	}
}

// What a down gives back.
func TestDownPlan(t *testing.T) {
	eth0, eth1, eth2 := device(1, "eth0"), device(2, "eth1"), device(3, "eth2")
	base := made(t, config(t, "member=eth0", "member=eth1"), eth0, eth1, eth2)
	give := map[string]Step{
		"eth0": giveBack{"eth0", eth0.settings()},
		"eth1": giveBack{"eth1", eth1.settings()},
	}
	tests := map[string]struct {
		state State
		want  []Step
	}{
		"all": {base, []Step{deleteBond{"bond0"}, give["eth0"], give["eth1"]}},
		"one that was down, of another MTU than the bond": {
			changed(base, func(s *State) { linkOf(s, "bond0").MTU = 1400 }),
			[]Step{release{"bond0", "eth0"}, deleteBond{"bond0"}, give["eth0"], give["eth1"]},
		},
		"one was plugged in anew since": {
			changed(base, func(s *State) { s.Links[0].Index = 99 }),
			[]Step{deleteBond{"bond0"}, give["eth1"]},
		},
		"one was released by hand since, and is somebody's": {
			changed(base, func(s *State) { s.Bond.Slaves = s.Bond.Slaves[1:]; s.Links[0].Master = "" }),
			[]Step{deleteBond{"bond0"}, give["eth1"]},
		},
		"after an up that was cut short as it had released one": {
			changed(base, func(s *State) {
				s.Bond.Slaves = s.Bond.Slaves[:1]
				s.Links[1].Master, s.Links[1].Up = "", false
			}),
			[]Step{deleteBond{"bond0"}, give["eth0"], give["eth1"]},
		},
		"after a down that was cut short": {
			changed(base, func(s *State) {
				s.Bond = nil
				s.Links[0].Master = "br0"
				s.Links[1].Master, s.Links[1].Up = "", false
			}),
			[]Step{give["eth1"]},
		},
		"a bond deleted by hand, and a member set up since": {
			changed(base, func(s *State) { s.Bond = nil; s.Links[0].Master, s.Links[1].Master = "", "" }),
			nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, downPlan(test.state, false).Steps); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// carrySomething gives links addresses and routes: a member's own, and on a bond
// those of others.
func carrySomething(r *rand.Rand, s *State) {
	for range r.IntN(3) {
		rule := rtnl.NewRule(unix.AF_INET, uint32(1000+r.IntN(2)), 100)
		rule.From, rule.Protocol = netip.MustParsePrefix("192.0.2.10/32"), unix.RTPROT_BOOT
		if _, has := rule.In(s.rules); !has {
			s.rules = append(s.rules, rule)
		}
	}
	for _, l := range s.Links {
		for i := range r.IntN(4) {
			// Several of one network, the order of which counts, and others.
			prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(r.IntN(2)), byte(l.Index), byte(1 + i)}), 24)
			if r.IntN(3) == 0 {
				prefix = netip.MustParsePrefix("2001:db8::1/64")
			}
			a := rtnl.NewAddr(prefix).On(l.Index)
			if _, has := s.addr(l.Index, prefix); has || prefix.Addr().Is6() && !l.Up {
				continue
			}
			if r.IntN(4) == 0 {
				a.Valid, a.Preferred = 86400, 3600
			}
			s.addrs = append(s.addrs, a)
		}
	}
	for i, l := range s.Links {
		for range r.IntN(3) {
			if !l.Up {
				continue
			}
			to := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16, byte(r.IntN(4)), 0}), 24)
			route := rtnl.NewRoute(to, netip.Addr{}).By(l.Index)
			route.Table, route.Metric = uint32(unix.RT_TABLE_MAIN-r.IntN(3)), uint32(100*r.IntN(3))
			if own := s.addrsOf(l.Index); len(own) > 0 && own[0].Prefix.Addr().Is4() && r.IntN(2) == 0 {
				route.Source = own[0].Prefix.Addr()
			}
			if !slices.Contains(s.routes, route) {
				s.routes = append(s.routes, route)
				s.Links[i].Routes = 0 // so that nobody refuses to take the link
			}
		}
	}
}

// FuzzRestore changes a machine that is in use by what bondctl's steps do, stops
// anywhere, and goes back: each link then has what it had, in its order.
func FuzzRestore(f *testing.F) {
	for seed := range uint64(256) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { restoreWalk(t, seed) })
}

// TestRestoreWalks is FuzzRestore for as many machines as CI has time for.
func TestRestoreWalks(t *testing.T) {
	for seed := range uint64(10_000) {
		restoreWalk(t, 1_000_000+seed)
	}
}

func restoreWalk(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	was := State{Name: "bond0"}
	for i, name := range []string{"eth0", "eth1", "wlan0", "usb0"} {
		l := device(i+1, name)
		l.Up = r.IntN(3) > 0
		was.Links = append(was.Links, l)
	}
	if r.IntN(3) == 0 { // a bond that somebody else made
		was = made(t, randomConfig(t, r), was.Links...)
		was.Before = nil
	}
	carrySomething(r, &was)
	image := was.Image("eth0", "eth1", "wlan0", "usb0")
	image.Taken = statefile.SinceBoot()
	image.Bond = &bondImage{Made: true}
	if was.Bond != nil {
		bond, _ := was.link("bond0")
		image.Bond = &bondImage{State: was.Bond}
		image.take(&was, bond, bond.settings())
	}
	sim := simulate(t, was)
	image.Added = sim.meddle(r)
	plan := NewRestore(*image, sim.State)
	sim.apply(plan.Steps...)
	if diff := cmp.Diff(was.settings(), sim.settings()); diff != "" {
		t.Fatalf("seed %d: restored by %s (-before +after)\n%s", seed, plan, diff)
	}
	if again := NewRestore(*image, sim.State); !again.Empty() {
		t.Fatalf("seed %d: restored by %s, and once more by %s", seed, plan, again)
	}
}

// meddle does to a machine what the steps of bondctl's plans do, in any order, and
// tells what it has added.
func (s *simulation) meddle(r *rand.Rand) (put added) {
	c := randomConfig(s.t, r)
	if s.Bond == nil {
		s.create(createBond{Name: "bond0", Mode: activeBackup, Options: newBondOptions(new(kernelDefaults(s.t))), MTU: 1500})
	}
	bond := s.mustLink("bond0").Index
	for range r.IntN(12) {
		name := []string{"eth0", "eth1", "wlan0", "usb0"}[r.IntN(4)]
		link := s.mustLink(name)
		_, slave := s.slave(name)
		switch r.IntN(7) {
		case 0, 1:
			if !slave {
				s.enslave(enslave{Bond: "bond0", Member: name})
			}
		case 2:
			if slave {
				s.release(name)
			}
		case 3:
			if !slave {
				to := link.settings()
				to.Up, to.MTU = false, 1400
				s.setLink(name, to)
			}
		case 4:
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(r.IntN(2)), byte(bond), byte(100 + r.IntN(9))}), 24)
			if _, has := s.addr(bond, p); !has {
				s.apply(addAddress{Link: "bond0", Address: rtnl.NewAddr(p)})
				put.Addresses = append(put.Addresses, addedAddress{"bond0", p})
			}
		case 5:
			to := route(0, "203.0.113.0/24", "192.0.2.1")
			if s.mustLink("bond0").Up && !s.hasRoute(bond, to) {
				s.apply(addRoute{"bond0", to})
				put.Routes = with(put.Routes, addedRoute{"bond0", to})
			}
		case 6:
			w, err := newWanted(c, s.State, "0123456789abcdef")
			if changes := optionChanges(&s.Bond.Options, &w.options, func(key string) bool { return key != "fail_over_mac" }); err == nil && changes != nil {
				s.apply(setOptions{"bond0", changes})
			}
		}
	}
	return put
}
