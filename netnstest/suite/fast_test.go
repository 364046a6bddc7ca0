package suite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// fastHost is a host with a bond of cables in order of preference. The first one is active.
func fastHost(t *testing.T, names []string, flags ...string) (*netnstest.Host, map[string]*netnstest.Cable) {
	t.Helper()
	h := netnstest.New(t)
	cables := map[string]*netnstest.Cable{}
	args := append([]string{"up", "--address", "192.0.2.10/24"}, flags...)
	for _, name := range names {
		cables[name] = h.Cable(name)
		args = append(args, "--member", name)
	}
	succeeds(t, h, args...)
	netnstest.Eventually(t, active(h, names[0]))
	netnstest.Eventually(t, usable(h, names...))
	t.Cleanup(func() { succeeds(t, h, "down") })
	return h, cables
}

// hour is a miimon at which the kernel sees nothing by itself.
const hour = "1h"

// TestFastFailover pulls cables where the kernel would look once an hour: each switch is the keeper's, and
// each return.
func TestFastFailover(t *testing.T) {
	t.Parallel()
	h, cables := fastHost(t, []string{"eth0", "eth1"})
	eth0 := cables["eth0"]
	pullUnseen(t, h, eth0)
	eth0.Plug() // the kernel hasn't seen it gone, and would never return
	netnstest.Eventually(t, active(h, "eth0"))
	netnstest.Eventually(t, happened(t, h, "failover eth1 eth0"))
	netnstest.Eventually(t, func() error { // an earlier one may have been the kernel's
		if e := lastOf(history(t, h), "failover eth0 eth1"); e.SwitchMS == nil {
			return fmt.Errorf("event %+v doesn't say how long the switch took", e)
		}
		return nil
	})

	// What comes and goes is left, and not returned to each time.
	for range 3 {
		eth0.Pull()
		netnstest.Eventually(t, active(h, "eth1"))
		eth0.Plug()
		netnstest.Eventually(t, h.Carrier("eth0", true))
	}
	netnstest.Eventually(t, healthSays(t, h, "bond0 returns to it once it has been calm for a while"))
	if err := active(h, "eth1")(); err != nil {
		t.Errorf("eth0 comes and goes, and yet: %v", err)
	}

	// Where it isn't wanted the kernel is left to choose.
	succeeds(t, h, "up", "--fast-failover", "false", "--miimon", hour, "--address", "192.0.2.10/24", "--member", "eth0", "--member", "eth1")
	succeeds(t, h, "switch", "eth0")
	keeper := keeperOf(t, h)
	eth0.Pull()
	netnstest.Eventually(t, h.Carrier("eth0", false))
	netnstest.Eventually(t, idle(keeper))
	if err := active(h, "eth0")(); err != nil {
		t.Error(err)
	}
	succeeds(t, h, "up", "--miimon", hour, "--address", "192.0.2.10/24", "--member", "eth0", "--member", "eth1")
	netnstest.Eventually(t, active(h, "eth1"))
}

// pullUnseen pulls the cable of the active member eth0 where the kernel would look once an hour. A look that it was about
// to take when it was told so comes all the same, and may see it: then it is done anew.
func pullUnseen(t *testing.T, h *netnstest.Host, eth0 *netnstest.Cable) {
	t.Helper()
	up := func(miimon string) {
		succeeds(t, h, "up", "--miimon", miimon, "--address", "192.0.2.10/24", "--member", "eth0", "--member", "eth1")
	}
	netnstest.Eventually(t, func() error {
		up(hour)
		eth0.Pull()
		netnstest.Eventually(t, active(h, "eth1"))
		if attribute(h, "eth0", "bonding_slave", "mii_status") == "up" {
			return nil
		}
		eth0.Plug()
		up("100")
		netnstest.Eventually(t, usable(h, "eth0", "eth1"))
		netnstest.Eventually(t, active(h, "eth0"))
		return errors.New("the kernel has seen it")
	})
}

