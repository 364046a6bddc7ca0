package suite

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/netnstest"
)

// A machine's sleep, as the bond's keeper meets it: its members lose their link and get it back, and the
// wall clock has gone on. Nothing of the kernel's sleeps here, so timers don't stop. By a night, but not
// by a nap, the LAN's server takes the lease for expired.
const night, nap = 8 * time.Hour, 20 * time.Minute

// TestSuspend: after a sleep the bond has the right lease for where the machine woke, and its address
// still where that is the same place.
func TestSuspend(t *testing.T) {
	tests := map[string]struct {
		frozen bool // as all processes are in a sleep; else the keeper sees all of it
		sleep  func(h *netnstest.Host, cables ...*netnstest.Cable)
		wake   func(h *netnstest.Host, cables ...*netnstest.Cable)
		away   bool // it wakes on the other LAN
	}{
		"cables pulled":                {sleep: pull, wake: plug},
		"links set down":               {sleep: setDown, wake: setUp, frozen: true},
		"cables pulled, elsewhere":     {sleep: pull, wake: plug, away: true},
		"links set down, elsewhere":    {sleep: setDown, wake: setUp, frozen: true, away: true},
		"unnoticed, and carried away":  {sleep: nothing, wake: nothing, frozen: true, away: true},
		"unnoticed, in the same place": {sleep: nothing, wake: nothing, frozen: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := netnstest.New(t)
			h.LAN().DHCP()
			h.OtherLAN().DHCP()
			cables := []*netnstest.Cable{h.Cable("eth0"), h.Cable("eth1")}
			succeeds(t, h, "up", "--fail-over-mac", "active", "--member", "eth0", "--member", "eth1")
			t.Cleanup(func() { bondctl(t, h, "down") })
			netnstest.Eventually(t, usable(h, "eth0", "eth1"))
			netnstest.Eventually(t, leased(t, h, "192.0.2."))
			first := leaseOf(t, h)

			keeper := keeperOf(t, h)
			if tt.frozen {
				freeze(t, keeper)
			}
			tt.sleep(h, cables...)
			jumpClock(t, night)
			place := h.LAN()
			if tt.away {
				place = h.OtherLAN()
				for _, c := range cables {
					c.Move(place)
				}
			}
			tt.wake(h, cables...)
			thaw(t, keeper)
			back := time.Now()
			worksAt(t, h, place, back)
			if got := leaseOf(t, h); !tt.away && got != first {
				t.Errorf("the address is %s, and was %s", got, first)
			}
			if out := succeeds(t, h, "events").Stdout; !tt.away && strings.Contains(out, " lease "+first.String()) {
				t.Errorf("the lease was lost:\n%s", out)
			}
		})
	}
}

func nothing(*netnstest.Host, ...*netnstest.Cable) {}

func pull(_ *netnstest.Host, cables ...*netnstest.Cable) {
	for _, c := range cables {
		c.Pull()
	}
}

func plug(_ *netnstest.Host, cables ...*netnstest.Cable) {
	for _, c := range cables {
		c.Plug()
	}
}

// setDown is what some drivers do to their links before a sleep.
func setDown(h *netnstest.Host, cables ...*netnstest.Cable) {
	for _, c := range cables {
		h.Run("ip", "link", "set", c.Name, "down")
	}
}

func setUp(h *netnstest.Host, cables ...*netnstest.Cable) {
	for _, c := range cables {
		h.Run("ip", "link", "set", c.Name, "up")
	}
}

// freeze has a process do nothing until it is thawed, at the end of the test at the latest.
func freeze(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
}

func thaw(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

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

// noTrouble is a condition for Eventually.
func noTrouble(t *testing.T, h *netnstest.Host) func() error {
	return func() error {
		if st := status(t, h); st.Health != "ok" {
			return fmt.Errorf("health is %s: %s", st.Health, st.HealthReason)
		}
		return nil
	}
}

// jumpClock sets the wall clock forward, or back. When the test ends it is right again. The test must not
// run in parallel with others: there is one clock.
func jumpClock(t *testing.T, by time.Duration) {
	t.Helper()
	was := wallAhead(t)
	t.Cleanup(func() { setWallAhead(t, was) })
	setWallAhead(t, was+by)
}

// wallAhead is by how much the wall clock is ahead of the one that nobody sets.
func wallAhead(t *testing.T) time.Duration {
	t.Helper()
	var wall, boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &wall); err != nil {
		t.Fatal(err)
	}
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		t.Fatal(err)
	}
	return time.Duration(wall.Nano() - boot.Nano())
}

func setWallAhead(t *testing.T, by time.Duration) {
	t.Helper()
	var boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		t.Fatal(err)
	}
	wall := unix.NsecToTimespec(boot.Nano() + int64(by))
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &wall); err != nil {
		t.Fatal(err)
	}
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
	keeper := daemon{pid: keeperOf(t, h)}
	netnstest.Eventually(t, keeper.quiet())
	for _, by := range []time.Duration{10 * year, -20 * year, 10 * year} {
		asked := strings.Count(server.Output(), "DHCPREQUEST")
		jumpClock(t, by)
		netnstest.Eventually(t, keeper.quiet())
		if got := leaseOf(t, h); got != first {
			t.Errorf("the address is %s, and was %s", got, first)
		}
		expiry, err := time.Parse(time.RFC3339, leaseStatus(t, h)["expiry"].(string))
		if left := time.Until(expiry); err != nil || left < 50*time.Minute || left > time.Hour {
			t.Errorf("by the clock as it is, the lease ends in %v (%v)", left, err)
		}
		if got := strings.Count(server.Output(), "DHCPREQUEST") - asked; got != 1 {
			t.Errorf("the server was asked %d times for one jump, want once", got)
		}
	}
	if out := succeeds(t, h, "events").Stdout; strings.Count(out, " lease ") != 1 {
		t.Errorf("the lease was lost:\n%s", out)
	}
	if out := server.Output(); strings.Count(out, "DHCPDISCOVER") != 1 {
		t.Errorf("another lease was looked for:\n%s", out)
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
	m.Run("ip", "link", "set", "wlan0", "down")
	dock.Remove()
	wifi.MoveAP(m.OtherLAN())
	jumpClock(t, nap)
	m.Run("ip", "link", "set", "wlan0", "up")
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
	m.Run("ip", "link", "set", "wlan0", "down")
	wifi.MoveAP(m.LAN())
	dock.Insert()
	jumpClock(t, nap)
	m.Run("ip", "link", "set", "wlan0", "up")
	thaw(t, keeper)
	back = time.Now()
	worksAt(t, m.Host, m.LAN(), back)
	if got := leaseOf(t, m.Host); got != first {
		t.Errorf("back in the dock the address is %s, and was %s", got, first)
	}
	t.Log("\n" + succeeds(t, m.Host, "events").Stdout)
}
