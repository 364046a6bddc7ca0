package suite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/netnstest"
)

// policy are routes in two tables, and rules.
const policy = `
member = [{name = "eth0"}, {name = "eth1"}]
[ipv4]
addresses = ["192.0.2.10/24", "192.0.2.11/24"]
gateway = "192.0.2.1"
[ipv6]
addresses = ["2001:db8::10/64"]
[[route]]
to = "198.51.100.0/24"
via = "192.0.2.7"
metric = 0
[[route]]
to = "0.0.0.0/0"
via = "192.0.2.2"
table = 1000
source = "192.0.2.11"
[[route]]
to = "192.0.2.0/24"
table = 1000
[[route]]
to = "203.0.113.9"
via = "203.0.113.1"
onlink = true
[[route]]
to = "2001:db8:1::/48"
via = "fe80::1"
source = "2001:db8::10"
table = 1000
[[rule]]
from = "192.0.2.11"
table = 1000
priority = 500
[[rule]]
to = "2001:db8:1::/48"
table = 1000
[[rule]]
fwmark = "0x1/0xff"
iif = "bond0"
table = "main"
`

// foreignRules are somebody else's, of which one does what one of ours does, and one has more than
// another of ours beside which it stands.
var foreignRules = []string{
	"ip rule add from 192.0.2.11 lookup 1000 pref 500 iif eth9",
	"ip rule add fwmark 0x1/0xff iif bond0 lookup main pref 1002",
	"ip rule add from 10.0.0.0/8 lookup 77",
}

// policyOf is what policy is made into: routes that are no default ones of main, and rules.
func policyOf(h *netnstest.Host) (lines []string) {
	for _, args := range [][]string{{"-4", "rule"}, {"-6", "rule"}, {"-4", "route", "show", "table", "all", "proto", "static"}, {"-6", "route", "show", "table", "all", "proto", "static"}} {
		for line := range strings.Lines(h.Run("ip", args...)) {
			line = strings.Replace(line, " [detached]", "", 1) // it names a link that isn't there
			lines = append(lines, args[0]+" "+strings.Join(strings.Fields(line), " "))
		}
	}
	slices.Sort(lines)
	return lines
}

// wantPolicy is what there is while policy holds, beside before.
func wantPolicy(before []string) []string {
	lines := append([]string{
		"-4 default via 192.0.2.1 dev bond0 metric 100",
		"-4 198.51.100.0/24 via 192.0.2.7 dev bond0",
		"-4 default via 192.0.2.2 dev bond0 table 1000 src 192.0.2.11 metric 100",
		"-4 192.0.2.0/24 dev bond0 table 1000 scope link metric 100",
		"-4 203.0.113.9 via 203.0.113.1 dev bond0 metric 100 onlink",
		"-6 2001:db8:1::/48 via fe80::1 dev bond0 table 1000 src 2001:db8::10 metric 100 pref medium",
		"-4 500: from 192.0.2.11 lookup 1000 proto static",
		"-6 1001: from all to 2001:db8:1::/48 lookup 1000 proto static",
		"-6 1002: from all fwmark 0x1/0xff iif bond0 lookup main proto static",
	}, before...)
	slices.Sort(lines)
	return lines
}

// hasPolicy is a condition for Eventually.
func hasPolicy(h *netnstest.Host, want []string) func() error {
	return func() error {
		if diff := cmp.Diff(want, policyOf(h)); diff != "" {
			return fmt.Errorf("routes and rules (-want +got):\n%s", diff)
		}
		return nil
	}
}

