package bond

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// What the kernel takes without a word, and nobody mends, is in the health.
func TestAmiss(t *testing.T) {
	const index = 7
	static := []string{"member=eth0", "address=192.0.2.10/24", "gateway=192.0.2.1"}
	arp := []string{"member=eth0", "arp_interval=100", "arp_ip_target=192.0.2.1", "arp_ip_target=198.51.100.1"}
	for name, test := range map[string]struct {
		flags  []string
		change func(*State, *record)
		want   string
	}{
		"nothing":            {flags: static, change: func(*State, *record) {}},
		"nothing is wanted":  {flags: static, change: func(s *State, r *record) { s.traffic, r.Config = traffic{}, nil }},
		"an address is gone": {static, func(s *State, _ *record) { s.addrs = nil }, "192.0.2.10/24 is missing"},
		"an address was refused, which is told of by itself": {
			static, func(s *State, r *record) {
				s.addrs, r.Refused = nil, map[string]string{"address 192.0.2.10/24": "refused by the kernel"}
			}, ""},
		"the gateway is gone": {static, func(s *State, _ *record) { s.routes = nil }, "the default route via 192.0.2.1 metric 100 is missing"},
		"the gateway was refused": {
			static, func(s *State, r *record) {
				s.routes, r.Refused = nil, map[string]string{"default route via 192.0.2.1 metric 100": "refused by the kernel"}
			}, ""},
		"another one has the address": {
			[]string{"member=eth0", "address=2001:db8::10/64"}, func(s *State, _ *record) {
				s.addrs = []rtnl.Addr{addr(index, "2001:db8::10/64")}
				s.addrs[0].Flags |= unix.IFA_F_DADFAILED
			}, "2001:db8::10 isn't used, for somebody else on the network has it (DAD failed); when that is mended: ip address del 2001:db8::10/64 dev bond0"},
		"in a bridge": {static, func(s *State, _ *record) { linkOf(s, "bond0").Master = "br1" },
			"bond0 is a port of br1; its address belongs there"},
		"in a bridge, and to have DHCP's": {[]string{"member=eth0"}, func(s *State, _ *record) { linkOf(s, "bond0").Master = "br1" },
			"bond0 is a port of br1; its address belongs there"},
		"in a bridge without an address": {[]string{"member=eth0", "ipv4.method=none"}, func(s *State, _ *record) { linkOf(s, "bond0").Master = "br1" }, ""},
		"in a VRF":                       {static, func(s *State, _ *record) { linkOf(s, "bond0").Master = "red" }, ""},
		"a VLAN went with the bond": {static, func(_ *State, r *record) { r.Lost = []string{"bond0.5", "eth0"} },
			"bond0.5 went with the bond0 that was deleted; make it again"},
		"nobody answers for a target": {append(arp, "address=192.0.2.10/24"), func(*State, *record) {},
			"arp_ip_target 198.51.100.1 is in none of the networks of bond0, so nobody answers for it; name a host that is"},
		"a target on a VLAN's network": {append(arp, "address=192.0.2.10/24"), func(s *State, _ *record) {
			linkOf(s, "bond0").Upper = []string{"bond0.5"}
			s.Links = append(s.Links, Link{Name: "bond0.5", Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.7/24")}})
		}, ""},
		"targets, and no address yet": {append(arp, "ipv4.method=dhcp"), func(*State, *record) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, test.flags...)
			s := State{Name: "bond0", Links: []Link{
				{Name: "eth0", Index: 1, Master: "bond0"}, {Name: "bond0", Index: index},
				{Name: "br1", Index: 8, Kind: "bridge"}, {Name: "red", Index: 9, Kind: "vrf"},
			}}
			s.addrs = []rtnl.Addr{addr(index, "192.0.2.10/24")}
			s.routes = []rtnl.Route{c.withMetric(route(index, "0.0.0.0/0", "192.0.2.1"))}
			r := record{Config: &c}
			test.change(&s, &r)
			if got := strings.Join(s.amiss(r), "; "); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}
