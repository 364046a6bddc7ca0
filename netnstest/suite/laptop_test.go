package suite

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// laptopConfig is the configuration of a laptop with a dock: nothing in it
// depends on what dock and Wi-Fi are called. Without wpaConf somebody else
// associates the Wi-Fi.
func laptopConfig(t *testing.T, wpaConf string) string {
	t.Helper()
	if wpaConf != "" {
		wpaConf = fmt.Sprintf("wpa_conf = %q", wpaConf)
	}
	file := filepath.Join(t.TempDir(), "laptop.toml")
	writeFile(t, file, fmt.Sprintf(`
updelay = "1s" # by default it is 4 s

[[member]]
bus = "usb"

[[member]]
kind = "wifi"
%s

[ipv4]
method = "dhcp"
`, wpaConf))
	return file
}

// testLaptop is the main job: one up, and no further command. The laptop is
// lifted from its dock and put back, again and again. (The long form: ten times.)
func testLaptop(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.LAN().DHCP()
	dock := m.USBDock()
	wifi := m.Radio()
	wifi.StartAP()
	succeeds(t, m.Host, "up", "--config", laptopConfig(t, wifi.Config(netnstest.Control)))
	t.Cleanup(func() { bondctl(t, m.Host, "down") })
	netnstest.Eventually(t, wifi.Associated)
	netnstest.Eventually(t, usable(m.Host, "usb0", "wlan0"))
	netnstest.Eventually(t, leased(t, m.Host, "192.0.2."))
	address := leaseOf(t, m.Host)
	stream := m.Stream()
	pings := startPings(t, m.Host)
	for range sample(3, 10) {
		pings.goesOver("wlan0", dock.Remove)
		if diff := cmp.Diff([]string{"bus=usb absent", "wlan0 active"}, status(t, m.Host).roles()); diff != "" {
			t.Errorf("undocked, roles (-want +got)\n%s", diff)
		}
		pings.goesOver("usb0", dock.Insert)
		if got := leaseOf(t, m.Host); got != address {
			t.Errorf("the address is %s, and was %s", got, address)
		}
	}
	netnstest.Eventually(t, stream.Moved)
	pings.stop()
	lines := stream.Stop()
	isHealthy(t, m.Host)
	t.Log(lines)
	if lines.Err != nil {
		t.Errorf("the connection didn't last: %v", lines.Err)
	}
	succeeds(t, m.Host, "down")
	if left := supplicantsOf(m.Host, "wlan0"); left != nil {
		t.Errorf("after down wpa_supplicants are left: %v", left)
	}
}

// testRandomMAC: a supplicant that gives its interface another MAC address than
// the bond has makes a link that looks up and carries nothing, where the bond's
// isn't the active slave's. That is said.
func testRandomMAC(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.Cable("eth0")
	wifi := m.Radio()
	wifi.StartAP()
	file := filepath.Join(t.TempDir(), "random.toml")
	writeFile(t, file, fmt.Sprintf(`
fail_over_mac = "none"

[[member]]
name = "eth0"

[[member]]
name = "wlan0"
wpa_conf = %q

[ipv4]
method = "none"
`, wifi.Config(netnstest.Control, "mac_addr=1")))
	succeeds(t, m.Host, "up", "--config", file)
	t.Cleanup(func() { succeeds(t, m.Host, "down") })
	netnstest.Eventually(t, wifi.Associated)
	netnstest.Eventually(t, healthSays(t, m.Host, "and not the bond's, so it carries nothing"))
}
