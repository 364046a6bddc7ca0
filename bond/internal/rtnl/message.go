package rtnl

import (
	"iter"

	"golang.org/x/sys/unix"
)

// header is struct nlmsghdr without the length, and without the port, which the
// kernel knows.
type header struct {
	kind, flags uint16
	number      uint32
}

// messages are the messages in what one read brought. What is malformed ends it.
func messages(b []byte) iter.Seq2[header, []byte] {
	return func(yield func(header, []byte) bool) {
		for len(b) >= unix.SizeofNlMsghdr {
			size := int(hostOrder.Uint32(b))
			if size < unix.SizeofNlMsghdr || size > len(b) {
				return
			}
			h := header{hostOrder.Uint16(b[4:]), hostOrder.Uint16(b[6:]), hostOrder.Uint32(b[8:])}
			if !yield(h, b[unix.SizeofNlMsghdr:size]) {
				return
			}
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}

// appendMessage appends a message.
func appendMessage(b []byte, h header, body []byte) []byte {
	b = appendNumber(b, uint32(unix.SizeofNlMsghdr+len(body)))
	b = hostOrder.AppendUint16(b, h.kind)
	b = hostOrder.AppendUint16(b, h.flags)
	b = appendNumber(b, h.number)
	b = appendNumber(b, 0) // the port
	return append(b, body...)
}