// TestFailoverFigures measures what a pulled cable costs, by keeper and by kernel. The figures are for
// people; the long form holds them against each other.
func TestFailoverFigures(t *testing.T) {
	median := map[string]int{}
	for _, v := range sample([]string{"fast --miimon 100"}, []string{
		"fast --miimon 100", "fast --miimon 10", "slow --fast-failover=false --miimon 100", "kernel --once --miimon 100", "kernel --once --miimon 10",
	}) {
		h, cables := fastHost(t, []string{"eth0", "eth1"}, strings.Fields(v)[1:]...)
		frames, in := h.Frames("bond0", time.Millisecond), h.LAN().FramesTo(h, "bond0", time.Millisecond)
		var lost, outage, back, inLost []int
		for range sample(5, 100) {
			time.Sleep(time.Duration(100+rand.IntN(100)) * time.Millisecond) // at any phase of miimon
			mark, inMark := frames.Mark(), in.Mark()
			cables["eth0"].Pull()
			netnstest.Eventually(t, active(h, "eth1"))
			l, i := frames.Since(mark), in.Since(inMark)
			lost, outage, inLost = append(lost, l.Lost), append(outage, int(l.Outage.Microseconds())), append(inLost, i.Lost)
			netnstest.Eventually(t, sysfs(h, "down", "eth0", "bonding_slave", "mii_status"))
			mark = frames.Mark()
			cables["eth0"].Plug()
			netnstest.Eventually(t, active(h, "eth0"))
			back = append(back, frames.Since(mark).Lost)
		}
		for _, list := range [][]int{lost, outage, back, inLost} {
			slices.Sort(list)
		}
		middle, end := len(lost)/2, len(lost)-1
		t.Logf("%s: frames lost %d (worst %d), outage %d µs (worst %d); inwards %d (worst %d); on the way back %d (worst %d)",
			v, lost[middle], lost[end], outage[middle], outage[end], inLost[middle], inLost[end], back[middle], back[end])
		median[v] = lost[middle]
		frames.Stop()
		in.Stop()
		succeeds(t, h, "down")
	}
	if *long && 2*median["fast --miimon 100"] > median["kernel --once --miimon 10"] {
		t.Errorf("medians %v: fast isn't twice as good as the kernel at its best", median)
	}
}

// TestRandomPulls pulls, plugs, removes and inserts four members under traffic, in any order and as fast
// as it goes. Whenever it stops for a while, the first in the order of those that are there is active,
// and stays so. The keeper holds no more than before.
func TestRandomPulls(t *testing.T) {
	t.Parallel()
	p := pulls{t: t, names: []string{"eth0", "eth1", "eth2", "eth3"}, mii: map[string]string{}}
	p.h, p.cables = fastHost(t, p.names, "--updelay", "100")
	for _, name := range p.names {
		p.mii[name] = "up"
	}
	frames := p.h.Frames("bond0", 5*time.Millisecond)
	keeper := daemon{pid: keeperOf(t, p.h)}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var before *holds
	for step := range sample(100, 2000) {
		p.change(p.names[r.IntN(len(p.names))], []string{"pull", "plug", "remove", "insert"}[r.IntN(4)])
		if step%20 != 19 {
			time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
			continue
		}
		want := p.first()
		netnstest.Eventually(t, func() error { return p.rests(want) })
		if want != "" {
			frames.Since(frames.Mark()) // they arrive
		}
		if calming(p.h, want) {
			continue // the keeper has a timer
		}
		netnstest.Eventually(t, idle(keeper.pid))
		if err := active(p.h, want)(); err != nil {
			t.Fatalf("%s: %v, though nothing has happened since it was settled", p.lately(), err)
		}
		// It may listen at the ports of those that have just come. A leak grows with each step.
		if now := keeper.holds(t); before == nil {
			before = &now
		} else if now.Descriptors > before.Descriptors+len(p.names) {
			t.Fatalf("the keeper holds %+v, and held %+v", now, *before)
		}
	}
}

// pulls are what has been done to a host's cables.
type pulls struct {
	t      *testing.T
	h      *netnstest.Host
	names  []string // in order of preference
	cables map[string]*netnstest.Cable
	mii    map[string]string // of those that are there
	story  []string
}

