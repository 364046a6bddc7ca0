package dhcp

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statefile"
	"github.com/bondctl/bondctl/bond/lease"
)

// A clock counts from some instant, and goes on while the machine sleeps.
type clock interface {
	now() time.Duration
	// timer is due once, after so long or, if the machine sleeps then, when it
	// wakes up. It is to be stopped in any case.
	timer(d time.Duration) (due <-chan time.Time, stop func())
}

// bootTime is the clock that nobody sets and that goes on while the machine
// sleeps (CLOCK_BOOTTIME). By wall clock a board without one of its own would
// lose its lease when it hears the time; by Go's timers, which stand still
// meanwhile (CLOCK_MONOTONIC), a laptop would keep one that ran out in its sleep.
type bootTime struct{}

func (bootTime) now() time.Duration { return statefile.SinceBoot() }

func (bootTime) timer(d time.Duration) (<-chan time.Time, func()) {
	file, err := timerfd(d)
	if err != nil { // no descriptor is left: it is right but for sleeps
		t := time.NewTimer(d)
		return t.C, func() { t.Stop() }
	}
	due := make(chan time.Time, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		if _, err := file.Read(make([]byte, 8)); err == nil {
			due <- time.Now()
		}
	})
	return due, func() {
		file.Close()
		reading.Wait()
	}
}

// timerfd gives a file that can be read after so long (timerfd_create(2)).
func timerfd(d time.Duration) (*os.File, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "timerfd")
	due := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(d, 1)))} // 0 would be never
	err = errors.Join(
		unix.TimerfdSettime(fd, 0, &due, nil),
		file.SetReadDeadline(time.Time{})) // fails where a Read wouldn't wait
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// within is ctx for so long, by the clock.
func within(ctx context.Context, c clock, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	due, stop := c.timer(d)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		defer stop()
		select {
		case <-due:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel()
		waiting.Wait()
	}
}

// held is a lease in use.
type held struct {
	lease.Lease
	clock clock
	since time.Duration // when it was obtained, by the clock
}

func hold(l lease.Lease, c clock) *held {
	return &held{Lease: l, clock: c, since: c.now() - time.Since(l.Obtained)}
}

// left is the time until one of the lease's times.
func (h *held) left(t time.Time) time.Duration {
	return t.Sub(h.Obtained) - (h.clock.now() - h.since)
}

// inForce tells whether a lease from a record may be taken for held: it is one,
// and now is in its time. A clock from before it can't tell.
func inForce(l *lease.Lease, now time.Time) bool {
	return l.Address.Addr().Is4() && !now.Before(l.Obtained) && now.Before(l.Expiry)
}
