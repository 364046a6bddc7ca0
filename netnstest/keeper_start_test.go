package netnstest_test

import (
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// laptop is a configuration for whatever dock and Wi-Fi there will be.
const laptop = `
[[member]]
bus = "usb"

[[member]]
kind = "wifi"

[ipv4]
addresses = ["192.0.2.10/24"]
`

// TestStartUndocked starts with Wi-Fi alone, and is docked later.
func TestStartUndocked(t *testing.T) {
	m := netnstest.NewMachine(t, netnstest.Private("/etc/bondctl"))
	wifi := m.WiFi()
	m.Do(func() { writeFile(t, "/etc/bondctl/bond0.toml", laptop) })
	succeeds(t, m.Host, "up")
	t.Cleanup(func() { succeeds(t, m.Host, "down") })
	netnstest.Eventually(t, wifi.Associated)
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

// TestStartWithoutNetwork starts with no member at all; then Wi-Fi appears, goes out of range, and a dock
// is there in its place.
func TestStartWithoutNetwork(t *testing.T) {
	m := netnstest.NewMachine(t, netnstest.Private("/etc/bondctl"))
	m.Do(func() { writeFile(t, "/etc/bondctl/bond0.toml", laptop) })
	succeeds(t, m.Host, "up") // no member is present, so there is nothing to wait for
	t.Cleanup(func() { succeeds(t, m.Host, "down") })
	rolesAre(t, m.Host, "bus=usb absent", "kind=wifi absent")
	ping := m.Ping(200 * time.Millisecond)

	wifi := m.WiFi()
	netnstest.Eventually(t, active(m.Host, "wlan0"))
	netnstest.Eventually(t, wifi.Associated)
	netnstest.Eventually(t, ping.Answered)
	wifi.StopAP()
	netnstest.Eventually(t, active(m.Host, ""))
	m.USBDock()
	netnstest.Eventually(t, active(m.Host, "usb0"))
	netnstest.Eventually(t, ping.Answered)
	t.Log(ping.Stop())
}
