package suite

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// testRoam: to change from one access point of a network to another is one event, and no failover. That the
// last one is out of range is a failover, which is told with its own time.
func testRoam(t *testing.T) {
	m := netnstest.NewMachine(t)
	wifi, other := m.Radio(), m.Radio()
	other.SSID = wifi.SSID
	wifi.StartAP()
	other.StartAP()
	file := filepath.Join(t.TempDir(), "wifi.toml")
	writeFile(t, file, fmt.Sprintf("[[member]]\nname = \"wlan0\"\nwpa_conf = %q\n[ipv4]\nmethod = \"none\"\n", wifi.Config(netnstest.Control)))
	succeeds(t, m.Host, "up", "--wait", "0", "--config", file)
	t.Cleanup(func() { bondctl(t, m.Host, "down") })
	netnstest.Eventually(t, wifi.Associated)
	netnstest.Eventually(t, keeperSees(m.Host, "wlan0"))

	keeper := keeperOf(t, m.Host)
	roamed := happened(t, m.Host, "roam wlan0 wlan0")
	var said []string
	for range 10 { // it may be too fast for the bond to notice, and on a slow machine too slow to be one
		said = append(said, "now at access point "+roamAway(t, m))
		netnstest.Eventually(t, wifi.Associated)
		netnstest.Eventually(t, idle(keeper)) // it has told what it saw, while wlan0 stays where it is
		if roamed() == nil {
			break
		}
	}
	netnstest.Eventually(t, roamed)
	if e := lastOf(history(t, m.Host), "roam wlan0 wlan0"); !slices.Contains(said, e.Message) {
		t.Errorf("the last roam is %+v, want one of %q", e, said)
	}

	wifi.StopAP()
	other.StopAP()
	netnstest.Eventually(t, happened(t, m.Host, "failover wlan0 "))
	var lost time.Time
	for _, e := range history(t, m.Host) {
		switch e.what() {
		case "failover wlan0 ":
			lost = e.Time
		case "failover  wlan0":
			if away := e.Time.Sub(lost); !lost.IsZero() && away < 5*time.Second {
				t.Errorf("it was away for %v, which is no failover: %+v", away, history(t, m.Host))
			}
		}
	}
	t.Log("\n" + succeeds(t, m.Host, "events").Stdout)
}

// roamAway has wpa_supplicant change to the access point that it isn't at, and returns which that is.
func roamAway(t *testing.T, m *netnstest.Machine) (to string) {
	t.Helper()
	cli := func(args ...string) string {
		return m.Run("wpa_cli", append([]string{"-p", "/run/wpa_supplicant", "-i", "wlan0"}, args...)...)
	}
	at := func() string {
		_, rest, _ := strings.Cut(cli("status"), "bssid=")
		bssid, _, _ := strings.Cut(rest, "\n")
		return bssid
	}
	from := at()
	cli("scan")
	netnstest.Eventually(t, func() error {
		for line := range strings.Lines(cli("scan_results")) {
			if fields := strings.Fields(line); fields[len(fields)-1] == netnstest.SSID && fields[0] != from {
				to = fields[0]
				return nil
			}
		}
		return fmt.Errorf("%s is the only access point in range", from)
	})
	cli("roam", to)
	netnstest.Eventually(t, func() error {
		if now := at(); now != to {
			return fmt.Errorf("it is at %q, want %s", now, to)
		}
		return nil
	})
	return to
}
