package bond

import (
	"fmt"
	"math/rand/v2"
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

// tableSetting is a table that is repeated, of keys and values in turn.
func tableSetting(table string, words ...any) Setting {
	var keys []Setting
	for i := 0; i < len(words); i += 2 {
		keys = append(keys, Setting{Key: table + "." + words[i].(string), Where: fmt.Sprintf("f:%d", i/2+2), Value: words[i+1]})
	}
	return Setting{Key: table, Where: "f:1", Value: keys}
}

// randomPolicy are routes, rules and what IPv6 is to be, that NewConfig takes beside the
// rest of a random configuration.
func randomPolicy(r *rand.Rand, flags []string) (list []Setting) {
	some := func(table string, keep int, words ...any) Setting {
		all := words[:keep:keep]
		for i := keep; i < len(words); i += 2 {
			if r.IntN(2) == 0 {
				all = append(all, words[i], words[i+1])
			}
		}
		return tableSetting(table, all...)
	}
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	if r.IntN(2) == 0 {
		list = append(list, some("route", 4, "to", "198.51.100.0/24", "via", "192.0.2.1", "table", pick("100", "main"), "metric", pick("0", "50"), "source", pick("192.0.2.10", "192.0.2.11")))
	}
	if r.IntN(2) == 0 {
		list = append(list, some("route", 2, "to", pick("203.0.113.7", "203.0.113.0/24"), "table", "100"))
	}
	none := r.IntN(3) == 0 && !slices.ContainsFunc(flags, func(flag string) bool { return strings.Contains(flag, "2001:") })
	for i := range r.IntN(3) {
		from := pick("192.0.2.10", "192.0.2.11", "2001:db8::/32")
		if none {
			from = "192.0.2.0/24"
		}
		list = append(list, some("rule", 4, "table", int64(100+i), "from", from, "fwmark", "0x1/0xff", "iif", "bond0", "priority", pick("1000", "7")))
	}
	if none {
		return append(list, flag("ipv6.method", MethodNone))
	}
	list = append(list, flag("ipv6.method", pick(MethodAuto, MethodStatic)))
	if r.IntN(2) == 0 {
		list = append(list, flag("ipv6.addresses", "2001:db8::10/64"))
	}
	if r.IntN(2) == 0 {
		list = append(list, some("route", 4, "to", "2001:db8:1::/48", "via", "fe80::1", "source", "2001:db8::10", "metric", pick("50", "1024")))
	}
	return list
}

// policyFile has every key of routes and rules.
const policyFile = `dns = ["192.0.2.53"]
search = ["example.org", "corp.example.org"]

[[member]]
name = "eth0"

[ipv4]
addresses = ["192.0.2.10/24"]

[ipv6]
method = "static"

[[route]]
to = "198.51.100.0/24"
via = "203.0.113.1"
metric = 0
table = 100
source = "192.0.2.10"
onlink = true

[[route]]
to = "203.0.113.9/32"

[[rule]]
from = "192.0.2.0/24"
to = "198.51.100.0/24"
fwmark = "0x1/0xff"
iif = "bond0"
priority = 7
table = 100

[[rule]]
fwmark = "0x51"
table = 254

[[rule]]
from = "::/0"
table = 255
`

// TestPolicyFile reads routes and rules, has them go through a file's text and through
// JSON, and become the kernel's.
func TestPolicyFile(t *testing.T) {
	c := readBack(t, "bond0", []byte(policyFile))
	if diff := cmp.Diff(policyFile, string(FormatTOML(c))); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c, passedThroughJSON(t, c), byValue); diff != "" {
		t.Errorf("through JSON (-before +after):\n%s", diff)
	}
	want := []string{
		"rule 7: from 192.0.2.0/24 to 198.51.100.0/24 fwmark 0x1/0xff iif bond0 lookup 100",
		"rule 1001: fwmark 0x51 lookup main", "IPv6 rule 1001: fwmark 0x51 lookup main",
		"IPv6 rule 1002: lookup 255",
	}
	if diff := cmp.Diff(want, texts(c.rules(false))); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if got := c.rules(true); len(got) != 2 {
		t.Errorf("without IPv6 the rules are %v", got)
	}
	for _, r := range c.rules(false) {
		if again, ok := newRule(r); !ok || !(Config{Rules: []Rule{again}}).rules(false)[0].Serves(r) {
			t.Errorf("%s can't be named: %+v", r, again)
		}
	}
	for _, r := range c.Routes {
		made := c.route(r)
		if again, ok := newRoute(made); !ok || c.route(again) != made {
			t.Errorf("%s can't be named: %+v", made, again)
		}
	}
	if servers, domains := c.NameServers(&lease.Lease{DNS: c.DNS, Domains: []string{"leased.example.org"}}); len(servers) != 1 || !slices.Equal(domains, c.Search) {
		t.Errorf("name servers %v, domains %v", servers, domains)
	}
}

