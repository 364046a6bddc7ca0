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
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

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
