package probe

import (
	"net/netip"
	"testing"
)

var nextHop = netip.MustParseAddr("fe80::1")

// neighbourPacket is a router's answer to our question whether it is there.
func neighbourPacket(change func(m *icmp6)) []byte {
	m := icmp6{from: nextHop, to: netip.MustParseAddr("fe80::50")}
	m.message = append([]byte{0: typeNeighbourAdvertisement, 4: 0xe0, 7: 0}, nextHop.AsSlice()...)
	m.message = append(m.message, 2, 1, 2, 0, 0, 0, 0, 1)
	change(&m)
	return m.marshal()
}

func TestNeighbourAnswer(t *testing.T) {
	tests := map[string]struct {
		change  func(m *icmp6)
		want    bool
		foreign bool // the filter doesn't let it through
	}{
		"answer":               {func(*icmp6) {}, true, false},
		"to nobody's question": {func(m *icmp6) { m.to = netip.MustParseAddr("ff02::1") }, true, false},
		"without its MAC":      {func(m *icmp6) { m.message = m.message[:neighbourLen] }, true, false},
		"short":                {func(m *icmp6) { m.message = m.message[:neighbourLen-1] }, false, true},
		"a question":           {func(m *icmp6) { m.message[0] = typeNeighbourSolicitation }, false, true},
		"a router's":           {func(m *icmp6) { m.message[0] = typeAdvertisement }, false, true},
		"another code":         {func(m *icmp6) { m.message[1] = 1 }, false, false},
		"of somebody else":     {func(m *icmp6) { m.message[neighbourLen-1] = 2 }, false, true},
		"of another network":   {func(m *icmp6) { m.message[neighbourTarget+1] = 0xc0 }, false, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			packet := neighbourPacket(test.change)
			if got := isNeighbour(packet, nextHop); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
			if passes(t, neighbourAdvertisements(nextHop), packet) == test.foreign {
				t.Error("the filter is wrong about it")
			}
		})
	}
	from := neighbourPacket(func(*icmp6) {})
	from[7] = 64
	if isNeighbour(from, nextHop) {
		t.Error("one that a router has passed on is taken for the answer")
	}
}

func TestSolicitedNode(t *testing.T) {
	for addr, want := range map[string]string{
		"fe80::1": "ff02::1:ff00:1", "2001:db8::ab:cdef": "ff02::1:ffab:cdef", "fe80::2aa:ff:fe28:9c5a": "ff02::1:ff28:9c5a",
	} {
		if got := solicitedNode(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

// Whoever has no address yet may not tell a MAC.
func TestNeighbourSolicitation(t *testing.T) {
	for _, from := range []netip.Addr{{}, netip.MustParseAddr("fe80::50")} {
		m, ok := parseICMP6(neighbourSolicitation(from, nextHop, ownMAC).marshal())
		if !ok || m.message[0] != typeNeighbourSolicitation || netip.AddrFrom16([16]byte(m.message[neighbourTarget:])) != nextHop ||
			(len(m.message) > neighbourLen) != from.IsValid() || m.to != solicitedNode(nextHop) {
			t.Errorf("from %v: %+v, %t", from, m, ok)
		}
	}
}
