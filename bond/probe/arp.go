package probe

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// arp is an ARP packet (RFC 826) of Ethernet and IPv4.
type arp struct {
	operation uint16 // arpRequest or arpReply
	senderMAC [6]byte
	sender    netip.Addr
	targetMAC [6]byte // zero in a request
	target    netip.Addr
}

const (
	arpRequest = 1
	arpReply   = 2

	arpLen = 28
)

// Where the fields are that the filter looks at.
const (
	arpOperation = 6
	arpSender    = 14
	arpTarget    = 24
)

// arpEthernetIPv4 is how each such packet begins: the kinds of addresses,
// Ethernet's and IPv4's, and their lengths.
var arpEthernetIPv4 = [6]byte{0, unix.ARPHRD_ETHER, unix.ETH_P_IP >> 8, unix.ETH_P_IP & 0xff, 6, 4}

// broadcast is the MAC that all listen to.
var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// marshal encodes the packet. The addresses are IPv4.
func (a arp) marshal() []byte {
	b := append(make([]byte, 0, arpLen), arpEthernetIPv4[:]...)
	b = binary.BigEndian.AppendUint16(b, a.operation)
	b = append(b, a.senderMAC[:]...)
	b = append(b, a.sender.AsSlice()...)
	b = append(b, a.targetMAC[:]...)
	return append(b, a.target.AsSlice()...)
}

// parseARP decodes a packet, after which Ethernet's padding may follow. ok is
// false for one of other kinds of addresses, or a short one.
func parseARP(b []byte) (a arp, ok bool) {
	if len(b) < arpLen || [6]byte(b) != arpEthernetIPv4 {
		return arp{}, false
	}
	return arp{
		operation: binary.BigEndian.Uint16(b[arpOperation:]),
		senderMAC: [6]byte(b[8:]),
		sender:    netip.AddrFrom4([4]byte(b[arpSender:])),
		targetMAC: [6]byte(b[18:]),
		target:    netip.AddrFrom4([4]byte(b[arpTarget:])),
	}, true
}

// unicast says whether a MAC can be a station's.
func unicast(mac net.HardwareAddr) bool {
	return len(mac) == 6 && mac[0]&1 == 0 && [6]byte(mac) != [6]byte{}
}
