package suite

import (
	"slices"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// TestKeeperLeaks takes a member out of the machine and puts it back, over and over: the right one is
// active each time, and the keeper holds no more at the end than it did after the first few.
func TestKeeperLeaks(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	h.Do(func() {
		writeFile(t, "/etc/bondctl/bond0.toml", "[[member]]\nname = \"eth0\"\n[[member]]\nname = \"eth1\"\n[ipv4]\nmethod = \"none\"\n")
	})
	cycle := func(times int) {
		t.Helper()
		for range times {
			eth0.Remove()
			netnstest.Eventually(t, active(h, "eth1"))
			eth0.Insert()
			netnstest.Eventually(t, active(h, "eth0"))
		}
	}
	// The collector is to keep the heap near what is in use, and not at twice as much and 4 MiB.
	const thrift = "GOGC=5"
	fresh := startDaemon(t, h, thrift)
	cycle(1)                               // as much has been started by then as will ever be
	netnstest.Eventually(t, fresh.quiet()) // it has asked for routers on the new path
	want := fresh.goroutines(t)

	keeper := startDaemon(t, h, thrift)
	cycle(sample(10, 200)) // buffers grow, and the history gets as long as it may
	netnstest.Eventually(t, keeper.quiet())
	before := keeper.holds(t)
	cycles, parts := sample(50, 1000), sample(5, 20)
	var memory []int
	for range parts {
		cycle(cycles / parts)
		memory = append(memory, keeper.holds(t).RssAnon)
	}
	netnstest.Eventually(t, keeper.quiet())
	after := keeper.holds(t)
	got := keeper.goroutines(t)
	t.Logf("%d cycles: %+v before, %+v after, own memory on the way %v KiB; goroutines %d, fresh %d",
		cycles, before, after, memory, got, want)

	if after.Descriptors != before.Descriptors {
		t.Errorf("the keeper has %d open descriptors, and had %d", after.Descriptors, before.Descriptors)
	}
	if got > want {
		t.Errorf("the keeper has %d goroutines, a fresh one %d:\n%s", got, want, keeper.Output())
	}
	// The Go runtime adds a thread now and then, when several are in system calls at once.
	if after.Threads > before.Threads+3 {
		t.Errorf("the keeper has %d threads, and had %d", after.Threads, before.Threads)
	}
	// The runtime's own needs go up and down by some 100 KiB. From the middle of the first third to
	// that of the last a leak of 4 kB a cycle makes 2.6 MiB in the long form.
	grown := median(memory[len(memory)-len(memory)/3:]) - median(memory[:len(memory)/3])
	// It may also step up once, by less than a huge page (2 MiB), and stay there.
	if most := sample(1024, 2048+256); grown > most {
		t.Errorf("the keeper's own memory has grown by %d KiB, want %d at most: %v", grown, most, memory)
	}
	succeeds(t, h, "down")
}

func median(list []int) int {
	return slices.Sorted(slices.Values(list))[len(list)/2]
}
