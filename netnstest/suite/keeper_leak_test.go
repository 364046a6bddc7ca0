package suite

import (
	"regexp"
	"slices"
	"strconv"
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
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"),
		"[[member]]\nname = \"eth0\"\n[[member]]\nname = \"eth1\"\n[ipv4]\nmethod = \"none\"\n")
	cycle := func(times int) {
		t.Helper()
		for range times {
			eth0.Remove()
			netnstest.Eventually(t, active(h, "eth1"))
			eth0.Insert()
			netnstest.Eventually(t, active(h, "eth0"))
		}
	}
	// The collector is to come often, and to tell what it finds.
	collector := []string{"GOGC=5", "GODEBUG=gcpacertrace=1"}
	fresh := startDaemon(t, h, collector...)
	cycle(1) // as much has been started by then as will ever be
	want := fresh.goroutines(t)

	keeper := startDaemon(t, h, collector...)
	cycle(sample(5, 200)) // buffers grow, and in the long form the history gets as long as it may
	netnstest.Eventually(t, idle(keeper.pid))
	before := keeper.holds(t)
	cycles, parts := sample(20, 1000), sample(2, 10)
	var heaps []int
	for range parts {
		seen := len(keeper.Output())
		cycle(cycles / parts)
		// The slower the machine, the more is seen in one look, and the less there is to collect.
		for more := 0; more < 200 && !collection.MatchString(keeper.Output()[seen:]); more++ {
			cycle(1)
		}
		heaps = append(heaps, leastHeap(t, keeper.Output()[seen:]))
	}
	netnstest.Eventually(t, idle(keeper.pid))
	after := keeper.holds(t)
	got := keeper.goroutines(t)
	t.Logf("%d cycles: %+v before, %+v after, the heap on the way %v; goroutines %d, fresh %d",
		cycles, before, after, heaps, got, want)

	if after.Descriptors != before.Descriptors {
		t.Errorf("the keeper has %d open descriptors, and had %d", after.Descriptors, before.Descriptors)
	}
	if got > want {
		t.Errorf("the keeper has %d goroutines, a fresh one %d:\n%s", got, want, keeper.Output())
	}
	// The Go runtime adds a thread when several are in system calls at once, the more often the slower the machine is,
	// and keeps it. A thread that a goroutine has for itself would leave the goroutine, too; here it is about one that
	// is left by every cycle, or by every fourth.
	if after.Threads > before.Threads+max(3, cycles/4) {
		t.Errorf("the keeper has %d threads, and had %d", after.Threads, before.Threads)
	}
	if grown := heaps[len(heaps)-1] - heaps[0]; grown > 256<<10 {
		t.Errorf("the keeper's heap has grown by %d bytes: %v", grown, heaps)
	}
	succeeds(t, h, "down")
}

// collection is what the Go runtime's gcpacertrace tells at the end of a collection: the heap's size at
// its begin and at its end.
var collection = regexp.MustCompile(`(?m)^pacer: .* in ([0-9]+) B -> ([0-9]+) B `)

// leastHeap is the smallest heap that the collector has found. It counts objects, and not what the runtime
// asks the kernel for in larger and larger steps; the smallest, for at other times a look is under way.
func leastHeap(t *testing.T, trace string) int {
	t.Helper()
	var sizes []int
	for _, match := range collection.FindAllStringSubmatch(trace, -1) {
		size, _ := strconv.Atoi(match[2])
		sizes = append(sizes, size)
	}
	if len(sizes) == 0 {
		t.Fatalf("the collector told of no collection:\n%s", trace)
	}
	return slices.Min(sizes)
}
