package suite

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// foreign are rules and tables of others: a full tunnel as wg-quick sets it up (its device is a dummy here), a
// container bridge with its network, and somebody's own table.
var foreign = []string{
	"ip link add wg0 type dummy",
	"ip link set wg0 up",
	"ip address add 10.9.0.2/32 dev wg0",
	"ip route add default dev wg0 table 51820",
	"ip rule add not fwmark 51820 table 51820",
	"ip rule add table main suppress_prefixlength 0",
	"ip link add docker0 type bridge",
	"ip link set docker0 up",
	"ip address add 172.17.0.1/16 dev docker0",
	"ip route add 203.0.113.0/24 via 172.17.0.2 table 200",
	"ip rule add from 203.0.113.7 priority 5210 table 200",
}

// TestRoutesRandom pulls, plugs, removes and inserts members in any order, beside a VPN with a full tunnel, a container
// bridge and foreign rules. Whenever it is quiet, the first of those that have a link is preferred, and the tables and
// rules are those that an up would make; at the end nothing is left, and what others set was never touched.
func TestRoutesRandom(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	p := pulls{t: t, h: h, names: []string{"eth0", "eth1", "eth2", "eth3"}, cables: map[string]*netnstest.Cable{}, mii: map[string]string{}}
	text := "strategy = \"routes\"\nupdelay = 100\n"
	for i, name := range p.names {
		p.cables[name], p.mii[name] = h.Cable(name), "up"
		text += fmt.Sprintf("[[member]]\nname = %q\n[member.ipv4]\naddresses = [\"192.0.2.%d/24\"]\ngateway = \"192.0.2.1\"\n", name, 99-i)
		text += fmt.Sprintf("[member.ipv6]\naddresses = [\"2001:db8::%d/64\"]\ngateway = \"%s\"\n", 99-i, h.LAN().Addr6.Addr())
	}
	shell(h, foreign...)
	file := filepath.Join(t.TempDir(), "uplink.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	others := othersOf(h)
	succeeds(t, h, "up", "uplink", "--config", file)
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	all := routingOf(h)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for step := range sample(100, 500) {
		p.change(p.names[r.IntN(len(p.names))], []string{"pull", "plug", "remove", "insert"}[r.IntN(4)])
		if step%10 != 9 {
			time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
			continue
		}
		want := p.first()
		netnstest.Eventually(t, serves(t, h, want, ""))
		if want != "" {
			netnstest.Eventually(t, throughTunnelOr(h, want))
		}
		if d := cmp.Diff(others, othersOf(h)); d != "" {
			t.Fatalf("%s: what others have set was touched (-before +after)\n%s", p.lately(), d)
		}
	}
	for _, name := range p.names {
		p.change(name, "insert")
		p.change(name, "plug")
	}
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	netnstest.Eventually(t, func() error {
		if d := cmp.Diff(all, routingOf(h)); d != "" {
			return fmt.Errorf("%s: the policy is another one than at first (-want +got)\n%s", p.lately(), d)
		}
		return nil
	})
	if o := succeeds(t, h, "up", "uplink"); !strings.Contains(o.Stdout, "nothing to change") {
		t.Errorf("%s: an up changes something yet:\n%s", p.lately(), o.Stdout)
	}
	succeeds(t, h, "down", "uplink")
	if d := cmp.Diff(others, othersOf(h)); d != "" {
		t.Errorf("what others have set was touched (-before +after)\n%s", d)
	}
	if left := routingOf(h); len(left) > 0 {
		t.Errorf("left:\n%s", strings.Join(left, "\n"))
	}
}

// routingOf are bondctl's routes and rules, by which alone it knows them again: those of its protocol number. A device
// that came and went has a table of another number.
func routingOf(h *netnstest.Host) (all []string) {
	var pairs []string
	for i, name := range []string{"eth0", "eth1", "eth2", "eth3"} {
		if link, err := h.Netlink().LinkByName(name); err == nil {
			pairs = append(pairs, fmt.Sprint(31000+link.Attrs().Index), fmt.Sprintf("T%d", i))
		}
	}
	names := strings.NewReplacer(pairs...)
	for _, family := range []string{"-4", "-6"} {
		for _, what := range [][]string{{"-d", "rule", "show", "protocol", "98"}, {"-d", "route", "show", "table", "all", "proto", "98"}} {
			for line := range strings.Lines(h.Run("ip", append([]string{family}, what...)...)) {
				if what[1] == "route" || strings.Contains(line, "proto 98") { // not every ip(8) lists rules by protocol
					all = append(all, names.Replace(strings.TrimSpace(line)))
				}
			}
		}
	}
	return sorted(all)
}

// othersOf are the rules and the tables of others, in the words of ip(8).
func othersOf(h *netnstest.Host) (all []string) {
	for _, args := range [][]string{{"-4", "rule"}, {"-6", "rule"}, {"-4", "route", "show", "table", "51820"}, {"-4", "route", "show", "table", "200"},
		{"-4", "route", "show", "dev", "docker0"}} {
		for line := range strings.Lines(h.Run("ip", args...)) {
			if !strings.Contains(line, "proto 98") && !isOwnRule(line) {
				all = append(all, strings.TrimSpace(line))
			}
		}
	}
	return all
}

// isOwnRule says whether a rule is in bondctl's range of priorities.
func isOwnRule(line string) bool {
	priority, _, _ := strings.Cut(line, ":")
	return slices.Contains([]string{"30000", "30001", "30002", "30003"}, priority)
}

// throughTunnelOr is a condition for Eventually: what names no source goes through the tunnel, which is in front, and
// what comes from a member's address leaves by it.
func throughTunnelOr(h *netnstest.Host, member string) func() error {
	return func() error {
		if got := h.Run("ip", "route", "get", "198.51.100.1"); !strings.Contains(got, "dev wg0") {
			return fmt.Errorf("what names no source leaves by %s", got)
		}
		if got := h.Run("ip", "route", "get", "198.51.100.1", "mark", "51820"); !strings.Contains(got, "dev "+member) {
			return fmt.Errorf("the tunnel's own packets leave by %s, not by %s", got, member)
		}
		// The tunnel was there first, so that what is bound to a member's address goes around it.
		addr := fmt.Sprintf("192.0.2.%d", 99-int(member[3]-'0'))
		if got := h.Run("ip", "route", "get", "198.51.100.1", "from", addr); !strings.Contains(got, "dev "+member) {
			return fmt.Errorf("what comes from %s leaves by %s, not by %s", addr, got, member)
		}
		return nil
	}
}

// TestRoutesKilledAt kills up at each of its changes to the kernel and to files: down gives everything back then, and
// another up gets as far as one that was never disturbed.
func TestRoutesKilledAt(t *testing.T) {
	t.Parallel()
	h := threeNICs(t)
	file := filepath.Join(t.TempDir(), "uplink.toml")
	if err := os.WriteFile(file, []byte(routesFile), 0o600); err != nil {
		t.Fatal(err)
	}
	shell(h, "ip address add 192.0.2.99/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0")
	before := takeSnapshot(t, h)
	down := func() {
		t.Helper()
		succeeds(t, h, "down")
		netnstest.Eventually(t, asBefore(t, h, before))
	}
	up := []string{"up", "--once", "--wait", "0", "--config", file}
	kill := func(at int) *netnstest.Supervisor {
		t.Helper()
		return kills{args: up}.kill(t, h, at)
	}
	changes := kill(0).Made()
	want := routingOf(h)
	down()
	atChanges(t, changes, func(at int) bool {
		killer := kill(at)
		down()
		kill(at)
		succeeds(t, h, up...)
		if d := cmp.Diff(want, routingOf(h)); d != "" {
			t.Errorf("up again (-want +got):\n%s", d)
		}
		down()
		return killer.Killed()
	})
}
