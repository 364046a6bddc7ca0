package suite

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// testJoinDocked: in the dock, bondctl wifi joins a second network, and the cable carries
// everything meanwhile. Out of the dock, the bond goes over the network that was joined.
// With a wrong passphrase everything stays as it was.
func testJoinDocked(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.LAN().DHCP()
	dock := m.USBDock()
	home := m.Radio()
	home.StartAP()
	cafe := m.Radio() // of which the access point alone is of interest
	cafe.SSID = "Café \x01"
	cafe.StartAP()
	conf := home.Config(netnstest.Control, "update_config=1", "freq_list=2412")
	file := filepath.Join(t.TempDir(), "laptop.toml")
	writeFile(t, file, fmt.Sprintf("updelay = \"1s\"\n[[member]]\nbus = \"usb\"\n[[member]]\nname = \"wlan0\"\nwpa_conf = %q\n[ipv4]\nmethod = \"dhcp\"\n", conf))
	succeeds(t, m.Host, "up", "--config", file)
	t.Cleanup(func() { bondctl(t, m.Host, "down") })
	netnstest.Eventually(t, home.Associated)
	netnstest.Eventually(t, usable(m.Host, "usb0", "wlan0"))
	netnstest.Eventually(t, leased(t, m.Host, "192.0.2."))
	pings := startPings(t, m.Host)

	if diff := cmp.Diff([]string{"Café \x01 wpa2", "lab wpa2 known current"}, scanned(t, m.Host)); diff != "" {
		t.Errorf("in range are (-want +got)\n%s", diff)
	}
	key := filepath.Join(t.TempDir(), "key")
	writeFile(t, key, strings.Repeat("f", len(netnstest.PSK))+"\n")
	o := bondctl(t, m.Host, "wifi", "join", "--key-file", key, cafe.SSID)
	if o.Status != 1 || !strings.Contains(o.Stderr, `join "Café \x01": wrong passphrase`) {
		t.Errorf("with a wrong key: %d\n%s", o.Status, o.Stderr)
	}
	before := readFile(t, conf)
	if diff := cmp.Diff([]string{"lab"}, knownNetworks(t, m.Host)); diff != "" {
		t.Errorf("with a wrong key known are (-want +got)\n%s", diff)
	}
	netnstest.Eventually(t, home.Associated)
	netnstest.Eventually(t, onNetwork(t, m.Host, "lab"))
	netnstest.Eventually(t, noTrouble(t, m.Host))

	writeFile(t, key, netnstest.PSK+"\n")
	o = succeeds(t, m.Host, "wifi", "join", "--key-file", key, "--priority", "3", "bond0", cafe.SSID)
	if want := `wlan0: joined Café \x01` + "\n"; o.Stdout != want || o.Stderr != "" {
		t.Errorf("join says %q, %q", o.Stdout, o.Stderr)
	}
	if diff := cmp.Diff([]string{"Café \x01", "lab"}, knownNetworks(t, m.Host)); diff != "" {
		t.Errorf("known are (-want +got)\n%s", diff)
	}
	if text := readFile(t, conf); !strings.Contains(text, "priority=3") || !strings.Contains(text, "psk=") {
		t.Errorf("the file had\n%s\nand has\n%s", before, text)
	}
	if info, err := os.Stat(conf); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}

	pings.goesOver("wlan0", dock.Remove)
	if err := onNetwork(t, m.Host, cafe.SSID)(); err != nil {
		t.Error(err)
	}
	pings.stop()
	succeeds(t, m.Host, "wifi", "forget", cafe.SSID)
	if diff := cmp.Diff([]string{"lab"}, knownNetworks(t, m.Host)); diff != "" {
		t.Errorf("known are (-want +got)\n%s", diff)
	}
	netnstest.Eventually(t, onNetwork(t, m.Host, "lab"))
}

// scanned are the networks in range, with what is said of them.
func scanned(t *testing.T, h *netnstest.Host) (list []string) {
	t.Helper()
	var all []struct {
		SSID, Security string
		Known, Current bool
	}
	if err := json.Unmarshal([]byte(succeeds(t, h, "wifi", "scan", "--json").Stdout), &all); err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		text := n.SSID + " " + n.Security
		if n.Known {
			text += " known"
		}
		if n.Current {
			text += " current"
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

// knownNetworks are those that wpa_supplicant knows.
func knownNetworks(t *testing.T, h *netnstest.Host) (list []string) {
	t.Helper()
	var all []struct{ SSID string }
	if err := json.Unmarshal([]byte(succeeds(t, h, "wifi", "list", "--json").Stdout), &all); err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		list = append(list, n.SSID)
	}
	return list
}

// onNetwork is a condition for Eventually: wlan0 is on a network.
func onNetwork(t *testing.T, h *netnstest.Host, ssid string) func() error {
	return says(t, h, func(st bondStatus) error {
		for _, m := range st.Members {
			if m.Name == "wlan0" && m.WiFi != nil && m.WiFi.SSIDHex == fmt.Sprintf("%x", ssid) {
				return nil
			}
		}
		return fmt.Errorf("wlan0 isn't on %q: %+v", ssid, st.Members)
	})
}
