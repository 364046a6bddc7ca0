package probe

import (
	"bytes"
	"encoding/binary"
	"time"
)

// headerSize is Ethernet's, and bpduSize fits a BPDU with the longest header there is.
const (
	headerSize = 14
	bpduSize   = 64
)

// A bpdu is a message of a spanning tree (IEEE 802.1D, 9.3).
type bpdu struct {
	rapid        bool          // of RSTP or later: it says
	forwarding   bool          // whether the port forwards
	forwardDelay time.Duration // for which it listens, and then learns
}

var (
	spanningTree = [6]byte{0x01, 0x80, 0xc2}
	perVLAN      = [6]byte{0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcd} // Cisco's PVST+
	ciscos       = [6]byte{0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc} // CDP and others

	llc  = []byte{0x42, 0x42, 0x03}
	snap = []byte{0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x01, 0x0b} // of PVST+
)

// ofPort says whether what is sent to an address is a port's own: bridges pass nothing on that
// is for 01:80:c2:00:00:00 to 0f (IEEE 802.1D, table 7-10), such as LLDP.
func ofPort(to [6]byte) bool {
	return to == perVLAN || to == ciscos || [5]byte(to[:5]) == [5]byte(spanningTree[:5]) && to[5] < 0x10
}

// parseBPDU finds a BPDU in a frame.
func parseBPDU(frame []byte) (b bpdu, ok bool) {
	if len(frame) < headerSize {
		return b, false
	}
	to := [6]byte(frame)
	body := frame[headerSize:]
	switch {
	case to == spanningTree && bytes.HasPrefix(body, llc):
		body = body[len(llc):]
	case to == perVLAN && bytes.HasPrefix(body, snap):
		body = body[len(snap):]
	default:
		return b, false
	}
	const (
		version, kind, flags, delay, size = 2, 3, 4, 33, 35

		config, rapid = 0, 2 // kinds
		forwarding    = 0x20 // flag
	)
	if len(body) < size || binary.BigEndian.Uint16(body) != 0 {
		return b, false
	}
	switch body[kind] {
	case rapid:
		b.rapid, b.forwarding = body[version] >= 2, body[flags]&forwarding != 0
	case config:
	default:
		return b, false // it tells of a change of the tree
	}
	b.forwardDelay = time.Duration(binary.BigEndian.Uint16(body[delay:])) * time.Second / 256
	return b, true
}
