package bond

import (
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// What somebody gives a slave is told of, and only taken off where a take-over is asked for.
func TestStrays(t *testing.T) {
	linkLocal := addr(1, "fe80::1/64")
	linkLocal.Scope = 253
	for name, test := range map[string]struct {
		addrs  []rtnl.Addr
		routes []rtnl.Route
		want   string
		steps  []string
	}{
		"none":           {},
		"of link scope":  {addrs: []rtnl.Addr{linkLocal}},
		"of another one": {addrs: []rtnl.Addr{addr(3, "192.0.2.10/24")}},
		"an address and its route": {
			[]rtnl.Addr{addr(1, "192.0.2.10/24")}, []rtnl.Route{route(1, "0.0.0.0/0", "192.0.2.1")},
			"eth0 carries 192.0.2.10/24, the default route via 192.0.2.1, which only bond0 should",
			[]string{"remove default route via 192.0.2.1 over eth0", "remove 192.0.2.10/24 from eth0"},
		},
		"several": {
			[]rtnl.Addr{addr(1, "192.0.2.10/24"), addr(1, "192.0.2.11/24"), addr(1, "2001:db8::1/64"), addr(1, "2001:db8::2/64")}, nil,
			"eth0 carries 192.0.2.10/24, 192.0.2.11/24, 2001:db8::1/64, 1 more, which only bond0 should",
			[]string{"remove 2001:db8::2/64 from eth0", "remove 2001:db8::1/64 from eth0", "remove 192.0.2.11/24 from eth0", "remove 192.0.2.10/24 from eth0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, "member=eth0", "ipv4.method=none")
			s := inUse()
			sim := simulate(t, s)
			p := mustPlan(t, c, s)
			sim.apply(p.Steps...)
			s = sim.after(p, s)
			s.addrs = append(s.addrs, test.addrs...)
			for _, a := range test.addrs {
				if a.Link == 1 && isGlobal(a) {
					linkOf(&s, "eth0").Addresses = append(linkOf(&s, "eth0").Addresses, a.Prefix)
				}
			}
			s.routes = append(s.routes, test.routes...)
			if got := strings.Join(s.amiss(record{Config: &c}), "; "); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
			if p := mustPlan(t, c, s); !p.Empty() {
				t.Errorf("without being asked for: %s", p)
			}
			c.TakeOver = true
			if got := texts(mustPlan(t, c, s).Steps); !slices.Equal(got, test.steps) {
				t.Errorf("steps %q, want %q", got, test.steps)
			}
		})
	}
}
