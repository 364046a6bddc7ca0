package suite

import (
	"slices"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// TestDockAndWiFi is what bondctl is for: a laptop is lifted out of its dock and put back, and its
// address goes over to Wi-Fi and returns.
func TestDockAndWiFi(t *testing.T) {
	m := netnstest.NewMachine(t)
	dock := m.USBDock()
	wifi := m.WiFi()
	before := links(t, m.Host)
	dockUp := []string{
		"up", "--once", "--primary", "usb0", "--member", "usb0", "--member", "wlan0", "--address", "192.0.2.10/24",
	}

	succeeds(t, m.Host, dockUp...)
	// Being enslaved costs the Wi-Fi its association; wpa_supplicant brings it back.
	netnstest.Eventually(t, wifi.Associated)
	netnstest.Eventually(t, usable(m.Host, "usb0", "wlan0"))
	inStatus(t, m, "usb0", []string{"usb0 active", "wlan0 backup"})

	ping := m.Ping(200 * time.Millisecond)
	netnstest.Eventually(t, ping.Answered)
	docked := ping.Result().Sent - 1 // that one may still be on its way

	dock.Remove()
	netnstest.Eventually(t, active(m.Host, "wlan0"))
	inStatus(t, m, "wlan0", []string{"usb0 absent", "wlan0 active"})
	netnstest.Eventually(t, ping.Answered)
	undocked := ping.Result().Sent

	dock.Insert()
	succeeds(t, m.Host, dockUp...)
	// For 4 s, its updelay, the dock is a backup. A status that is older than the end of that says so.
	st := status(t, m.Host)
	if attribute(m.Host, "bond0", "bonding", "active_slave") == "wlan0" && st.ActiveSlave != "wlan0" {
		t.Errorf("active slave in status: %q, want wlan0", st.ActiveSlave)
	}
	netnstest.Eventually(t, active(m.Host, "usb0"))
	inStatus(t, m, "usb0", []string{"usb0 active", "wlan0 backup"})
	netnstest.Eventually(t, ping.Answered)
	pinged := ping.Stop()
	t.Log(pinged)
	if lost := between(pinged.Lost, docked, undocked); len(lost) > 1 {
		t.Errorf("pings %v were lost as the dock was left, want one at most", lost)
	}
	if lost := between(pinged.Lost, undocked, pinged.Sent); len(lost) > 0 {
		t.Errorf("pings %v were lost as the dock came back, want none", lost)
	}

	succeeds(t, m.Host, "down")
	// The dock is another device by the same name now.
	i := slices.IndexFunc(before, func(l linkState) bool { return l.Name == dock.Name })
	before[i].Index = link(t, m.Host, dock.Name).Index
	sameLinks(t, m.Host, before)
}

// between picks the numbers from low up to, but without, high.
func between(list []int, low, high int) []int {
	return slices.DeleteFunc(slices.Clone(list), func(n int) bool { return n < low || n >= high })
}

// inStatus compares who is active, and as what the members are shown.
func inStatus(t *testing.T, m *netnstest.Machine, active string, roles []string) {
	t.Helper()
	st := status(t, m.Host)
	if st.ActiveSlave != active {
		t.Errorf("active slave in status: %q, want %s", st.ActiveSlave, active)
	}
	if diff := cmp.Diff(roles, st.roles()); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}
