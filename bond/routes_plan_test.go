package bond

import (
	"encoding/binary"
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

// groupOf is the configuration of a group, of a file's text.
func groupOf(t *testing.T, text string) Config {
	t.Helper()
	settings, err := ParseTOML("uplink.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewConfig("uplink", settings)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// twoNICs are two NICs of one network, with carrier, and a configuration of a group of them.
func twoNICs(t *testing.T, more string) (Config, State) {
	t.Helper()
	c := groupOf(t, more+`
strategy = "routes"
[[member]]
name = "eth0"
[member.ipv4]
addresses = ["192.0.2.99/24"]
gateway = "192.0.2.1"
[[member]]
name = "eth1"
[member.ipv4]
addresses = ["192.0.2.98/24"]
gateway = "192.0.2.1"
`)
	s := State{Name: "uplink", byRoutes: true}
	for i, name := range []string{"eth0", "eth1"} {
		s.Links = append(s.Links, Link{Name: name, Index: 2 + i, Up: true, Carrier: new(true), OperState: "up", MAC: HardwareAddr{2, 0, 0, 0, 0, byte(i)}})
		for _, key := range []string{ignoreLinkDown, arpFilter, rpFilter} {
			s.memberSysctls = append(s.memberSysctls, sysctl{2 + i, "ipv4", key, "0"})
		}
	}
	return c, s
}

// done is the state once a plan of a group is carried out, with what has been noted.
func (s State) done(p Plan) State {
	before := (*Image)(nil).after(p, p.Steps, nil, &s)
	if s.Before != nil {
		before = s.Before.after(p, p.Steps, nil, &s)
	}
	s.Before = before
	s.traffic = s.traffic.clone()
	for _, step := range p.Steps {
		link, _ := s.link(step.link())
		switch step := step.(type) {
		case addAddress:
			s.addrs = append(s.addrs, step.Address.On(link.Index))
		case setAddress:
			for i := range s.addrs {
				if s.addrs[i].Prefix == step.Address.Prefix {
					s.addrs[i] = step.Address.On(link.Index)
				}
			}
		case delAddress:
			s.addrs = slices.DeleteFunc(s.addrs, func(a rtnl.Addr) bool { return a.Link == link.Index && a.Prefix == step.Address.Prefix })
		case addRoute:
			s.routes = append(s.routes, step.Route.By(link.Index))
		case delRoute:
			theirs := step.Route.By(link.Index)
			s.routes = slices.DeleteFunc(s.routes, func(r rtnl.Route) bool { return r == theirs || r.Paths == "" && serves(r, link.Index, theirs) })
		case addRule:
			s.rules = append(s.rules, step.Rule)
		case delRule:
			s.rules = without(s.rules, step.Rule)
		case setSysctl:
			for i, c := range s.memberSysctls {
				if c.Link == step.To.Link && c.Key == step.To.Key {
					s.memberSysctls[i] = step.To
				}
			}
		}
	}
	return s
}

func stepsOf(t *testing.T, c Config, s State) (Plan, string) {
	t.Helper()
	p, err := newRoutesPlan(c, s)
	if err != nil {
		t.Fatal(err)
	}
	return p, strings.Join(texts(p.Steps), "\n")
}

// TestRoutesPlan: nothing is changed twice; what is held back goes last, and by another member of its network.
func TestRoutesPlan(t *testing.T) {
	c, s := twoNICs(t, "")
	p, steps := stepsOf(t, c, s)
	for _, want := range []string{
		"set net.ipv4.conf.eth0.ignore_routes_with_linkdown: 0 -> 1", "set net.ipv4.conf.eth1.arp_filter: 0 -> 1",
		"add 192.0.2.99/24 to eth0",
		"add route 192.0.2.0/24 table 31002 over eth0", "add default route via 192.0.2.1 table 31002 over eth0",
		"add default route via 192.0.2.1 metric 100 over eth0", "add default route via 192.0.2.1 metric 101 over eth1",
		"add rule 30000: from 192.0.2.99/32 to 192.0.2.0/24 lookup 31002",
		"add rule 30001: from 192.0.2.99/32 lookup main suppress_prefixlength 0",
		"add rule 30002: from 192.0.2.99/32 lookup 31002",
		"add rule 30003: from 192.0.2.99/32 lookup main",
	} {
		if !strings.Contains(steps+"\n", want+"\n") {
			t.Errorf("no step %q in\n%s", want, steps)
		}
	}
	if strings.Contains(steps, ".rp_filter: 0") {
		t.Errorf("rp_filter is loose already, and is set:\n%s", steps)
	}
	s = s.done(p)
	if _, steps := stepsOf(t, c, s); steps != "" {
		t.Errorf("a second plan has steps:\n%s", steps)
	}
	unprivileged := s
	unprivileged.Before = s.ownByRoutes()
	if _, steps := stepsOf(t, c, unprivileged); steps != "" {
		t.Errorf("to who may not read the journal a second plan has steps:\n%s", steps)
	}

	s.heldBack = map[string]bool{"eth0": true}
	p, steps = stepsOf(t, c, s)
	want := `have 192.0.2.99/24 on eth0 with metric 20100
add default route via 192.0.2.1 metric 20100 over eth0
remove default route via 192.0.2.1 metric 100 over eth0
remove rule 30000: from 192.0.2.99/32 to 192.0.2.0/24 lookup 31002
remove rule 30002: from 192.0.2.99/32 lookup 31002`
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("held back (-want +got)\n%s", diff)
	}
	s = s.done(p)
	s.heldBack = nil // without a keeper it stays as it is
	if _, steps := stepsOf(t, c, s); steps != "" {
		t.Errorf("nobody decides, and yet:\n%s", steps)
	}

	c.Members = c.Members[1:] // eth0 is let go
	p, steps = stepsOf(t, c, s)
	for _, want := range []string{"remove default route via 192.0.2.1 metric 20100 over eth0", "remove 192.0.2.99/24 from eth0", "give eth0 back: up"} {
		if !strings.Contains(steps, want) {
			t.Errorf("no step %q in\n%s", want, steps)
		}
	}
	if _, kept := s.done(p).Before.link(2); kept {
		t.Error("it is noted of eth0 still that something is to be given back")
	}
}

// TestRoutesAdopt: the addresses and the default route that are there are adopted; what comes later is left alone.
func TestRoutesAdopt(t *testing.T) {
	c := groupOf(t, "strategy = \"routes\"\n[[member]]\nname = \"eth0\"\n")
	_, s := twoNICs(t, "")
	theirs := rtnl.NewRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.0.2.1")).By(2)
	s.addrs = []rtnl.Addr{rtnl.NewAddr(netip.MustParsePrefix("192.0.2.7/24")).On(2)}
	s.routes = []rtnl.Route{theirs}
	p, steps := stepsOf(t, c, s)
	want := `set net.ipv4.conf.eth0.ignore_routes_with_linkdown: 0 -> 1
have 192.0.2.7/24 on eth0 with metric 100
add route 192.0.2.0/24 table 31002 over eth0
add default route via 192.0.2.1 table 31002 over eth0
add default route via 192.0.2.1 metric 100 over eth0
remove default route via 192.0.2.1 over eth0
add rule 30000: from 192.0.2.7/32 to 192.0.2.0/24 lookup 31002
add rule 30001: from 192.0.2.7/32 lookup main suppress_prefixlength 0
add rule 30002: from 192.0.2.7/32 lookup 31002`
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !p.Loses {
		t.Error("a default route goes, and the plan doesn't say so")
	}
	s = s.done(p)
	s.routes = append(s.routes, theirs)
	if _, steps := stepsOf(t, c, s); steps != "" {
		t.Errorf("what came later isn't left alone:\n%s", steps)
	}
	if why := s.goesBefore(c); len(why) != 1 || !strings.Contains(why[0], "default route via 192.0.2.1 over eth0 is somebody else's") {
		t.Errorf("that it goes before isn't told: %q", why)
	}
	if got := s.Before.Routes; len(got) != 1 || got[0].Protocol != unix.RTPROT_STATIC {
		t.Errorf("to be given back: %v", got)
	}
}

// TestRoutesObstacle: a group has a name that no interface has.
func TestRoutesObstacle(t *testing.T) {
	c, s := twoNICs(t, "")
	s.Links = append(s.Links, Link{Name: "uplink", Index: 9})
	if _, err := newRoutesPlan(c, s); err == nil || !strings.Contains(err.Error(), "there is an interface uplink") {
		t.Errorf("error %v", err)
	}
	c, s = twoNICs(t, "")
	p, _ := stepsOf(t, c, s)
	s = s.done(p)
	c.Strategy = ""
	for i := range c.Members {
		c.Members[i].IPv4 = MemberNetwork{}
	}
	if _, err := NewPlan(c, s, ""); err == nil || !strings.Contains(err.Error(), "uplink is a group") {
		t.Errorf("a bond of the group's name: error %v", err)
	}
}

// TestRoutesConfig: what only a bond has is refused with its place, and so is what contradicts itself.
func TestRoutesConfig(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"strategy = \"routes\"\nmiimon = 100\n[[member]]\nname = \"eth0\"\n", "f:2: miimon: the strategy routes has no such key"},
		{"strategy = \"routes\"\nprimary_reselect = \"better\"\n[[member]]\nname = \"eth0\"\n", "f:2: primary_reselect: better compares"},
		{"strategy = \"routes\"\n[[member]]\nname = \"eth*\"\n[member.ipv4]\naddresses = [\"192.0.2.1/24\"]\n", "f:5: member.ipv4.addresses: name=eth* may be several"},
		{"[[member]]\nname = \"eth0\"\n[member.ipv4]\nmetric = 5\n", "f:1: member: a member of a bond has no addresses"},
		{"strategy = \"routes\"\nprimary = \"eth0\"\n[[member]]\nname = \"eth0\"\n[member.ipv4]\nmetric = 5\n", "f:2: primary: the members have metrics"},
		{"strategy = \"routes\"\n[[member]]\nname = \"eth0\"\n[member.ipv4]\nmetric = 1\n", "f:5: member.ipv4.metric: \"1\" is not a metric"},
		{"strategy = \"routes\"\n[[member]]\nname = \"eth0\"\n[member.ipv4]\nmetric = 20000\n", "f:5: member.ipv4.metric: 20000 is too great"},
		{"strategy = \"routes\"\n[[member]]\nname = \"eth0\"\n[member.ipv4]\ntable = \"main\"\n", "f:5: member.ipv4.table: main is one of the kernel's own"},
		{"strategy = \"routes\"\n[[member]]\nname = \"eth0\"\n[member.ipv6]\ngateway = \"192.0.2.1\"\n", "f:5: member.ipv6.gateway: "},
		{"strategy = \"routes\"\n[[member]]\nname = \"eth0\"\n[member.ipv4]\naddresses = [\"192.0.2.9/24\"]\ngateway = \"198.51.100.1\"\n", "f:6: member.ipv4.gateway: 198.51.100.1 is in none"},
		{"strategy = \"routes\"\n[[member]]\nname = \"eth0\"\n[member.ipv4]\nmetric = 5\n[[member]]\nname = \"eth1\"\n[member.ipv4]\nmetric = 5\n", "f:9: member.ipv4.metric: 5 is the metric of eth0, too"},
		{"strategy = \"routes\"\n[[member]]\nname = \"eth*\"\n[member.ipv4]\ntable = 7\n", "f:5: member.ipv4.table: name=eth* may be several"},
		{"strategy = \"rutes\"\n[[member]]\nname = \"eth0\"\n", "f:1: strategy: \"rutes\" is none of its values; it takes bond or routes"},
	} {
		settings, err := ParseTOML("f", []byte(tt.text))
		if err == nil {
			_, err = NewConfig("uplink", settings)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\nerror %v, want %s", tt.text, err, tt.want)
		}
	}
}

