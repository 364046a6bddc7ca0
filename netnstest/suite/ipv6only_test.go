package suite

import (
	"fmt"
	"net"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// TestKeeperIPv6OnlyNetwork: where routers give IPv6 and no server gives IPv4, nothing is amiss, unless DHCP
// was asked for by name. A network that would rather have no IPv4 (RFC 8925) is asked for none.
func TestKeeperIPv6OnlyNetwork(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	server := startHostileDHCP(t, h.LAN(), silent)
	succeeds(t, h, "up", "--member", "eth0")
	t.Cleanup(func() { bondctl(t, h, "down") })
	asked := func(kind dhcpv4.MessageType, times int) func() error {
		return func() error {
			if got := server.questions(kind); got < times {
				return fmt.Errorf("%d times %s, want %d", got, kind, times)
			}
			return nil
		}
	}
	netnstest.Eventually(t, asked(dhcpv4.MessageTypeDiscover, 3)) // by then silence is a trouble elsewhere
	netnstest.Eventually(t, healthSays(t, h, "dhcp: no DHCP server answers"))
	advertise(t, h.LAN(), "lan")
	netnstest.Eventually(t, noTrouble(t, h))

	succeeds(t, h, "up", "--member", "eth0", "--dhcp")
	netnstest.Eventually(t, healthSays(t, h, "dhcp: asking servers since "))
	succeeds(t, h, "up", "--member", "eth0")
	netnstest.Eventually(t, noTrouble(t, h))

	again := func(a answer) {
		eth0.Pull()
		netnstest.Eventually(t, active(h, ""))
		server.does(a)
		eth0.Plug()
	}
	waived := make(chan struct{}, 16)
	again(func(s *hostileDHCP, q *dhcpv4.DHCPv4) [][]byte {
		if !q.ParameterRequestList().Has(dhcpv4.OptionIPv6OnlyPreferred) {
			return nil // it isn't known yet that IPv6 works
		}
		waived <- struct{}{}
		return [][]byte{s.reply(q, dhcpv4.MessageTypeOffer, dhcpv4.WithYourIP(net.IPv4zero), dhcpv4.WithIPv6OnlyPreferred(1800)).ToBytes()}
	})
	netnstest.Eventually(t, func() error {
		select {
		case <-waived:
			return nil
		default:
			return fmt.Errorf("nobody asks whether IPv6 alone would do")
		}
	})
	netnstest.Eventually(t, idle(keeperOf(t, h)))
	if server.questions(dhcpv4.MessageTypeRequest) > 0 {
		t.Error("an address was taken that the network would rather not lend")
	}
	if err := noTrouble(t, h)(); err != nil {
		t.Error(err)
	}
	again(lends())
	netnstest.Eventually(t, func() error {
		if st := status(t, h); st.Lease == nil {
			return fmt.Errorf("there is no lease: %s", st.HealthReason)
		}
		return nil
	})
}
