package suite

import (
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// testStartUndocked starts with Wi-Fi alone, and is docked later.
func testStartUndocked(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.LAN().DHCP()
	wifi := m.Radio()
	wifi.StartAP()
	succeeds(t, m.Host, "up", "--config", laptopConfig(t, wifi.Config(netnstest.Control)))
	t.Cleanup(func() { succeeds(t, m.Host, "down") })
	netnstest.Eventually(t, wifi.Associated)
	netnstest.Eventually(t, leased(t, m.Host, "192.0.2."))
	netnstest.Eventually(t, active(m.Host, "wlan0"))
	stream := m.Stream()
	netnstest.Eventually(t, stream.Moved)

	m.USBDock()
	netnstest.Eventually(t, active(m.Host, "usb0"))
	netnstest.Eventually(t, stream.Moved)
	if r := stream.Stop(); r.Err != nil {
		t.Error(r)
	} else {
		t.Log(r)
	}
}

// testStartWithoutNetwork starts with no member at all; then Wi-Fi appears, goes out of range, and a dock
// is there in its place.
func testStartWithoutNetwork(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.LAN().DHCP()
	succeeds(t, m.Host, "up", "--config", laptopConfig(t, "")) // no member is present, so there is nothing to wait for
	t.Cleanup(func() { succeeds(t, m.Host, "down") })
	rolesAre(t, m.Host, "bus=usb absent", "kind=wifi absent")
	wifi := m.WiFi()
	netnstest.Eventually(t, active(m.Host, "wlan0"))
	netnstest.Eventually(t, wifi.Associated)
	netnstest.Eventually(t, leased(t, m.Host, "192.0.2."))
	ping := m.Ping(200 * time.Millisecond)
	netnstest.Eventually(t, ping.Answered)
	wifi.StopAP()
	netnstest.Eventually(t, active(m.Host, ""))
	m.USBDock()
	netnstest.Eventually(t, active(m.Host, "usb0"))
	netnstest.Eventually(t, ping.Answered)
	t.Log(ping.Stop())
}
