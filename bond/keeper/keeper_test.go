package keeper

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
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
			if _, err := w.wait(t.Context(), 0, false); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(start); got != want {
				t.Errorf("look %d after %s, want %s", i, got, want)
			}
		}
		time.Sleep(time.Hour)
		start = time.Now()
		changes <- struct{}{}
		if _, err := w.wait(t.Context(), 0, false); err != nil || time.Since(start) != 0 {
			t.Errorf("after an hour's silence: %s, %v", time.Since(start), err)
		}
	})
}

func TestWait(t *testing.T) {
	signal := func() chan struct{} { c := make(chan struct{}, 1); c <- struct{}{}; return c }
	closed := make(chan struct{})
	close(closed)
	tests := map[string]struct {
		waker  waker
		retry  time.Duration
		deaf   bool
		reload bool
		err    error
	}{
		"a change":            {waker: waker{changes: signal()}},
		"a change while deaf": {waker: waker{changes: signal()}, retry: time.Second, deaf: true},
		"a resume":            {waker: waker{resumes: signal()}},
		"a resume while deaf": {waker: waker{resumes: signal()}, retry: time.Hour, deaf: true},
		"resumes are lost":    {waker: waker{resumes: closed}, err: errLost},
		"a word from up":      {waker: waker{wake: signal()}},
		"a reload":            {waker: waker{reload: signal()}, reload: true},
		"time to try again":   {retry: time.Second},
		"messages are lost":   {waker: waker{changes: closed}, err: errLost},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				reload, err := test.waker.wait(context.Background(), test.retry, test.deaf)
				if wait := time.Since(start); wait > time.Second {
					t.Errorf("it took %s", wait)
				}
				if reload != test.reload || !errors.Is(err, test.err) {
					t.Errorf("got %t, %v; want %t, %v", reload, err, test.reload, test.err)
				}
			})
		})
	}
}
