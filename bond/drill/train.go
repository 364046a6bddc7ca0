package drill

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/bondctl/bondctl/bond/probe"
)

// A Train sends frames at an interval, and keeps which were answered.
type Train struct {
	Interval time.Duration

	asker   probe.Repeater
	stop    context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	frames  []Frame
	failed  error
	slowest time.Duration
}

// Start has a train leave. It is stopped by [Train.Stop], which closes the asker.
func Start(ctx context.Context, asker probe.Repeater, interval time.Duration) *Train {
	ctx, stop := context.WithCancel(ctx)
	t := &Train{Interval: interval, asker: asker, stop: stop}
	t.running.Go(func() { t.send(ctx) })
	t.running.Go(t.receive)
	return t
}

// Stop ends it.
func (t *Train) Stop() {
	t.stop()
	_ = t.asker.Close()
	t.running.Wait()
}

// send keeps to a timetable, so that the rate is what was asked for. Frames whose time is past,
// as the machine was busy, are left out: they would be sent all at once.
func (t *Train) send(ctx context.Context) {
	begin := time.Now()
	for slot := time.Duration(0); ; {
		timer := time.NewTimer(time.Until(begin.Add(slot * t.Interval)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := t.ask(); err != nil && ctx.Err() == nil {
			t.fail(err)
			return
		}
		slot = max(slot, time.Since(begin)/t.Interval) + 1
	}
}

func (t *Train) ask() error {
	t.mu.Lock()
	number := len(t.frames)
	t.frames = append(t.frames, Frame{Sent: time.Now()})
	t.mu.Unlock()
	return t.asker.Ask(number)
}

func (t *Train) receive() {
	for {
		number, err := t.asker.Answer()
		now := time.Now()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			t.fail(err)
			return
		}
		t.answer(number, now)
	}
}

func (t *Train) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		t.failed = err
	}
}

// answer notes an answer. Of its question's number 16 bits are known: it is the last one that
// can be meant. Where there is no number (-1) it is the last question that has no answer yet.
func (t *Train) answer(number int, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.frames) - 1
	i := last
	if number >= 0 {
		i = last - (last-number)&0xffff
	} else {
		for i >= 0 && !t.frames[i].Answered.IsZero() {
			i--
		}
	}
	if i < 0 || !t.frames[i].Answered.IsZero() {
		return
	}
	if number < 0 && now.Sub(t.frames[i].Sent) > mostLag {
		return // somebody answers twice
	}
	t.frames[i].Answered = now
	t.slowest = max(t.slowest, now.Sub(t.frames[i].Sent))
}

// Frames are those that have been sent, and what has become of them. The error is why no more
// are.
func (t *Train) Frames() ([]Frame, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.frames), t.failed
}

// Times within which an answer is on its way.
const (
	leastLag = 200 * time.Millisecond
	mostLag  = time.Second
)

// lag is how long to wait for an answer before a frame is taken for lost: several times as long
// as any took so far.
func (t *Train) lag() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return min(max(leastLag, 4*t.slowest), mostLag)
}