// TestPolicy: routes and rules are made, kept whatever somebody takes away, and taken away, and
// those of others stay. A rule of theirs that does what ours would is left to do it.
func TestPolicy(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth1")
	shell(h, foreignRules...)
	before := policyOf(h)
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), policy)
	want := wantPolicy(before)
	succeeds(t, h, "up")
	netnstest.Eventually(t, hasPolicy(h, want)) // once the IPv6 address is found free
	if o := succeeds(t, h, "up"); !o.changedNothing() {
		t.Errorf("up again says %q", o.Stdout)
	}
	netnstest.Eventually(t, noTrouble(t, h))
	for _, change := range []string{
		"ip rule del pref 500 from 192.0.2.11 lookup 1000 proto static",
		"ip -6 rule flush",
		"ip route flush table 1000",
		"ip -6 route flush table 1000",
		"ip route del 198.51.100.0/24",
		"ip address flush dev bond0",
	} {
		shell(h, change)
		if strings.Contains(change, "-6 rule flush") {
			shell(h, "ip -6 rule add lookup main pref 32766")
		}
		netnstest.Eventually(t, hasPolicy(h, want))
	}
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), strings.Replace(strings.Replace(policy, `priority = 500`, `priority = 600`, 1), `source = "192.0.2.11"`, "", 1))
	succeeds(t, h, "up")
	other := strings.NewReplacer("-4 500: from 192.0.2.11 lookup 1000 proto static", "-4 600: from 192.0.2.11 lookup 1000 proto static", " src 192.0.2.11", "")
	lines := strings.Split(other.Replace(strings.Join(want, "\n")), "\n")
	slices.Sort(lines)
	netnstest.Eventually(t, hasPolicy(h, lines))
	succeeds(t, h, "down")
	netnstest.Eventually(t, hasPolicy(h, before))
}

// TestRouteWaitsForLease: a route by a gateway on the network that DHCP is to lend the bond an address of
// comes with the lease, and keeps nothing up before.
func TestRouteWaitsForLease(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), "member = [{name = 'eth0'}]\nroute = [{to = '198.51.100.0/24', via = '192.0.2.7'}]\n")
	const waits = "the route 198.51.100.0/24 via 192.0.2.7 metric 100 waits for an address beside its gateway"
	if o := succeeds(t, h, "up"); !strings.Contains(o.Stderr, waits) {
		t.Errorf("up doesn't say that the route waits:\n%s", o.Stderr)
	}
	netnstest.Eventually(t, healthSays(t, h, waits))
	h.LAN().DHCP()
	netnstest.Eventually(t, func() error {
		if out := h.Run("ip", "route", "show", "198.51.100.0/24"); !strings.Contains(out, "via 192.0.2.7 dev bond0 proto static metric 100") {
			return fmt.Errorf("the route is %q", out)
		}
		return nil
	})
	netnstest.Eventually(t, noTrouble(t, h))
	succeeds(t, h, "down")
}

// TestSaveInherited: up --save writes what the bond has taken over, and the file means what is there.
func TestSaveInherited(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	shell(h, "ip link set eth0 up", "ip address add 192.0.2.50/24 dev eth0", "ip route add default via 192.0.2.1 metric 7",
		"ip route add 10.0.0.0/8 via 192.0.2.9 table 100", "ip rule add iif eth0 fwmark 1 lookup 100 pref 300")
	const want = `# Written by bondctl up --save.
[[member]]
name = "eth0"

[ipv4]
addresses = ["192.0.2.50/24"]
gateway = "192.0.2.1"
metric = 7

[[route]]
to = "10.0.0.0/8"
via = "192.0.2.9"
metric = 0
table = 100

[[rule]]
from = "0.0.0.0/0"
fwmark = "0x1"
iif = "bond0"
priority = 300
table = 100
`
	foretold := succeeds(t, h, "up", "--once", "--save", "--member", "eth0", "--dry-run").Stdout
	if !strings.Contains(foretold, "priority = 300") {
		t.Errorf("--dry-run foretells\n%s", foretold)
	}
	succeeds(t, h, "up", "--once", "--save", "--member", "eth0")
	if diff := cmp.Diff(want, readFile(t, in(h, "/etc/bondctl/bond0.toml"))); diff != "" {
		t.Errorf("the file (-want +got):\n%s", diff)
	}
	if o := up(t, h); !o.changedNothing() {
		t.Errorf("up by the file says %q", o.Stdout)
	}
	succeeds(t, h, "down")
	if out := h.Run("ip", "rule", "show", "pref", "300"); !strings.Contains(out, "iif eth0") {
		t.Errorf("after down the rule is %q", out)
	}
	// Somebody has flushed it, as a reboot does: now the file alone says it.
	shell(h, "ip address flush dev eth0", "ip rule del pref 300", "ip route flush table 100")
	up(t, h)
	if out := h.Run("ip", "rule", "show", "pref", "300"); !strings.Contains(out, "from all fwmark 0x1 iif bond0 lookup 100") {
		t.Errorf("by the file the rule is %q", out)
	}
	if err := defaults(h, "default via 192.0.2.1 dev bond0 metric 7")(); err != nil {
		t.Error(err)
	}
}

