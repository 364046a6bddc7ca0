package probe

import (
	"net"
	"net/netip"
	"testing"
)

var (
	pathMAC   = net.HardwareAddr{2, 0, 0x5e, 0x10, 0, 7}
	pathIPv4  = netip.MustParseAddr("192.0.2.1")
	pathIPv6  = netip.MustParseAddr("2001:db8::1")
	peersMAC  = net.HardwareAddr{2, 0, 0x5e, 0x10, 0, 1}
	othersMAC = net.HardwareAddr{2, 0, 0x5e, 0x10, 0, 9}
)

func etherFrame(to, from net.HardwareAddr, protocol uint16, payload []byte) []byte {
	frame := append(append([]byte{}, to...), from...)
	return append(append(frame, byte(protocol>>8), byte(protocol)), payload...)
}

func arpAnswer(to net.HardwareAddr) []byte {
	return etherFrame(to, peersMAC, 0x0806, arp{operation: arpReply, senderMAC: [6]byte(peersMAC), sender: pathIPv4, targetMAC: [6]byte(to), target: netip.IPv4Unspecified()}.marshal())
}

func advertisement(to net.HardwareAddr) []byte {
	message := append([]byte{0: typeNeighbourAdvertisement, neighbourTarget - 1: 0}, pathIPv6.AsSlice()...)
	return etherFrame(to, peersMAC, 0x86dd, icmp6{from: pathIPv6, to: linkLocalOf([6]byte(to)), message: message}.marshal())
}

// A question from a backup names no IPv4 address and never the bond's MAC; its answers come to its own MAC.
func TestPathQuestion(t *testing.T) {
	to, frame := pathQuestion(pathMAC, pathIPv4)
	a, ok := parseARP(frame[etherLen:])
	if !ok || !a.sender.IsUnspecified() || a.senderMAC != [6]byte(pathMAC) || a.target != pathIPv4 || to.String() != broadcast.String() {
		t.Errorf("to %s: %+v", to, a)
	}
	if from := net.HardwareAddr(frame[6:12]); from.String() != pathMAC.String() {
		t.Errorf("from %s", from)
	}
	to, frame = pathQuestion(pathMAC, pathIPv6)
	m, ok := parseICMP6(frame[etherLen:])
	if !ok || m.from != netip.MustParseAddr("fe80::5eff:fe10:7") || to.String() != "33:33:ff:00:00:01" {
		t.Errorf("to %s: %+v, %t", to, m, ok)
	}
}

func TestPathAnswer(t *testing.T) {
	request := etherFrame(pathMAC, peersMAC, 0x0806, arp{operation: arpRequest, senderMAC: [6]byte(peersMAC), sender: pathIPv4, target: pathIPv4}.marshal())
	broken := advertisement(pathMAC)
	broken[len(broken)-1] ^= 1
	for _, tt := range []struct {
		name  string
		frame []byte
		want  netip.Addr
	}{
		{"arp", arpAnswer(pathMAC), pathIPv4},
		{"somebody else's", arpAnswer(othersMAC), netip.Addr{}},
		{"a question", request, netip.Addr{}},
		{"an advertisement", advertisement(pathMAC), pathIPv6},
		{"to somebody else", advertisement(othersMAC), netip.Addr{}},
		{"a wrong checksum", broken, netip.Addr{}},
		{"short", arpAnswer(pathMAC)[:20], netip.Addr{}},
		{"nothing", nil, netip.Addr{}},
	} {
		got, ok := pathAnswer(tt.frame, [6]byte(pathMAC))
		if ok != tt.want.IsValid() || ok && got != tt.want {
			t.Errorf("%s: %s, %t", tt.name, got, ok)
		}
	}
}

func FuzzPathAnswer(f *testing.F) {
	f.Add(arpAnswer(pathMAC))
	f.Add(advertisement(pathMAC))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if addr, ok := pathAnswer(frame, [6]byte(pathMAC)); ok && (!addr.IsValid() || [6]byte(frame) != [6]byte(pathMAC)) {
			t.Errorf("%s answers in %x", addr, frame)
		}
	})
}

func TestOwnMAC(t *testing.T) {
	free := func(net.HardwareAddr) bool { return false }
	if got := OwnMAC(pathMAC, 3, free); got.String() != pathMAC.String() {
		t.Errorf("%s, though the permanent one is free", got)
	}
	seen := map[string]bool{pathMAC.String(): true}
	taken := func(mac net.HardwareAddr) bool { return seen[mac.String()] }
	for index := range 1000 {
		got := OwnMAC(pathMAC, index, taken)
		if seen[got.String()] || got[0]&3 != 2 {
			t.Fatalf("%s for %d", got, index)
		}
		seen[got.String()] = true
	}
	for _, none := range []net.HardwareAddr{nil, {0, 0, 0, 0, 0, 0}, {1, 2}} {
		if got := OwnMAC(none, 3, free); !unicast(got) {
			t.Errorf("%v makes %v", none, got)
		}
	}
}
