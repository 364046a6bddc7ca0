package doctor

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRandomWPA(t *testing.T) {
	for _, tt := range []struct {
		name, text, setting string
		scan, found         bool
	}{
		{"none", "ctrl_interface=/run/wpa_supplicant\nnetwork={\n\tssid=\"a\"\n}\n", "", false, false},
		{"all networks", "mac_addr=1\n", "mac_addr=1", false, true},
		{"one network", "network={\n\tssid=\"a\"\n\tmac_addr=2\n}\n", "mac_addr=2", false, true},
		{"before it is associated", "preassoc_mac_addr=1\n", "preassoc_mac_addr=1", true, true},
		{"both", "preassoc_mac_addr=1\nmac_addr=1\n", "mac_addr=1", false, true},
		{"off", "mac_addr=0\npreassoc_mac_addr=0\n", "", false, false},
		{"a comment", "# mac_addr=1\n", "", false, false},
	} {
		setting, scan, found := randomWPA(tt.text)
		if setting != tt.setting || scan != tt.scan || found != tt.found {
			t.Errorf("%s: %q, %t, %t", tt.name, setting, scan, found)
		}
	}
}

func TestRandomNM(t *testing.T) {
	const noScan = "[device]\nwifi.scan-rand-mac-address=no\n"
	type found struct {
		File, Setting string
		Scan          bool
	}
	for _, tt := range []struct {
		name                string
		config, connections []file
		want                []found
	}{
		{"its defaults", nil, nil, []found{{"", "wifi.scan-rand-mac-address=yes", true}}},
		{"no scan", []file{{"/etc/a.conf", noScan}}, nil, nil},
		{"the last one counts", []file{{"/etc/a.conf", noScan}, {"/etc/b.conf", "[device-x]\nwifi.scan-rand-mac-address=1\n"}}, nil, []found{{"/etc/b.conf", "wifi.scan-rand-mac-address=1", true}}},
		{"by default of connections", []file{{"/etc/a.conf", noScan + "[connection]\nwifi.cloned-mac-address=stable\n"}}, nil, []found{{"/etc/a.conf", "wifi.cloned-mac-address=stable", false}}},
		{"permanent again", []file{{"/etc/a.conf", noScan + "[connection]\nwifi.cloned-mac-address=random\n"}, {"/etc/b.conf", "[connection-x]\nwifi.cloned-mac-address=permanent\n"}}, nil, nil},
		{"a connection", []file{{"/etc/a.conf", noScan}}, []file{{"/etc/home.nmconnection", "[wifi]\nssid=home\ncloned-mac-address=random\n"}, {"/etc/b.nmconnection", "[wifi]\ncloned-mac-address=02:00:00:00:00:01\n[802-3-ethernet]\ncloned-mac-address=random\n"}}, []found{{"/etc/home.nmconnection", "cloned-mac-address=random", false}}},
	} {
		var got []found
		for _, r := range randomNM(tt.config, tt.connections) {
			got = append(got, found{r.File, r.Setting, r.Scan})
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestRandomIWD(t *testing.T) {
	for text, want := range map[string]string{
		"[General]\nAddressRandomization=once\n":       "AddressRandomization=once",
		"[General]\nAddressRandomization=network\n":    "AddressRandomization=network",
		"[General]\nAddressRandomization=disabled\n":   "",
		"[Network]\nAddressRandomization=network\n":    "",
		"[General]\n#AddressRandomization=network\n\n": "",
	} {
		got, is := randomIWD(file{"/etc/iwd/main.conf", text})
		if got.Setting != want || is != (want != "") {
			t.Errorf("%q: %q, %t", text, got.Setting, is)
		}
	}
}

// TestRandomizers: NetworkManager's configuration counts where it looks after the member, and
// runs.
func TestRandomizers(t *testing.T) {
	running := map[string]string{
		"run/NetworkManager/devices/3": "[device]\nmanaged=true\n", "run/NetworkManager/devices/2": "[device]\nmanaged=true\n",
		"etc/iwd/main.conf": "[General]\nAddressRandomization=network\n", "etc/wpa.conf": "mac_addr=1\n", "etc/other.conf": "preassoc_mac_addr=1\n",
		"proc/7/comm": "NetworkManager\n", "proc/7/cmdline": "NetworkManager\x00", "proc/8/comm": "iwd\n", "proc/8/cmdline": "iwd\x00",
		"proc/9/comm": "sleep\n", "proc/9/cmdline": "sleep\x00", "proc/self": "",
	}
	r := rootOf(t, running)
	f := laptop()
	f.Members[1].WPAConf = "/etc/wpa.conf"
	f.Supplicants = []Supplicant{{Interfaces: []string{"wlan0"}, Configs: []string{"/etc/wpa.conf", "/etc/other.conf", "relative.conf"}}, {Interfaces: []string{"wlan9"}, Configs: []string{"/etc/none"}}}
	r.wpaConfs(f)
	r.randomizers(f, r.processes())
	var got []string
	for _, found := range f.Randomizers {
		got = append(got, found.Program+" "+found.Interface+" "+found.Setting)
	}
	want := []string{"wpa_supplicant wlan0 preassoc_mac_addr=1", "wpa_supplicant wlan0 mac_addr=1", "NetworkManager wlan0 wifi.scan-rand-mac-address=yes", "iwd  AddressRandomization=network"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	delete(running, "proc/7/comm")
	delete(running, "proc/8/comm")
	r, f = rootOf(t, running), laptop()
	if r.randomizers(f, r.processes()); f.Randomizers != nil {
		t.Errorf("of programs that don't run: %+v", f.Randomizers)
	}
}
