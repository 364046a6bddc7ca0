package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	diff "github.com/google/go-cmp/cmp"
)

// everythingOf is trafficOf of both families, but for what the kernel makes by itself of IPv6.
func everythingOf(h *netnstest.Host) string {
	var b strings.Builder
	b.WriteString(trafficOf(h))
	for line := range strings.Lines(h.Run("ip", "-6", "route", "show", "table", "all")) {
		if !strings.Contains(line, "proto kernel") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestRoutesForeign: what others have on the members and beside them is known for theirs: a default route by a nexthop
// object, one of IPv6 with the very metric that ours is to have, and addresses that came later.
func TestRoutesForeign(t *testing.T) {
	t.Parallel()
	h, _, file := routesHost(t, strings.Replace(routesFile, "[[member]]\nname = \"eth1\"",
		"[member.ipv6]\naddresses = [\"2001:db8::99/64\"]\ngateway = \"2001:db8::1\"\n[[member]]\nname = \"eth1\"", 1))
	for _, scope := range []string{"all", "default"} {
		sysctl(t, h.Namespace, "net/ipv4/conf/"+scope+"/promote_secondaries", "0")
	}
	for _, name := range []string{"eth0", "eth1", "eth2"} {
		sysctl(t, h.Namespace, "net/ipv4/conf/"+name+"/promote_secondaries", "0")
		h.Run("ip", "link", "set", name, "up")
		netnstest.Eventually(t, h.Carrier(name, true))
	}
	h.Run("ip", "link", "add", "vpn0", "type", "dummy")
	h.Run("ip", "link", "set", "vpn0", "up")
	h.Run("ip", "-6", "address", "add", "2001:db8::99/64", "dev", "eth0", "nodad")
	h.Run("ip", "-6", "route", "add", "default", "via", "2001:db8::1", "dev", "eth0", "metric", "101")
	h.Run("ip", "-6", "route", "add", "default", "via", "fe80::9", "dev", "vpn0", "metric", "100")
	h.Run("ip", "address", "add", "192.0.2.98/24", "dev", "eth1")
	h.Run("ip", "nexthop", "add", "id", "7", "via", netnstest.LANAddr, "dev", "eth1")
	h.Run("ip", "route", "add", "default", "nhid", "7", "metric", "5")
	before := everythingOf(h)

	succeeds(t, h, "up", "uplink", "--config", file)
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	netnstest.Eventually(t, leaves(h, "eth0"))
	const theirs, ours = "default via fe80::9 dev vpn0 metric 100", "default via 2001:db8::1 dev eth0 proto 98 metric 101"
	if has := h.Run("ip", "-6", "route", "show", "default"); !strings.Contains(has, theirs) || !strings.Contains(has, ours) || strings.Count(has, "\n") != 2 {
		t.Errorf("IPv6's default routes:\n%s", has)
	}

	// Another one of the metric that ours has become: the kernel makes them one. Ours goes out of its way.
	h.Run("ip", "-6", "route", "append", "default", "via", "fe80::9", "dev", "vpn0", "metric", "101")
	netnstest.Eventually(t, func() error {
		if has := h.Run("ip", "-6", "route", "show", "default"); !strings.Contains(has, "dev eth0 proto 98 metric 102") || strings.Contains(has, "nexthop") {
			return fmt.Errorf("IPv6's default routes:\n%s", has)
		}
		return nil
	})
	h.Run("ip", "-6", "route", "del", "default", "via", "fe80::9", "dev", "vpn0", "metric", "101")

	h.Run("ip", "address", "add", "192.0.2.51/24", "dev", "eth0") // a secondary of ours
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	succeeds(t, h, "down", "uplink")
	if has := h.Run("ip", "-4", "address", "show", "dev", "eth0"); !strings.Contains(has, "192.0.2.51/24") {
		t.Errorf("somebody else's address went with ours:\n%s", has)
	}
	h.Run("ip", "address", "del", "192.0.2.51/24", "dev", "eth0")
	// The nexthop object stays, and the route has its way in itself.
	want := strings.Replace(before, "nhid 7 ", "", 1)
	if d := diff.Diff(want, everythingOf(h)); d != "" {
		t.Errorf("down leaves something (-before +after)\n%s", d)
	}
}

// TestRoutesAdvertised: the default routes of the members' IPv6 routers go by the members' order, and follow a switch and
// a dead cable at once, not with what the routers happen to say next.
func TestRoutesAdvertised(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl", "/var/lib/bondctl"))
	eth0 := h.Cable("eth0")
	h.CableTo(h.OtherLAN(), "eth1")
	h.LAN().DHCP()
	h.OtherLAN().DHCP()
	for _, name := range []string{"eth0", "eth1"} { // or the routers' bridges have no carrier, and no address to speak from
		h.Run("ip", "link", "set", name, "up")
	}
	advertise(t, h.LAN(), "lan")
	advertise(t, h.OtherLAN(), "lan")
	file := filepath.Join(t.TempDir(), "uplink.toml")
	if err := os.WriteFile(file, []byte(differentNetworks), 0o600); err != nil {
		t.Fatal(err)
	}
	// The routers have spoken, and won't for minutes.
	netnstest.Eventually(t, defaults6(h, "eth0 1024", "eth1 1024"))
	succeeds(t, h, "up", "uplink", "--config", file)
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	netnstest.Eventually(t, defaults6(h, "eth0 100", "eth1 101"))
	succeeds(t, h, "switch", "uplink", "eth1")
	netnstest.Eventually(t, defaults6(h, "eth1 99", "eth0 100"))
	succeeds(t, h, "switch", "uplink", "eth0")
	netnstest.Eventually(t, defaults6(h, "eth0 99", "eth1 101"))
	eth0.Pull()
	netnstest.Eventually(t, serves(t, h, "eth1", "degraded"))
	netnstest.Eventually(t, defaults6(h, "eth1 101", "eth0 40100"))
	eth0.Plug()
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	netnstest.Eventually(t, defaults6(h, "eth0 100", "eth1 101"))
	succeeds(t, h, "down", "uplink")
	netnstest.Eventually(t, defaults6(h, "eth0 1024", "eth1 1024"))
}

// defaults6 is a condition for Eventually: main's IPv6 default routes are these, each a link and a metric.
func defaults6(h *netnstest.Host, want ...string) func() error {
	return func() error {
		var has []string
		for line := range strings.Lines(h.Run("ip", "-6", "route", "show", "default")) {
			words := strings.Fields(line)
			one := ""
			for i := range words[:len(words)-1] {
				if words[i] == "dev" || words[i] == "metric" {
					one += words[i+1] + " "
				}
			}
			has = append(has, strings.TrimSpace(one))
		}
		if d := diff.Diff(sorted(want), sorted(has)); d != "" {
			return fmt.Errorf("IPv6's default routes (-want +got)\n%s", d)
		}
		return nil
	}
}
