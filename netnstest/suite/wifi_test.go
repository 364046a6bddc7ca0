package suite

import (
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// testTwoRadios has a machine in range of two access points, each on a network of its own.
func testTwoRadios(t *testing.T) {
	m := netnstest.NewMachine(t)
	home, guest := m.WiFi(), m.RadioTo(m.OtherLAN())
	guest.StartAP()
	guest.StartSupplicant()
	netnstest.Eventually(t, guest.Associated)
	addAddress(t, m.Host, "192.0.2.10/24", home.Name)
	addAddress(t, m.Host, "198.51.100.10/24", guest.Name)
	for _, lan := range []*netnstest.LAN{m.LAN(), m.OtherLAN()} {
		netnstest.Eventually(t, m.PingTo(lan.Addr.Addr(), 100*time.Millisecond).Answered)
	}
}

// testMovedAP carries a machine to another place, where the Wi-Fi has the same name and key.
func testMovedAP(t *testing.T) {
	m := netnstest.NewMachine(t)
	w := m.WiFi()
	w.MoveAP(m.OtherLAN())
	addAddress(t, m.Host, "198.51.100.10/24", w.Name)
	netnstest.Eventually(t, m.PingTo(m.OtherLAN().Addr.Addr(), 100*time.Millisecond).Answered)
}

// testWrongKey: with it there is no association, and with the right one there is.
func testWrongKey(t *testing.T) {
	m := netnstest.NewMachine(t)
	w := m.Radio()
	w.StartAP()
	p := m.Start("wpa_supplicant", "-D", "nl80211", "-i", w.Name, "-c", w.WrongConfig(netnstest.Control))
	netnstest.Eventually(t, wrote(p, "WRONG_KEY"))
	if err := w.Associated(); err == nil || !strings.Contains(err.Error(), "isn't associated") {
		t.Errorf("with a wrong key: %v", err)
	}
	p.Stop()
	w.StartSupplicant()
	netnstest.Eventually(t, w.Associated)
}