// TestRouteWaits: a route whose gateway or source isn't there yet isn't planned, and is
// once a lease or a router brings it.
func TestRouteWaits(t *testing.T) {
	eth0 := device(1, "eth0")
	c := configOf(t, flag("member", "eth0"),
		tableSetting("route", "to", "198.51.100.0/24", "via", "192.0.2.7"),
		tableSetting("route", "to", "2001:db8:1::/48", "via", "2001:db8::7"),
		tableSetting("route", "to", "203.0.113.0/24", "via", "192.0.2.8", "onlink", true, "source", "192.0.2.10"),
		tableSetting("route", "to", "2001:db8:2::/48", "via", "fe80::1", "source", "2001:db8::10"))
	state := made(t, c, eth0)
	if state.routes != nil {
		t.Errorf("there are routes already: %v", state.routes)
	}
	want := []string{
		"the route 198.51.100.0/24 via 192.0.2.7 metric 100 waits for an address beside its gateway",
		"the route 2001:db8:1::/48 via 2001:db8::7 metric 100 waits for an address beside its gateway",
		"the route 203.0.113.0/24 via 192.0.2.8 metric 100 waits for its source 192.0.2.10",
		"the route 2001:db8:2::/48 via fe80::1 metric 100 waits for its source 2001:db8::10",
	}
	if diff := cmp.Diff(want, texts(mustPlan(t, c, state).Notes)); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	amiss := func() string { return strings.Join(state.amiss(record{Config: &c}), "; ") }
	if got := amiss(); got != strings.Join(want, "; ") {
		t.Errorf("amiss is %q", got)
	}

	bond, _ := state.link("bond0")
	slaac := rtnl.NewAddr(netip.MustParsePrefix("2001:db8::10/64")).On(bond.Index)
	slaac.Flags = unix.IFA_F_TENTATIVE
	state.addrs = append(state.addrs, slaac)
	state.Lease, state.LeaseLeft = &lease.Lease{Address: netip.MustParsePrefix("192.0.2.10/24")}, time.Hour
	got := mustPlan(t, c, state)
	wantSteps := []string{
		"add 192.0.2.10/24 to bond0",
		"add route 198.51.100.0/24 via 192.0.2.7 metric 100 over bond0",
		"add route 2001:db8:1::/48 via 2001:db8::7 metric 100 over bond0",
		"add route 203.0.113.0/24 via 192.0.2.8 metric 100 over bond0",
	}
	if diff := cmp.Diff(wantSteps, texts(got.Steps)); diff != "" {
		t.Errorf("with a lease (-want +got):\n%s", diff)
	}
	if len(got.Notes) != 1 { // the address isn't found free yet
		t.Errorf("notes are %q", got.Notes)
	}
	state.addrs[0].Flags = 0
	if got := mustPlan(t, c, state); len(got.Steps) != 5 || got.Notes != nil {
		t.Errorf("once it is found free the plan is %s, the notes %q", got, got.Notes)
	}
}

