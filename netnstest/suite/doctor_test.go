package suite

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

// A doctorReport is what doctor --json prints.
type doctorReport struct {
	Bond, Examined string
	Findings       []struct {
		Check, Severity string
		Member          *string
		Seen, Why, Mend string
	}
	Checks  []string
	Unknown []struct{ Check, Why string }
}

// doctor examines bond0; it must exit with that status.
func doctor(t *testing.T, h *netnstest.Host, status int, args ...string) doctorReport {
	t.Helper()
	o := bondctl(t, h, append([]string{"doctor", "--json"}, args...)...)
	var r doctorReport
	if err := json.Unmarshal([]byte(o.Stdout), &r); err != nil || o.Status != status {
		t.Fatalf("doctor %v: exit status %d, want %d, %v\n%s%s", args, o.Status, status, err, o.Stdout, o.Stderr)
	}
	return r
}

// found are the checks that found something, and about whom, each once.
func (r doctorReport) found() (names []string) {
	for _, f := range r.Findings {
		name := f.Check
		if f.Member != nil {
			name += " " + *f.Member
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// isHealthy has doctor say one line, to everybody.
func isHealthy(t *testing.T, h *netnstest.Host) {
	t.Helper()
	o := bondctl(t, h, "doctor")
	if o.Status != 0 || strings.Count(o.Stdout, "\n") != 1 || !strings.HasPrefix(o.Stdout, "bond0: ok, ") || o.Stderr != "" {
		t.Errorf("doctor of a healthy bond: exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
	}
}

// TestDoctor examines a bond that is yet to be made, a healthy one, and one with which a lot is wrong.
func TestDoctor(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	eth1 := h.Cable("eth1")
	if r := doctor(t, h, 0); r.Examined != "machine" {
		t.Errorf("examined is %s before there is anything", r.Examined)
	}
	if r := doctor(t, h, 0, eth0And1...); r.Examined != "configuration" {
		t.Errorf("examined is %s with flags", r.Examined)
	}
	addAddress(t, h, "192.0.2.7/24", "eth0")
	addAddress(t, h, "198.51.100.7/24", "eth1")
	want := []string{"networks-differ eth1", "obstacle"}
	if diff := cmp.Diff(want, doctor(t, h, 2, eth0And1...).found()); diff != "" {
		t.Errorf("two networks (-want +got)\n%s", diff)
	}
	h.Run("ip", "address", "flush", "dev", "eth0")
	h.Run("ip", "address", "flush", "dev", "eth1")

	up(t, h, append([]string{"--address", "192.0.2.10/24", "--gateway", "192.0.2.1"}, eth0And1...)...)
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	isHealthy(t, h)
	h.Run("install", "-m", "755", netnstest.Program("bondctl"), "/run/bondctl-for-doctor")
	// Nobody may ask in which network namespace somebody else's process is, and so a dhclient of another test would do for
	// one of here. Among processes of its own there is none.
	nobody := []string{"--pid", "--fork", "--mount-proc", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/run/bondctl-for-doctor", "doctor"}
	if o := run(t, h.Command("unshare", nobody...)); o.Status != 0 || strings.Count(o.Stdout, "\n") != 1 {
		t.Errorf("doctor for nobody: exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
	}

	before := links(t, h)
	for _, args := range [][]string{{"up", "--once", "--miimon", "50"}, {"doctor"}} {
		o := run(t, h.Command("setpriv", append([]string{"--bounding-set", "-net_admin", "/run/bondctl-for-doctor"}, append(args, eth0And1...)...)...))
		if said := o.Stdout + o.Stderr; o.Status == 0 || !strings.Contains(said, "CAP_NET_ADMIN") {
			t.Errorf("%v where nobody may have CAP_NET_ADMIN: exit status %d\n%s", args, o.Status, said)
		}
	}
	sameLinks(t, h, before)

	eth1.Move(h.OtherLAN())
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	h.Run("sysctl", "-qw", "net.ipv4.conf.bond0.arp_ignore=8", "net.ipv4.conf.bond0.rp_filter=1")
	addAddress(t, h, "192.0.2.77/24", "eth1")
	mac := strings.TrimSpace(readFile(t, h.Sys()+"/class/net/bond0/address"))
	h.Run("ip", "link", "add", "eth9", "address", mac, "up", "type", "dummy")
	client := h.Start("busybox", "udhcpc", "-f", "-i", "eth1", "-s", "/bin/true")
	if err := h.Netlink().LinkAdd(netlink.NewLinkBond(netlink.LinkAttrs{Name: "bond9"})); err != nil {
		t.Fatal(err)
	}
	change(t, h, "eth1", "give another MAC address to", func(nl *netlink.Handle, l netlink.Link) error {
		return nl.LinkSetHardwareAddr(l, []byte{2, 0, 0, 0, 0, 9})
	})
	want = []string{
		"arp-settings", "dhcp-client eth1", "half-dead eth1", "health", "mac-fixed eth1", "member-traffic eth1", "module-bond", "rp-filter", "same-mac",
	}
	var r doctorReport
	netnstest.Eventually(t, func() error { // the other LAN says hello to eth1 first
		r = doctor(t, h, 2)
		if diff := cmp.Diff(want, r.found()); diff != "" {
			return fmt.Errorf("(-want +got)\n%s\n%+v", diff, r)
		}
		return nil
	})
	for _, f := range r.Findings {
		if f.Check == "dhcp-client" && !strings.Contains(f.Seen, fmt.Sprint(client.PID())) {
			t.Errorf("the client is process %d: %s", client.PID(), f.Seen)
		}
	}
}

// TestDoctorKeeper: of what only a keeper sees, of networks that differ and of a port with a spanning tree.
func TestDoctorKeeper(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	h.CableTo(h.OtherLAN(), "eth1")
	h.LAN().DHCP()
	h.OtherLAN().DHCP()
	succeeds(t, h, append([]string{"up"}, eth0And1...)...)
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	eth0.Pull()
	netnstest.Eventually(t, leased(t, h, "198.51.100."))
	h.LAN().Run("ip", "link", "set", "lan", "type", "bridge", "stp_state", "1", "forward_delay", "300") // 3 s, twice
	eth0.Plug()
	looks := 0
	netnstest.Eventually(t, func() error {
		if err := leased(t, h, "192.0.2.")(); err != nil {
			return err
		}
		var r doctorReport
		o := bondctl(t, h, "doctor", "--json")
		if err := json.Unmarshal([]byte(o.Stdout), &r); err != nil {
			return err
		}
		for _, name := range []string{"networks-differ eth0", "updelay eth0"} {
			if slices.Contains(r.found(), name) {
				continue
			}
			if looks++; looks%3 == 0 { // a keeper that was told of the link late can't tell
				eth0.Pull()
				eth0.Plug()
			}
			return fmt.Errorf("nothing is found of %s:\n%s", name, o.Stdout)
		}
		return nil
	})
}

// testDoctorWiFi: of a radio that is switched off and sleeps, and a supplicant that makes up addresses.
func testDoctorWiFi(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.Cable("eth0")
	wifi := m.Radio()
	config := wifi.Config(netnstest.Control, "mac_addr=1")
	args := []string{"--config", laptopConfig(t, config), "--primary-reselect", "better"}
	m.Run("iw", "dev", "wlan0", "set", "power_save", "on")
	block := func(word string) {
		writeFile(t, m.Run("sh", "-c", "printf %s /sys/class/net/wlan0/phy80211/rfkill*/soft"), word)
	}
	block("1")
	t.Cleanup(func() { block("0") })
	other := m.Start("wpa_supplicant", "-D", "nl80211", "-i", "wlan0", "-c", config)
	netnstest.Eventually(t, wrote(other, "Successfully initialized"))
	r := doctor(t, m.Host, 2, args...)
	want := []string{"better-speed wlan0", "mac-randomization wlan0", "power-save wlan0", "rfkill wlan0", "supplicant wlan0"}
	if diff := cmp.Diff(want, r.found()); diff != "" {
		t.Errorf("(-want +got)\n%s\n%+v", diff, r)
	}
}
