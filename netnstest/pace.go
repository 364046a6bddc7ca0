package netnstest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// What is a long time depends on the machine: on its processor, on whether that is emulated, and on
// what else it has to do. So the limits here are those of a quiet machine that emulates, times how much
// slower this one was when the tests began.

// quietPatience is Patience on that machine.
const quietPatience = 20 * time.Second

// slowness is how many times slower than that machine this one was found at boot: from 1 to mostSlow.
var slowness = parseSlowness(os.Getenv(envSlow))

// mostSlow bounds it: on a machine that is still slower, a test that waits for what never comes must
// end, too.
const mostSlow = 10

func parseSlowness(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 1
	}
	return min(max(1, f), mostSlow)
}

// quietWork is what the work of measureSlowness takes on that machine.
const quietWork = 250 * time.Millisecond

// measureSlowness times a fixed piece of work, the kind of which tests have most: each processor
// starts programs.
func measureSlowness() float64 {
	const starts = 6
	started := time.Now()
	var work sync.WaitGroup
	for range runtime.NumCPU() {
		work.Go(func() {
			for range starts {
				_ = exec.Command("true").Run()
			}
		})
	}
	work.Wait()
	return min(max(1, time.Since(started).Seconds()/quietWork.Seconds()), mostSlow)
}

// slowEnv is how a process is told how slow its machine is.
func slowEnv() string { return fmt.Sprintf("%s=%.1f", envSlow, slowness) }

// tellSlowness says that limits are longer than usual, where they are a good deal longer.
func tellSlowness(w io.Writer) {
	if slowness >= 1.5 {
		fmt.Fprintf(w, "netnstest: this machine is %.1f times slower than a quiet one, so a condition may take %v to be met\n",
			slowness, Patience)
	}
}
