package suite

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// hostileSSID would clear a screen and set its title, begin a line, and is no UTF-8; U+009B begins an
// escape sequence as well (ECMA-48).
const hostileSSID = "la\x1b[2Jb\n\x1b]0;t\x07\xff\u009b2J"

// testKeeperWiFiTrouble: of a wrong passphrase and an access point that vanishes status and history tell,
// and that all is well again; and none of the network's name is printed as it came.
func testKeeperWiFiTrouble(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.LAN().DHCP()
	wifi := m.Radio()
	wifi.SSID = hostileSSID
	wifi.StartAP()
	config := wifi.WrongConfig(netnstest.Control)
	succeeds(t, m.Host, "up", "--wait", "0", "--config", laptopConfig(t, config))
	t.Cleanup(func() { bondctl(t, m.Host, "down") })
	const shown = `"la\x1b[2Jb\n\x1b]0;t\a\xff\u009b2J"`
	netnstest.Eventually(t, healthSays(t, m.Host, "wlan0: wrong passphrase for network "+shown))
	netnstest.Eventually(t, happened(t, m.Host, "trouble wlan0 "))
	printsNothingForeign(t, m.Host, nil) // by an up, too
	if out := succeeds(t, m.Host, "events").Stdout; strings.Contains(out, "fails each time") {
		t.Errorf("after an up the reason is forgotten:\n%s", out)
	}

	right, err := os.ReadFile(wifi.Config(netnstest.Control))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, right, 0o600); err != nil {
		t.Fatal(err)
	}
	succeeds(t, m.Host, "up", "--wait", "0")
	netnstest.Eventually(t, leased(t, m.Host, "192.0.2."))
	netnstest.Eventually(t, happened(t, m.Host, "mended  wlan0"))
	fine := says(t, m.Host, func(st bondStatus) error {
		if st.HealthReason != "bus=usb is absent" {
			return fmt.Errorf("health is %s: %s", st.Health, st.HealthReason)
		}
		return nil
	})
	netnstest.Eventually(t, fine)
	if diff := cmp.Diff(fmt.Sprintf("%x", hostileSSID), status(t, m.Host).member(t, "wlan0").WiFi.SSIDHex); diff != "" {
		t.Errorf("ssid_hex (-want +got)\n%s", diff)
	}
	printsNothingForeign(t, m.Host, nil)

	wifi.StopAP()
	netnstest.Eventually(t, healthSays(t, m.Host, "wlan0: no network of the configuration is in range"))
	printsNothingForeign(t, m.Host, nil)
	wifi.StartAP()
	netnstest.Eventually(t, fine)
	t.Log("\n" + succeeds(t, m.Host, "events").Stdout)
}

// Names from a DHCP server don't get into resolv.conf but as what they should be.
func testKeeperHostileNames(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.Cable("eth0")
	startHostileDHCP(t, m.LAN(), lends(append(namesWithTricks,
		option(dhcpv4.OptionDNSDomainSearchList, []byte("\x07example\x03com\x00\x0b\nnameserver\x00")...))...))
	before, _ := os.ReadFile("/etc/resolv.conf")
	succeeds(t, m.Host, "up", "--member", "eth0")
	t.Cleanup(func() { bondctl(t, m.Host, "down") })
	netnstest.Eventually(t, func() error { // as it may be read while it is overwritten in place
		var lines []string
		text, err := os.ReadFile("/etc/resolv.conf")
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "#") {
				lines = append(lines, strings.TrimSuffix(line, "\n"))
			}
		}
		if diff := cmp.Diff([]string{"nameserver " + netnstest.LANAddr, "search example.com"}, lines); diff != "" {
			return fmt.Errorf("resolv.conf (-want +got)\n%s (%w)", diff, err)
		}
		return nil
	})
	printsNothingForeign(t, m.Host, nil)
	succeeds(t, m.Host, "down")
	if after, _ := os.ReadFile("/etc/resolv.conf"); string(after) != string(before) {
		t.Errorf("resolv.conf is\n%s\nand was\n%s", after, before)
	}
}
