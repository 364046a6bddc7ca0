package main

import (
	"errors"
	"io"

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
