package suite

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// daemon is a keeper in the foreground.
type daemon struct {
	*netnstest.Process
	pid int
}

// startDaemon starts a keeper of bond0, whose configuration must be there, with additions to its
// environment, and waits until it is quiet.
func startDaemon(t *testing.T, h *netnstest.Host, env ...string) daemon {
	t.Helper()
	d := daemon{Process: h.Start("env", append(env, "bondctl", "daemon")...)}
	netnstest.Eventually(t, func() error {
		d.pid = keeperOf(t, h)
		_, err := os.Stat(fmt.Sprintf("/proc/%d", d.pid)) // it may be the one before
		return err
	})
	netnstest.Eventually(t, d.quiet())
	return d
}

// holds is what a process holds: its open descriptors, and from its status file (proc(5)) its
// threads, its resident memory, and what of that is its own and no file's, both in KiB.
type holds struct{ Descriptors, Threads, VmRSS, RssAnon int }

func (d daemon) holds(t *testing.T) holds {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.pid))
	if err != nil {
		t.Fatal(err)
	}
	now, err := numbers(fmt.Sprintf("/proc/%d/status", d.pid))
	if err != nil {
		t.Fatal(err)
	}
	return holds{len(files), now["Threads"], now["VmRSS"], now["RssAnon"]}
}

// switches are the times that each thread has left a processor. One that is woken, by whatever and
// however shortly, counts one more when it goes back to sleep (proc(5)).
func (d daemon) switches() (map[string]int, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", d.pid))
	if err != nil || len(threads) == 0 {
		return nil, fmt.Errorf("process %d has no threads (%w)", d.pid, err)
	}
	switches := map[string]int{}
	for _, file := range threads {
		now, err := numbers(file)
		if err != nil {
			return nil, err
		}
		switches[filepath.Base(filepath.Dir(file))] = now["voluntary_ctxt_switches"] + now["nonvoluntary_ctxt_switches"]
	}
	return switches, nil
}

// quiet is a condition for Eventually: for a second, no thread of the process has run.
func (d daemon) quiet() func() error {
	var last map[string]int
	var since time.Time
	return func() error {
		now, err := d.switches()
		if err != nil {
			return err
		}
		if !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
		// It may be asking for IPv6 routers, with pauses of two seconds.
		if time.Since(since) < 2500*time.Millisecond {
			return fmt.Errorf("process %d isn't quiet: %v", d.pid, now)
		}
		return nil
	}
}

// ran watches a process for a time, and returns the moments at which threads of it have run. What
// happens within a tenth of a second or two is one moment.
func (d daemon) ran(t *testing.T, watch time.Duration) (moments []time.Duration) {
	t.Helper()
	const look = 100 * time.Millisecond
	last, err := d.switches()
	if err != nil {
		t.Fatal(err)
	}
	start, before := time.Now(), -time.Hour
	for tick := range time.NewTicker(look).C {
		now, err := d.switches()
		if err != nil {
			t.Fatal(err)
		}
		at := tick.Sub(start)
		if !maps.Equal(now, last) {
			if at-before > 3*look {
				moments = append(moments, at)
			}
			before, last = at, now
		}
		if at >= watch {
			return moments
		}
	}
	return moments
}

// numbers reads the lines of a status file of /proc that have a number.
func numbers(file string) (map[string]int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	values := map[string]int{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if fields := strings.Fields(value); len(fields) > 0 {
			if n, err := strconv.Atoi(fields[0]); err == nil {
				values[name] = n
			}
		}
	}
	return values, nil
}

var goroutine = regexp.MustCompile(`(?m)^goroutine ([1-9][0-9]*) `)

// goroutines ends the keeper by SIGQUIT, upon which a Go program writes where each of its goroutines
// is, and counts them. It does so while the keeper is quiet.
func (d daemon) goroutines(t *testing.T) int {
	t.Helper()
	netnstest.Eventually(t, d.quiet())
	if err := d.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_ = d.Wait()               // it ends by a signal
	found := map[string]bool{} // each thread tells of its own once more
	for _, id := range goroutine.FindAllStringSubmatch(d.Output(), -1) {
		found[id[1]] = true
	}
	if len(found) == 0 {
		t.Fatalf("no goroutines in what the keeper wrote on SIGQUIT:\n%s", d.Output())
	}
	return len(found)
}
