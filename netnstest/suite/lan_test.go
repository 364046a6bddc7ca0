package suite

import (
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// TestOtherLAN: what is on the one network isn't on the other, and each leases its own addresses.
func TestOtherLAN(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	for link, lan := range map[string]*netnstest.LAN{"eth0": h.LAN(), "eth1": h.OtherLAN()} {
		h.CableTo(lan, link)
		linkUp(t, h, link)
		server := lan.DHCP()
		h.Run("busybox", "udhcpc", "-i", link, "-n", "-q", "-f", "-s", "/bin/true")
		network := strings.TrimSuffix(lan.Addr.Masked().Addr().String(), "0")
		netnstest.Eventually(t, wrote(server, "DHCPACK(lan) "+network))
	}
	addAddress(t, h, "198.51.100.10/24", "eth1")
	reached := h.PingTo(h.OtherLAN().Addr.Addr(), 100*time.Millisecond)
	netnstest.Eventually(t, reached.Answered)

	// Over the first LAN there is no way to it.
	linkDown(t, h, "eth1")
	h.Run("ip", "route", "add", "198.51.100.0/24", "dev", "eth0")
	if out, err := h.Command("ping", "-c", "1", "-W", "1", netnstest.OtherLANAddr).CombinedOutput(); err == nil {
		t.Errorf("the other LAN's router answers on the first LAN:\n%s", out)
	}
}
