package suite

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// testTakeOverInUse is a laptop on its dock, as it is found: the dock's NIC has its address from a dhclient, and Wi-Fi
// is associated by a wpa_supplicant. While a session and a download run over the dock, up takes both into a
// bond and down lets them go, again and again. Neither connection breaks, and the address stays. (The long form:
// twenty times, and also with a NIC whose link needs no negotiation.)
func testTakeOverInUse(t *testing.T) {
	for _, model := range sample([]string{netnstest.E1000E}, []string{netnstest.E1000E, netnstest.VirtioNet}) {
		t.Run(model, func(t *testing.T) { takeOverInUse(t, model) })
	}
}

func takeOverInUse(t *testing.T, model string) {
	m := netnstest.NewMachine(t, netnstest.Private("/etc/dhcp", "/var/lib/dhcp"))
	for path, text := range dhclientFiles("send host-name = gethostname();\n") {
		writeFile(t, in(m.Host, path), text)
	}
	server := m.LAN().DHCP()
	dock := m.PCIDock(model)
	wifi := m.WiFi()
	linkUp(t, m.Host, dock.Name)
	netnstest.Eventually(t, m.Carrier(dock.Name, true))
	t.Cleanup(func() { endClients(t, m.Host) })
	if out, err := m.Command("dhclient", dock.Name).CombinedOutput(); err != nil {
		t.Fatalf("dhclient: %v\n%s", err, out)
	}
	address, err := addressOf(m.Host, dock.Name)
	if err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, hasLinkLocal(m.Host, dock.Name, wifi.Name))
	before := carriedLines(m.Host)
	session, download := m.Stream(), m.Download()
	var ups, downs []time.Duration
	for range sample(1, 20) {
		ups = append(ups, stalled(t, session, func() {
			succeeds(t, m.Host, "up", "--wait", "60s", "--member", dock.Name, "--member", wifi.Name)
		}))
		netnstest.Eventually(t, wifi.Associated)
		netnstest.Eventually(t, usable(m.Host, dock.Name, wifi.Name))
		netnstest.Eventually(t, leased(t, m.Host, address.String()+"/"))
		downs = append(downs, stalled(t, session, func() { succeeds(t, m.Host, "down") }))
		netnstest.Eventually(t, wifi.Associated)
		netnstest.Eventually(t, func() error { return sameLines(before, carriedLines(m.Host)) })
	}
	for what, err := range map[string]error{"session": session.Stop().Err, "download": download.Result().Err} {
		if err != nil {
			t.Errorf("the %s broke: %v", what, err)
		}
	}
	t.Logf("%v; the download: %v", session.Result(), download.Stop())
	t.Logf("longest gap of the session while up worked %v, and down %v", slices.Max(ups), slices.Max(downs))
	if n := questions(server, "DHCPRELEASE"); n > 0 {
		t.Errorf("%d leases were given back", n)
	}
}

// hasLinkLocal is a condition for Eventually: links have their link-local addresses for good.
func hasLinkLocal(h *netnstest.Host, names ...string) func() error {
	return func() error {
		for _, name := range names {
			if h.Run("ip", "-6", "-oneline", "address", "show", "dev", name, "scope", "link", "-tentative") == "" {
				return fmt.Errorf("%s has no link-local address yet", name)
			}
		}
		return nil
	}
}

// stalled is the longest gap of a stream while something is done, until it has moved again.
func stalled(t *testing.T, s *netnstest.Stream, do func()) time.Duration {
	t.Helper()
	s.Restart()
	do()
	netnstest.Eventually(t, s.Moved)
	return s.Result().Longest.Round(time.Millisecond)
}

// volatile lines are those of lifetimes, and of links that come and go by themselves.
var volatile = regexp.MustCompile(`valid_lft|^\d+: |tentative`)

// sameLines says whether two lists have the same lines, but for how long something still holds.
func sameLines(want, got []string) error {
	counts := func(lines []string) (some []string) {
		for _, line := range lines {
			if !volatile.MatchString(line) {
				some = append(some, line)
			}
		}
		slices.Sort(some)
		return some
	}
	if w, g := counts(want), counts(got); !slices.Equal(w, g) {
		return fmt.Errorf("not as before:\n%q\nand now\n%q", w, g)
	}
	return nil
}
