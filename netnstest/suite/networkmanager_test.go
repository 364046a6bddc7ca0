package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// testNetworkManager is a laptop whose dock and Wi-Fi NetworkManager looks after, with DHCP on both.
func testNetworkManager(t *testing.T) {
	m, dock, wifi := nmMachine(t)
	before := nmState(m)
	session := m.Stream()
	file := filepath.Join(t.TempDir(), "bond0.toml")
	writeFile(t, in(m.Host, file), fmt.Sprintf("[[member]]\nname = %q\n[[member]]\nname = %q\nwpa_conf = %q\n", dock.Name, wifi.Name, wifi.Config()))
	o := bondctl(t, m.Host, "up", "--config", file)
	t.Logf("%s%s", o.Stdout, o.Stderr)
	for _, args := range [][]string{{"up", "--wait", "60s", "--take-over", "--config", file}, {"status"}} {
		o := bondctl(t, m.Host, args...)
		t.Logf("%s\n%s%s", args, o.Stdout, o.Stderr)
	}
	show(t, m)
	m.Run("sleep", "10")
	for _, args := range [][]string{{"status"}, {"events"}} {
		o := bondctl(t, m.Host, args...)
		t.Logf("%s\n%s%s", args, o.Stdout, o.Stderr)
	}
	t.Logf("%s", m.Run("sh", "-c", "ps ax | grep -i supp; ls -laR /run/bondctl/bond0/wpa /run/bondctl/*/bond0/wpa 2>/dev/null; iw dev wlan0 link; rfkill"))
	o = bondctl(t, m.Host, "down")
	t.Logf("%s%s", o.Stdout, o.Stderr)
	show(t, m)
	if after := nmState(m); before != after {
		t.Errorf("NetworkManager had\n%s\nand has\n%s", before, after)
	}
	t.Logf("%v", session.Stop())
}

func show(t *testing.T, m *netnstest.Machine) {
	t.Logf("%s", m.Run("sh", "-c", "nmcli dev; ip -br a; ip r; cat /etc/resolv.conf; ls -R /run/NetworkManager/conf.d /etc/NetworkManager/conf.d"))
}

// nmState is what NetworkManager does on each device.
func nmState(m *netnstest.Machine) string {
	var lines []string
	for line := range strings.Lines(m.Run("/usr/bin/nmcli", "--terse", "--fields", "DEVICE,STATE,CONNECTION", "device")) {
		if !strings.HasPrefix(line, "hwsim0") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// nmMachine is a laptop whose NetworkManager has connected it by its dock, and by Wi-Fi.
func nmMachine(t *testing.T) (m *netnstest.Machine, dock *netnstest.Dock, wifi *netnstest.WiFi) {
	m = netnstest.NewMachine(t, netnstest.Private("/var/lib"))
	unpack(t, m.Host, "network-manager")
	m.LAN().DHCP()
	dock, wifi = m.PCIDock(netnstest.E1000E), m.WiFi()
	wifi.StopSupplicant()
	m.Run("mkdir", "-p", "/run/dbus", "/var/lib/NetworkManager", "/etc/NetworkManager/system-connections")
	files := map[string]string{
		"NetworkManager.conf":                    "[main]\nplugins=keyfile\nauth-polkit=root-only\n",
		"system-connections/dock.nmconnection":  "[connection]\nid=dock\nuuid=11111111-1111-4111-8111-111111111111\ntype=ethernet\ninterface-name=" + dock.Name + "\n[ipv4]\nmethod=auto\n[ipv6]\nmethod=auto\n",
		"system-connections/home.nmconnection":  fmt.Sprintf("[connection]\nid=home\nuuid=22222222-2222-4222-8222-222222222222\ntype=wifi\n[wifi]\nssid=%s\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=%s\n[ipv4]\nmethod=auto\n", wifi.SSID, strings.Repeat("0123456789abcdef", 4)),
	}
	for name, text := range files {
		path := in(m.Host, "/etc/NetworkManager/"+name)
		writeFile(t, path, text)
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.Run("mkdir", "-p", "/run/systemd/network")
	writeFile(t, in(m.Host, "/run/systemd/network/10-names.link"), "[Match]\nOriginalName=*\n[Link]\nNamePolicy=\nMACAddressPolicy=none\n")
	m.Start("dbus-daemon", "--system", "--nofork", "--nopidfile")
	netnstest.Eventually(t, func() error { _, err := os.Stat(in(m.Host, "/run/dbus/system_bus_socket")); return err })
	m.Udev()
	m.Run("udevadm", "trigger", "--action=add", "--subsystem-match=net")
	m.Run("udevadm", "settle")
	m.Start("wpa_supplicant", "-u")
	m.Start("/usr/sbin/NetworkManager", "--no-daemon")
	netnstest.Eventually(t, func() error {
		out, err := m.Command("/usr/bin/nmcli", "--terse", "--fields", "STATE,CONNECTION", "device").CombinedOutput()
		if !strings.Contains(string(out), "connected:dock") || !strings.Contains(string(out), "connected:home") {
			return fmt.Errorf("NetworkManager has connected this:\n%s (%w)", out, err)
		}
		return nil
	})
	return m, dock, wifi
}
func TestNMX(t *testing.T) { testNetworkManager(t) }
