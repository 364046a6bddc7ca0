package bond

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// routesWorld makes a group of up to four members, and what they are like: absent, without carrier, with addresses and
// default routes of somebody else's.
func routesWorld(r *rand.Rand) (Config, State) {
	c := Config{Name: "uplink", Strategy: StrategyRoutes}
	s := State{Name: "uplink", byRoutes: true}
	for i := range 1 + r.IntN(4) {
		name := fmt.Sprintf("eth%d", i)
		m := Member{Name: name}
		own := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, byte(2 + r.IntN(2)), byte(10 + i)}), 24)
		if r.IntN(2) == 0 {
			m.IPv4.Addresses = []netip.Prefix{own}
			m.IPv4.Gateway = netip.AddrFrom4([4]byte{192, 0, own.Addr().As4()[2], 1})
		}
		if r.IntN(4) == 0 {
			m.IPv4.Metric = new(uint32(r.IntN(300)))
		}
		c.Members = append(c.Members, m)
		if r.IntN(5) == 0 {
			continue // absent
		}
		index := 2 + i
		s.Links = append(s.Links, Link{Name: name, Index: index, Up: true, Carrier: new(r.IntN(4) > 0), OperState: "up"})
		for _, key := range []string{ignoreLinkDown, arpFilter, rpFilter} {
			s.memberSysctls = append(s.memberSysctls, sysctl{index, "ipv4", key, fmt.Sprint(r.IntN(2))})
		}
		if r.IntN(2) == 0 {
			theirs := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(10 + i)}), 24)
			s.addrs = append(s.addrs, rtnl.NewAddr(theirs).On(index))
			s.routes = append(s.routes, rtnl.NewRoute(everywhere(theirs.Addr()), netip.MustParseAddr("198.51.100.1")).By(index).WithMetric(uint32(r.IntN(3))))
		}
	}
	// What others have set, which stays.
	s.routes = append(s.routes, rtnl.NewRoute(netip.MustParsePrefix("203.0.113.0/24"), netip.MustParseAddr("172.17.0.1")).By(99))
	s.rules = append(s.rules, rtnl.NewRule(unix.AF_INET, 5210, 52))
	return c, s
}

// TestRoutesWalk: from any state, and with any members held back, a plan gets there at once; the way back leaves nothing
// of bondctl's, and everything of others'.
func TestRoutesWalk(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 0))
		c, s := routesWorld(r)
		before := s
		for range 4 {
			s.heldBack = map[string]bool{}
			for _, l := range s.Links {
				s.heldBack[l.Name] = r.IntN(3) == 0
			}
			p, err := newRoutesPlan(c, s)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			s = s.done(p)
			if again, err := newRoutesPlan(c, s); err != nil || len(again.Steps) > 0 {
				t.Fatalf("seed %d: a second plan has steps: %v, %v\nthe first one:\n%v", seed, texts(again.Steps), err, texts(p.Steps))
			}
		}
		s.sysctls = s.memberSysctls
		restored := s.done(NewRestore(*s.Before, s))
		if diff := cmp.Diff(carriedBy(before), carriedBy(restored)); diff != "" {
			t.Fatalf("seed %d: the way back (-before +after)\n%s", seed, diff)
		}
	}
}

// carriedBy is what a state carries, in words.
func carriedBy(s State) (all []string) {
	for _, a := range s.addrs {
		all = append(all, fmt.Sprintf("%d %s metric %d", a.Link, a, a.Metric))
	}
	for _, r := range s.routes {
		all = append(all, fmt.Sprintf("%d %s by %d", r.Link, r, r.Protocol))
	}
	for _, r := range s.rules {
		all = append(all, r.String())
	}
	for _, c := range s.memberSysctls {
		all = append(all, fmt.Sprint(c))
	}
	slices.Sort(all)
	return all
}
