package netnstest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// stopwatch times tests, from when they have their first machine to their end. The wait for the virtual
// machine, of which there is one, isn't theirs.
var stopwatch = struct {
	sync.Mutex
	took map[string]time.Duration // 0 while the test runs
}{took: map[string]time.Duration{}}

// timeTest starts the stopwatch for a test that makes a machine.
func timeTest(t TB) {
	stopwatch.Lock()
	defer stopwatch.Unlock()
	name, started := t.Name(), time.Now()
	if _, running := stopwatch.took[name]; running {
		return
	}
	stopwatch.took[name] = 0
	t.Cleanup(func() {
		stopwatch.Lock()
		defer stopwatch.Unlock()
		stopwatch.took[name] = time.Since(started)
	})
}

// printSlowest prints a table of the slowest tests, if there were more than fit into one.
func printSlowest(w io.Writer) {
	const most = 10
	stopwatch.Lock()
	defer stopwatch.Unlock()
	took := stopwatch.took
	if len(took) <= most {
		return
	}
	names := slices.SortedFunc(maps.Keys(took), func(a, b string) int { return cmp.Compare(took[b], took[a]) })
	fmt.Fprintf(w, "The %d slowest of %d tests with a machine:\n", most, len(names))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, name := range names[:most] {
		fmt.Fprintf(table, "%.1f s\t  %s\n", took[name].Seconds(), name)
	}
	_ = table.Flush()
}
