package suite

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// testNetworkManager is a laptop whose dock and Wi-Fi NetworkManager looks after, with DHCP on both. up refuses, and
// says what hands them over; with --take-over and --save it has them handed over while a session goes on over the
// dock. NetworkManager leaves the members alone while docks come and go, and when it starts anew. Where somebody has
// it meddle all the same, status says so and an up takes it back. A member that is released is its own again. After
// down it does what it did before. (The long form: ten dock cycles.)
func testNetworkManager(t *testing.T) {
	m, dock, wifi := nmMachine(t)
	manager := m.Start(nmProgram, "--no-daemon")
	netnstest.Eventually(t, nmHas(m, dock.Name+":connected:dock", wifi.Name+":connected:home"))
	before := nmState(m)
	address, err := addressOf(m.Host, dock.Name)
	if err != nil {
		t.Fatal(err)
	}
	session := m.Stream()
	members := []string{"--member", dock.Name, "--member", wifi.Name}
	refused := bondctl(t, m.Host, append([]string{"up"}, members...)...)
	if diff := cmp.Diff(nmRefusal, refused.Stderr); diff != "" || refused.Status != 1 {
		t.Errorf("status %d (-want +got):\n%s", refused.Status, diff)
	}

	succeeds(t, m.Host, append([]string{"up", "--wait", "60s", "--take-over", "--save"}, members...)...)
	handedOver := func() {
		t.Helper()
		netnstest.Eventually(t, usable(m.Host, dock.Name, wifi.Name))
		netnstest.Eventually(t, nmHas(m, "bond0:connected (externally):bond0", dock.Name+":unmanaged:", wifi.Name+":unmanaged:"))
		netnstest.Eventually(t, noTrouble(t, m.Host))
	}
	handedOver()
	for range sample(1, 10) {
		dock.Remove()
		netnstest.Eventually(t, active(m.Host, wifi.Name))
		dock.Insert()
		handedOver()
	}
	manager.Stop()
	manager = m.Start(nmProgram, "--no-daemon")
	handedOver()

	m.Run("/usr/bin/nmcli", "--wait", "0", "device", "set", dock.Name, "managed", "yes")
	netnstest.Eventually(t, healthSays(t, m.Host, "NetworkManager (connection \"dock\" of /etc/NetworkManager/system-connections/dock.nmconnection) gave "+dock.Name+" "+address.String()))
	succeeds(t, m.Host, "up", "--take-over")
	handedOver()

	succeeds(t, m.Host, "up", "--member", dock.Name)
	netnstest.Eventually(t, nmHas(m, dock.Name+":unmanaged:", wifi.Name+":connected:home"))
	succeeds(t, m.Host, append([]string{"up", "--take-over"}, members...)...)
	handedOver()

	succeeds(t, m.Host, "down")
	if after := nmState(m); before != after {
		t.Errorf("NetworkManager had\n%s\nand has\n%s", before, after)
	}
	netnstest.Eventually(t, session.Moved)
	if r := session.Stop(); r.Err != nil {
		t.Errorf("the session broke: %v", r)
	} else {
		t.Logf("session: %v", r)
	}
	for range sample(0, 1) { // and with Wi-Fi alone
		dock.Remove()
		netnstest.Eventually(t, nmHas(m, wifi.Name+":connected:home"))
		before := nmState(m)
		succeeds(t, m.Host, append([]string{"up", "--wait", "60s", "--take-over"}, members...)...)
		netnstest.Eventually(t, usable(m.Host, wifi.Name))
		o := bondctl(t, m.Host, "down")
		if after := nmState(m); o.Status != 0 || before != after {
			t.Errorf("NetworkManager had\n%s\nand has\n%s\n%+v", before, after, o)
		}
	}
	if left := m.Run("find", "/run/NetworkManager/conf.d", "/etc/NetworkManager/conf.d", "-type", "f"); left != "" {
		t.Errorf("files are left: %s", left)
	}
}

const nmProgram = "/usr/sbin/NetworkManager"

const nmRefusal = `bondctl: error: NetworkManager looks after eth0, by connection "dock" of /etc/NetworkManager/system-connections/dock.nmconnection
bondctl: error: NetworkManager looks after wlan0, by connection "home" of /etc/NetworkManager/system-connections/home.nmconnection
bondctl: hint: --take-over has it hand them over till the next boot, and with --save for good; bondctl down hands them back
bondctl: hint: by hand, for NetworkManager:
bondctl: hint:   write to /etc/NetworkManager/conf.d/90-bondctl-bond0.conf:
bondctl: hint:     [device-bondctl-bond0]
bondctl: hint:     match-device=interface-name:=eth0,interface-name:=wlan0
bondctl: hint:     managed=0
bondctl: hint:   nmcli general reload conf
bondctl: hint:   nmcli device set eth0 managed no
bondctl: hint:   nmcli device set wlan0 managed no
`

// nmState is what NetworkManager does on each device, a line each.
func nmState(m *netnstest.Machine) string {
	out, _ := m.Command("/usr/bin/nmcli", "--terse", "--fields", "DEVICE,STATE,CONNECTION", "device").Output()
	lines := slices.Collect(strings.Lines(string(out)))
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// nmHas is a condition for Eventually: NetworkManager does these on devices.
func nmHas(m *netnstest.Machine, want ...string) func() error {
	return func() error {
		has := nmState(m)
		for _, line := range want {
			if !strings.Contains(has, line+"\n") {
				return fmt.Errorf("NetworkManager hasn't %q:\n%s", line, has)
			}
		}
		return nil
	}
}

// nmMachine is a laptop with a dock and Wi-Fi which NetworkManager is to connect, once it is started.
func nmMachine(t *testing.T) (m *netnstest.Machine, dock *netnstest.Dock, wifi *netnstest.WiFi) {
	m = netnstest.NewMachine(t, netnstest.Private("/var/lib"))
	unpack(t, m.Host, "network-manager")
	m.LAN().DHCP()
	dock, wifi = m.PCIDock(netnstest.E1000E), m.WiFi()
	wifi.StopSupplicant()
	m.Run("mkdir", "-p", "/run/dbus", "/var/lib/NetworkManager", "/etc/NetworkManager/system-connections")
	files := map[string]string{
		"NetworkManager.conf":                  "[main]\nplugins=keyfile\nauth-polkit=root-only\n",
		"system-connections/dock.nmconnection": "[connection]\nid=dock\nuuid=11111111-1111-4111-8111-111111111111\ntype=ethernet\ninterface-name=" + dock.Name + "\n[ipv4]\nmethod=auto\n[ipv6]\nmethod=auto\n",
		"system-connections/home.nmconnection": fmt.Sprintf("[connection]\nid=home\nuuid=22222222-2222-4222-8222-222222222222\ntype=wifi\n[wifi]\nssid=%s\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=%s\n[ipv4]\nmethod=auto\n", wifi.SSID, strings.Repeat("0123456789abcdef", 4)),
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
	return m, dock, wifi
}
