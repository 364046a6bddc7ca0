package bond

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/lease"
)

var testLease = lease.Lease{
	Address: netip.MustParsePrefix("198.51.100.7/24"),
	Server:  netip.MustParseAddr("198.51.100.1"),
	Routes: []lease.Route{
		{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("198.51.100.1")},
		{Destination: netip.MustParsePrefix("203.0.113.0/24")},
	},
	DNS: []netip.Addr{netip.MustParseAddr("198.51.100.53")}, Domains: []string{"example.com"}, MTU: 1400,
}

// What is lent is used as the configuration says.
func TestLend(t *testing.T) {
	address := func(text string) func(*Config) {
		return func(c *Config) { c.Addresses = []netip.Prefix{netip.MustParsePrefix(text)} }
	}
	for _, tt := range []struct {
		name      string
		config    func(*Config)
		addresses string
		routes    string
		mtu       int
	}{
		{"auto, and no address named", func(*Config) {}, "[198.51.100.7/24]", "[default route via 198.51.100.1 metric 100 route 203.0.113.0/24 metric 100]", 1500},
		{"an IPv6 address is none of DHCP's", address("2001:db8::7/64"), "[2001:db8::7/64 198.51.100.7/24]", "[default route via 198.51.100.1 metric 100 route 203.0.113.0/24 metric 100]", 1500},
		{"an IPv4 address instead", address("192.0.2.7/24"), "[192.0.2.7/24]", "[]", 1500},
		{"none", func(c *Config) { c.Method = MethodNone }, "[]", "[]", 1500},
		{"without its routes", func(c *Config) { c.UseRoutes = new(false) }, "[198.51.100.7/24]", "[]", 1500},
		{"with its MTU", func(c *Config) { c.UseMTU = true }, "[198.51.100.7/24]", "[default route via 198.51.100.1 metric 100 route 203.0.113.0/24 metric 100]", 1400},
		{"the MTU that is named", func(c *Config) { c.UseMTU, c.MTU = true, 9000 }, "[198.51.100.7/24]", "[default route via 198.51.100.1 metric 100 route 203.0.113.0/24 metric 100]", 9000},
		{"by another metric", func(c *Config) { c.Metric4 = new(uint32(0)) }, "[198.51.100.7/24]", "[default route via 198.51.100.1 route 203.0.113.0/24]", 1500},
		{
			"beside a static address and gateway",
			func(c *Config) {
				c.Method = MethodDHCP
				c.Addresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")}
				c.Gateways = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
			},
			"[192.0.2.7/24 198.51.100.7/24]", "[default route via 192.0.2.1 metric 100 route 203.0.113.0/24 metric 100]", 1500,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{Name: "bond0", Members: []Member{{Name: "eth0"}}}
			tt.config(&c)
			w, err := newWanted(c, State{Name: "bond0", Lease: &testLease}, "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.addresses, tt.routes}, sprint(w.addresses, w.routes)); diff != "" {
				t.Errorf("addresses and routes (-want +got)\n%s", diff)
			}
			if w.mtu != tt.mtu {
				t.Errorf("mtu %d, want %d", w.mtu, tt.mtu)
			}
			if w, _ := newWanted(c, State{Name: "bond0"}, ""); w.mtu == testLease.MTU {
				t.Error("without a lease its MTU is used")
			}
		})
	}
}

