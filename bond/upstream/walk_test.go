package upstream

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A source draws numbers below n.
type source interface{ next(n int) int }

type seeded struct{ *rand.Rand }

func (s seeded) next(n int) int { return s.IntN(n) }

type bytesSource struct{ rest []byte }

func (b *bytesSource) next(n int) int {
	if len(b.rest) == 0 {
		return 0
	}
	v := int(b.rest[0])
	b.rest = b.rest[1:]
	return v % n
}

// A world is a bond with slaves, whose links and paths come and go, and a keeper that watches them.
type world struct {
	t      testing.TB
	r      source
	now    time.Time
	slaves []*thing
	active string
	aside  Aside
	limit  Limit
	made   []time.Time // switches
	log    []string
}

type thing struct {
	name  string
	prio  int
	up    bool
	loss  int // percent of what is asked that has no answer
	judge *Judge
}

func newWorld(t testing.TB, r source, n int) *world {
	w := &world{t: t, r: r, now: start, aside: Aside{}}
	for i := range n {
		w.slaves = append(w.slaves, &thing{name: string(rune('a' + i)), prio: -i, up: true, judge: NewJudge(Settings{Interval: time.Second, Fails: 3, Passes: 3}, 0)})
	}
	w.active = "a"
	return w
}

func (w *world) choice() Choice {
	c := Choice{Active: w.active, Reselect: Always}
	for _, s := range w.slaves {
		c.Slaves = append(c.Slaves, Slave{s.name, s.prio, s.up, s.judge.State()})
	}
	return c
}

// link has a link come or go. The kernel selects as it does.
func (w *world) link(s *thing) {
	s.up = !s.up
	w.logf("link of %s: %t", s.name, s.up)
	s.judge = NewJudge(s.judge.Settings, s.judge.Deaths())
	best := w.choice().preferred(func(Slave) bool { return true })
	if s.up && best == s.name || !s.up && w.active == s.name || w.active == "" {
		w.active = best
	}
}

func (w *world) logf(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%7.2f ", w.now.Sub(start).Seconds())+fmt.Sprintf(format, args...))
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		next := end
		for _, s := range w.slaves {
			if due := s.judge.Due(); s.up && due.Before(next) {
				next = due
			}
		}
		if next.After(w.now) {
			w.now = next
		}
		for _, s := range w.slaves {
			if was := s.judge.State(); s.up && s.judge.Tick(w.now) {
				if w.r.next(100) >= s.loss {
					s.judge.Answer(w.now.Add(time.Millisecond))
				}
				if s.judge.State() != was {
					w.logf("%s: %s", s.name, s.judge.State())
				}
			}
		}
		w.keep()
	}
}

// keep does what the keeper does.
func (w *world) keep() {
	c := w.choice()
	w.aside.Note(c)
	to := c.Next(w.aside)
	if to == "" || !w.limit.Wait(w.now).IsZero() {
		return
	}
	if c.state(to) == Dead {
		w.fail("%s is taken, whose path is dead", to)
	}
	w.logf("switch from %s to %s", w.active, to)
	w.active = to
	w.limit.Made(w.now)
	w.made = append(w.made, w.now)
	if n := len(w.made); n > mostSwitches && w.now.Sub(w.made[n-1-mostSwitches]) < time.Minute {
		w.fail("%d switches within a minute", mostSwitches+1)
	}
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	for _, line := range w.log[max(0, len(w.log)-60):] {
		w.t.Log(line)
	}
	w.t.Fatalf(format, args...)
}

// settled checks what must hold once nothing has happened for a while.
func (w *world) settled() {
	w.t.Helper()
	for _, s := range w.slaves {
		if s.loss != 100 {
			s.loss = 0
		}
	}
	w.pass(6 * time.Minute)
	want := w.choice().preferred(func(s Slave) bool { return s.State == OK })
	if want != "" && w.active != want {
		w.fail("%s is active, and %s is preferred and works", w.active, want)
	}
	n, active := len(w.made), w.active
	w.pass(time.Minute)
	if len(w.made) != n || w.active != active {
		w.fail("it doesn't rest")
	}
}

func wander(t testing.TB, r source, steps int) {
	t.Helper()
	w := newWorld(t, r, 2+r.next(3))
	for range steps {
		s := w.slaves[r.next(len(w.slaves))]
		switch r.next(4) {
		case 0:
			w.link(s)
		default:
			s.loss = []int{0, 100, 30, 60}[r.next(4)]
			w.logf("loss of %s: %d%%", s.name, s.loss)
		}
		w.pass([]time.Duration{0, 100 * time.Millisecond, 3 * time.Second, 10 * time.Second, time.Minute}[r.next(5)])
		if r.next(16) == 0 {
			w.settled()
		}
	}
	w.settled()
}

// TestWalks has hundreds of walks end well, whatever happened: a path that works is used, the preferred one
// first, and no minute has more than a few switches.
func TestWalks(t *testing.T) {
	for seed := range uint64(300) {
		wander(t, seeded{rand.New(rand.NewPCG(seed, 1))}, 40)
	}
}

func FuzzWalk(f *testing.F) {
	f.Add([]byte("links and paths"))
	f.Fuzz(func(t *testing.T, b []byte) { wander(t, &bytesSource{b}, min(len(b)/8, 50)) })
}

// TestRandomLoss has all paths lose 30% at random for ten minutes, a thousand times: hardly one has a
// switch, and none ping-pongs.
func TestRandomLoss(t *testing.T) {
	switched := 0
	for seed := range uint64(1000) {
		w := newWorld(t, seeded{rand.New(rand.NewPCG(seed, 2))}, 2)
		for _, s := range w.slaves {
			s.loss = 30
		}
		w.pass(10 * time.Minute)
		if n := len(w.made); n > 2 {
			w.fail("%d switches", n)
		} else if n > 0 {
			switched++
		}
	}
	if switched > 5 {
		t.Errorf("%d of 1000 times there was a switch", switched)
	}
}

// TestHalfLost has the preferred path lose half of what is asked, and as much of what is answered: it is left
// now and then, and returned to less and less often.
func TestHalfLost(t *testing.T) {
	for seed := range uint64(50) {
		w := newWorld(t, seeded{rand.New(rand.NewPCG(seed, 3))}, 2)
		w.slaves[0].loss = 75
		w.pass(time.Hour)
		if n := len(w.made); n > 30 {
			w.fail("%d switches in an hour", n)
		}
	}
}
