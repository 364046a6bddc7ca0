package probe

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// Advertisement is what a router says of itself and its link (RFC 4861 section
// 4.2).
type Advertisement struct {
	// Router is its link-local address, without a zone.
	Router netip.Addr
	// Lifetime is how long it may be used as a default router; 0: not at all.
	Lifetime time.Duration
	// Prefixes are those from which hosts make their addresses themselves (RFC
	// 4862 section 5.5.3): with the autonomous flag and a valid lifetime.
	Prefixes []netip.Prefix
}

const (
	typeSolicitation  = 133
	typeAdvertisement = 134

	optionSource = 1
	optionPrefix = 3

	advertisementLen = 16
	prefixOptionLen  = 32
)

// parseAdvertisement decodes an IPv6 packet. ok is false for one that isn't an
// advertisement, or isn't a valid one (RFC 4861 section 6.1.2).
//
// Of the options, only the prefixes are looked at. What is wrong inside another,
// a domain name say, is no reason to take the router for silent, for the kernel
// doesn't.
func parseAdvertisement(packet []byte) (a Advertisement, ok bool) {
	m, ok := parseICMP6(packet)
	if !ok || !linkLocals.Contains(m.from) || len(m.message) < advertisementLen ||
		m.message[0] != typeAdvertisement || m.message[1] != 0 {
		return Advertisement{}, false
	}
	a = Advertisement{
		Router:   m.from,
		Lifetime: time.Duration(binary.BigEndian.Uint16(m.message[6:])) * time.Second,
	}
	for rest := m.message[advertisementLen:]; len(rest) > 0; {
		var option []byte
		if option, rest, ok = cutOption(rest); !ok {
			return Advertisement{}, false
		}
		if prefix, ok := parsePrefix(option); ok && !slices.Contains(a.Prefixes, prefix) {
			a.Prefixes = append(a.Prefixes, prefix)
		}
	}
	return a, true
}

// cutOption takes the first option off, whose second byte is its length in units
// of 8 bytes. ok is false if it is of no length, or longer than what there is.
func cutOption(b []byte) (option, rest []byte, ok bool) {
	if len(b) < 2 || b[1] == 0 || len(b) < int(b[1])*8 {
		return nil, nil, false
	}
	length := int(b[1]) * 8
	return b[:length], b[length:], true
}

// parsePrefix decodes an option. ok is false if it isn't a prefix from which a
// host makes an address.
func parsePrefix(option []byte) (prefix netip.Prefix, ok bool) {
	if option[0] != optionPrefix || len(option) != prefixOptionLen {
		return netip.Prefix{}, false
	}
	autonomous := option[3]&0x40 != 0
	valid, preferred := binary.BigEndian.Uint32(option[4:]), binary.BigEndian.Uint32(option[8:])
	prefix, err := netip.AddrFrom16([16]byte(option[16:])).Prefix(int(option[2]))
	if err != nil || linkLocals.Overlaps(prefix) || prefix.Addr().IsMulticast() {
		return netip.Prefix{}, false
	}
	return prefix, autonomous && valid > 0 && preferred <= valid
}

// merge adds an advertisement to those heard before. A router may spread its
// prefixes over several (RFC 4861 section 6.2.3); its lifetime is the latest.
func merge(heard []Advertisement, a Advertisement) []Advertisement {
	i := slices.IndexFunc(heard, func(h Advertisement) bool { return h.Router == a.Router })
	if i < 0 {
		return append(heard, a)
	}
	heard[i].Lifetime = a.Lifetime
	for _, prefix := range a.Prefixes {
		if !slices.Contains(heard[i].Prefixes, prefix) {
			heard[i].Prefixes = append(heard[i].Prefixes, prefix)
		}
	}
	return heard
}
