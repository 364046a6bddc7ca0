package suite

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// A machine's sleep, as the bond's keeper meets it: its members lose their link and get it back, and the
// wall clock has gone on. Nothing of the kernel's sleeps here, so timers don't stop. By a night, but not
// by a nap, the LAN's server takes the lease for expired.
const night, nap = 8 * time.Hour, 20 * time.Minute

// sleeps are the ways of a machine to fall asleep and to wake.
var sleeps = map[string]struct {
	frozen bool // as all processes are in a sleep; else the keeper sees all of it
	sleep  func(s *sleeper)
	wake   func(s *sleeper)
	away   bool // it wakes on the other LAN
}{
	"cables pulled":                {sleep: (*sleeper).pull, wake: (*sleeper).plug},
	"links set down":               {sleep: (*sleeper).setDown, wake: (*sleeper).setUp, frozen: true},
	"cables pulled, elsewhere":     {sleep: (*sleeper).pull, wake: (*sleeper).plug, away: true},
	"links set down, elsewhere":    {sleep: (*sleeper).setDown, wake: (*sleeper).setUp, frozen: true, away: true},
	"unnoticed, and carried away":  {sleep: (*sleeper).nothing, wake: (*sleeper).nothing, frozen: true, away: true},
	"unnoticed, in the same place": {sleep: (*sleeper).nothing, wake: (*sleeper).nothing, frozen: true},
}

// sleeper is a machine with a bond of two that falls asleep.
type sleeper struct {
	*netnstest.Host
	t      *testing.T
	cables []*netnstest.Cable
	keeper int
	first  netip.Prefix // its lease before
	back   time.Time
}

// TestSuspend: after a sleep the bond has the right lease for where the machine woke, and its address
// still where that is the same place. There is one clock, so all sleep through the same night.
func TestSuspend(t *testing.T) {
	sleepers := map[string]*sleeper{}
	for name := range sleeps {
		sleepers[name] = &sleeper{Host: netnstest.New(t), t: t}
	}
	t.Run("evening", func(t *testing.T) {
		for name, s := range sleepers {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.begin(t)
			})
		}
	})
	for name, s := range sleepers {
		if sleeps[name].frozen {
			freeze(t, s.keeper)
		}
		sleeps[name].sleep(s)
	}
	jumpClock(t, night)
	for name, s := range sleepers {
		if sleeps[name].away {
			for _, c := range s.cables {
				c.Move(s.OtherLAN())
			}
		}
		sleeps[name].wake(s)
		thaw(t, s.keeper)
		s.back = time.Now()
	}
	t.Run("morning", func(t *testing.T) {
		for name, s := range sleepers {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if sleeps[name].away {
					worksAt(t, s.Host, s.OtherLAN(), s.back)
				} else {
					s.hasKept(t)
				}
			})
		}
	})
}

// begin makes the bond, and waits for its lease.
func (s *sleeper) begin(t *testing.T) {
	s.LAN().DHCP()
	s.OtherLAN().DHCP()
	s.cables = []*netnstest.Cable{s.Cable("eth0"), s.Cable("eth1")}
	succeeds(t, s.Host, "up", "--fail-over-mac", "active", "--member", "eth0", "--member", "eth1")
	s.t.Cleanup(func() { bondctl(s.t, s.Host, "down") })
	netnstest.Eventually(t, usable(s.Host, "eth0", "eth1"))
	netnstest.Eventually(t, leased(t, s.Host, "192.0.2."))
	s.first = leaseOf(t, s.Host)
	s.keeper = keeperOf(t, s.Host)
}

// hasKept checks that it works where it was, with the lease that it had all the time.
func (s *sleeper) hasKept(t *testing.T) {
	t.Helper()
	worksAt(t, s.Host, s.LAN(), s.back)
	if got := leaseOf(t, s.Host); got != s.first {
		t.Errorf("the address is %s, and was %s", got, s.first)
	}
	if out := succeeds(t, s.Host, "events").Stdout; strings.Contains(out, " lease "+s.first.String()) {
		t.Errorf("the lease was lost:\n%s", out)
	}
}

func (s *sleeper) nothing() {}

func (s *sleeper) pull() {
	for _, c := range s.cables {
		c.Pull()
	}
}

func (s *sleeper) plug() {
	for _, c := range s.cables {
		c.Plug()
	}
}

// setDown is what some drivers do to their links before a sleep.
func (s *sleeper) setDown() { linkDown(s.t, s.Host, "eth0", "eth1") }

func (s *sleeper) setUp() { linkUp(s.t, s.Host, "eth0", "eth1") }

