package failover

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A walk has a watcher follow a driver, to which things happen.
type walk struct {
	t       testing.TB
	driver  *driver
	watcher *watcher
	now     time.Time
	log     []string
	returns map[int][]time.Time // that the watcher has made, by slave
	manual  int                 // the slave that was chosen by hand last
	old     int                 // how many of the driver's messages were there before this instant
}

func newWalk(t testing.TB, reselect uint8, updelay time.Duration) *walk {
	d := &driver{bonding: bonding{index: bondIndex, reselect: reselect, updelay: updelay, miimon: miimon, mode: modeActiveBackup}}
	d.tellBond()
	w := &walk{t: t, driver: d, watcher: newWatcher("bond0", func(_, _ slave) bool { return false }), now: time.Unix(1_000_000, 0), returns: map[int][]time.Time{}}
	w.watcher.on = true
	return w
}

func (w *walk) logf(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%8.3f ", w.now.Sub(time.Unix(1_000_000, 0)).Seconds())+fmt.Sprintf(format, args...))
}

func (w *walk) fail(format string, args ...any) {
	w.t.Helper()
	for _, line := range w.log[max(0, len(w.log)-60):] {
		w.t.Log(line)
	}
	w.t.Fatalf(format, args...)
}

// read has the watcher read what has been told by now, and act.
func (w *walk) read() {
	w.t.Helper()
	w.readSome(len(w.driver.queue))
}

// readSome has it read no more than the first n of that.
func (w *walk) readSome(n int) {
	w.t.Helper()
	for _, m := range w.driver.queue[:n] {
		if m.gone {
			w.watcher.gone(m.link.Index)
		} else {
			w.watcher.hear(m.link, w.now)
		}
	}
	w.driver.queue, w.old = w.driver.queue[n:], max(0, w.old-n)
	w.act()
}

func (w *walk) act() {
	w.t.Helper()
	for range 10 {
		to, _ := w.watcher.next(w.now)
		if to == 0 {
			return
		}
		from, _ := w.watcher.slave(w.watcher.bond.active)
		if err := w.driver.setActive(to); err != nil {
			w.logf("refused: %d to %d", from.index, to)
			w.watcher.refuse(to)
			continue
		}
		w.watcher.switched(to)
		w.logf("switched: %d to %d", from.index, to)
		if from.carrier {
			w.returned(to)
		}
	}
	w.fail("it switches on and on")
}

// returned holds a return against what damping allows: after two losses within a half-life none is made
// for as long.
func (w *walk) returned(to int) {
	w.t.Helper()
	times := append(w.returns[to], w.now)
	w.returns[to] = times
	if n := len(times); n >= 3 && times[n-1].Sub(times[n-3]) < halfLife {
		w.fail("slave %d was returned to three times within %v", to, times[n-1].Sub(times[n-3]))
	}
}

// pass lets time go by, in which the driver looks once a miimon. Whatever it tells is read at once if
// promptly, else some time later.
func (w *walk) pass(d time.Duration, promptly bool) {
	w.t.Helper()
	defer func() { w.old = len(w.driver.queue) }()
	for end := w.now.Add(d); w.now.Before(end); {
		step := miimon - w.now.Sub(time.Unix(1_000_000, 0))%miimon
		if until := end.Sub(w.now); until < step {
			w.now = end
			break
		}
		w.now = w.now.Add(step)
		active := w.driver.active
		w.driver.look()
		if w.driver.active != active {
			w.logf("the driver: %d to %d", active, w.driver.active)
		}
		if promptly {
			w.read()
		}
	}
}

