package suite

import (
	"errors"
	"maps"
	"syscall"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// TestKeeperIdle watches a keeper that has a lease, and to which nothing happens. It isn't run together with others: their
// docks are news to all of the machine.
func TestKeeperIdle(t *testing.T) {
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth1")
	h.Do(func() {
		writeFile(t, "/etc/bondctl/bond0.toml", "[[member]]\nname = \"eth0\"\n[[member]]\nname = \"eth1\"\n"+
			"[ipv4]\nmethod = \"dhcp\"\n")
	})
	h.LAN().DHCP()
	// The Go runtime collects garbage every two minutes even where there is none, unless it is told
	// never to, and once a minute it looks whether that is due (sysmon). Neither is the keeper's.
	keeper := startDaemon(t, h, "GOGC=off")
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	netnstest.Eventually(t, keeper.quiet())
	silence, most := sample(5*time.Second, time.Minute), sample(0, 1)
	moments := keeper.ran(t, silence)
	t.Logf("in %v it ran at %v; it holds %+v", silence, moments, keeper.holds(t))
	if len(moments) > most {
		t.Errorf("the idle keeper has run at %v, want %d times at most", moments, most)
	}

	// What would have woken it is counted.
	for what, wake := range map[string]func(){
		"a signal":   func() { _ = keeper.Signal(syscall.SIGUSR1) },
		"a new link": func() { h.Run("ip", "link", "add", "eth9", "type", "dummy") },
	} {
		netnstest.Eventually(t, keeper.quiet())
		before, err := keeper.switches()
		if err != nil {
			t.Fatal(err)
		}
		wake()
		netnstest.Eventually(t, func() error {
			now, err := keeper.switches()
			if err == nil && maps.Equal(now, before) {
				err = errors.New(what + " doesn't count as a wake-up")
			}
			return err
		})
	}
	succeeds(t, h, "down")
}
