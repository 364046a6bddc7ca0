package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// testIWD: iwd associates a member that has no wpa_conf, while it is enslaved, at another
// access point when the first one vanishes, and goes on after down. bondctl wifi says who
// knows its networks.
func testIWD(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.LAN().DHCP()
	dock := m.USBDock()
	home := m.Radio()
	home.StartAP()
	startIWD(t, m.Host)
	associated := sysfs(m.Host, "up", "wlan0", "operstate")
	netnstest.Eventually(t, associated)
	config := filepath.Join(t.TempDir(), "laptop.toml")
	writeFile(t, config, "updelay = \"1s\"\n[[member]]\nbus = \"usb\"\n[[member]]\nname = \"wlan0\"\n[ipv4]\nmethod = \"dhcp\"\n")
	succeeds(t, m.Host, "up", "--config", config)
	t.Cleanup(func() { bondctl(t, m.Host, "down") })
	netnstest.Eventually(t, leased(t, m.Host, "192.0.2."))
	netnstest.Eventually(t, noTrouble(t, m.Host))
	pings := startPings(t, m.Host)
	pings.goesOver("wlan0", dock.Remove)
	pings.goesOver("usb0", dock.Insert)
	pings.stop()
	o := bondctl(t, m.Host, "wifi", "list")
	if o.Status != 1 || !strings.Contains(o.Stderr, "iwd associates wlan0") || !strings.Contains(o.Stderr, "iwctl station wlan0 get-networks") {
		t.Errorf("wifi list: %d\n%s", o.Status, o.Stderr)
	}

	other := m.Radio()
	other.SSID = home.SSID
	other.StartAP()
	changes := attribute(m.Host, "wlan0", "carrier_changes") // the bond doesn't see each that is quick
	home.StopAP()
	netnstest.Eventually(t, func() error {
		if now := attribute(m.Host, "wlan0", "carrier_changes"); now == changes {
			return fmt.Errorf("wlan0 has lost its link or got it back %s times, as before", now)
		}
		return nil
	})
	netnstest.Eventually(t, onNetwork(t, m.Host, other.SSID))
	netnstest.Eventually(t, noTrouble(t, m.Host))
	succeeds(t, m.Host, "down")
	netnstest.Eventually(t, associated)
}

// startIWD starts Debian's iwd, which knows the lab's network and keeps what it learns in a
// folder of the test's. It leaves wlan1 alone.
func startIWD(t *testing.T, h *netnstest.Host) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	packages := filepath.Join(cache, "bondctl", "lab", "packages")
	iwd := filepath.Join(packages, "iwd", "usr", "libexec", "iwd")
	if _, err := os.Stat(iwd); err != nil {
		netnstest.Skip(t, "%v; netnstest/setup downloads it", err)
	}
	startBus(t, h)
	state, conf := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(state, "lab.psk"), "[Security]\nPreSharedKey="+netnstest.PSK+"\n")
	// iwd shuns an access point for a minute after it failed.
	writeFile(t, filepath.Join(conf, "main.conf"), "[Blacklist]\nInitialTimeout=1\n")
	h.Run("modprobe", "--all", "algif_hash", "algif_skcipher", "hmac", "cmac", "md5", "sha512_generic", "ecb", "cbc", "des_generic", "pkcs8_key_parser")
	p := h.Start("env", fmt.Sprintf("LD_LIBRARY_PATH=%s/libell0/usr/lib/x86_64-linux-gnu", packages),
		"STATE_DIRECTORY="+state, "CONFIGURATION_DIRECTORY="+conf, iwd, "--interfaces", "wlan0")
	netnstest.Eventually(t, wrote(p, "Wireless daemon version"))
}
