package suite

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// There is one wall clock: tests that set it don't run in parallel with others.

// jumpClock sets the wall clock forward, or back. When the test ends it is right again.
func jumpClock(t *testing.T, by time.Duration) {
	t.Helper()
	was := wallAhead(t)
	t.Cleanup(func() { setWallAhead(t, was) })
	setWallAhead(t, was+by)
}

// wallAhead is by how much the wall clock is ahead of the one that nobody sets.
func wallAhead(t *testing.T) time.Duration {
	t.Helper()
	var wall, boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &wall); err != nil {
		t.Fatal(err)
	}
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		t.Fatal(err)
	}
	return time.Duration(wall.Nano() - boot.Nano())
}

func setWallAhead(t *testing.T, by time.Duration) {
	t.Helper()
	var boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		t.Fatal(err)
	}
	wall := unix.NsecToTimespec(boot.Nano() + int64(by))
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &wall); err != nil {
		t.Fatal(err)
	}
}
