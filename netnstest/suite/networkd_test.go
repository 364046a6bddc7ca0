package suite

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// keepNames is a .link file with which udev leaves links their names, as the lab's other
// machines have them.
const keepNames = "[Match]\nOriginalName=*\n[Link]\nNamePolicy=keep\nMACAddressPolicy=none\n"

// dockMachine is a machine with a dock and Wi-Fi, and with packages that their owner is of.
func dockMachine(t *testing.T, packages ...string) (m *netnstest.Machine, dock *netnstest.Dock, wifi *netnstest.WiFi, server *netnstest.Process) {
	t.Helper()
	m = netnstest.NewMachine(t, netnstest.Private("/usr/local/bin", "/var/lib"))
	m.Host.Unpack(packages...) // an /etc of its own
	m.Run("mkdir", "-p", "/var/lib/dhcp", "/etc/systemd/network")
	writeFile(t, in(m.Host, "/etc/systemd/network/10-keep.link"), keepNames)
	m.Run("install", "-m", "755", netnstest.Program("bondctl"), installed)
	server = m.LAN().DHCP()
	return m, m.PCIDock(netnstest.VirtioNet), m.WiFi(), server
}

// networkdFiles are what networkd is configured by: the dock, and Wi-Fi as a second way.
func networkdFiles(t *testing.T, h *netnstest.Host, dock, wifi string) {
	t.Helper()
	for name, metric := range map[string]int{dock: 100, wifi: 600} {
		writeFile(t, in(h, "/etc/systemd/network/20-"+name+".network"),
			fmt.Sprintf("[Match]\nName=%s\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\n[DHCPv4]\nRouteMetric=%d\n", name, metric))
	}
	writeFile(t, in(h, "/etc/systemd/network/20-other.network"), "[Match]\nName=other0\n[Network]\nAddress=198.51.100.1/24\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n")
}

// testNetworkd is a machine whose dock and Wi-Fi systemd-networkd looks after, with DHCP on
// both: it hands them over while a session goes on, stays away from them for dock cycles, a
// restart of its own and a reboot, and has them back as they were.
func testNetworkd(t *testing.T) {
	m, dock, wifi, server := dockMachine(t)
	networkdFiles(t, m.Host, dock.Name, wifi.Name)
	s := m.Systemd("systemd-udevd.service", "systemd-networkd.service")
	busAnswers(t, s)
	journalOf(t, s, "systemd-networkd")
	netnstest.Eventually(t, networkdHas(s, dock.Name, "configured"))
	netnstest.Eventually(t, networkdHas(s, wifi.Name, "configured"))
	members := []string{"--member", dock.Name, "--member", wifi.Name, "--updelay", "100"}
	doctorNames(t, s.Host, "systemd-networkd", dock.Name)

	fails(t, s.Host, 1, []string{
		"systemd-networkd looks after " + dock.Name + ", by /etc/systemd/network/20-" + dock.Name + ".network",
		"systemd-networkd looks after " + wifi.Name,
		"'Name=bond0 " + dock.Name + " " + wifi.Name + "' '[Link]' Unmanaged=yes >/etc/systemd/network/00-bondctl-bond0.network",
		"systemctl restart systemd-networkd", "--take-over",
	}, append([]string{"up"}, members...)...)
	session := m.Stream()
	before, address := takesOver(t, s, dock, members...)
	cycles(t, s, dock, wifi, sample(1, 10))
	rulesStay(t, s)
	s.Run("systemctl", "restart", "systemd-networkd")
	untroubled(t, s, dock, wifi)

	succeeds(t, s.Host, "down")
	netnstest.Eventually(t, networkdHas(s, dock.Name, "configured"))
	netnstest.Eventually(t, networkdHas(s, wifi.Name, "configured"))
	netnstest.Eventually(t, func() error { return sameLines(unmetred(before), unmetred(carriedLines(m.Host))) })
	unbroken(t, session)
	keepsLease(t, server)
	noneLeft(t, s.Host)

	// By its driver the dock is known to udev alone, before networkd sees it.
	writeFile(t, in(s.Host, "/etc/bondctl/bond0.toml"), dockByDriver(wifi))
	saveAndReboot(t, s)
	netnstest.Eventually(t, leased(t, s.Host, address.String()))
	untroubled(t, s, dock, wifi)
	cycles(t, s, dock, wifi, 1)
	succeeds(t, s.Host, "down")
	netnstest.Eventually(t, networkdHas(s, dock.Name, "configured"))
	netnstest.Eventually(t, func() error { _, err := addressOf(s.Host, dock.Name); return err })
	noneLeft(t, s.Host)
}

// unmetred are lines without the metric of an address: networkd leaves out its own where it
// finds the address on the link.
func unmetred(lines []string) (all []string) {
	for _, line := range lines {
		all = append(all, addressMetric.ReplaceAllString(line, "$1"))
	}
	return all
}

var addressMetric = regexp.MustCompile(`(^inet \S+| scope link src \S+) metric \d+`)

// dockByDriver is a configuration that names the dock of dockMachine by its driver.
func dockByDriver(wifi *netnstest.WiFi) string {
	return fmt.Sprintf("updelay = 100\n[[member]]\ndriver = \"virtio_net\"\n[[member]]\nname = %q\n", wifi.Name)
}

