package rtnl

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A Conn is a socket for requests. One goroutine at a time uses it.
type Conn struct {
	fd     int
	number uint32 // of the last request
	buffer []byte
}

// Dial opens a socket in the calling thread's network namespace.
func Dial() (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	// Connected to the kernel, the socket hears of nobody else. It has no time
	// limits: the kernel answers before it does anything else, and each limit would
	// be a timer that wakes an idle process.
	err = errors.Join(
		unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1),
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1), // no request comes back with its error
	)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set up netlink: %w", err)
	}
	// The kernel puts no more than 32 KiB into one part of a list.
	return &Conn{fd: fd, buffer: make([]byte, 1<<16)}, nil
}

// Close closes the socket.
func (c *Conn) Close() { unix.Close(c.fd) }

// Cookie identifies the socket's network namespace until the next boot
// (SO_NETNS_COOKIE). The inode number of a namespace is soon used again.
func (c *Conn) Cookie() (uint64, error) {
	cookie, err := unix.GetsockoptUint64(c.fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return 0, fmt.Errorf("identify the network namespace: %w", err)
	}
	return cookie, nil
}

// errInterrupted says that a list changed while the kernel made it.
var errInterrupted = errors.New("the list was interrupted by a change")

// request sends one request, a header and attributes behind it, and calls each
// with the body of every message of the answer, which holds until each returns.
func (c *Conn) request(kind, flags uint16, body []byte, each func(body []byte)) error {
	c.number++
	if _, err := unix.Write(c.fd, appendMessage(nil, header{kind, flags | unix.NLM_F_REQUEST, c.number}, body)); err != nil {
		return err
	}
	interrupted := false
	for {
		n, err := unix.Read(c.fd, c.buffer)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case n == len(c.buffer):
			return errors.New("the kernel's answer is too long")
		}
		for h, body := range messages(c.buffer[:n]) {
			if h.number != c.number {
				continue // left of a request that failed half way
			}
			interrupted = interrupted || h.flags&unix.NLM_F_DUMP_INTR != 0
			switch {
			case h.kind == unix.NLMSG_ERROR, h.kind == unix.NLMSG_DONE:
				if err := ended(h, body); err != nil || !interrupted {
					return err
				}
				return errInterrupted
			case h.flags&unix.NLM_F_MULTI == 0:
				each(body)
				return nil
			}
			each(body)
		}
	}
}

// ended reads the message that ends an answer: an errno, the header of the request
// unless it was for a list (struct nlmsgerr), and attributes.
func ended(h header, body []byte) error {
	if len(body) < 4 || Uint32(body) == 0 {
		return nil
	}
	var err error = unix.Errno(-int32(Uint32(body)))
	before := 4
	if h.kind == unix.NLMSG_ERROR {
		before += unix.SizeofNlMsghdr
	}
	if h.flags&unix.NLM_F_ACK_TLVS != 0 && len(body) > before {
		_ = EachAttr(body[before:], func(kind uint16, value []byte) {
			if kind == unix.NLMSGERR_ATTR_MSG {
				err = fmt.Errorf("%w: %s", err, unix.ByteSliceToString(value))
			}
		})
	}
	return err
}

// change sends one request that changes something.
func (c *Conn) change(kind, flags uint16, body []byte) error {
	return c.request(kind, flags|unix.NLM_F_ACK, body, func([]byte) {})
}

// dump lists all of one kind. A dump that a change interrupted is asked for anew.
func dump[T any](c *Conn, kind uint16, header []byte, parse func([]byte) (T, error)) ([]T, error) {
	for {
		var list []T
		var failed error
		err := c.request(kind, unix.NLM_F_DUMP, header, func(body []byte) {
			item, err := parse(body)
			failed = errors.Join(failed, err)
			list = append(list, item)
		})
		if !errors.Is(err, errInterrupted) {
			return list, errors.Join(err, failed)
		}
	}
}
