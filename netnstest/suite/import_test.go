package suite

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// laptopStanza is a member's in /etc/network/interfaces, as laptops have them with ifenslave.
func laptopStanza(name, conf string) string {
	text := "allow-hotplug " + name + "\niface " + name + " inet manual\n"
	if conf != "" {
		text += "\tpre-up sleep 5\n\twpa-conf " + conf + "\n"
	}
	return text + "\tbond-master bond0\n\tbond-primary eth0\n"
}

// testImported brings the interfaces file of a laptop, and has the bond of it docked and
// undocked: one with more Wi-Fis and primary_reselect better and, in the long form, one with a single Wi-Fi.
func testImported(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.LAN().DHCP()
	dock := m.PCIDock(netnstest.E1000E)
	wifi := m.Radio()
	wifi.StartAP()
	conf := wifi.Config(netnstest.Control)
	const bond = "\tbond-primary eth0\n\tbond-mode active-backup\n\tbond-miimon 10\n\tbond_downdelay 10\n\tbond_updelay 1000\n"
	one := laptopStanza("eth0", "") + laptopStanza("wlan0", conf) + "auto bond0\niface bond0 inet dhcp\n\tbond-slaves eth0 wlan0\n" + bond
	more := laptopStanza("eth0", "") + laptopStanza("wlan0", conf) + laptopStanza("wlan1", conf) + laptopStanza("wlan2", conf) +
		"auto bond0\niface bond0 inet dhcp\n\tbond-slaves none\n" + bond + "\tbond-primary-reselect better\n"

	for _, text := range sample([]string{more}, []string{one, more}) {
		upImported(t, m, text)
		pings := startPings(t, m.Host)
		pings.goesOver("wlan0", dock.Remove)
		// The kernel takes a Wi-Fi's speed, which it doesn't know, for the better one. But a dock is enslaved
		// anew, and then the primary takes over in any case.
		pings.goesOver("eth0", dock.Insert)
		if text == more {
			inStatus(t, m, "eth0", []string{"eth0 active", "wlan0 backup", "wlan1 absent", "wlan2 absent"})
		}
		pings.stop()
		succeeds(t, m.Host, "down")
	}
}

// upImported imports an interfaces file, and waits for the bond that up makes of it.
func upImported(t *testing.T, m *netnstest.Machine, text string) {
	t.Helper()
	dir := t.TempDir()
	old, file := filepath.Join(dir, "interfaces"), filepath.Join(dir, "imported.toml")
	writeFile(t, old, text)
	o := bondctl(t, m.Host, "import", old)
	if o.Status != 1 || !strings.Contains(o.Stdout, "pre-up sleep 5") {
		t.Fatalf("import: exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
	}
	writeFile(t, file, o.Stdout)
	succeeds(t, m.Host, "up", "--config", file)
	t.Cleanup(func() { bondctl(t, m.Host, "down") })
	netnstest.Eventually(t, usable(m.Host, "eth0", "wlan0"))
	netnstest.Eventually(t, leased(t, m.Host, "192.0.2."))
	netnstest.Eventually(t, active(m.Host, "eth0"))
}

// TestImportRunning imports a bond that somebody else runs. Its file makes an equal one,
// and import says so from then on.
func TestImportRunning(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth1")
	shell(h,
		"ip link add bond0 type bond mode active-backup miimon 50 downdelay 100 primary_reselect failure num_grat_arp 2",
		"ip link set eth0 down", "ip link set eth0 master bond0", "ip link set eth1 down", "ip link set eth1 master bond0",
		"ip link set bond0 type bond primary eth1", "ip link set bond0 up",
		"ip address add 192.0.2.10/24 dev bond0", "ip address add 192.0.2.77/24 dev bond0 valid_lft 3600 preferred_lft 3600",
		"ip route add default via 192.0.2.1 dev bond0")
	o := bondctl(t, h, "import", "--running", "bond0")
	if o.Status != 0 || !strings.Contains(o.Stdout, "method = \"dhcp\"") || strings.Contains(o.Stdout, "192.0.2.77") {
		t.Errorf("with a leased address: exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
	}
	shell(h, "ip address del 192.0.2.77/24 dev bond0")
	const old = "# mine\n[[member]]\nname = \"eth0\"\n"
	file := in(h, "/etc/bondctl/bond0.toml")
	writeFile(t, file, old)
	succeeds(t, h, "import", "--save", "--running", "bond0")
	if got := readFile(t, file+".old"); got != old {
		t.Errorf("the old file is now\n%s", got)
	}
	text := readFile(t, file)
	_, text, _ = strings.Cut(text, "\n\n")
	want := `primary = "eth1"
miimon = "50ms"
downdelay = "100ms"
primary_reselect = "failure"
num_grat_arp = 2

[[member]]
name = "eth0"

[[member]]
name = "eth1"

[ipv4]
addresses = ["192.0.2.10/24"]
gateway = "192.0.2.1"
`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("the file (-want +got):\n%s", diff)
	}
	if o := succeeds(t, h, "import", "--save", "--running"); !strings.Contains(o.Stdout, "bond0.toml says so already") {
		t.Errorf("once more it says\n%s", o.Stdout)
	}
	h.Run("ip", "link", "del", "bond0")
	up(t, h)
	again := succeeds(t, h, "import", "--running").Stdout
	if _, again, _ = strings.Cut(again, "\n\n"); again != want {
		t.Errorf("of the bond that up made it says\n%s", again)
	}
	succeeds(t, h, "down")
	shell(h, "ip link add bond0 type bond mode balance-rr")
	fails(t, h, 2, []string{"bond0 runs with mode balance-rr", "bondctl makes active-backup bonds alone"}, "import", "--running")
}
