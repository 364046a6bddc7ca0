package suite

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/bondctl/bondctl/bond/probe"
	"github.com/bondctl/bondctl/netnstest"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// routerMAC is that of the LAN's router, which is what has an address twice in these tests.
func routerMAC(t *testing.T, lan *netnstest.LAN) net.HardwareAddr {
	t.Helper()
	bridge, err := lan.Netlink().LinkByName("lan")
	if err != nil {
		t.Fatal(err)
	}
	return bridge.Attrs().HardwareAddr
}

// TestLeasedAddressOfSomebodyElse: an address that is lent, and that somebody else has, is declined, and
// said; another one is taken.
func TestLeasedAddressOfSomebodyElse(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	lan := h.LAN()
	lan.Run("ip", "address", "add", "192.0.2.150/24", "dev", "lan")
	declined := make(chan *dhcpv4.DHCPv4, 16)
	server := startHostileDHCP(t, lan, func(s *hostileDHCP, q *dhcpv4.DHCPv4) [][]byte {
		if q.MessageType() == dhcpv4.MessageTypeDecline {
			declined <- q
		}
		return lends()(s, q)
	})
	succeeds(t, h, "up", "--member", "eth0")
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, healthSays(t, h, "dhcp: 192.0.2.150 is used by "+routerMAC(t, lan).String()+", and was declined"))
	if got := status(t, h).Addresses; len(got) > 0 {
		t.Errorf("addresses %v", got)
	}
	if q := <-declined; q.RequestedIPAddress().String() != "192.0.2.150" || q.ServerIdentifier().String() != netnstest.LANAddr {
		t.Errorf("declined is %s", q.Summary())
	}
	server.does(lends(dhcpv4.WithYourIP(net.IPv4(192, 0, 2, 151))))
	netnstest.Eventually(t, leased(t, h, "192.0.2.151/24"))
	netnstest.Eventually(t, happened(t, h, "mended  dhcp"))
	netnstest.Eventually(t, noTrouble(t, h))
}

// TestStaticAddressOfSomebodyElse: that somebody else has the bond's address is said, whether that was so
// before or comes about later, and so is that it is over. The address stays. What a switch brings back of the
// bond's own by another member, or another NIC of the machine says, is nobody else's.
func TestStaticAddressOfSomebodyElse(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	h.Cable("eth9") // Linux answers there for the bond's addresses, too
	linkUp(t, h, "eth9")
	addAddress(t, h, "192.0.2.99/24", "eth9")
	lan := h.LAN()
	mac := routerMAC(t, lan)
	const address = "192.0.2.10/24"
	add := func() { lan.Run("ip", "address", "add", address, "dev", "lan") }
	remove := func() { lan.Run("ip", "address", "del", address, "dev", "lan") }
	add()
	succeeds(t, h, "up", "--all-slaves-active", "1", "--member", "eth0", "--member", "eth1", "--address", address)
	t.Cleanup(func() { bondctl(t, h, "down") })
	isTaken := healthSays(t, h, "address: 192.0.2.10 is used by "+mac.String()+" as well")
	netnstest.Eventually(t, isTaken)
	netnstest.Eventually(t, happened(t, h, "trouble address "))
	remove()
	netnstest.Eventually(t, happened(t, h, "mended  address"))
	netnstest.Eventually(t, noTrouble(t, h))

	// Whoever comes later is heard: it asks for somebody in the address's name.
	netnstest.Eventually(t, idle(keeperOf(t, h)))
	add()
	netnstest.Eventually(t, func() error {
		_ = lan.Command("ping", "-c", "1", "-W", "1", "-I", "192.0.2.10", "192.0.2.77").Run()
		return isTaken()
	})
	if st := status(t, h); len(st.Addresses) != 1 || st.Addresses[0] != address {
		t.Errorf("addresses %v", st.Addresses)
	}
}

// TestProbeOwner: who has an address says so, and nobody for one that is free.
func TestProbeOwner(t *testing.T) {
	t.Parallel()
	h, eth0, _ := probeHost(t)
	nobody := func(net.HardwareAddr) bool { return false }
	owner := func(addr string) (mac net.HardwareAddr, err error) {
		h.Do(func() { mac, err = probe.Owner(t.Context(), "bond0", netip.MustParseAddr(addr), nobody) })
		return mac, err
	}
	netnstest.Eventually(t, func() error {
		mac, err := owner(netnstest.LANAddr)
		if err == nil && mac.String() != routerMAC(t, h.LAN()).String() {
			err = fmt.Errorf("the router's address is %v's", mac)
		}
		return err
	})
	if mac, err := owner("192.0.2.77"); !errors.Is(err, probe.ErrSilent) {
		t.Errorf("nobody's address is %v's: %v", mac, err)
	}
	if mac, err := owner(probeOwn.String()); !errors.Is(err, probe.ErrSilent) {
		t.Errorf("the bond's own address is %v's: %v", mac, err)
	}
	if heard := h.LAN().Run("ip", "neighbour", "show", probeOwn.String()); heard != "" {
		t.Errorf("the question has told %q of %s", heard, eth0.MAC)
	}
}