// TestNamed: what was inherited is named in a configuration, and what can't be is told.
func TestNamed(t *testing.T) {
	c := config(t, "member=eth0")
	labelled := rtnl.NewAddr(netip.MustParsePrefix("192.0.2.10/24"))
	labelled.Label = "bond0:1"
	peer := rtnl.NewAddr(netip.MustParsePrefix("198.51.100.1/32"))
	peer.Peer = netip.MustParseAddr("198.51.100.2")
	first, second := route(0, "0.0.0.0/0", "192.0.2.1"), route(0, "0.0.0.0/0", "192.0.2.2")
	second.Metric = 50
	rule := rtnl.NewRule(unix.AF_INET, 300, 100)
	rule.IIF = "bond0"
	outgoing := rule
	outgoing.IIF, outgoing.OIF = "", "bond0"
	p := Plan{inherited: &Inherited{inheritance{Lasting: carried{
		Addresses: []rtnl.Addr{labelled, peer, rtnl.NewAddr(netip.MustParsePrefix("2001:db8::10/64"))},
		Routes:    []rtnl.Route{first, second, route(0, "203.0.113.0/24", "")}, Rules: []rtnl.Rule{rule, outgoing},
		Sysctls: []sysctl{{0, "ipv4", "rp_filter", "2"}},
	}}}}
	named, notes := p.Named(c)
	want := configOf(t, flag("member", "eth0"), flag("address", []any{"192.0.2.10/24", "2001:db8::10/64"}), flag("gateway", "192.0.2.1"),
		flag("ipv4.metric", int64(0)), tableSetting("route", "to", "0.0.0.0/0", "via", "192.0.2.2", "metric", int64(50)),
		tableSetting("route", "to", "203.0.113.0/24", "metric", int64(0)), tableSetting("rule", "from", "0.0.0.0/0", "iif", "bond0", "priority", int64(300), "table", int64(100)))
	if diff := cmp.Diff(want, named, byValue); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	const lost = "a file can't say this, so it is lost at the next boot: "
	wantNotes := []string{
		lost + "the label bond0:1 of 192.0.2.10/24", lost + "the address 198.51.100.1/32",
		lost + "the rule 300: oif bond0 lookup 100", lost + "net.ipv4.conf.bond0.rp_filter = 2",
	}
	if diff := cmp.Diff(wantNotes, texts(notes)); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// TestForeignRules: what is wanted and there already nobody adds or takes away, and of
// two alike bondctl's own goes.
func TestForeignRules(t *testing.T) {
	c := configOf(t, flag("member", "eth0"), tableSetting("rule", "from", "192.0.2.0/24", "table", int64(100)))
	theirs := c.rules(false)[0]
	theirs.Protocol = unix.RTPROT_BOOT
	state := State{Name: "bond0", Links: []Link{device(1, "eth0")}, rules: []rtnl.Rule{theirs}}
	for _, step := range mustPlan(t, c, state).Steps {
		if _, adds := step.(addRule); adds {
			t.Errorf("it is there, and planned: %s", step)
		}
	}
	ours := made(t, c, device(1, "eth0"))
	ours.rules = append([]rtnl.Rule{theirs}, ours.rules...)
	plan := mustPlan(t, config(t, "member=eth0"), ours)
	if want := []Step{delRule{"bond0", c.rules(false)[0]}}; !slices.Equal(plan.Steps, want) {
		t.Errorf("the plan is %s, want %s", plan, want)
	}
}

// TestMethod6: what a method wants is set, and only what bondctl has set is given back.
func TestMethod6(t *testing.T) {
	usual := map[string]setting6{acceptRA: {"1", "1"}, disableIPv6: {"0", "0"}}
	static := map[string]setting6{acceptRA: {"0", "1"}, disableIPv6: {"0", "0"}}
	forwards := map[string]setting6{acceptRA: {"2", "1"}, disableIPv6: {"0", "0"}}
	for _, tt := range []struct {
		name, method string
		has          map[string]setting6
		set          []addedSysctl
		want         []string
	}{
		{"auto", MethodAuto, usual, nil, nil},
		{"auto, and somebody's own setting", MethodAuto, forwards, nil, nil},
		{"static", MethodStatic, usual, nil, []string{"set net.ipv6.conf.bond0.accept_ra: 1 -> 0"}},
		{"static that is", MethodStatic, static, []addedSysctl{{"bond0", acceptRA}}, nil},
		{"static no more", MethodAuto, static, []addedSysctl{{"bond0", acceptRA}}, []string{"set net.ipv6.conf.bond0.accept_ra: 0 -> 1"}},
		{"none after static", MethodNone, static, []addedSysctl{{"bond0", acceptRA}}, []string{"set net.ipv6.conf.bond0.accept_ra: 0 -> 1", "set net.ipv6.conf.bond0.disable_ipv6: 0 -> 1"}},
		{"nothing can be set", MethodNone, map[string]setting6{}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			state := made(t, config(t, "member=eth0"), device(1, "eth0"))
			state.ipv6, state.Before.Added.Sysctls = tt.has, tt.set
			c := config(t, "member=eth0", "ipv6.method="+tt.method)
			if diff := cmp.Diff(tt.want, texts(mustPlan(t, c, state).Steps)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}
