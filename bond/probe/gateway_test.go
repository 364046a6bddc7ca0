package probe

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"
)

var (
	own     = netip.MustParseAddr("192.0.2.50")
	gateway = netip.MustParseAddr("192.0.2.1")
	ownMAC  = net.HardwareAddr{0x02, 0, 0, 0, 0, 0x50}
	home    = net.HardwareAddr{0x02, 0, 0, 0, 0, 0x01}
)

// arpFrame is the gateway's answer, as it is on the wire, with Ethernet's padding.
func arpFrame() []byte {
	return []byte{
		0, 1, 8, 0, 6, 4, 0, 2,
		0x02, 0, 0, 0, 0, 0x01, 192, 0, 2, 1,
		0x02, 0, 0, 0, 0, 0x50, 192, 0, 2, 50,
		45: 0,
	}
}

func TestGatewayAnswer(t *testing.T) {
	tests := map[string]struct {
		change  func([]byte) []byte
		known   bool // it answers a question to the known MAC
		anybody bool // it answers a question to everybody
		foreign bool // the filter doesn't let it through
	}{
		"answer":               {func(b []byte) []byte { return b }, true, true, false},
		"without padding":      {func(b []byte) []byte { return b[:arpLen] }, true, true, false},
		"short":                {func(b []byte) []byte { return b[:arpLen-1] }, false, false, true},
		"nothing":              {func([]byte) []byte { return nil }, false, false, true},
		"not Ethernet":         {set(1, 6), false, false, false},
		"not IPv4":             {set(3, 1), false, false, false},
		"long MACs":            {set(4, 8), false, false, false},
		"request":              {set(7, 1), false, false, true},
		"RARP reply":           {set(7, 4), false, false, true},
		"another MAC":          {set(13, 9), false, true, false},
		"multicast MAC":        {set(8, 3), false, false, false},
		"zero MAC":             {func(b []byte) []byte { clear(b[8:14]); return b }, false, false, false},
		"another gateway":      {set(17, 2), false, false, true},
		"to another MAC":       {set(23, 9), false, false, false},
		"to another's address": {set(27, 51), false, false, true},
		"gratuitous":           {func(b []byte) []byte { copy(b[18:28], b[8:18]); return b }, false, false, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			frame := test.change(arpFrame())
			for _, known := range []net.HardwareAddr{home, nil} {
				want := test.known
				if known == nil {
					want = test.anybody
				}
				q := gatewayQuestion{own: own, gateway: gateway, known: known}
				mac, ok := q.answer(frame, ownMAC)
				if ok != want || ok && !bytes.Equal(mac, frame[8:14]) {
					t.Errorf("known %v: got %v, %t, want %t", known, mac, ok, want)
				}
				if passes(t, q.filter(), frame) == test.foreign {
					t.Errorf("known %v: the filter is wrong about it", known)
				}
			}
		})
	}
}

func TestGatewayQuestion(t *testing.T) {
	tests := map[string]struct {
		q  gatewayQuestion
		ok bool
	}{
		"known":            {gatewayQuestion{own, gateway, home}, true},
		"unknown":          {gatewayQuestion{own, gateway, nil}, true},
		"no own address":   {gatewayQuestion{netip.Addr{}, gateway, nil}, false},
		"no gateway":       {gatewayQuestion{own, netip.Addr{}, nil}, false},
		"IPv6":             {gatewayQuestion{own, netip.MustParseAddr("fe80::1"), nil}, false},
		"itself":           {gatewayQuestion{own, own, nil}, false},
		"empty MAC":        {gatewayQuestion{own, gateway, net.HardwareAddr{}}, false},
		"broadcast MAC":    {gatewayQuestion{own, gateway, net.HardwareAddr{255, 255, 255, 255, 255, 255}}, false},
		"InfiniBand's MAC": {gatewayQuestion{own, gateway, make(net.HardwareAddr, 20)}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := test.q.check(); (err == nil) != test.ok {
				t.Errorf("got %v, want ok %t", err, test.ok)
			}
		})
	}
}

// Whatever parses is what was written, and so is an answer.
func FuzzARP(f *testing.F) {
	f.Add(arpFrame())
	f.Add(arp{operation: arpRequest, senderMAC: [6]byte(ownMAC), sender: own, target: gateway}.marshal())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := parseARP(b)
		if ok && !bytes.Equal(a.marshal(), b[:arpLen]) {
			t.Errorf("%x is %+v is %x", b, a, a.marshal())
		}
		q := gatewayQuestion{own: own, gateway: gateway, known: home}
		if _, ok := q.answer(b, ownMAC); ok && !bytes.Equal(b[:arpLen], arpFrame()[:arpLen]) {
			t.Errorf("%x is taken for the answer", b)
		}
	})
}

// set changes a byte.
func set(at int, to byte) func([]byte) []byte {
	return func(b []byte) []byte { b[at] = to; return b }
}

// passes says whether a filter lets a packet through.
func passes(t *testing.T, filter []bpf.Instruction, packet []byte) bool {
	t.Helper()
	vm, err := bpf.NewVM(filter)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(packet)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}
