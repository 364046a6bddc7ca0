package suite

import (
	"maps"
	"syscall"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/vishvananda/netlink"
)

// TestKeeperIdle watches a keeper that has a lease, and to which nothing happens: that others on the network
// ask for each other is none of its business. It isn't run together with others: their docks are news to all
// of the machine.
func TestKeeperIdle(t *testing.T) {
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth1")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"),
		"[[member]]\nname = \"eth0\"\n[[member]]\nname = \"eth1\"\n[ipv4]\nmethod = \"dhcp\"\n")
	h.LAN().DHCP()
	// The Go runtime collects garbage every two minutes even where there is none, unless it is told
	// never to, and once a minute it looks whether that is due (sysmon). Neither is the keeper's.
	keeper := startDaemon(t, h, "GOGC=off")
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	h.LAN().Start("ping", "-q", "192.0.2.77") // nobody has it, so all are asked each second
	netnstest.Eventually(t, idle(keeper.pid))
	// So it has no timer that ends within a minute. And none that it shouldn't have wakes it now.
	silence, most := sample(2*time.Second, time.Minute), sample(0, 1)
	times := wakeUps(t, keeper.pid, silence)
	for range 3 {
		if times <= most {
			break
		}
		times = wakeUps(t, keeper.pid, silence) // IPv6 may just have found its addresses free
	}
	t.Logf("in %v it ran %d times; it holds %+v", silence, times, keeper.holds(t))
	if times > most {
		t.Errorf("the idle keeper has run %d times, want %d at most", times, most)
	}

	// What would have woken it is counted.
	for what, wake := range map[string]func(){
		"a signal": func() { kill(t, keeper.pid, syscall.SIGUSR1) },
		"a new link": func() {
			if err := h.Netlink().LinkAdd(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "eth9"}}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		netnstest.Eventually(t, idle(keeper.pid))
		before, err := switches(keeper.pid)
		if err != nil {
			t.Fatal(err)
		}
		wake()
		t.Log(what)
		netnstest.Eventually(t, ran(keeper.pid, before))
	}
	succeeds(t, h, "down")
}

// wakeUps watches a process, and counts how often it has run. What happens within a tenth of a second or
// two is once.
func wakeUps(t *testing.T, pid int, watch time.Duration) (times int) {
	t.Helper()
	last, err := switches(pid)
	if err != nil {
		t.Fatal(err)
	}
	runs := false
	for end := time.Now().Add(watch); time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
		now, err := switches(pid)
		if err != nil {
			t.Fatal(err)
		}
		ran := !maps.Equal(now, last)
		if ran && !runs {
			times++
		}
		runs, last = ran, now
	}
	return times
}
