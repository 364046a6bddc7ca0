package suite

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/netnstest"
)

// testNetworkManager is a Debian laptop whose dock and Wi-Fi NetworkManager looks after, with DHCP on both. up refuses,
// and says what hands them over; with --take-over and --save it has them handed over while a session goes on over the
// dock. NetworkManager leaves the members alone while docks come and go, when it starts anew, and after a reboot.
// Where somebody has it meddle all the same, status says so and an up takes it back. A member that is released is
// its own again. After down it does what it did before. (The long form: ten dock cycles, and up and down with Wi-Fi
// alone.)
func testNetworkManager(t *testing.T) {
	m, s, dock, wifi := nmMachine(t)
	before := nmState(s.Host)
	address, err := addressOf(s.Host, dock.Name)
	if err != nil {
		t.Fatal(err)
	}
	session := m.Stream()
	members := []string{"--member", dock.Name, "--member", wifi.Name, "--updelay", "100"}
	doctorNames(t, s.Host, "NetworkManager", dock.Name)
	refused := bondctl(t, s.Host, append([]string{"up"}, members...)...)
	if diff := cmp.Diff(nmRefusal, refused.Stderr); diff != "" || refused.Status != 1 {
		t.Errorf("status %d (-want +got):\n%s", refused.Status, diff)
	}

	takesOver := append([]string{"up", "--wait", "60s", "--take-over", "--save"}, members...)
	if o := run(t, s.Command(installed, takesOver...)); o.Status != 0 {
		t.Fatalf("%+v", o)
	}
	handedOver := func() {
		t.Helper()
		netnstest.Eventually(t, nmHas(s.Host, "bond0:connected (externally):bond0", dock.Name+":unmanaged:", wifi.Name+":unmanaged:"))
		untroubled(t, s, dock, wifi)
		netnstest.Eventually(t, noTrouble(t, s.Host))
	}
	handedOver()
	for range sample(0, 10) {
		cycles(t, s, dock, wifi, 1)
		handedOver()
	}
	s.Run("systemctl", "restart", "NetworkManager")
	handedOver()

	s.Run("/usr/bin/nmcli", "--wait", "0", "device", "set", dock.Name, "managed", "yes")
	netnstest.Eventually(t, healthSays(t, s.Host, "NetworkManager (connection \"dock\" of /etc/NetworkManager/system-connections/dock.nmconnection) gave "+dock.Name+" "+address.String()))
	succeeds(t, s.Host, "up", "--take-over")
	handedOver()

	succeeds(t, s.Host, "up", "--member", dock.Name)
	netnstest.Eventually(t, nmHas(s.Host, dock.Name+":unmanaged:", wifi.Name+":connected:home"))
	succeeds(t, s.Host, append([]string{"up", "--take-over"}, members...)...)
	handedOver()
	unbroken(t, session)

	// By its driver the dock is known to udev alone, before NetworkManager sees it.
	writeFile(t, in(s.Host, "/etc/bondctl/bond0.toml"), dockByDriver(wifi))
	if o := run(t, s.Command(installed, "up", "--take-over", "--save")); o.Status != 0 {
		t.Fatalf("%+v", o)
	}
	s.Reboot()
	busAnswers(t, s)
	wantKeeper(t, s)
	handedOver()
	cycles(t, s, dock, wifi, 1)
	handedOver()
	succeeds(t, s.Host, "down")
	netnstest.Eventually(t, func() error {
		if after := nmState(s.Host); before != after {
			return fmt.Errorf("NetworkManager had\n%s\nand has\n%s", before, after)
		}
		return nil
	})
	routesOfNetworkManager(t, m, s, dock, wifi)
	for range sample(0, 1) {
		dock.Remove()
		netnstest.Eventually(t, nmHas(s.Host, wifi.Name+":connected:home"))
		before := nmState(s.Host)
		succeeds(t, s.Host, append([]string{"up", "--wait", "60s", "--take-over"}, members...)...)
		netnstest.Eventually(t, usable(s.Host, wifi.Name))
		o := bondctl(t, s.Host, "down")
		if after := nmState(s.Host); o.Status != 0 || before != after {
			t.Errorf("NetworkManager had\n%s\nand has\n%s\n%+v", before, after, o)
		}
	}
	if left := s.Run("sh", "-c", "ls -A /run/NetworkManager/conf.d /etc/NetworkManager/conf.d 2>/dev/null | grep bondctl || true"); left != "" {
		t.Errorf("files are left: %s", left)
	}
}

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
func nmState(h *netnstest.Host) string {
	out, _ := h.Command("/usr/bin/nmcli", "--terse", "--fields", "DEVICE,STATE,CONNECTION", "device").Output()
	lines := slices.Collect(strings.Lines(string(out)))
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// nmHas is a condition for Eventually: NetworkManager does these on devices.
func nmHas(h *netnstest.Host, want ...string) func() error {
	return func() error {
		has := nmState(h)
		for _, line := range want {
			if !strings.Contains(has, line+"\n") {
				return fmt.Errorf("NetworkManager hasn't %q:\n%s", line, has)
			}
		}
		return nil
	}
}

// nmMachine is a laptop which NetworkManager has connected by its dock, and by Wi-Fi.
func nmMachine(t *testing.T) (m *netnstest.Machine, s *netnstest.Systemd, dock *netnstest.Dock, wifi *netnstest.WiFi) {
	t.Helper()
	m, dock, wifi, _ = dockMachine(t, "network-manager")
	wifi.StopSupplicant()
	m.Run("mkdir", "-p", "/etc/NetworkManager/system-connections")
	const connection = "[connection]\nid=%s\nuuid=%s\ntype=%s\ninterface-name=%s\n[ipv4]\nmethod=auto\n[ipv6]\nmethod=auto\n"
	for file, text := range map[string]string{
		"NetworkManager.conf":                  "[main]\nplugins=keyfile\nauth-polkit=root-only\n",
		"system-connections/dock.nmconnection": fmt.Sprintf(connection, "dock", "11111111-1111-4111-8111-111111111111", "ethernet", dock.Name),
		"system-connections/home.nmconnection": fmt.Sprintf(connection, "home", "22222222-2222-4222-8222-222222222222", "wifi", wifi.Name) +
			fmt.Sprintf("[wifi]\nssid=%s\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=%s\n", wifi.SSID, netnstest.PSK),
	} {
		path := in(m.Host, "/etc/NetworkManager/"+file)
		writeFile(t, path, text)
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = m.Systemd("systemd-udevd.service", "NetworkManager.service", "wpa_supplicant.service")
	busAnswers(t, s)
	journalOf(t, s, "NetworkManager")
	netnstest.Eventually(t, nmHas(s.Host, dock.Name+":connected:dock", wifi.Name+":connected:home"))
	return m, s, dock, wifi
}
