package suite

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// testIfupdown is a machine whose dock ifupdown has up, with dhclient, as udev finds it: a
// server's file, with a stanza more that isn't bondctl's business.
func testIfupdown(t *testing.T) {
	m, dock, wifi, server := dockMachine(t, "ifupdown")
	for path, text := range dhclientFiles("send host-name = gethostname();\n") {
		writeFile(t, in(m.Host, path), text)
	}
	const file = "/etc/network/interfaces"
	interfaces := fmt.Sprintf("# The machine's.\nauto lo\niface lo inet loopback\n\nallow-hotplug %s other1\niface %[1]s inet dhcp\n\t# Its own.\n\thostname lab\n", dock.Name)
	writeFile(t, in(m.Host, file), interfaces)
	s := m.Systemd("systemd-udevd.service", "networking.service", "ifup@.service")
	busAnswers(t, s)
	unit := "ifup@" + dock.Name
	journalOf(t, s, unit, "networking")
	holds := ifupHas(s, dock.Name)
	netnstest.Eventually(t, holds)
	members := []string{"--member", dock.Name, "--member", wifi.Name, "--updelay", "100"}

	doctorNames(t, s.Host, "ifupdown", dock.Name)
	fails(t, s.Host, 1, []string{
		"ifupdown looks after " + dock.Name + ", by " + file + ":6",
		"sed -i -e '5c\\allow-hotplug other1' -e 6,8s/^/#/ " + file, "systemctl mask --runtime " + unit + ".service", "--take-over",
	}, append([]string{"up"}, members...)...)
	session := m.Stream()
	before, _ := takesOver(t, s, dock, members...)
	cycles(t, s, dock, wifi, sample(1, 10))
	s.Run("systemctl", "restart", "networking")
	untroubled(t, s, dock, wifi)

	succeeds(t, s.Host, "down")
	netnstest.Eventually(t, holds)
	netnstest.Eventually(t, func() error { return sameLines(before, carriedLines(m.Host)) })
	unbroken(t, session)
	keepsLease(t, server)
	noneLeft(t, s.Host)
	if got := readFile(t, in(s.Host, file)); got != interfaces {
		t.Errorf("%s is\n%s", file, got)
	}
	// As before, ifdown is run as the dock vanishes, and ifup as it is back.
	dock.Remove()
	netnstest.Eventually(t, func() error {
		if text := readFile(t, in(s.Host, "/run/network/ifstate")); strings.Contains(text, dock.Name) {
			return fmt.Errorf("ifstate is %q", text)
		}
		return nil
	})
	dock.Insert()
	netnstest.Eventually(t, holds)

	saveAndReboot(t, s, members...)
	want := strings.NewReplacer(
		"allow-hotplug", "#bondctl bond0# allow-hotplug", " other1\n", " other1\n#bondctl bond0+ allow-hotplug other1\nallow-hotplug other1\n",
		"iface "+dock.Name, "#bondctl bond0# iface "+dock.Name, "\t", "#bondctl bond0# \t",
	).Replace(interfaces)
	if got := readFile(t, in(s.Host, file)); got != want {
		t.Errorf("%s is\n%s, want\n%s", file, got, want)
	}
	if got := readFile(t, in(s.Host, "/etc/network/.interfaces.bondctl-old")); got != interfaces {
		t.Errorf("what is kept of it is\n%s", got)
	}
	netnstest.Eventually(t, leased(t, s.Host, ""))
	untroubled(t, s, dock, wifi)
	s.Run("systemctl", "restart", "networking")
	cycles(t, s, dock, wifi, 1)
	succeeds(t, s.Host, "down")
	if got := readFile(t, in(s.Host, file)); got != interfaces {
		t.Errorf("%s is\n%s", file, got)
	}
	noneLeft(t, s.Host)
	if found, _ := filepath.Glob(in(s.Host, "/etc/network/.*bondctl*")); len(found) > 0 {
		t.Errorf("left: %v", found)
	}
}

// ifupHas is a condition for Eventually: ifup has the dock up, by the unit that udev has
// started, and one dhclient has its address.
func ifupHas(s *netnstest.Systemd, link string) func() error {
	return func() error {
		if out, err := s.Command("systemctl", "is-active", "ifup@"+link).CombinedOutput(); err != nil {
			return fmt.Errorf("ifup@%s is %s", link, out)
		}
		if _, err := addressOf(s.Host, link); err != nil {
			return err
		}
		out, err := s.Command("sh", "-c", "pgrep -xc dhclient").CombinedOutput()
		if got := strings.TrimSpace(string(out)); got != "1" {
			return fmt.Errorf("%s dhclients run (%w)", got, err)
		}
		return nil
	}
}