// TestRoutesTOML: a configuration is written as it was read.
func TestRoutesTOML(t *testing.T) {
	c, _ := twoNICs(t, "")
	settings, err := ParseTOML("again", FormatTOML(c))
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewConfig("uplink", settings)
	if diff := cmp.Diff(c, again, byValue); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// TestRoutesOrder: a named metric is nobody else's, and gives a member its place; the primary and prio do where there is
// none.
func TestRoutesOrder(t *testing.T) {
	vpn := rtnl.NewRoute(netip.MustParsePrefix("::/0"), netip.MustParseAddr("fe80::9")).By(9).WithMetric(101)
	for _, tt := range []struct {
		name, eth0, eth1, top string
		routes                []rtnl.Route
		want                  map[string]uint32
		first                 string
	}{
		{name: "as listed", want: map[string]uint32{"eth0": 100, "eth1": 101}, first: "eth0"},
		{name: "the primary", top: "primary = \"eth1\"", want: map[string]uint32{"eth0": 101, "eth1": 100}, first: "eth1"},
		{name: "prio", eth1: "prio = 5", want: map[string]uint32{"eth0": 101, "eth1": 100}, first: "eth1"},
		{name: "one metric that another would have", eth1: "ipv4.metric = 100", want: map[string]uint32{"eth0": 101, "eth1": 100}, first: "eth1"},
		{name: "a metric behind", eth0: "ipv4.metric = 500", want: map[string]uint32{"eth0": 500, "eth1": 100}, first: "eth1"},
		{name: "somebody else's IPv6 default route", routes: []rtnl.Route{vpn}, want: map[string]uint32{"eth0": 100, "eth1": 102}, first: "eth0"},
	} {
		c := groupOf(t, fmt.Sprintf("strategy = \"routes\"\n%s\n[[member]]\nname = \"eth0\"\n%s\n[[member]]\nname = \"eth1\"\n%s\n", tt.top, tt.eth0, tt.eth1))
		_, s := twoNICs(t, "")
		s.routes = tt.routes
		got := map[string]uint32{}
		members := s.routesMembers(c)
		for _, m := range members {
			got[m.name] = m.nets[0].metric
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || members[0].name != tt.first {
			t.Errorf("%s: %s is first, (-want +got)\n%s", tt.name, members[0].name, diff)
		}
	}
}

// pathsOf is a route of several paths, as the kernel lists it.
func pathsOf(r rtnl.Route, paths ...rtnl.Route) rtnl.Route {
	r.Link, r.Gateway = 0, netip.Addr{}
	for _, p := range paths {
		b := binary.NativeEndian.AppendUint16(nil, uint16(8+4+p.Gateway.BitLen()/8)) // struct rtnexthop
		b = binary.NativeEndian.AppendUint32(append(b, 0, 0), uint32(p.Link))
		b = binary.NativeEndian.AppendUint16(b, uint16(4+p.Gateway.BitLen()/8))
		b = binary.NativeEndian.AppendUint16(b, unix.RTA_GATEWAY)
		r.Paths += string(append(b, p.Gateway.AsSlice()...))
	}
	return r
}

// TestRoutesPaths: a default route that others have over members alone is replaced, be it of several paths; what the
// kernel makes of ours and somebody else's is known as ours.
func TestRoutesPaths(t *testing.T) {
	c, s := twoNICs(t, "")
	gateway := netip.MustParseAddr("192.0.2.1")
	all := rtnl.NewRoute(everywhere(gateway), gateway)
	both := pathsOf(all, all.By(2), all.By(3))
	beyond := pathsOf(all, all.By(2), all.By(9))
	s.routes = []rtnl.Route{both, beyond.WithMetric(7)}
	p, steps := stepsOf(t, c, s)
	if n := strings.Count(steps, "remove default route"); n != 1 {
		t.Errorf("%d default routes of others go, want the one over members alone:\n%s", n, steps)
	}
	if s = s.done(p); !slices.Contains(s.Before.Routes, both) {
		t.Errorf("to be given back: %v", s.Before.Routes)
	}

	c = groupOf(t, "strategy = \"routes\"\n[[member]]\nname = \"eth0\"\n[member.ipv6]\naddresses = [\"2001:db8::9/64\"]\ngateway = \"2001:db8::1\"\n[member.ipv4]\nmethod = \"none\"")
	_, s = twoNICs(t, "")
	six := netip.MustParseAddr("2001:db8::1")
	theirs := rtnl.NewRoute(everywhere(six), six).By(2).WithMetric(100)
	s.routes = []rtnl.Route{theirs}
	p, steps = stepsOf(t, c, s)
	want := "remove default route via 2001:db8::1 metric 100 over eth0\nadd default route via 2001:db8::1 metric 100 over eth0"
	if !strings.Contains(steps, want) {
		t.Errorf("the kernel refuses a second route by one nexthop; no %q in\n%s", want, steps)
	}
	s = s.done(p)
	for i, r := range s.routes {
		if r.Protocol == RouteProtocol && r.Metric == 100 { // somebody appends another
			r.Protocol = unix.RTPROT_STATIC
			s.routes[i] = pathsOf(r, rtnl.NewRoute(r.Destination, netip.MustParseAddr("fe80::9")).By(2), r)
		}
	}
	if _, steps := stepsOf(t, c, s); steps != "" {
		t.Errorf("a path of several isn't known as ours:\n%s", steps)
	}
	if back := NewRestore(*s.Before, s).String(); !strings.Contains(back, "remove default route via 2001:db8::1 metric 100 over eth0") {
		t.Errorf("a path of several stays:\n%s", back)
	}
}

// TestRoutesRenamed: what was added over a link that has another name by now is known all the same.
func TestRoutesRenamed(t *testing.T) {
	c, s := twoNICs(t, "")
	p, _ := stepsOf(t, c, s)
	s = s.done(p)
	s.Links[0].Name = "lan0"
	s.Before.renamed(&s)
	restore := NewRestore(*s.Before, s)
	if steps := restore.String(); strings.Contains(steps, "eth0") || !strings.Contains(steps, "remove 192.0.2.99/24 from lan0") {
		t.Errorf("the way back: %s", steps)
	}
}

// What was lent over another link by the same name, since unplugged, isn't for the one that is there now.
func TestRoutesLeaseOfAnotherLink(t *testing.T) {
	for ifindex, want := range map[int]bool{0: true, 2: true, 7: false} { // 0 isn't known
		_, s := twoNICs(t, "")
		lent := lease.Lease{Address: netip.MustParsePrefix("192.0.2.107/24")}
		s.leases = map[string]memberLease{"eth0": {&lent, time.Hour, ifindex}}
		p, err := newRoutesPlan(groupOf(t, "strategy = \"routes\"\n[[member]]\nname = \"eth0\"\n"), s)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(p.Steps, func(step Step) bool {
			add, ok := step.(addAddress)
			return ok && add.Address.Prefix == lent.Address
		})
		if got != want {
			t.Errorf("lent over link %d, eth0 being 2: used %t, want %t", ifindex, got, want)
		}
	}
}