// settled checks what must hold once nothing has happened for a while.
func (w *walk) settled() {
	w.t.Helper()
	w.read()
	w.pass(2*time.Minute, true)
	d := w.driver
	active := d.slaveCalled(d.active)
	for _, s := range d.slaves {
		if s.carrier && (active == nil || !active.carrier) {
			w.fail("%d has a link, and the active slave is %d", s.index, d.active)
		}
	}
	if active == nil {
		return
	}
	// Of slaves of one prio the driver selects the first when it selects anew, and it doesn't each time.
	choice := d.slaveCalled(d.choice(d.all(), slave.usable, w.watcher.faster))
	if choice != active && active.index != w.manual && (choice.index == d.primary || *choice.prio != *active.prio) {
		w.fail("it is stranded on %d, and the driver prefers %d", active.index, choice.index)
	}
	if w.watcher.bond.active != d.active {
		w.fail("it takes %d for the active slave, which is %d", w.watcher.bond.active, d.active)
	}
	if len(w.watcher.left) > 0 {
		w.fail("it still waits for %v", w.watcher.left)
	}
}

// next draws a number below n.
type source interface{ next(n int) int }

type seeded struct{ *rand.Rand }

func (s seeded) next(n int) int { return s.IntN(n) }

// wander lets things happen at random.
func wander(t testing.TB, r source, steps int) {
	t.Helper()
	updelay := []time.Duration{0, miimon, 400 * time.Millisecond, 4 * time.Second}[r.next(4)]
	w := newWalk(t, uint8(r.next(3)), updelay)
	d := w.driver
	prio := []func(int) int32{func(i int) int32 { return int32(-i) }, func(int) int32 { return 0 }, func(i int) int32 { return int32(i) }}[r.next(3)]
	w.logf("reselect %d, updelay %v", d.reselect, d.updelay)
	for i := range 1 + r.next(4) {
		d.enslave(i+1, prio(i), r.next(4) > 0)
	}
	d.primary = []int{0, 1, 2}[r.next(3)]
	if d.slaveCalled(d.primary) == nil {
		d.primary = 0
	}
	d.selectActive()
	w.read()
	for range steps {
		i := 1 + r.next(4)
		s := d.slaveCalled(i)
		switch what := r.next(10); {
		case s == nil && what < 3:
			w.logf("%d is enslaved", i)
			d.enslave(i, prio(i-1), r.next(2) == 0)
		case s == nil:
		case what == 0:
			w.logf("%d is removed", i)
			d.remove(s)
		case what == 1 && s.mii == miiUp && s.carrier:
			w.logf("%d is chosen by hand", i)
			_ = d.setActive(i)
			w.manual = i
		case what == 2:
			s.dormant = !s.dormant
			d.tell(s)
		default:
			w.logf("carrier of %d: %t", i, !s.carrier)
			d.setCarrier(s, !s.carrier)
		}
		switch r.next(3) {
		case 1:
			// It reads until there is nothing left, so only what is told right now may come too late.
			w.readSome(w.old + r.next(len(d.queue)-w.old+1))
		case 2:
			w.read()
		}
		w.pass([]time.Duration{0, time.Millisecond, 20 * time.Millisecond, 90 * time.Millisecond, 250 * time.Millisecond, 5 * time.Second}[r.next(6)], r.next(2) == 0)
		if r.next(8) == 0 {
			for _, s := range d.slaves {
				s.dormant = false
				d.tell(s)
			}
			w.settled()
		}
	}
	for _, s := range d.slaves {
		s.dormant = false
		d.tell(s)
	}
	w.settled()
}

// TestWalks has hundreds of walks end well: never is a slave with a link left aside for one without, nor
// the driver's own preference, and what comes and goes isn't returned to each time.
func TestWalks(t *testing.T) {
	for seed := range uint64(500) {
		wander(t, seeded{rand.New(rand.NewPCG(seed, 1))}, 40)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// bytesSource draws numbers from what a fuzzer gives.
type bytesSource struct{ rest []byte }

func (b *bytesSource) next(n int) int {
	if len(b.rest) == 0 {
		return 0
	}
	v := int(b.rest[0])
	b.rest = b.rest[1:]
	return v % n
}

func FuzzWalk(f *testing.F) {
	f.Add([]byte("active, backup"))
	f.Fuzz(func(t *testing.T, b []byte) { wander(t, &bytesSource{b}, min(len(b)/4, 200)) })
}