// The leased address ends with its lease, and is told so no more often than its
// end moves.
func TestLifetime(t *testing.T) {
	c := Config{Name: "bond0", Members: []Member{{Name: "eth0"}}, UseRoutes: new(false)}
	for _, tt := range []struct {
		name   string
		config func(*Config)
		has    rtnl.Lifetime
		want   []string
	}{
		{"as it is", func(*Config) {}, rtnl.In(time.Hour - 5*time.Second), nil},
		{"for ever", func(*Config) {}, rtnl.Forever, []string{"let 198.51.100.7/24 on bond0 hold for 1h0m0s"}},
		{"before a renewal", func(*Config) {}, rtnl.In(30 * time.Minute), []string{"let 198.51.100.7/24 on bond0 hold for 1h0m0s"}},
		{
			"wanted for good",
			func(c *Config) { c.Addresses = []netip.Prefix{testLease.Address} },
			rtnl.In(time.Hour),
			[]string{"let 198.51.100.7/24 on bond0 hold for ever"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := c
			tt.config(&c)
			has := rtnl.Addr{Link: 7, Prefix: testLease.Address, Valid: tt.has, Preferred: tt.has}
			s := State{
				Name: "bond0", Bond: &BondState{}, Links: []Link{{Name: "bond0", Index: 7}}, traffic: traffic{addrs: []rtnl.Addr{has}},
				Lease: &testLease, LeaseLeft: time.Hour + time.Millisecond,
				Before: &Image{contents{Bond: &bondImage{Made: true}, Added: added{Addresses: []addedAddress{{"bond0", has.Prefix}}}}},
			}
			w, err := newWanted(c, s, "")
			if err != nil {
				t.Fatal(err)
			}
			p := planner{wanted: w, state: s, Plan: Plan{Bond: "bond0"}}
			p.network()
			var got []string
			for _, step := range p.Steps {
				got = append(got, step.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("steps (-want +got)\n%s", diff)
			}
		})
	}
}

func TestNameServers(t *testing.T) {
	own := []netip.Addr{netip.MustParseAddr("192.0.2.53")}
	for _, tt := range []struct {
		name             string
		config           Config
		lease            *lease.Lease
		servers, domains string
	}{
		{"leased", Config{}, &testLease, "[198.51.100.53]", "[example.com]"},
		{"named", Config{DNS: own}, &testLease, "[192.0.2.53]", "[example.com]"},
		{"not wanted", Config{UseDNS: new(false)}, &testLease, "[]", "[]"},
		{"no lease", Config{DNS: own}, nil, "[192.0.2.53]", "[]"},
		{"no DHCP", Config{Method: MethodNone}, &testLease, "[]", "[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			servers, domains := tt.config.NameServers(tt.lease)
			if diff := cmp.Diff([]string{tt.servers, tt.domains}, sprint(servers, domains)); diff != "" {
				t.Errorf("servers and domains (-want +got)\n%s", diff)
			}
		})
	}
}

// A lent MTU is one that every member can have, and never costs the address.
func TestLentMTU(t *testing.T) {
	limited := func(least, most int) Link { return Link{Name: "eth0", Index: 1, MinMTU: least, MaxMTU: most} }
	for name, tt := range map[string]struct {
		lent    int
		link    Link
		address string
		want    int
		notes   []string
	}{
		"as lent":                         {lent: 1400, link: limited(68, 9000), want: 1400},
		"without limits":                  {lent: 9000, link: limited(0, 0), want: 9000},
		"too great":                       {lent: 9000, link: limited(68, 2304), want: 2304, notes: []string{"eth0 can't have the MTU 9000; the bond and its members get 2304"}},
		"too small":                       {lent: 576, link: limited(600, 1500), want: 600, notes: []string{"eth0 can't have the MTU 576; the bond and its members get 600"}},
		"too small for an IPv6 address":   {lent: 1000, link: limited(68, 1500), address: "2001:db8::7/64", want: 1280, notes: []string{"IPv6 wants an MTU of 1280 at least, and not the leased 1000"}},
		"small, beside an IPv4 address":   {lent: 1000, link: limited(68, 1500), address: "192.0.2.7/24", want: 1000},
		"a member that is somebody's now": {lent: 9000, link: Link{Name: "eth0", Index: 1, MaxMTU: 1500, Master: "br0"}, want: 9000, notes: []string{"eth0 is held by br0; the bond does without it for now"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := Config{Name: "bond0", Members: []Member{{Name: "eth0"}}, Method: MethodDHCP, UseMTU: true}
			if tt.address != "" {
				c.Addresses = []netip.Prefix{netip.MustParsePrefix(tt.address)}
			}
			lent := testLease
			lent.MTU = tt.lent
			w, err := newWanted(c, State{Name: "bond0", Links: []Link{tt.link}, Lease: &lent}, "")
			if err != nil || w.mtu != tt.want {
				t.Errorf("mtu %d, %v, want %d", w.mtu, err, tt.want)
			}
			if diff := cmp.Diff(tt.notes, texts(w.notes)); diff != "" {
				t.Errorf("notes (-want +got)\n%s", diff)
			}
		})
	}
}