// doctorNames has doctor say who looks after a member that a bond is to have.
func doctorNames(t *testing.T, h *netnstest.Host, manager, member string) {
	t.Helper()
	o := bondctl(t, h, "doctor", "--member", member)
	if want := "owner: fails\n  seen  " + manager + " looks after " + member; o.Status != 2 || !strings.Contains(o.Stdout, want) {
		t.Errorf("doctor doesn't say %q: %+v", want, o)
	}
}

// takesOver has up take over a dock from its owner, whose lease goes on. It returns what the links carried before, and
// the dock's address.
func takesOver(t *testing.T, s *netnstest.Systemd, dock *netnstest.Dock, members ...string) (before []string, address netip.Addr) {
	t.Helper()
	address, err := addressOf(s.Host, dock.Name)
	if err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, hasLinkLocal(s.Host, dock.Name))
	before = carriedLines(s.Host)
	o := succeeds(t, s.Host, append([]string{"up", "--take-over", "--wait", "60s"}, members...)...)
	if want := "its lease of " + address.String() + " goes on"; !strings.Contains(o.Stdout, want) {
		t.Errorf("up doesn't say %q:\n%s%s", want, o.Stdout, o.Stderr)
	}
	netnstest.Eventually(t, leased(t, s.Host, address.String()))
	return before, address
}

// unbroken ends a session that must have gone on.
func unbroken(t *testing.T, session *netnstest.Stream) {
	t.Helper()
	netnstest.Eventually(t, session.Moved)
	r := session.Stop()
	if r.Err != nil {
		t.Errorf("the session broke: %v", r)
	}
	t.Log(r)
}

// saveAndReboot has the bond last, and waits for its keeper after the boot.
func saveAndReboot(t *testing.T, s *netnstest.Systemd, members ...string) {
	t.Helper()
	o := run(t, s.Command(installed, append([]string{"up", "--take-over", "--save", "--wait", "60s"}, members...)...))
	if o.Status != 0 {
		t.Fatalf("up --save: %+v", o)
	}
	s.Reboot()
	busAnswers(t, s)
	wantKeeper(t, s)
}

// rulesStay has networkd configure another link, at which it removes the rules that it doesn't
// know, as long as nobody told it otherwise.
func rulesStay(t *testing.T, s *netnstest.Systemd) {
	t.Helper()
	s.Run("ip", "rule", "add", "from", "192.0.2.250", "lookup", "100")
	s.Run("ip", "link", "add", "other0", "type", "dummy")
	netnstest.Eventually(t, networkdHas(s, "other0", "configured"))
	if out := s.Run("ip", "rule"); !strings.Contains(out, "from 192.0.2.250 lookup 100") {
		t.Errorf("networkd has removed a rule of the bond's: %s", out)
	}
	s.Run("ip", "rule", "delete", "from", "192.0.2.250", "lookup", "100")
	s.Run("ip", "link", "delete", "other0")
}

// cycles takes the dock away and puts it back. The bond goes on as it is.
func cycles(t *testing.T, s *netnstest.Systemd, dock *netnstest.Dock, wifi *netnstest.WiFi, n int) {
	t.Helper()
	for range n {
		dock.Remove()
		netnstest.Eventually(t, active(s.Host, wifi.Name))
		dock.Insert()
		untroubled(t, s, dock, wifi)
	}
}

// untroubled waits until the dock is active, and Wi-Fi there as well; neither has an address.
func untroubled(t *testing.T, s *netnstest.Systemd, dock *netnstest.Dock, wifi *netnstest.WiFi) {
	t.Helper()
	s.Run("udevadm", "settle")
	netnstest.Eventually(t, active(s.Host, dock.Name))
	netnstest.Eventually(t, usable(s.Host, dock.Name, wifi.Name))
	for _, name := range []string{dock.Name, wifi.Name} {
		if out := s.Run("ip", "-4", "-oneline", "address", "show", "dev", name); out != "" {
			t.Errorf("somebody has given %s an address: %s", name, out)
		}
	}
}

// networkdHas is a condition for Eventually: the link is in that state, for networkd.
func networkdHas(s *netnstest.Systemd, link, want string) func() error {
	return func() error {
		index, err := os.ReadFile(filepath.Join(s.Sys(), "class/net", link, "ifindex"))
		if err != nil {
			return err
		}
		text, err := os.ReadFile(in(s.Host, "/run/systemd/netif/links/"+strings.TrimSpace(string(index))))
		if err == nil && !strings.Contains(string(text), "ADMIN_STATE="+want+"\n") {
			err = fmt.Errorf("networkd has %s otherwise than %s:\n%s", link, want, text)
		}
		return err
	}
}

// noneLeft checks that no file of a handover is left.
func noneLeft(t *testing.T, h *netnstest.Host) {
	t.Helper()
	for _, pattern := range []string{
		"/etc/systemd/network/00-*", "/run/systemd/network/00-*", "/*/systemd/networkd.conf.d/*", "/*/udev/rules.d/84-*",
		"/run/systemd/system/networking.service.d/*", "/run/network/bondctl*", "/run/systemd/system/ifup@*",
	} {
		if found, _ := filepath.Glob(in(h, pattern)); len(found) > 0 {
			t.Errorf("left: %v", found)
		}
	}
}

// journalOf has what a unit, and bondctl, say told when the test fails.
func journalOf(t *testing.T, s *netnstest.Systemd, units ...string) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		args := []string{"--no-pager", "--output=short-monotonic", "--unit=bondctl@*"}
		for _, unit := range units {
			args = append(args, "--unit="+unit)
		}
		out, _ := s.Command("journalctl", args...).CombinedOutput()
		t.Logf("journal:\n%s", out)
	})
}
