package keeper

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// resumes returns a channel that has an item after the machine has resumed from
// sleep, and after its clock was set: the kernel tells both in one way, for by
// a sleep the wall clock leaves the monotonic one behind. That the clock is
// slewed, as NTP mostly does, is no reason. Items run together. The channel is
// closed when ctx ends, or when the kernel doesn't tell any more.
//
// It costs nothing in between: it is a timer that is never due, and that the
// kernel cancels when the clock jumps (TFD_TIMER_CANCEL_ON_SET,
// timerfd_create(2)).
func resumes(ctx context.Context) (<-chan struct{}, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch for a resume: make a timer: %w", err)
	}
	if err := armForResume(fd); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch for a resume: set a timer: %w", err)
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	context.AfterFunc(ctx, func() { timer.Close() })
	resumed := make(chan struct{}, 1)
	go func() {
		defer close(resumed)
		expirations := make([]byte, 8)
		for {
			_, err := timer.Read(expirations)
			switch {
			case err == nil:
				continue // it was due, at the end of a 32-bit kernel's time
			case !errors.Is(err, unix.ECANCELED):
				return
			}
			if rearm(timer) != nil {
				return
			}
			select {
			case resumed <- struct{}{}:
			default:
			}
		}
	}()
	return resumed, nil
}

// rearm sets the timer again. Its descriptor may be closed meanwhile, so it
// isn't touched but through the file.
func rearm(timer *os.File) error {
	raw, err := timer.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) { set = armForResume(int(fd)) })
	return errors.Join(err, set)
}

// armForResume sets a timer for the end of time. ECANCELED says that the clock
// jumped just now; the timer is set all the same, and whoever asked looks at
// everything next.
func armForResume(fd int) error {
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt}}
	err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil)
	if errors.Is(err, unix.ECANCELED) {
		return nil
	}
	return err
}
