package suite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/netnstest"
)

// testPlaces: cable and Wi-Fi lead to different networks, each with a DHCP server
// of its own. After each failover the bond has the right lease and the right
// default route, and back on the first its old address again.
func testPlaces(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.LAN().DHCP()
	m.OtherLAN().DHCP()
	dock := m.USBDock()
	wifi := m.RadioTo(m.OtherLAN())
	wifi.StartAP()
	succeeds(t, m.Host, "up", "--config", laptopConfig(t, wifi.Config(netnstest.Control)))
	t.Cleanup(func() { bondctl(t, m.Host, "down") })
	netnstest.Eventually(t, leased(t, m.Host, "192.0.2."))
	netnstest.Eventually(t, wifi.Associated)
	netnstest.Eventually(t, usable(m.Host, "usb0", "wlan0"))
	first := leaseOf(t, m.Host)
	second := ""
	for range sample(1, 5) {
		left := time.Now()
		dock.Remove()
		netnstest.Eventually(t, leased(t, m.Host, "198.51.100."))
		netnstest.Eventually(t, defaultRoute(m.Host, netnstest.OtherLANAddr))
		t.Logf("lifted from the dock, the other network's lease and route were there after %v", time.Since(left).Round(time.Millisecond))
		if got := leaseOf(t, m.Host).String(); second != "" && got != second {
			t.Errorf("on the second network the address is %s, and was %s", got, second)
		} else {
			second = got
		}
		dock.Insert()
		netnstest.Eventually(t, active(m.Host, "usb0"))
		back := time.Now()
		netnstest.Eventually(t, leased(t, m.Host, first.String()))
		netnstest.Eventually(t, defaultRoute(m.Host, netnstest.LANAddr))
		t.Logf("back over the cable, its lease and route were there after %v", time.Since(back).Round(time.Millisecond))
	}
	out := succeeds(t, m.Host, "events").Stdout
	if want := "it is another one than " + first.Addr().String() + ", whose connections could not be kept"; !strings.Contains(out, want) {
		t.Errorf("no event says %q:\n%s", want, out)
	}
	t.Log("\n" + out)
}

// TestPlacesIPv6: the addresses that the kernel makes of what routers advertise
// survive a failover; on another network those of the old one go.
func TestPlacesIPv6(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	eth1 := h.Cable("eth1")
	h.CableTo(h.OtherLAN(), "eth2")
	for _, nic := range []string{"eth0", "eth1", "eth2"} { // without a carrier the routers say nothing
		sysctl(t, h.Namespace, "net/ipv6/conf/"+nic+"/accept_ra", "0")
		linkUp(t, h, nic)
	}
	router := advertise(t, h.LAN(), "lan")
	advertise(t, h.OtherLAN(), "lan")
	args := []string{"--fail-over-mac", "active", "--member", "eth0", "--member", "eth1", "--member", "eth2"}
	succeeds(t, h, append([]string{"up"}, args...)...)
	t.Cleanup(func() { bondctl(t, h, "down") })
	has := func(want, not string) func() error {
		return func() error {
			got := strings.Join(link(t, h, "bond0").Addresses, " ")
			if !strings.Contains(got, want) || strings.Contains(got, not) {
				return fmt.Errorf("the addresses are %s, want %s and not %s", got, want, not)
			}
			return nil
		}
	}
	const first, second = "2001:db8::", "2001:db8:1:"
	netnstest.Eventually(t, has(first, second))
	had := link(t, h, "bond0").Addresses
	kept := had[slices.IndexFunc(had, func(a string) bool { return strings.HasPrefix(a, first) })]
	netnstest.Eventually(t, tentative(h, "bond0")) // before that it can't be used
	open := dial(t, h, h.LAN().Namespace, "udp", h.LAN().Addr6.Addr())
	solicited := strings.Count(router.Output(), "RTR-SOLICIT")
	eth0.Pull()
	netnstest.Eventually(t, active(h, "eth1"))
	netnstest.Eventually(t, func() error {
		if strings.Count(router.Output(), "RTR-SOLICIT") == solicited {
			return fmt.Errorf("no router is asked for on the new path")
		}
		return nil
	})
	netnstest.Eventually(t, has(kept, second))
	select {
	case err := <-open.failed:
		t.Errorf("the address has survived the failover, and a connection over it hasn't: %v", err)
	default:
	}
	eth1.Pull()
	netnstest.Eventually(t, has(second, first))
	if err := open.ended(); !errors.Is(err, unix.ECONNABORTED) {
		t.Errorf("over the old network's address: %v, want ECONNABORTED", err)
	}
	address, _, _ := strings.Cut(kept, "/")
	netnstest.Eventually(t, happened(t, h, "connections "+address+" "))
	eth0.Plug()
	netnstest.Eventually(t, has(first, second))
}
