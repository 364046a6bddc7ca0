package netnstest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The lab's Wi-Fi network. Its key is given as such and not as a passphrase, from which a
// computer takes a while to derive one, an emulated one longer.
const (
	SSID = "lab"
	psk  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// WiFi is a Wi-Fi interface of the machine (mac80211_hwsim: a real Wi-Fi stack, simulated air),
// its wpa_supplicant, and a WPA2 access point of the LAN.
type WiFi struct {
	// Name is the interface's: wlan0.
	Name string

	m          *Machine
	ap         string // the access point's interface, in the LAN
	hostapd    *Process
	supplicant *Process
}

// WiFi adds wlan0 to the machine, with an access point in range and wpa_supplicant running, and
// waits until they are associated. There is one radio for each.
func (m *Machine) WiFi() *WiFi {
	m.t.Helper()
	w := m.Radio()
	w.StartAP()
	w.StartSupplicant()
	Eventually(m.t, w.Associated)
	return w
}

// Radio adds wlan0 to the machine and nothing else: no access point, no wpa_supplicant.
func (m *Machine) Radio() *WiFi {
	m.t.Helper()
	if m.wifi {
		m.t.Fatalf("the machine has Wi-Fi already")
	}
	m.wifi = true
	if err := loadModules(wifiModules); err != nil {
		m.t.Fatalf("%v", err)
	}
	// New radios for each test: nothing of the last one's settings remains, and the names are
	// the same.
	m.t.Cleanup(func() {
		if _, err := m.run("modprobe", "--remove", "mac80211_hwsim"); err != nil {
			m.t.Errorf("remove the radios: %v", err)
		}
	})
	w := &WiFi{Name: "wlan0", m: m, ap: "wlan1"}
	if err := w.moveRadio(); err != nil {
		m.t.Fatalf("move a radio to the LAN: %v", err)
	}
	return w
}

// moveRadio moves the access point's radio to the LAN. The kernel takes a process of the target
// namespace; a thread does.
func (w *WiFi) moveRadio() error {
	phy, err := os.ReadFile(filepath.Join(w.m.Sys(), "class", "net", w.ap, "phy80211", "name"))
	if err != nil {
		return err
	}
	w.m.LAN().Do(func() {
		_, err = w.m.run("iw", "phy", strings.TrimSpace(string(phy)), "set", "netns", strconv.Itoa(unix.Gettid()))
	})
	return err
}

// StartAP makes the access point appear. It bridges to the LAN.
func (w *WiFi) StartAP() {
	w.m.t.Helper()
	lan := w.m.LAN()
	file := w.config(lan.Namespace, "hostapd.conf", fmt.Sprintf(`interface=%s
bridge=%s
driver=nl80211
ssid=%s
hw_mode=g
channel=1
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_psk=%s
`, w.ap, lanBridge, SSID, psk))
	w.hostapd = lan.Start("hostapd", file)
	Eventually(w.m.t, func() error {
		if !strings.Contains(w.hostapd.Output(), "AP-ENABLED") {
			return fmt.Errorf("the access point isn't ready: %s", w.hostapd.Output())
		}
		return nil
	})
}

// StopAP makes the access point vanish without a farewell, as one that is out of range.
func (w *WiFi) StopAP() {
	w.m.t.Helper()
	w.hostapd.Stop()
	// What a killed hostapd leaves behind would go on to send beacons.
	if _, err := w.m.LAN().run("ip", "link", "set", w.ap, "down"); err != nil {
		w.m.t.Fatalf("stop the access point: %v", err)
	}
}

// StartSupplicant starts wpa_supplicant on wlan0. Extra lines are added to its configuration.
func (w *WiFi) StartSupplicant(extra ...string) {
	w.m.t.Helper()
	file := w.config(w.m.Namespace, "wpa_supplicant.conf", fmt.Sprintf(`ctrl_interface=/run/wpa_supplicant
%s
network={
	ssid="%s"
	psk=%s
	scan_freq=2412
}
`, strings.Join(extra, "\n"), SSID, psk))
	w.supplicant = w.m.Start("wpa_supplicant", "-D", "nl80211", "-i", w.Name, "-c", file)
}

// StopSupplicant kills wpa_supplicant.
func (w *WiFi) StopSupplicant() {
	w.m.t.Helper()
	w.supplicant.Stop()
}

// Associated is a condition for [Eventually]: wlan0 is associated with the access point, and the
// WPA handshake is through.
func (w *WiFi) Associated() error {
	out, err := w.m.run("wpa_cli", "-p", "/run/wpa_supplicant", "-i", w.Name, "status")
	if err != nil {
		return err
	}
	const key = "wpa_state="
	for line := range strings.Lines(out) {
		if state, ok := strings.CutPrefix(strings.TrimSpace(line), key); ok {
			if state == "COMPLETED" {
				return nil
			}
			return fmt.Errorf("%s isn't associated: %s", w.Name, state)
		}
	}
	return fmt.Errorf("%s isn't associated: wpa_supplicant says %q", w.Name, out)
}

// config writes a configuration file into a namespace's /run.
func (w *WiFi) config(n *Namespace, name, text string) string {
	w.m.t.Helper()
	file := filepath.Join("/run", name)
	var err error
	n.Do(func() { err = os.WriteFile(file, []byte(text), 0o600) })
	if err != nil {
		w.m.t.Fatalf("%v", err)
	}
	return file
}
