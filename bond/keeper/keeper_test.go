package keeper

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bondctl/bondctl/bond"
)

func TestRetries(t *testing.T) {
	var f failures
	want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60}
	for i, w := range want {
		if got := f.next(); got != w*time.Second {
			t.Errorf("after failure %d: %s, want %s", i+1, got, w*time.Second)
		}
	}
	f = 0
	if got := f.next(); got != time.Second {
		t.Errorf("after the next failure: %s, want 1s", got)
	}
}

// The first event of a burst is acted upon at once, the rest together.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := make(chan struct{}, 1)
		w := waker{changes: changes}
		start := time.Now()
		for i, want := range []time.Duration{0, settle, 2 * settle} {
			changes <- struct{}{}
			if err := w.wait(t.Context(), 0, 0); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(start); got != want {
				t.Errorf("look %d after %s, want %s", i, got, want)
			}
		}
		time.Sleep(time.Hour)
		start = time.Now()
		changes <- struct{}{}
		if err := w.wait(t.Context(), 0, 0); err != nil || time.Since(start) != 0 {
			t.Errorf("after an hour's silence: %s, %v", time.Since(start), err)
		}
	})
}

func TestWait(t *testing.T) {
	signal := func() chan struct{} { c := make(chan struct{}, 1); c <- struct{}{}; return c }
	closed := func() chan struct{} { c := make(chan struct{}); close(c); return c }
	silence := func() waker { return waker{} }
	tests := map[string]struct {
		waker       func() waker // made in the bubble, or its clock would stand still
		retry, deaf time.Duration
		after       time.Duration
		called      string
		err         error
	}{
		"a change":               {waker: func() waker { return waker{changes: signal()} }},
		"a change while deaf":    {waker: func() waker { return waker{changes: signal()} }, retry: time.Minute, deaf: time.Second, after: time.Minute},
		"a retry while deaf":     {waker: silence, retry: time.Second, deaf: time.Minute, after: time.Second},
		"a word from up":         {waker: func() waker { return waker{wake: signal()} }, called: "asked"},
		"a reload":               {waker: func() waker { return waker{reload: signal()} }, called: "reloaded"},
		"a resume while deaf":    {waker: func() waker { return waker{resumes: signal()} }, deaf: time.Minute, called: "resumed"},
		"time to try again":      {waker: silence, retry: time.Second, after: time.Second},
		"messages are lost":      {waker: func() waker { return waker{changes: closed()} }, err: errLost},
		"messages are lost soon": {waker: func() waker { return waker{changes: closed()} }, deaf: time.Second, after: time.Second, err: errLost},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				called := ""
				w, start := test.waker(), time.Now()
				w.asked = func() { called += "asked" }
				w.reloaded = func() { called += "reloaded" }
				w.resumed = func() { called += "resumed" }
				err := w.wait(context.Background(), test.retry, test.deaf)
				if got := time.Since(start); got != test.after || called != test.called || !errors.Is(err, test.err) {
					t.Errorf("after %s: called %q, %v; want %s, %q, %v", got, called, err, test.after, test.called, test.err)
				}
			})
		})
	}
}

// A change that comes once the echo of the last look is over is heard, however
// long the next try is away.
func TestHearsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := make(chan struct{}, 1)
		w, start := waker{changes: changes}, time.Now()
		time.AfterFunc(2*time.Second, func() { changes <- struct{}{} })
		if err := w.wait(t.Context(), time.Minute, time.Second); err != nil || time.Since(start) != 2*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// aPlan takes a device, by its ifindex, into a bond that isn't there yet.
func aPlan(t *testing.T, index int) bond.Plan {
	t.Helper()
	config, err := bond.NewConfig("bond0", []bond.Setting{{Key: "member", Value: "eth0"}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := bond.NewPlan(config, bond.State{Name: "bond0", Links: []bond.Link{{Name: "eth0", Index: index}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestContested(t *testing.T) {
	add, other := aPlan(t, 3), aPlan(t, 4)
	now := time.Now()
	var c contest
	for i := range contestTimes {
		now = now.Add(time.Second)
		_ = c.contested(bond.Plan{}, now) // the look that finds all well
		if err := c.contested(add, now); (err != nil) != (i == contestTimes-1) {
			t.Errorf("time %d: %v", i+1, err)
		}
	}
	if err := c.contested(other, now); err != nil {
		t.Errorf("another plan: %v", err)
	}
	if err := c.contested(add, now); err != nil {
		t.Errorf("after another plan: %v", err)
	}
	for i := range 2 * contestTimes {
		now = now.Add(time.Second)
		if err := c.contested(aPlan(t, 10+i), now); err != nil {
			t.Errorf("a device that comes and goes: %v", err)
		}
	}
	for range contestTimes {
		now = now.Add(time.Minute)
		if err := c.contested(add, now); err != nil {
			t.Errorf("once a minute: %v", err)
		}
	}
}
