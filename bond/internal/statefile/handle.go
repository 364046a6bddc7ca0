package statefile

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A Handle holds a process by a pidfd (pidfd_open(2)): while it does, the
// process's number can't come to mean another one unnoticed.
type Handle struct {
	pidfd *os.File // readable once the process has ended
	watch sync.Once
	ended chan struct{}
}

// Hold takes hold of the process that has a number now. Close lets go of it. The
// error is os.ErrProcessDone when there is none.
func Hold(pid int) (*Handle, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, done(os.NewSyscallError("pidfd_open", err))
	}
	return &Handle{pidfd: os.NewFile(uintptr(fd), "pidfd"), ended: make(chan struct{})}, nil
}

// Close lets go of the process, which runs on.
func (h *Handle) Close() { h.pidfd.Close() }

// Signal sends a signal. The error is os.ErrProcessDone when the process has
// ended and its parent knows.
func (h *Handle) Signal(sig unix.Signal) error {
	var sent error
	err := h.control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), sig, nil, 0) })
	return errors.Join(err, done(os.NewSyscallError("pidfd_send_signal", sent)))
}

// Over says whether the process has ended, by now.
func (h *Handle) Over() bool {
	var ended bool
	err := h.control(func(fd uintptr) { ended = readable(fd) })
	return err == nil && ended
}

// Ended is closed when the process has ended, unless Close was called before.
func (h *Handle) Ended() <-chan struct{} {
	h.watch.Do(func() {
		go func() {
			conn, err := h.pidfd.SyscallConn()
			if err == nil && conn.Read(readable) == nil {
				close(h.ended)
			}
		}()
	})
	return h.ended
}

// control lends the descriptor, which isn't closed meanwhile.
func (h *Handle) control(use func(fd uintptr)) error {
	conn, err := h.pidfd.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Control(use)
}

func readable(fd uintptr) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n > 0
}

// done is the error of a system call: its ESRCH is os.ErrProcessDone.
func done(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
