package suite

import (
	"fmt"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// testLeasedMTU: a server lends an MTU that the cable can have, but not Wi-Fi (2304). The bond gets what all of
// its members can have, one that comes later included, and the address in any case. A named one is refused.
func testLeasedMTU(t *testing.T) {
	m := netnstest.NewMachine(t, netnstest.Private("/etc/bondctl"))
	m.Cable("eth0")
	m.Radio()
	m.LAN().DHCP("--dhcp-option=option:mtu,9000")
	linkDown(t, m.Host, "wlan0")
	fails(t, m.Host, 2, []string{"wlan0 can't have the MTU 9000; name one up to 2304"}, "up", "--once", "--mtu", "9000", "--member", "eth0", "--member", "wlan0")

	writeFile(t, in(m.Host, "/etc/bondctl/bond0.toml"), "member = [{name = 'eth0'}, {name = 'wlan0'}]\nipv4 = {method = 'dhcp', use_mtu = true}\n")
	shell(m.Host, "ip link set wlan0 name away0")
	m.Start("bondctl", "daemon", "--config", "/etc/bondctl/bond0.toml")
	t.Cleanup(func() { succeeds(t, m.Host, "down") })
	netnstest.Eventually(t, active(m.Host, "eth0"))
	hasMTU := func(want int) func() error {
		return says(t, m.Host, func(st bondStatus) error {
			if st.MTU != want || st.Lease == nil || len(st.Addresses) != 1 {
				return fmt.Errorf("the MTU is %d, the addresses are %v", st.MTU, st.Addresses)
			}
			return nil
		})
	}
	netnstest.Eventually(t, hasMTU(9000))
	shell(m.Host, "ip link set away0 name wlan0")
	netnstest.Eventually(t, hasMTU(2304))
	rolesAre(t, m.Host, "eth0 active", "wlan0 backup")
	succeeds(t, m.Host, "up", "--config", "/etc/bondctl/bond0.toml")
}
