package keeper

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The first event of a burst is acted upon at once, the rest together.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := make(chan struct{}, 1)
		w := triggers{changes: changes}
		start := time.Now()
		for i, want := range []time.Duration{0, settleTime, 2 * settleTime} {
			changes <- struct{}{}
			if _, err := w.wait(t.Context(), 0, 0); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(start); got != want {
				t.Errorf("look %d after %s, want %s", i, got, want)
			}
		}
		time.Sleep(time.Hour)
		start = time.Now()
		changes <- struct{}{}
		if _, err := w.wait(t.Context(), 0, 0); err != nil || time.Since(start) != 0 {
			t.Errorf("after an hour's silence: %s, %v", time.Since(start), err)
		}
	})
}

func TestWait(t *testing.T) {
	signal := func() chan struct{} { c := make(chan struct{}, 1); c <- struct{}{}; return c }
	closed := func() chan struct{} { c := make(chan struct{}); close(c); return c }
	silence := func() triggers { return triggers{} }
	tests := map[string]struct {
		triggers    func() triggers // made in the bubble, or its clock would stand still
		retry, deaf time.Duration
		after       time.Duration
		want        news
		err         error
	}{
		"a change":               {triggers: func() triggers { return triggers{changes: signal()} }},
		"a change while deaf":    {triggers: func() triggers { return triggers{changes: signal()} }, retry: time.Minute, deaf: time.Second, after: time.Minute},
		"a retry while deaf":     {triggers: silence, retry: time.Second, deaf: time.Minute, after: time.Second},
		"a word from up":         {triggers: func() triggers { return triggers{asked: signal()} }, want: news{asked: true}},
		"a reload":               {triggers: func() triggers { return triggers{reload: signal()} }, want: news{reload: true}},
		"a resume while deaf":    {triggers: func() triggers { return triggers{resumes: signal()} }, deaf: time.Minute, want: news{resumed: true}},
		"time to try again":      {triggers: silence, retry: time.Second, after: time.Second},
		"messages are lost":      {triggers: func() triggers { return triggers{changes: closed()} }, err: errLost},
		"messages are lost soon": {triggers: func() triggers { return triggers{changes: closed()} }, deaf: time.Second, after: time.Second, err: errLost},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, start := test.triggers(), time.Now()
				got, err := w.wait(t.Context(), test.retry, test.deaf)
				if after := time.Since(start); after != test.after || !errors.Is(err, test.err) {
					t.Errorf("after %s: %v; want %s, %v", after, err, test.after, test.err)
				}
				if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(news{})); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		})
	}
}

// What tasks report while a burst goes on is taken at once, for they wait for that,
// and comes with the next look.
func TestReportsInABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reports := make(chan []report)
		w := triggers{reports: reports, last: time.Now()}
		var free time.Duration
		start := time.Now()
		go func() {
			reports <- []report{1, 2}
			reports <- []report{3}
			free = time.Since(start)
		}()
		got, err := w.wait(t.Context(), 0, 0)
		synctest.Wait()
		if err != nil || free != 0 || time.Since(start) != settleTime {
			t.Errorf("the task was free after %s, the look is due after %s: %v", free, time.Since(start), err)
		}
		if diff := cmp.Diff([]report{1, 2, 3}, got.reports); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// When the end closes the channels, that is no loss.
func TestEnd(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := triggers{changes: closed, resumes: closed}
	for range 100 {
		if _, err := w.wait(ctx, 0, 0); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

// A change that comes once the echo of the last look is over is heard, however
// long the next try is away.
func TestHearsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := make(chan struct{}, 1)
		w, start := triggers{changes: changes}, time.Now()
		time.AfterFunc(2*time.Second, func() { changes <- struct{}{} })
		if _, err := w.wait(t.Context(), time.Minute, time.Second); err != nil || time.Since(start) != 2*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}
