package probe

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	ipv6HeaderLen = 40
	// onLink is the hop limit of a packet that no router has passed on, which all
	// of neighbour discovery has to have (RFC 4861 section 3.1).
	onLink = 255
)

// linkLocals are the link-local addresses. [netip.Addr.IsLinkLocalUnicast] counts
// those of IPv4 written as IPv6 among them.
var linkLocals = netip.MustParsePrefix("fe80::/10")

// icmp6 is an ICMPv6 message with its addresses.
type icmp6 struct {
	from, to netip.Addr
	message  []byte // of type, code, checksum, body
}

// marshal encodes the IPv6 packet that carries the message, with the checksum
// in its place and the hop limit of neighbour discovery.
func (m icmp6) marshal() []byte {
	b := []byte{0: 6 << 4, 6: unix.IPPROTO_ICMPV6, 7: onLink}
	binary.BigEndian.PutUint16(b[4:], uint16(len(m.message)))
	b = append(b, m.from.AsSlice()...)
	b = append(b, m.to.AsSlice()...)
	b = append(b, m.message...)
	sum := b[ipv6HeaderLen+2:]
	binary.BigEndian.PutUint16(sum, 0)
	binary.BigEndian.PutUint16(sum, ^m.sum(b[ipv6HeaderLen:]))
	return b
}

// parseICMP6 decodes an IPv6 packet, after which Ethernet's padding may follow. ok
// is false if it isn't a whole message of neighbour discovery from this link: one
// in fragments (RFC 6980) or with other headers before it isn't.
func parseICMP6(b []byte) (m icmp6, ok bool) {
	if len(b) < ipv6HeaderLen || b[0]>>4 != 6 || b[6] != unix.IPPROTO_ICMPV6 || b[7] != onLink {
		return icmp6{}, false
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length < 4 || len(b) < ipv6HeaderLen+length {
		return icmp6{}, false
	}
	m = icmp6{
		from:    netip.AddrFrom16([16]byte(b[8:])),
		to:      netip.AddrFrom16([16]byte(b[24:])),
		message: b[ipv6HeaderLen:][:length],
	}
	return m, m.sum(m.message) == 0xffff
}

// sum is the ones' complement sum (RFC 1071) of a message and the pseudo-header of
// its packet (RFC 8200 section 8.1), 0xffff where the checksum in it is right.
func (m icmp6) sum(message []byte) uint16 {
	b := append(m.from.AsSlice(), m.to.AsSlice()...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(message)))
	b = append(b, 0, 0, 0, unix.IPPROTO_ICMPV6)
	b = append(b, message...)
	if len(b)%2 != 0 {
		b = append(b, 0)
	}
	var sum uint32 // of at most 32 Ki words: it can't overflow
	for ; len(b) > 0; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	sum = sum>>16 + sum&0xffff
	return uint16(sum>>16 + sum)
}

// linkLocal finds in /proc/net/if_inet6 a link-local address of the interface
// that may be used: not one that the kernel is still testing for a double, or
// that has one. It is zero where there is none.
//
// A line is an address, and in hexadecimal an ifindex, the prefix's length, the
// scope and the flags (IFA_F_*), and a name.
func linkLocal(r io.Reader, index int) (netip.Addr, error) {
	const unusable = unix.IFA_F_TENTATIVE | unix.IFA_F_OPTIMISTIC | unix.IFA_F_DADFAILED
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		raw, _ := hex.DecodeString(fields[0])
		addr, ok := netip.AddrFromSlice(raw)
		owner, ownerErr := strconv.ParseInt(fields[1], 16, 32)
		flags, flagsErr := strconv.ParseUint(fields[4], 16, 32)
		if ownerErr != nil || flagsErr != nil || !ok {
			continue
		}
		if int(owner) == index && linkLocals.Contains(addr) && flags&unusable == 0 {
			return addr, nil
		}
	}
	return netip.Addr{}, lines.Err()
}