// worksAt checks that the bond comes to work on a network, with its lease and its only default route, and
// tells how long that took since its members were back.
func worksAt(t *testing.T, h *netnstest.Host, place *netnstest.LAN, back time.Time) {
	t.Helper()
	router := place.Addr.Addr()
	ping := h.PingTo(router, 50*time.Millisecond)
	netnstest.Eventually(t, ping.Answered)
	ping.Stop()
	answered := time.Since(back)
	begins, _, _ := strings.Cut(router.String(), ".1")
	netnstest.Eventually(t, leased(t, h, begins))
	netnstest.Eventually(t, defaultRoute(h, router.String()))
	netnstest.Eventually(t, noTrouble(t, h))
	t.Logf("%s answers a ping after %v; all is well and said so after %v",
		router, answered.Round(time.Millisecond), time.Since(back).Round(time.Millisecond))
}

// A clock that is set by years, as on a board that hears the time late, costs the lease nothing but a
// question: by a sleep it might be over.
func TestClockSet(t *testing.T) {
	const year = 365 * 24 * time.Hour
	h := netnstest.New(t)
	server := h.LAN().DHCP()
	h.Cable("eth0")
	succeeds(t, h, "up", "--member", "eth0")
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	first := leaseOf(t, h)
	keeper := keeperOf(t, h)
	netnstest.Eventually(t, idle(keeper))
	for _, by := range []time.Duration{10 * year, -20 * year, 10 * year} {
		asked := questions(server, "DHCPREQUEST")
		before, err := switches(keeper)
		if err != nil {
			t.Fatal(err)
		}
		jumpClock(t, by)
		netnstest.Eventually(t, ran(keeper, before))
		netnstest.Eventually(t, idle(keeper))
		if got := leaseOf(t, h); got != first {
			t.Errorf("the address is %s, and was %s", got, first)
		}
		if left := time.Until(status(t, h).Lease.Expiry); left < 30*time.Minute || left > time.Hour {
			t.Errorf("by the clock as it is, the lease ends in %v", left)
		}
		if questions(server, "DHCPREQUEST") == asked {
			t.Error("the server wasn't asked")
		}
	}
	if out := succeeds(t, h, "events").Stdout; strings.Count(out, " lease ") != 1 {
		t.Errorf("the lease was lost:\n%s", out)
	}
}

// TestSuspendLaptop: a laptop falls asleep in its dock and wakes elsewhere on Wi-Fi, and the other way
// round. Its driver sets the Wi-Fi interface down, the dock is gone when it wakes.
func TestSuspendLaptop(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.LAN().DHCP()
	m.OtherLAN().DHCP()
	dock := m.USBDock()
	wifi := m.Radio()
	wifi.StartAP()
	succeeds(t, m.Host, "up", "--config", laptopConfig(t, wifi.Config(netnstest.Control)))
	t.Cleanup(func() { bondctl(t, m.Host, "down") })
	netnstest.Eventually(t, leased(t, m.Host, "192.0.2."))
	netnstest.Eventually(t, wifi.Associated)
	netnstest.Eventually(t, usable(m.Host, "usb0", "wlan0"))
	first := leaseOf(t, m.Host)
	keeper := keeperOf(t, m.Host)

	freeze(t, keeper)
	linkDown(t, m.Host, "wlan0")
	dock.Remove()
	wifi.MoveAP(m.OtherLAN())
	jumpClock(t, nap)
	linkUp(t, m.Host, "wlan0")
	thaw(t, keeper)
	back := time.Now()
	netnstest.Eventually(t, wifi.Associated)
	t.Logf("associated after %v", time.Since(back).Round(time.Millisecond))
	netnstest.Eventually(t, leased(t, m.Host, "198.51.100."))
	netnstest.Eventually(t, defaultRoute(m.Host, netnstest.OtherLANAddr))
	ping := m.PingTo(netip.MustParseAddr(netnstest.OtherLANAddr), 50*time.Millisecond)
	netnstest.Eventually(t, ping.Answered)
	ping.Stop()
	t.Logf("elsewhere, on Wi-Fi, it works after %v", time.Since(back).Round(time.Millisecond))

	freeze(t, keeper)
	linkDown(t, m.Host, "wlan0")
	wifi.MoveAP(m.LAN())
	dock.Insert()
	jumpClock(t, nap)
	linkUp(t, m.Host, "wlan0")
	thaw(t, keeper)
	back = time.Now()
	worksAt(t, m.Host, m.LAN(), back)
	if got := leaseOf(t, m.Host); got != first {
		t.Errorf("back in the dock the address is %s, and was %s", got, first)
	}
	t.Log("\n" + succeeds(t, m.Host, "events").Stdout)
}
