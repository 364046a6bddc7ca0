package suite

import (
	"cmp"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// interfacesByHand is the set-up that people write for three NICs of one network: a table and rules for each, so that
// an answer leaves where the question came in, and default routes of rising metrics.
func interfacesByHand() string {
	var b strings.Builder
	for i, name := range []string{"eth0", "eth1", "eth2"} {
		addr, table := own[name], fmt.Sprintf("rt%d", i+1)
		fmt.Fprintf(&b, "auto %s\niface %[1]s inet static\n\taddress %s\n\tnetmask 255.255.255.0\n", name, addr)
		for _, line := range []string{
			"route add 192.0.2.0/24 dev " + name + " src " + addr.String() + " table " + table,
			"route add default via 192.0.2.1 dev " + name + " table " + table,
			"rule add from " + addr.String() + "/32 table " + table,
			"rule add to " + addr.String() + "/32 table " + table,
			fmt.Sprintf("route add default via 192.0.2.1 metric %d dev %s", 100+i, name),
		} {
			fmt.Fprintf(&b, "\tpost-up ip %s\n", line)
		}
		fmt.Fprintf(&b, "\tpost-down ip rule del from 0/0 to 0/0 table %s\n\tpost-down ip rule del from 0/0 to 0/0 table %[1]s\n", table)
	}
	return b.String()
}

// A way is one of those to have three NICs on one network.
type way struct {
	name  string
	begin func(t *testing.T, h *netnstest.Host)
	from  netip.Addr // whose connections are watched: eth0's address, or the bond's
	// acts is the time that somebody has to act on a pulled cable; 0 for 2 s. What isn't through by then isn't until the
	// cable is back.
	acts time.Duration
}

var ways = []way{
	{name: "bondctl, strategy routes", from: own["eth0"], begin: func(t *testing.T, h *netnstest.Host) {
		file := filepath.Join(t.TempDir(), "interfaces")
		writeFile(t, file, interfacesByHand())
		o := bondctl(t, h, "import", file, "uplink") // status 1: the tables and rules are left out
		config := filepath.Join(t.TempDir(), "uplink.toml")
		writeFile(t, config, o.Stdout)
		succeeds(t, h, "up", "uplink", "--config", config)
		netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
		t.Cleanup(func() { succeeds(t, h, "down", "uplink") })
	}},
	{name: "bondctl, a bond", from: netip.MustParseAddr("192.0.2.10"), begin: func(t *testing.T, h *netnstest.Host) {
		succeeds(t, h, "up", "--address", "192.0.2.10/24", "--gateway", netnstest.LANAddr, "--updelay", "4000",
			"--member", "eth0", "--member", "eth1", "--member", "eth2")
		netnstest.Eventually(t, active(h, "eth0"))
		t.Cleanup(func() { succeeds(t, h, "down") })
	}},
	{name: "by hand", from: own["eth0"], begin: func(t *testing.T, h *netnstest.Host) { byHand(t, h) }},
	{name: "by hand with ifplugd", from: own["eth0"], acts: 15 * time.Second, begin: func(t *testing.T, h *netnstest.Host) {
		byHand(t, h, "ifplugd")
		for _, name := range []string{"eth0", "eth1", "eth2"} {
			h.Start("/usr/sbin/ifplugd", "-i", name, "-n", "-q", "-f", "-I", "-u0", "-d10", "-r", "/etc/ifplugd/ifplugd.action")
		}
	}},
}

// byHand brings the NICs up as the file says, by Debian's ifupdown; more are packages beside it.
func byHand(t *testing.T, h *netnstest.Host, more ...string) {
	t.Helper()
	h.Unpack(append(more, "ifupdown")...)
	h.Run("mkdir", "-p", "/run/network", "/etc/network", "/etc/iproute2")
	writeFile(t, in(h, "/etc/network/interfaces"), interfacesByHand())
	writeFile(t, in(h, "/etc/iproute2/rt_tables"), "255 local\n254 main\n253 default\n0 unspec\n1001 rt1\n1002 rt2\n1003 rt3\n")
	h.Run("/usr/sbin/ifup", "-a")
}

// silences are the longest silences of one pull and return, each in ms; -1 where it never ended.
type silences struct{ out, in, tcp, back int }

// TestRoutesFigures pulls the first of three NICs of one network and plugs it in again, and measures for how long
// nothing gets through: outwards from no address in particular, inwards to the address of the NIC (or of the bond), and
// over a TCP connection from it; and what the way back costs. The figures are for people; the long form has
// all ways, and holds bondctl against what people write.
func TestRoutesFigures(t *testing.T) {
	medians := map[string]silences{}
	for _, w := range ways[:sample(1, len(ways))] {
		t.Run(w.name, func(t *testing.T) {
			h := netnstest.New(t)
			cable := h.Cable("eth0")
			h.Cable("eth1")
			h.Cable("eth2")
			w.begin(t, h)
			var all []silences
			for range sample(1, 10) {
				all = append(all, w.pull(t, h, cable))
			}
			medians[w.name] = mediansOf(all)
			t.Logf("%s: silent for %v (out, in, TCP, on the way back; ms, medians of %d)", w.name, medians[w.name], len(all))
		})
	}
	if *long && !t.Failed() {
		routes, bond := medians["bondctl, strategy routes"], medians["bondctl, a bond"]
		if routes.out < 0 || routes.in < 0 || routes.tcp < 0 || routes.tcp > 10*bond.tcp {
			t.Errorf("%v by routes, %v by a bond, %v by hand", routes, bond, medians["by hand"])
		}
	}
}

// pull is one pull and return.
func (w way) pull(t *testing.T, h *netnstest.Host, cable *netnstest.Cable) (s silences) {
	t.Helper()
	const interval = 2 * time.Millisecond
	watch := func() (out, in *netnstest.Ping) {
		out, in = h.Ping(interval), h.LAN().PingTo(w.from, interval)
		netnstest.Eventually(t, out.Answered)
		netnstest.Eventually(t, in.Answered)
		return out, in
	}
	out, in := watch()
	stream := h.StreamFrom(h.LAN(), w.from)
	netnstest.Eventually(t, stream.Moved)
	cable.Pull()
	time.Sleep(cmp.Or(w.acts, 2*time.Second))
	s.out, s.in = longestSilence(out), longestSilence(in)
	out, in = h.Ping(interval), h.LAN().PingTo(w.from, interval)
	cable.Plug()
	netnstest.Eventually(t, out.Answered)
	netnstest.Eventually(t, in.Answered)
	time.Sleep(6 * time.Second) // beyond updelay
	r := stream.Stop()
	s.tcp = int(r.Longest.Milliseconds())
	if r.Err != nil {
		s.tcp = -1
	}
	s.back = max(longestSilence(out), longestSilence(in))
	return s
}

// longestSilence is in ms; -1 where it hasn't ended.
func longestSilence(p *netnstest.Ping) int {
	r := p.Stop()
	const last = 20
	if n := len(r.Lost); n >= last && r.Lost[n-last] == r.Sent-last {
		return -1
	}
	return int(r.Longest.Milliseconds())
}

// mediansOf are the medians, each by itself. What never ended is longer than anything.
func mediansOf(all []silences) silences {
	middle := func(of func(silences) int) int {
		var list []int
		for _, s := range all {
			n := of(s)
			if n < 0 {
				n = 1 << 30
			}
			list = append(list, n)
		}
		slices.Sort(list)
		if n := list[len(list)/2]; n != 1<<30 {
			return n
		}
		return -1
	}
	return silences{
		middle(func(s silences) int { return s.out }), middle(func(s silences) int { return s.in }),
		middle(func(s silences) int { return s.tcp }), middle(func(s silences) int { return s.back }),
	}
}
