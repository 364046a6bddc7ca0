package guard

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A bootTimer is a timer by CLOCK_BOOTTIME (timerfd_create(2)), which nobody sets and which
// goes on while the machine sleeps: Go's own timers stop meanwhile.
type bootTimer struct {
	file *os.File
	due  chan struct{}
}

func newBootTimer() (*bootTimer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	t := &bootTimer{os.NewFile(uintptr(fd), "timerfd"), make(chan struct{}, 1)}
	go func() {
		expirations := make([]byte, 8)
		for {
			if _, err := t.file.Read(expirations); err != nil {
				return
			}
			select {
			case t.due <- struct{}{}:
			default:
			}
		}
	}()
	return t, nil
}

// at sets the timer to a time since the boot. The channel has an item when that has come.
// It may have one from an earlier time, so whoever gets one looks at the clock.
func (t *bootTimer) at(deadline time.Duration) (due <-chan struct{}, err error) {
	raw, err := t.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var set error
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(int64(deadline), 1))} // 0 would stop it
	err = raw.Control(func(fd uintptr) { set = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME, &spec, nil) })
	if err = errors.Join(err, set); err != nil {
		return nil, fmt.Errorf("set a timer: %w", err)
	}
	return t.due, nil
}

func (t *bootTimer) close() { t.file.Close() }
