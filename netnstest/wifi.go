package netnstest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The lab's Wi-Fi network. Its key is given as such and not as a passphrase, from which a
// computer takes a while to derive one, an emulated one longer.
const (
	SSID = "lab"
	PSK  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// WiFi is a Wi-Fi interface of the machine (mac80211_hwsim: a real Wi-Fi stack, simulated air),
// its wpa_supplicant, and a WPA2 access point of a LAN.
type WiFi struct {
	// Name is the interface's: wlan0 for the first one, wlan1 for the second.
	Name string
	// SSID is its access point's network: [SSID] for the first one, with a 2 behind it for the second.
	// It may be set to any 32 bytes, before StartAP and Config.
	SSID string

	m          *Machine
	lan        *LAN   // where the access point is
	ap         string // its interface there
	hostapd    *Process
	supplicant *Process
}

// WiFi adds a Wi-Fi interface to the machine, with an access point in range that leads to the LAN and
// wpa_supplicant running, and waits until they are associated. A second one is possible.
func (m *Machine) WiFi() *WiFi {
	m.t.Helper()
	w := m.Radio()
	w.StartAP()
	w.StartSupplicant()
	Eventually(m.t, w.Associated)
	return w
}

// Radio adds a Wi-Fi interface to the machine and nothing else: no access point, no wpa_supplicant.
func (m *Machine) Radio() *WiFi {
	m.t.Helper()
	return m.RadioTo(m.LAN())
}

// RadioTo is Radio with an access point that leads to one of the machine's LANs.
func (m *Machine) RadioTo(lan *LAN) *WiFi {
	m.t.Helper()
	var err error
	switch m.wifi {
	case 0:
		err = m.makeRadios()
	case radios:
		err = fmt.Errorf("there are only %d", radios)
	default:
		err = m.moveRadio(fmt.Sprintf("wlan%d", m.wifi), m.LAN().Namespace, m.Namespace)
	}
	if err != nil {
		m.t.Fatalf("add a radio: %v", err)
	}
	w := &WiFi{
		Name: fmt.Sprintf("wlan%d", m.wifi),
		SSID: SSID,
		m:    m,
		lan:  m.LAN(),
		ap:   fmt.Sprintf("wlan%d", radios+m.wifi),
	}
	m.wifi++
	if m.wifi > 1 {
		w.SSID += strconv.Itoa(m.wifi)
	}
	w.moveAP(lan)
	return w
}

// makeRadios makes all radios that there can be, and leaves the machine the first one. The others
// wait in the LAN.
func (m *Machine) makeRadios() error {
	if err := loadModules(wifiModules); err != nil {
		return err
	}
	// New radios for each test: nothing of the last one's settings remains, and the names are
	// the same.
	m.t.Cleanup(func() {
		if _, err := m.run("modprobe", "--remove", "mac80211_hwsim"); err != nil {
			m.t.Errorf("remove the radios: %v", err)
		}
	})
	for i := 1; i < 2*radios; i++ {
		if err := m.moveRadio(fmt.Sprintf("wlan%d", i), m.Namespace, m.LAN().Namespace); err != nil {
			return err
		}
	}
	return nil
}

// moveRadio moves a radio, by the name of its interface, from one namespace to another.
func (m *Machine) moveRadio(name string, from, to *Namespace) error {
	data, err := os.ReadFile(filepath.Join(from.Sys(), "class", "net", name, "phy80211", "index"))
	if err != nil {
		return err
	}
	phy, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 32)
	if err != nil {
		return err
	}
	from.Do(func() {
		var family *netlink.GenlFamily
		if family, err = netlink.GenlFamilyGet("nl80211"); err != nil {
			return
		}
		request := nl.NewNetlinkRequest(int(family.ID), unix.NLM_F_ACK)
		request.AddData(&nl.Genlmsg{Command: unix.NL80211_CMD_SET_WIPHY_NETNS})
		request.AddData(nl.NewRtAttr(unix.NL80211_ATTR_WIPHY, nl.Uint32Attr(uint32(phy))))
		request.AddData(nl.NewRtAttr(unix.NL80211_ATTR_NETNS_FD, nl.Uint32Attr(uint32(to.net))))
		_, err = request.Execute(unix.NETLINK_GENERIC, 0)
	})
	if err != nil {
		return fmt.Errorf("move %s: %w", name, err)
	}
	return nil
}

// moveAP moves the access point's radio.
func (w *WiFi) moveAP(lan *LAN) {
	w.m.t.Helper()
	if w.lan == lan {
		return
	}
	if err := w.m.moveRadio(w.ap, w.lan.Namespace, lan.Namespace); err != nil {
		w.m.t.Fatalf("move the access point: %v", err)
	}
	w.lan = lan
}

// MoveAP carries the machine to another place: the access point vanishes, and there is one of the same
// name and key that leads to the other LAN.
func (w *WiFi) MoveAP(lan *LAN) {
	w.m.t.Helper()
	w.StopAP()
	w.moveAP(lan)
	w.StartAP()
}

// StartAP makes the access point appear. It bridges to its LAN.
func (w *WiFi) StartAP() {
	w.m.t.Helper()
	file := w.config(w.lan.Namespace, "hostapd-"+w.ap+".conf", fmt.Sprintf(`interface=%s
bridge=%s
driver=nl80211
ssid2=%x
hw_mode=g
channel=1
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_psk=%s
`, w.ap, lanBridge, w.SSID, PSK))
	w.hostapd = w.lan.Start("hostapd", file)
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
	link, err := w.lan.nl.LinkByName(w.ap)
	if err == nil {
		err = w.lan.nl.LinkSetDown(link)
	}
	if err != nil {
		w.m.t.Fatalf("stop the access point: %v", err)
	}
}