// TestMethod6: without IPv6 the bond has no address of it; with static ones it doesn't listen to
// routers, and forgets what it heard of them; and once neither is wanted it does again.
func TestMethod6(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	const file = "member = [{name = 'eth0'}]\nipv4.method = 'none'\n"
	wants := func(more string) {
		writeFile(t, in(h, "/etc/bondctl/bond0.toml"), file+more)
		succeeds(t, h, "up")
	}
	wants("")
	advertise(t, h.LAN(), "lan") // which has a link by now
	netnstest.Eventually(t, addresses6(h, "dynamic"))
	wants("ipv6.method = 'static'\nipv6.addresses = '2001:db8::10/64'\n")
	netnstest.Eventually(t, addresses6(h, "2001:db8::10/64"))
	if out := h.Run("ip", "-6", "route", "show", "proto", "ra"); out != "" {
		t.Errorf("routes of routers are left:\n%s", out)
	}
	netnstest.Eventually(t, noTrouble(t, h))
	shell(h, "ip link set bond0 down", "ip link set bond0 up")
	netnstest.Eventually(t, addresses6(h, "2001:db8::10/64"))

	wants("ipv6.method = 'none'\n")
	netnstest.Eventually(t, addresses6(h))
	if out := h.Run("ip", "-6", "address", "show", "dev", "bond0"); out != "" {
		t.Errorf("bond0 has IPv6 addresses:\n%s", out)
	}
	sysctl(t, h.Namespace, "net/ipv6/conf/bond0/disable_ipv6", "0")
	netnstest.Eventually(t, setting(h, "disable_ipv6", "1")) // the keeper puts it back
	netnstest.Eventually(t, noTrouble(t, h))
	wants("")
	if err := errors.Join(setting(h, "disable_ipv6", "0")(), setting(h, "accept_ra", "1")()); err != nil {
		t.Error(err)
	}
	netnstest.Eventually(t, addresses6(h, "dynamic"))
	succeeds(t, h, "down")
}

// addresses6 is a condition for Eventually: those are the global IPv6 addresses of bond0, where dynamic stands
// for one that the kernel made.
func addresses6(h *netnstest.Host, want ...string) func() error {
	return func() error {
		var got []string
		for line := range strings.Lines(h.Run("ip", "-o", "-6", "address", "show", "dev", "bond0", "scope", "global")) {
			fields := strings.Fields(line)
			if slices.Contains(fields, "dynamic") {
				got = append(got, "dynamic")
			} else {
				got = append(got, fields[3])
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("addresses %q, want %q", got, want)
		}
		return nil
	}
}

// setting is a condition for Eventually: an IPv6 setting of bond0 has that value.
func setting(h *netnstest.Host, key, want string) func() error {
	return func() error {
		if got := strings.TrimSpace(h.Run("cat", "/proc/sys/net/ipv6/conf/bond0/"+key)); got != want {
			return fmt.Errorf("%s is %s, want %s", key, got, want)
		}
		return nil
	}
}
