package suite

import (
	"slices"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// TestFastFailover pulls the active member's cable under traffic, with the keeper's fast failover and
// without it. The figures are for people; what must hold on a slow machine, too, is that the switch
// didn't wait for miimon, which is as long as it can be here.
func TestFastFailover(t *testing.T) {
	for _, v := range []struct {
		name  string
		flags []string
		keep  bool
	}{
		{"fast", []string{"--miimon", "100"}, true},
		{"kernel 100", []string{"--miimon", "100"}, false},
		{"kernel 10", []string{"--miimon", "10"}, false},
	} {
		t.Run(v.name, func(t *testing.T) {
			h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
			eth0 := h.Cable("eth0")
			h.Cable("eth1")
			args := append([]string{"up", "--member", "eth0", "--member", "eth1", "--primary", "eth0", "--address", "192.0.2.10/24"}, v.flags...)
			if !v.keep {
				args = append(args, "--once")
			}
			succeeds(t, h, args...)
			netnstest.Eventually(t, active(h, "eth0"))
			frames := h.Frames("bond0", time.Millisecond)
			var lost []int
			var outage []time.Duration
			back := 0
			for range sample(20, 100) {
				time.Sleep(time.Duration(120+len(lost)*7%100) * time.Millisecond)
				mark := frames.Mark()
				eth0.Pull()
				netnstest.Eventually(t, active(h, "eth1"))
				l := frames.Since(mark)
				lost, outage = append(lost, l.Lost), append(outage, l.Outage)
				mark = frames.Mark()
				time.Sleep(150 * time.Millisecond)
				eth0.Plug()
				netnstest.Eventually(t, active(h, "eth0"))
				back += frames.Since(mark).Lost
			}
			slices.Sort(lost)
			slices.Sort(outage)
			t.Logf("frames lost: median %d, worst %d, all %v; outage: median %v; on the way back: %d in all", lost[len(lost)/2], lost[len(lost)-1], lost, outage[len(outage)/2], back)
			succeeds(t, h, "down")
		})
	}
}