// change does something to a cable, unless it is so already.
func (p *pulls) change(name, what string) {
	p.t.Helper()
	is, present := p.mii[name]
	switch {
	case what == "pull" && is == "up":
		p.cables[name].Pull()
		p.mii[name] = "down"
	case what == "plug" && is == "down":
		p.cables[name].Plug()
		p.mii[name] = "up"
	case what == "remove" && present:
		p.cables[name].Remove()
		delete(p.mii, name)
	case what == "insert" && !present:
		p.cables[name].Insert()
		p.mii[name] = "up"
	default:
		return
	}
	p.story = append(p.story, what+" "+name)
}

// first is who is to be active: the first of those that have a link; "" for nobody.
func (p *pulls) first() string {
	for _, name := range p.names {
		if p.mii[name] == "up" {
			return name
		}
	}
	return ""
}

// rests says whether the bond is as it is to be, or has another slave with a link active while the first one
// comes and goes too often.
func (p *pulls) rests(want string) error {
	err := settled(p.h, p.mii, want)
	now := attribute(p.h, "bond0", "bonding", "active_slave")
	if err == nil || calming(p.h, want) && settled(p.h, p.mii, now) == nil && p.mii[now] == "up" {
		return nil
	}
	return fmt.Errorf("%s: %w", p.lately(), err)
}

// lately is what happened last.
func (p *pulls) lately() string {
	return "after " + strings.Join(p.story[max(0, len(p.story)-20):], ", ")
}

// calming says whether a slave isn't returned to since it comes and goes.
func calming(h *netnstest.Host, slave string) bool {
	text, _ := os.ReadFile(bondFile(h, "keeper.json"))
	return slave != "" && strings.Contains(string(text), fmt.Sprintf(`"source":"failover","interface":%q`, slave))
}

// TestBouncing has the active member's cable bounce ten times a second. With the keeper the bond changes its
// active slave no more often than the kernel alone does, and loses no more.
func TestBouncing(t *testing.T) {
	t.Parallel()
	type outcome struct {
		changes int
		lost    netnstest.Lost
	}
	outcomes := map[string]outcome{}
	for _, v := range []string{"fast", "kernel --once"} {
		h, cables := fastHost(t, []string{"eth0", "eth1"}, strings.Fields(v)[1:]...)
		count := countFailovers(t, h)
		frames := h.Frames("bond0", 2*time.Millisecond)
		mark := frames.Mark()
		for end := time.Now().Add(sample(3*time.Second, time.Minute)); time.Now().Before(end); {
			cables["eth0"].Pull()
			time.Sleep(50 * time.Millisecond)
			cables["eth0"].Plug()
			time.Sleep(50 * time.Millisecond)
		}
		outcomes[v] = outcome{count(), frames.Since(mark)}
		t.Logf("%s: %d failovers, %s", v, outcomes[v].changes, outcomes[v].lost)
		frames.Stop()
	}
	fast, kernel := outcomes["fast"], outcomes["kernel --once"]
	// Before it is damped the keeper may leave and return twice.
	if fast.changes > kernel.changes+kernel.changes/2+4 {
		t.Errorf("%d failovers with the keeper, %d without", fast.changes, kernel.changes)
	}
	if *long && fast.lost.Lost > kernel.lost.Lost {
		t.Errorf("%s with the keeper, %s without", fast.lost, kernel.lost)
	}
}

// countFailovers counts how often bond0 changes its active slave, until it is asked.
func countFailovers(t *testing.T, h *netnstest.Host) (count func() int) {
	t.Helper()
	updates, done := make(chan netlink.LinkUpdate, 1024), make(chan struct{})
	var err error
	h.Do(func() {
		var ns netns.NsHandle
		if ns, err = netns.Get(); err == nil {
			defer ns.Close()
			err = netlink.LinkSubscribeWithOptions(updates, done, netlink.LinkSubscribeOptions{Namespace: &ns})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	counted := make(chan int)
	go func() {
		n, last := 0, -1
		for u := range updates {
			b, ok := u.Link.(*netlink.Bond)
			if !ok || b.ActiveSlave == last {
				continue
			}
			if last > 0 {
				n++
			}
			last = b.ActiveSlave
		}
		counted <- n
	}()
	return func() int { close(done); return <-counted }
}
