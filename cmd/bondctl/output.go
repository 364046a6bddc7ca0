package main

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// output is stdout. It remembers the first error in writing to it, for no verb looks:
// what it has changed stays changed, whether that could be printed or not.
type output struct {
	io.Writer

	err error
}

func (o *output) Write(b []byte) (n int, err error) {
	if o.err == nil {
		n, o.err = o.Writer.Write(b)
	}
	return n, o.err
}

// outcome is what became of a verb that ended with err and whose output this is. A
// reader that has gone has read what it wanted, and is no error.
func (o *output) outcome(err error) error {
	_, isStatus := errors.AsType[exitError](err)
	switch {
	case o.err == nil:
		return err
	case errors.Is(err, o.err):
		err = nil
	case isStatus && !o.readerGone():
		err = nil // it is about what nobody could read
	}
	if o.readerGone() {
		return err
	}
	return errors.Join(err, o.err)
}

func (o *output) readerGone() bool { return errors.Is(o.err, unix.EPIPE) }

// whileRead ends a context when nobody can read the output any more, be there something
// to write or not: the reader of a pipe has gone, or a terminal has hung up.
func (o *output) whileRead(ctx context.Context) context.Context {
	f, ok := o.Writer.(*os.File)
	if !ok {
		return ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	fds := []unix.PollFd{{Fd: int32(f.Fd())}} // POLLERR and POLLHUP come unasked
	go func() {
		defer cancel()
		for {
			if _, err := unix.Poll(fds, -1); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	return ctx
}
