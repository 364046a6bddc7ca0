// Package rtnl speaks rtnetlink (rtnetlink(7)), and nothing else in bondctl
// does: it lists links, addresses, routes and rules, changes them, and follows
// their changes.
//
// Values go in and come out. They are comparable, and each [Addr], [Route] and
// [Rule] that came from the kernel keeps the kernel's own message: one that is
// added again has every attribute that it had, those that this package doesn't
// know included.
//
// Errors wrap the kernel's errno, and carry its explanation where it gives one
// (NLMSGERR_ATTR_MSG).
package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A Conn is a socket for requests. One goroutine at a time uses it.
type Conn struct{ socket *nl.SocketHandle }

// Dial opens a socket in the calling thread's network namespace.
func Dial() (*Conn, error) {
	s, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	// No time limits: the kernel answers before it does anything else, and each
	// limit would be a timer that wakes an idle process.
	if err := s.SetExtAck(true); err != nil {
		s.Close()
		return nil, fmt.Errorf("set up netlink: %w", err)
	}
	return &Conn{&nl.SocketHandle{Socket: s}}, nil
}

// Close closes the socket.
func (c *Conn) Close() { c.socket.Close() }

// Cookie identifies the socket's network namespace until the next boot
// (SO_NETNS_COOKIE). The inode number of a namespace is soon used again.
func (c *Conn) Cookie() (uint64, error) {
	cookie, err := unix.GetsockoptUint64(c.socket.Socket.GetFd(), unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return 0, fmt.Errorf("identify the network namespace: %w", err)
	}
	return cookie, nil
}

// request sends one request, a header and attributes behind it, and returns the
// bodies of the messages of type reply.
func (c *Conn) request(kind, flags int, reply uint16, body []byte) ([][]byte, error) {
	req := nl.NewNetlinkRequest(kind, flags)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: c.socket}
	req.RawData = body
	return req.Execute(unix.NETLINK_ROUTE, reply)
}

// change sends one request that changes something.
func (c *Conn) change(kind, flags int, body []byte) error {
	_, err := c.request(kind, flags|unix.NLM_F_ACK, 0, body)
	return err
}

// dump lists all of one kind. A dump that a change interrupted is asked for anew.
func dump[T any](c *Conn, kind int, reply uint16, header []byte, parse func([]byte) (T, error)) ([]T, error) {
	for {
		messages, err := c.request(kind, unix.NLM_F_DUMP, reply, header)
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list := make([]T, 0, len(messages))
		for _, m := range messages {
			item, err := parse(m)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		return list, nil
	}
}

// nlaTypeMask is NLA_TYPE_MASK of include/uapi/linux/netlink.h: an attribute's
// type without its two flags.
const nlaTypeMask = 1<<14 - 1

// EachAttr calls f with each attribute of b (struct nlattr: length, type, value,
// padding to 4 bytes), the type without its flags. It stops with an error at one
// that is malformed.
func EachAttr(b []byte, f func(kind uint16, value []byte)) error {
	for len(b) >= unix.SizeofNlAttr {
		size := int(hostOrder.Uint16(b))
		if size < unix.SizeofNlAttr || size > len(b) {
			return fmt.Errorf("attribute of %d bytes among %d", size, len(b))
		}
		f(hostOrder.Uint16(b[2:])&nlaTypeMask, b[unix.SizeofNlAttr:size])
		b = b[min((size+3)&^3, len(b)):]
	}
	return nil
}

// appendAttr appends an attribute.
func appendAttr(b []byte, kind uint16, value []byte) []byte {
	b = hostOrder.AppendUint16(b, uint16(unix.SizeofNlAttr+len(value)))
	b = hostOrder.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// hostOrder is the order of bytes that the kernel speaks: this machine's.
var hostOrder = binary.NativeEndian

func appendNumber(b []byte, n uint32) []byte { return hostOrder.AppendUint32(b, n) }

func appendUint32(b []byte, kind uint16, value uint32) []byte {
	return appendAttr(b, kind, appendNumber(nil, value))
}

// Uint32 reads a 32-bit attribute; 0 when it is malformed.
func Uint32(value []byte) uint32 {
	if len(value) < 4 {
		return 0
	}
	return hostOrder.Uint32(value)
}

func familyOf(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
