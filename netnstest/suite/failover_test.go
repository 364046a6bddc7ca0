package suite

import (
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// testDockAndWiFi is what bondctl is for: a laptop is lifted out of its dock and put back, and its
// address goes over to Wi-Fi and returns.
func testDockAndWiFi(t *testing.T) {
	m := netnstest.NewMachine(t)
	dock := m.USBDock()
	wifi := m.WiFi()
	before := links(t, m.Host)
	dockUp := []string{
		"up", "--once", "--updelay", "1s", "--primary", "usb0", "--member", "usb0", "--member", "wlan0", "--address", "192.0.2.10/24",
	}

	succeeds(t, m.Host, dockUp...)
	// Being enslaved costs the Wi-Fi its association; wpa_supplicant brings it back.
	netnstest.Eventually(t, wifi.Associated)
	netnstest.Eventually(t, usable(m.Host, "usb0", "wlan0"))
	inStatus(t, m, "usb0", []string{"usb0 active", "wlan0 backup"})
	sameFromOutside(t, m)

	pings := startPings(t, m.Host)
	pings.goesOver("wlan0", dock.Remove)
	inStatus(t, m, "wlan0", []string{"usb0 absent", "wlan0 active"})
	pings.goesOver("usb0", func() {
		dock.Insert()
		succeeds(t, m.Host, dockUp...)
		// For its updelay the dock is a backup. A status that is older than the end of that says so.
		st := status(t, m.Host)
		if active(m.Host, "wlan0")() == nil && st.ActiveSlave != "wlan0" {
			t.Errorf("active slave in status: %q, want wlan0", st.ActiveSlave)
		}
	})
	inStatus(t, m, "usb0", []string{"usb0 active", "wlan0 backup"})
	pings.stop()
	if *long {
		o := succeeds(t, m.Host, "drill", "--cut", "--target", netnstest.LANAddr)
		t.Log(o.Stdout)
		if !strings.Contains(o.Stdout, "\nundocking costs you ") {
			t.Error("it doesn't say what undocking costs")
		}
		inStatus(t, m, "usb0", []string{"usb0 active", "wlan0 backup"})
	}

	succeeds(t, m.Host, "down")
	// The dock is another device by the same name now.
	i := slices.IndexFunc(before, func(l linkState) bool { return l.Name == dock.Name })
	before[i].Index = link(t, m.Host, dock.Name).Index
	sameLinks(t, m.Host, before)
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
