package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"golang.org/x/sys/unix"
)

// keeperOf is the process id of bond0's keeper.
func keeperOf(t *testing.T, h *netnstest.Host) int {
	t.Helper()
	return keeperOfBond(t, h, "bond0")
}

// keeperOfBond is keeperOf another bond, or of a group.
func keeperOfBond(t *testing.T, h *netnstest.Host, bond string) int {
	t.Helper()
	var id struct{ PID int }
	netnstest.Eventually(t, func() error {
		text, err := os.ReadFile(fileOf(h, bond, "keeper.json"))
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &id)
	})
	return id.PID
}

// ended is a condition for Eventually: there is no such process.
func ended(pid int) func() error {
	return func() error {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
			return fmt.Errorf("process %d goes on", pid)
		}
		return nil
	}
}

// kill sends a process a signal.
func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("%v to process %d: %v", sig, pid, err)
	}
}

// killed kills a process, and waits for its end.
func killed(t *testing.T, pid int) {
	t.Helper()
	kill(t, pid, syscall.SIGKILL)
	netnstest.Eventually(t, ended(pid))
}

// freeze has a process do nothing until it is thawed, at the end of the test at the latest. A signal
// takes its time to reach every thread.
func freeze(t *testing.T, pid int) {
	t.Helper()
	kill(t, pid, syscall.SIGSTOP)
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	netnstest.Eventually(t, func() error {
		for _, thread := range threads(pid) {
			if s, err := thread.state(); err != nil || s != "T" {
				return fmt.Errorf("thread %s isn't stopped: %q, %w", thread, s, err)
			}
		}
		return nil
	})
}

func thaw(t *testing.T, pid int) {
	t.Helper()
	kill(t, pid, syscall.SIGCONT)
}

// daemon is a keeper in the foreground.
type daemon struct {
	*netnstest.Process
	pid int
}

// startDaemon starts a keeper of bond0, whose configuration must be there, with additions to its
// environment, and waits until it is idle.
func startDaemon(t *testing.T, h *netnstest.Host, env ...string) daemon {
	t.Helper()
	cmd := h.Command("bondctl", "daemon")
	cmd.Env = append(os.Environ(), env...)
	return untilIdle(t, h, cmd)
}

// untilIdle starts that keeper.
func untilIdle(t *testing.T, h *netnstest.Host, cmd *netnstest.Cmd) daemon {
	t.Helper()
	d := daemon{Process: cmd.Background()}
	netnstest.Eventually(t, func() error {
		d.pid = keeperOf(t, h)
		_, err := os.Stat(fmt.Sprintf("/proc/%d", d.pid)) // it may be the one before
		return err
	})
	netnstest.Eventually(t, idle(d.pid))
	return d
}

// A thread is the folder of one in /proc (proc(5)).
type thread string

func threads(pid int) (list []thread) {
	dirs, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, dir := range dirs {
		list = append(list, thread(dir))
	}
	return list
}

// state is R for a thread that runs or could, S for one that sleeps.
func (th thread) state() (string, error) {
	text, err := os.ReadFile(filepath.Join(string(th), "stat"))
	if err != nil {
		return "", err
	}
	_, state, _ := strings.Cut(string(text), ") ")
	return state[:1], nil
}

// wakesItself says whether a thread runs or will do so within a minute if it gets no news. A sleeping
// one is in a system call, and of Go's own only the poller has the time of the next timer with it.
func (th thread) wakesItself() (bool, error) {
	if state, err := th.state(); err != nil || state != "S" {
		return true, err
	}
	text, err := os.ReadFile(filepath.Join(string(th), "syscall"))
	call := strings.Fields(string(text))
	if err != nil || len(call) < 5 {
		return true, err // it has begun to run
	}
	switch call[0] {
	case strconv.Itoa(unix.SYS_FUTEX), strconv.Itoa(unix.SYS_READ), strconv.Itoa(unix.SYS_RECVFROM), strconv.Itoa(unix.SYS_RECVMSG):
		return false, nil
	case strconv.Itoa(unix.SYS_PPOLL):
		return call[3] != "0x0", nil // the thread of fast failover has a time limit while it waits to return
	case strconv.Itoa(unix.SYS_EPOLL_PWAIT):
		timeout, err := strconv.ParseUint(call[4], 0, 64)
		return int32(timeout) >= 0 && int32(timeout) < int32(time.Minute/time.Millisecond), err
	}
	return true, nil
}

// idle is a condition for Eventually: the process sleeps and waits for news alone. That is what its
// threads wait for in the kernel, not how long they have been silent: a busy machine makes anybody silent.
func idle(pid int) func() error {
	return func() error {
		before, err := switches(pid)
		if err != nil {
			return err
		}
		for _, thread := range threads(pid) {
			wakes, err := thread.wakesItself()
			if err != nil {
				return err
			}
			if wakes {
				return fmt.Errorf("%s isn't idle", thread)
			}
		}
		after, err := switches(pid)
		if err == nil && !maps.Equal(before, after) {
			err = fmt.Errorf("process %d isn't idle: %v, and then %v", pid, before, after)
		}
		return err
	}
}

// switches are the times that each thread of a process has left a processor. One that is woken, by
// whatever and however shortly, counts one more when it goes back to sleep (proc(5)).
func switches(pid int) (map[thread]int, error) {
	switches := map[thread]int{}
	for _, thread := range threads(pid) {
		now, err := numbers(filepath.Join(string(thread), "status"))
		if err != nil {
			return nil, err
		}
		switches[thread] = now["voluntary_ctxt_switches"] + now["nonvoluntary_ctxt_switches"]
	}
	if len(switches) == 0 {
		return nil, fmt.Errorf("there is no process %d", pid)
	}
	return switches, nil
}

// ran is a condition for Eventually: since those were its switches, a thread of the process has run.
func ran(pid int, before map[thread]int) func() error {
	return func() error {
		now, err := switches(pid)
		if err == nil && maps.Equal(now, before) {
			err = errors.New("no thread has run")
		}
		return err
	}
}

// holds is what a process holds: its open descriptors, and from its status file (proc(5)) its
// threads and its resident memory in KiB: its own (RssAnon), and what it maps of the program (RssFile,
// or RssShmem as here, where the program is in a tmpfs).
type holds struct{ Descriptors, Threads, Own, Program int }

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
	return holds{len(files), now["Threads"], now["RssAnon"], now["RssFile"] + now["RssShmem"]}
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
// is, and counts them. It does so while the keeper is idle.
func (d daemon) goroutines(t *testing.T) int {
	t.Helper()
	netnstest.Eventually(t, idle(d.pid))
	kill(t, d.pid, syscall.SIGQUIT)
	_ = d.Wait() // it ends by a signal
	var found []string
	for _, id := range goroutine.FindAllStringSubmatch(d.Output(), -1) {
		found = append(found, id[1])
	}
	slices.Sort(found)
	found = slices.Compact(found) // each thread tells of its own once more
	if len(found) == 0 {
		t.Fatalf("no goroutines in what the keeper wrote on SIGQUIT:\n%s", d.Output())
	}
	return len(found)
}
