package dhcp

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"
)

// laptop is the clock of a machine that can be put to sleep. All else in a
// bubble of synctest's stands still then, as Go's timers do on a real one.
type laptop struct {
	start time.Time

	mu     sync.Mutex
	slept  time.Duration
	timers map[*time.Timer]time.Duration // and when they are due
}

func newLaptop() *laptop {
	return &laptop{start: time.Now(), timers: map[*time.Timer]time.Duration{}}
}

func (l *laptop) now() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.start) + l.slept
}

func (l *laptop) timer(d time.Duration) (<-chan time.Time, func()) {
	at := l.now() + d
	t := time.NewTimer(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timers[t] = at
	return t.C, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		t.Stop()
		delete(l.timers, t)
	}
}

// suspend puts the machine to sleep for so long. What was due in between is when
// it wakes up.
func (l *laptop) suspend(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slept += d
	for t, at := range l.timers {
		t.Reset(at - time.Since(l.start) - l.slept)
	}
}

// What is due in a sleep is done when the machine wakes up, without a word.
func TestSleep(t *testing.T) {
	tests := map[string]story{
		"T1": {
			events: func(r *run) {
				sleep(5 * time.Minute)
				r.suspend(40 * time.Minute)
			},
			sent:     []string{discover, choose, renew},
			reported: []string{isBound, isRenewed},
		},
		"T2": {
			events:   func(r *run) { r.suspend(55 * time.Minute) },
			sent:     []string{discover, choose, rebind},
			reported: []string{isBound, isRenewed},
		},
		"T2 while it is asked": {
			events: func(r *run) {
				r.serves(silent)
				sleep(31 * time.Minute)
				r.serves(lends(time.Hour))
				r.suspend(22 * time.Minute)
			},
			sent:     []string{discover, choose, renew, rebind},
			reported: []string{isBound, isKept, isRenewed},
		},
		"T2 within a pause": {
			events: func(r *run) {
				r.serves(silent)
				sleep(52*time.Minute + 15*time.Second)
				r.serves(lends(time.Hour))
				r.suspend(15 * time.Second)
			},
			sent:     []string{discover, choose, renew, renew, renew, renew, renew, renew, rebind},
			reported: []string{isBound, isKept, isRenewed},
		},
		"the lease's end": {
			events:   func(r *run) { r.suspend(time.Hour) },
			sent:     []string{discover, choose, wish, choose},
			reported: []string{isBound, isLost, isBound},
		},
		"the end of a pause": {
			network: func(n *network) { n.serve = silent },
			events: func(r *run) {
				sleep(45 * time.Second) // the next one is 32 seconds
				r.serves(lends(time.Hour))
				r.suspend(32 * time.Second)
			},
			sent:     []string{discover, discover, discover, discover, discover, choose},
			reported: []string{isQuiet, isBound},
		},
		"the end of a rest": {
			previous: past(time.Minute),
			network:  func(n *network) { n.serve = refuses },
			events: func(r *run) {
				r.serves(lends(time.Hour))
				r.suspend(6 * time.Second)
			},
			sent:     []string{reboot, discover, choose, discover, choose},
			reported: []string{isRefused, `silent: DHCP server 192.0.2.1 refuses the address: "no\n\x1b[2J"`, isBound},
		},
		"nothing": {
			events: func(r *run) {
				r.suspend(29 * time.Minute)
				sleep(59 * time.Second)
			},
			sent:     []string{discover, choose},
			reported: []string{isBound},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { tell(t, test) }) })
	}
}

// A lease that ends in a sleep is void at once, whatever question is open.
func TestSleepWhileAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.serve = silent
		r := runs(t, n, past(time.Minute)())
		sleep(5 * time.Minute)
		r.suspend(54 * time.Minute)
		if diff := cmp.Diff([]string{isKept, isLost}, r.reported()); diff != "" {
			t.Errorf("events (-want +got)\n%s", diff)
		}
	})
}

// A lease runs from the question, also when the machine slept before it heard
// the answer.
func TestSleepBeforeAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		r := runs(t, n, nil)
		r.serves(func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
			n.suspend(5 * time.Minute)
			return lends(time.Hour)(m)
		})
		sleep(30*time.Minute + 25*time.Minute)
		_, when := r.messages()
		want := []time.Duration{0, 0, 30 * time.Minute, 60 * time.Minute}
		if diff := cmp.Diff(want, when); diff != "" {
			t.Errorf("messages (-want +got)\n%s", diff)
		}
	})
}

// The timer is one of the kernel's that goes on in a sleep, and is gone when it
// is stopped.
func TestBootTimer(t *testing.T) {
	before := bootTimers(t)
	due, stop := bootTime{}.timer(time.Hour)
	if got := bootTimers(t); got != before+1 {
		t.Errorf("%d timers on CLOCK_BOOTTIME, want %d", got, before+1)
	}
	stop()
	if got := bootTimers(t); got != before {
		t.Errorf("%d timers on CLOCK_BOOTTIME after the stop, want %d", got, before)
	}
	select {
	case <-due:
		t.Error("a timer was due an hour early")
	default:
	}
	for _, d := range []time.Duration{-time.Hour, 0, time.Millisecond} {
		start := bootTime{}.now()
		due, stop := bootTime{}.timer(d)
		<-due
		if took := (bootTime{}).now() - start; took < d {
			t.Errorf("a timer of %s was due after %s", d, took)
		}
		stop()
	}
}

// bootTimers counts this process's timers on CLOCK_BOOTTIME (proc_pid_fdinfo(5)).
func bootTimers(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, f := range files {
		info, _ := os.ReadFile(f) // Glob's own descriptor is closed by now
		if bytes.Contains(info, fmt.Appendf(nil, "clockid: %d\n", unix.CLOCK_BOOTTIME)) {
			count++
		}
	}
	return count
}
