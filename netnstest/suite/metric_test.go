package suite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// vpn is another link's default route, which goes before a bond's.
const vpn = "default via 203.0.113.1 dev tun0 metric 50"

// withVPN makes a host that has it.
func withVPN(t *testing.T) *netnstest.Host {
	t.Helper()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	shell(h, "ip link add tun0 type dummy", "ip address add 203.0.113.2/24 dev tun0", "ip link set tun0 up", "ip route add "+vpn)
	return h
}

// defaults is a condition for Eventually: these are the IPv4 default routes, in the kernel's order.
func defaults(h *netnstest.Host, want ...string) func() error {
	return func() error {
		var got []string
		for line := range strings.Lines(h.Run("ip", "-4", "route", "show", "default")) {
			fields := strings.Fields(line)
			route := strings.Join(fields[:5], " ")
			if _, metric, ok := strings.Cut(line, "metric "); ok {
				route += " metric " + strings.Fields(metric)[0]
			}
			got = append(got, route)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("default routes %q, want %q", got, want)
		}
		return nil
	}
}

// TestLeasedMetric: a leased default route stays behind a VPN's, and has the metric that is named. While
// the other one comes and goes nothing is refused, and members join.
func TestLeasedMetric(t *testing.T) {
	t.Parallel()
	h := withVPN(t)
	h.Cable("eth0")
	eth1 := h.Cable("eth1")
	eth1.Remove()
	h.LAN().DHCP()
	const file = "member = [{name = 'eth0'}, {name = 'eth1'}]\n"
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), file)
	h.Start("bondctl", "daemon")
	t.Cleanup(func() { succeeds(t, h, "down") })
	netnstest.Eventually(t, defaults(h, vpn, "default via 192.0.2.1 dev bond0 metric 100"))

	eth1.Insert()
	joined := usable(h, "eth0", "eth1")
	netnstest.Eventually(t, func() error {
		shell(h, "ip route del "+vpn, "ip route append default via 203.0.113.1 dev tun0 metric 100", "ip route del default dev tun0", "ip route add "+vpn)
		return joined()
	})
	if out := succeeds(t, h, "events").Stdout; strings.Contains(out, "trouble") {
		t.Errorf("there was trouble:\n%s", out)
	}
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), file+"ipv4.metric = 7\n")
	succeeds(t, h, "up")
	netnstest.Eventually(t, defaults(h, "default via 192.0.2.1 dev bond0 metric 7", vpn))
}

// TestTwoDefaultRoutes6: of IPv6 the kernel makes them one with two paths, and each bond sees its own.
func TestTwoDefaultRoutes6(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.CableTo(h.OtherLAN(), "eth1")
	bonds := map[string][]string{
		"bond0": {"bond0", "--member", "eth0", "--address", "2001:db8::10/64", "--gateway", "2001:db8::1", "--address", "192.0.2.10/24"},
		"bond1": {"bond1", "--member", "eth1", "--address", "2001:db8:1::10/64", "--gateway", "2001:db8:1::1", "--address", "198.51.100.10/24"},
	}
	for _, args := range bonds {
		up(t, h, args...)
	}
	for name, args := range bonds {
		if o := up(t, h, args...); !strings.Contains(o.Stdout, name+": nothing to change") {
			t.Errorf("up %s again says %q", name, o.Stdout)
		}
	}
	succeeds(t, h, "down", "bond0")
	if out := h.Run("ip", "-6", "route", "show", "default"); !strings.Contains(out, "via 2001:db8:1::1 dev bond1") || strings.Contains(out, "2001:db8::1 ") {
		t.Errorf("without bond0 the default routes are\n%s", out)
	}
	succeeds(t, h, "down", "bond1")
}

// TestTwoDefaultRoutes: of two bonds both have their default route, be the metric the same, and when the one
// goes the other is the way out.
func TestTwoDefaultRoutes(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.CableTo(h.OtherLAN(), "eth1")
	up(t, h, "bond0", "--member", "eth0", "--address", "192.0.2.10/24", "--gateway", "192.0.2.1")
	up(t, h, "bond1", "--member", "eth1", "--address", "198.51.100.10/24", "--gateway", "198.51.100.1")
	first, second := "default via 192.0.2.1 dev bond0 metric 100", "default via 198.51.100.1 dev bond1 metric 100"
	if err := defaults(h, first, second)(); err != nil {
		t.Error(err)
	}
	succeeds(t, h, "down", "bond0")
	if err := defaults(h, second)(); err != nil {
		t.Error(err)
	}
	succeeds(t, h, "down", "bond1")
}
