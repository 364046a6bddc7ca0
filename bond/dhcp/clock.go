package dhcp

import (
	"time"

	"golang.org/x/sys/unix"
)

// A clock counts from some instant.
type clock func() time.Duration

// bootTime is a clock that nobody sets and that goes on while the machine
// sleeps. By wall clock a board without one of its own would lose its lease when
// it hears the time; by Go's timers a laptop would keep one that ran out in its
// sleep.
func bootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err) // every kernel since 2.6.39 has it
	}
	return time.Duration(ts.Nano())
}

// held is a lease in use.
type held struct {
	Lease
	clock clock
	since time.Duration // when it was obtained, by the clock
}

func hold(l Lease, c clock) *held {
	return &held{Lease: l, clock: c, since: c() - time.Since(l.Obtained)}
}

// left is the time until one of the lease's times.
func (h *held) left(t time.Time) time.Duration {
	return t.Sub(h.Obtained) - (h.clock() - h.since)
}

// inForce tells whether a lease from a record may be taken for held: it is one,
// and now is in its time. A clock from before it can't tell.
func inForce(l *Lease, now time.Time) bool {
	return l.Address.Addr().Is4() && !now.Before(l.Obtained) && now.Before(l.Expiry)
}
