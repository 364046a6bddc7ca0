package suite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// The names that udev gives to the two docks of its tests.
const (
	usbName = "dock0"
	pciName = "lan0"
)

// udevLinks are .link files (systemd.link(5)) for the two docks, and for the policy that systemd has
// for everything else; some distributions except bonds from it, and that exception is masked.
func udevLinks(usb, pci *netnstest.Dock) map[string]string {
	rename := func(dock *netnstest.Dock, name string) string {
		return fmt.Sprintf("[Match]\nPermanentMACAddress=%s\n[Link]\nName=%s\nMACAddressPolicy=persistent\n", dock.MAC, name)
	}
	return map[string]string{
		"10-usb.link":         rename(usb, usbName),
		"10-pci.link":         rename(pci, pciName),
		"98-net-bonding.link": "",
		"99-default.link":     "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n",
	}
}

// udevMachine is a machine with two docks which udev has renamed, as it does at boot.
func udevMachine(t *testing.T) (m *netnstest.Machine, usb, pci *netnstest.Dock) {
	t.Helper()
	m = netnstest.NewMachine(t)
	usb, pci = m.USBDock(), m.PCIDock(netnstest.E1000E)
	var err error
	m.Do(func() {
		const dir = "/run/systemd/network"
		err = os.MkdirAll(dir, 0o755)
		for file, text := range udevLinks(usb, pci) {
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Udev()
	m.Run("udevadm", "trigger", "--action=add", "--subsystem-match=net")
	m.Run("udevadm", "settle")
	for _, name := range []string{usbName, pciName} {
		netnstest.Eventually(t, m.Present(name, true))
	}
	return m, usb, pci
}

// testUdevMAC makes a bond while udevd, at each step, has all the time that it wants to set MAC
// addresses by its policy. They are what fail_over_mac asks for all the same, frames get through,
// and a second up has nothing to do.
func testUdevMAC(t *testing.T) {
	for _, tt := range []struct {
		failOverMAC string
		// macs are those that bond0, dock0 and lan0 shall have.
		macs func(usb, pci string) []string
	}{
		{"none", func(usb, _ string) []string { return []string{usb, usb, usb} }},
		{"active", func(usb, pci string) []string { return []string{usb, usb, pci} }},
	} {
		t.Run(tt.failOverMAC, func(t *testing.T) {
			m, usb, pci := udevMachine(t)
			before := takeSnapshot(t, m.Host)
			flags := []string{
				"fail_over_mac=" + tt.failOverMAC, "primary=" + usbName, "member=" + usbName, "member=" + pciName,
				"address=192.0.2.10/24",
			}
			settle := func(bond.Step) error { return exec.Command("udevadm", "settle").Run() }
			if _, err := reconcile(t.Context(), m.Host, flags, settle); err != nil {
				t.Fatal(err)
			}
			netnstest.Eventually(t, usable(m.Host, usbName, pciName))
			netnstest.Eventually(t, active(m.Host, usbName))
			wantMACs(t, m, tt.macs(usb.MAC.String(), pci.MAC.String()))
			wantNothingToChange(t, m)
			ping := m.Ping(100 * time.Millisecond)
			netnstest.Eventually(t, ping.Answered)
			ping.Stop()

			succeeds(t, m.Host, "down")
			m.Run("udevadm", "settle")
			netnstest.Eventually(t, asBefore(t, m.Host, before))
		})
	}
}

// testUdevRedock takes the dock away from a bond and puts it back. Until udev has given it its name
// it must be left alone: the kernel doesn't rename a device that is up.
func testUdevRedock(t *testing.T) {
	m, usb, _ := udevMachine(t)
	args := []string{
		"--primary", usbName, "--member", usbName, "--member", pciName, "--member", usb.Name, "--address", "192.0.2.10/24",
	}
	up(t, m.Host, args...)
	netnstest.Eventually(t, active(m.Host, usbName))
	usb.Remove()
	netnstest.Eventually(t, m.Present(usbName, false))
	netnstest.Eventually(t, active(m.Host, pciName))

	m.Run("udevadm", "control", "--stop-exec-queue")
	usb.Insert()
	o := up(t, m.Host, args...)
	if want := usb.Name + " is not yet initialised by udev"; !strings.Contains(o.Stderr, want) {
		t.Errorf("stderr doesn't say %q:\n%s", want, o.Stderr)
	}
	if diff := cmp.Diff([]string{"dock0 absent", "lan0 active", "usb0 pending"}, status(t, m.Host).roles()); diff != "" {
		t.Errorf("roles before udev was done (-want +got):\n%s", diff)
	}

	m.Run("udevadm", "control", "--start-exec-queue")
	netnstest.Eventually(t, m.Present(usbName, true))
	m.Run("udevadm", "settle")
	up(t, m.Host, args...)
	netnstest.Eventually(t, active(m.Host, usbName))
	if diff := cmp.Diff([]string{"dock0 active", "lan0 backup", "usb0 absent"}, status(t, m.Host).roles()); diff != "" {
		t.Errorf("roles afterwards (-want +got):\n%s", diff)
	}
	wantNothingToChange(t, m, args...)
}

// testUdevFirst makes a bond before it has a member: then udev chooses its MAC address, and the
// member that comes takes that.
func testUdevFirst(t *testing.T) {
	m, _, _ := udevMachine(t)
	common := []string{"--fail-over-mac", "none", "--address", "192.0.2.10/24"}
	up(t, m.Host, append(common, "--member", "eth7")...)
	m.Run("udevadm", "settle")
	const set = "3" // NET_ADDR_SET: somebody chose it, and that was udev
	netnstest.Eventually(t, sysfs(m.Host, set, "bond0", "addr_assign_type"))
	mac := link(t, m.Host, "bond0").MAC

	args := append(common, "--member", usbName, "--member", pciName)
	up(t, m.Host, args...)
	m.Run("udevadm", "settle")
	netnstest.Eventually(t, usable(m.Host, usbName, pciName))
	wantMACs(t, m, []string{mac, mac, mac})
	wantNothingToChange(t, m, args...)
}

// wantMACs checks the addresses of bond0, dock0 and lan0.
func wantMACs(t *testing.T, m *netnstest.Machine, want []string) {
	t.Helper()
	var got []string
	for _, name := range []string{"bond0", usbName, pciName} {
		got = append(got, link(t, m.Host, name).MAC)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("MAC addresses (-want +got):\n%s", diff)
	}
}

func wantNothingToChange(t *testing.T, m *netnstest.Machine, args ...string) {
	t.Helper()
	if o := up(t, m.Host, args...); !o.changedNothing() {
		t.Errorf("a second up says %q, want nothing to change", o.Stdout)
	}
}
