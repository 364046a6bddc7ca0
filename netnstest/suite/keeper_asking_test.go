package suite

import (
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// TestKeeperSleepingServer: a server that has never lent an address says nothing of it, and takes its time to
// offer another. Meanwhile status says what is going on, and that is no trouble for the history.
func TestKeeperSleepingServer(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.LAN().DHCP()
	eth0 := h.Cable("eth0")
	h.CableTo(h.OtherLAN(), "eth1")
	sleepy := h.OtherLAN().Start("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--log-dhcp",
		"--interface=lan", "--bind-interfaces", "--leasefile-ro", "--dhcp-range=198.51.100.100,198.51.100.199,1h")
	netnstest.Eventually(t, wrote(sleepy, "DHCP, sockets bound"))
	succeeds(t, h, "up", "--member", "eth0", "--member", "eth1")
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	eth0.Pull()
	netnstest.Eventually(t, healthSays(t, h, "dhcp: asking servers since "))
	netnstest.Eventually(t, leased(t, h, "198.51.100."))
	if got := status(t, h).HealthReason; strings.Contains(got, "dhcp") {
		t.Errorf("there is a lease, and the health is %q", got)
	}
	if got := succeeds(t, h, "events").Stdout; strings.Contains(got, "trouble") {
		t.Errorf("that the server slept is a trouble:\n%s", got)
	}
}