// StartSupplicant starts wpa_supplicant on the interface. Extra lines are added to its configuration.
func (w *WiFi) StartSupplicant(extra ...string) {
	w.m.t.Helper()
	w.supplicant = w.m.Start("wpa_supplicant", "-D", "nl80211", "-i", w.Name, "-c", w.Config(append(extra, Control)...))
}

// Control is the line of a wpa_supplicant.conf by which [WiFi.Associated] can ask.
const Control = "ctrl_interface=/run/wpa_supplicant"

// Config writes a wpa_supplicant.conf with the network and its key, after the extra lines, and returns
// its path. It is the same in every mount namespace.
func (w *WiFi) Config(extra ...string) string {
	w.m.t.Helper()
	return w.supplicantConfig(PSK, extra)
}

// WrongConfig is Config with a key that isn't the network's.
func (w *WiFi) WrongConfig(extra ...string) string {
	w.m.t.Helper()
	return w.supplicantConfig(strings.Repeat("f", len(PSK)), extra)
}

func (w *WiFi) supplicantConfig(key string, extra []string) string {
	w.m.t.Helper()
	dir, err := os.MkdirTemp("", "wifi")
	if err != nil {
		w.m.t.Fatalf("%v", err)
	}
	w.m.t.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(dir, "wpa_supplicant.conf")
	err = os.WriteFile(file, fmt.Appendf(nil, `%s
network={
	ssid=%x
	psk=%s
	scan_freq=2412
}
`, strings.Join(extra, "\n"), w.SSID, key), 0o600)
	if err != nil {
		w.m.t.Fatalf("%v", err)
	}
	return file
}

// StopSupplicant kills wpa_supplicant.
func (w *WiFi) StopSupplicant() {
	w.m.t.Helper()
	w.supplicant.Stop()
}

// Associated is a condition for [Eventually]: the interface is associated with the access point, and the
// WPA handshake is through.
func (w *WiFi) Associated() error {
	// wpa_supplicant sets it when it is done. To ask the kernel costs no program.
	if state, err := os.ReadFile(filepath.Join(w.m.Sys(), "class", "net", w.Name, "operstate")); strings.TrimSpace(string(state)) != "up" {
		return fmt.Errorf("%s isn't associated: its state is %q (%w)", w.Name, state, err)
	}
	status, err := w.supplicantStatus()
	if err != nil {
		return fmt.Errorf("ask wpa_supplicant of %s: %w", w.Name, err)
	}
	for line := range strings.Lines(status) {
		if state, ok := strings.CutPrefix(strings.TrimSpace(line), "wpa_state="); ok {
			if state == "COMPLETED" {
				return nil
			}
			return fmt.Errorf("%s isn't associated: %s", w.Name, state)
		}
	}
	return fmt.Errorf("%s isn't associated: wpa_supplicant says %q", w.Name, status)
}

// supplicantStatus asks wpa_supplicant as wpa_cli does, by its control socket, and without a process: it is
// asked again and again.
func (w *WiFi) supplicantStatus() (status string, err error) {
	const folder = "/run/wpa_supplicant/"
	w.m.Do(func() {
		own := &net.UnixAddr{Name: folder + "lab-" + w.Name, Net: "unixgram"}
		defer os.Remove(own.Name) // even if only the connect fails
		var conn *net.UnixConn
		if conn, err = net.DialUnix("unixgram", own, &net.UnixAddr{Name: folder + w.Name, Net: "unixgram"}); err != nil {
			return
		}
		defer conn.Close()
		if err = conn.SetDeadline(time.Now().Add(Patience / 10)); err != nil {
			return
		}
		if _, err = conn.Write([]byte("STATUS")); err != nil {
			return
		}
		answer := make([]byte, 4096)
		var size int
		size, err = conn.Read(answer)
		status = string(answer[:size])
	})
	return status, err
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

// SetSignal sets how strong the interface and its access point hear each other, in dBm, -100 to -1, to which
// the sender's power is added. At first it is -50.
func (w *WiFi) SetSignal(dBm int) {
	w.m.t.Helper()
	const debugfs = "/run/debugfs"
	err := os.MkdirAll(debugfs, 0o755)
	if err == nil {
		err = unix.Mount("debugfs", debugfs, "debugfs", 0, "")
	}
	if err == nil {
		defer func() { _ = unix.Unmount(debugfs, unix.MNT_DETACH) }()
	}
	for sys, name := range map[string]string{w.m.Sys(): w.Name, w.lan.Sys(): w.ap} {
		var phy []byte
		if err == nil {
			phy, err = os.ReadFile(filepath.Join(sys, "class", "net", name, "phy80211", "name"))
		}
		if err == nil {
			file := filepath.Join(debugfs, "ieee80211", strings.TrimSpace(string(phy)), "hwsim", "rx_rssi")
			// The kernel reads no negative number there (simple_attr_write).
			err = os.WriteFile(file, []byte(strconv.FormatUint(uint64(int64(dBm)), 10)), 0)
		}
	}
	if err != nil {
		w.m.t.Fatalf("set the signal of %s: %v", w.Name, err)
	}
}
