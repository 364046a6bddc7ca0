package rtnl

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A Watch hears of what changes in a network namespace.
type Watch struct {
	file   *os.File
	buffer []byte
}

// Listen begins to hear of changes in the calling thread's network namespace:
// those of groups (RTMGRP_*).
func Listen(groups uint32) (*Watch, error) {
	fd, err := listen(groups)
	if err != nil {
		return nil, err
	}
	return &Watch{os.NewFile(uintptr(fd), "netlink"), make([]byte, 1<<16)}, nil
}

// listen opens a socket that gets the messages of groups. Reading it never blocks.
func listen(groups uint32) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return 0, fmt.Errorf("listen to netlink: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("listen to netlink: %w", err)
	}
	return fd, nil
}

// Close ends the watch, and a Next that waits.
func (w *Watch) Close() error { return w.file.Close() }

// ErrLost says that the kernel had more to tell than the socket could hold:
// whoever needs to know lists everything anew.
var ErrLost = errors.New("messages were lost")

// A Message is one change.
type Message struct {
	Type uint16 // RTM_*
	body []byte
}

// Link is what the message says of a link; ok is false where it is about something
// else, or tells of one side of a link alone: as a port of a bridge (AF_BRIDGE), or what
// wireless extensions have to say, which has no MTU.
func (m Message) Link() (l Link, ok bool) {
	if m.Type != unix.RTM_NEWLINK && m.Type != unix.RTM_DELLINK || len(m.body) == 0 || m.body[0] != unix.AF_UNSPEC {
		return Link{}, false
	}
	l, err := parseLink(m.body)
	return l, err == nil && l.MTU != 0
}

// DefaultRoute6 says whether the message is about a default route of IPv6.
func (m Message) DefaultRoute6() bool {
	const family, length = 0, 1 // of struct rtmsg
	return (m.Type == unix.RTM_NEWROUTE || m.Type == unix.RTM_DELROUTE) &&
		len(m.body) >= unix.SizeofRtMsg && m.body[family] == unix.AF_INET6 && m.body[length] == 0
}

// Next waits for the next messages. The error is ErrLost when some were lost, of
// which it is worth asking again; any other one is final.
func (w *Watch) Next() ([]Message, error) {
	n, err := w.file.Read(w.buffer)
	if errors.Is(err, unix.ENOBUFS) {
		return nil, ErrLost
	}
	if err != nil {
		return nil, err
	}
	return messagesIn(w.buffer[:n]), nil
}

func messagesIn(b []byte) (list []Message) {
	for h, body := range messages(b) {
		list = append(list, Message{h.kind, body})
	}
	return list
}

// A ThreadWatch is a [Watch] for a thread of its own, which waits for the socket with
// poll(2): no other thread of the runtime stands between the kernel and it.
type ThreadWatch struct {
	FD     int // for poll(2)
	buffer []byte
}

// ListenOnThread is [Listen] for such a thread.
func ListenOnThread(groups uint32) (*ThreadWatch, error) {
	fd, err := listen(groups)
	if err != nil {
		return nil, err
	}
	return &ThreadWatch{fd, make([]byte, 1<<16)}, nil
}

// Close closes the socket.
func (w *ThreadWatch) Close() { unix.Close(w.FD) }

// Read returns the next messages, none where none has come yet. The error is as Next's.
func (w *ThreadWatch) Read() ([]Message, error) {
	n, err := unix.Read(w.FD, w.buffer)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil, nil
	case errors.Is(err, unix.ENOBUFS):
		return nil, ErrLost
	case err != nil:
		return nil, fmt.Errorf("listen to netlink: %w", err)
	}
	return messagesIn(w.buffer[:n]), nil
}
