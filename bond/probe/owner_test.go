package probe

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
)

// TestOwner: who says by which packet that an address is theirs, and what passes the
// filters of one who asks and of one who only listens.
func TestOwner(t *testing.T) {
	other := net.HardwareAddr{0x02, 0, 0, 0, 0, 0x99}
	c := claim{addr: own, ours: func(mac net.HardwareAddr) bool { return bytes.Equal(mac, ownMAC) }}
	// claimed is somebody's answer to the question who has the address.
	claimed := func() []byte {
		answer := arp{operation: arpReply, senderMAC: [6]byte(other), sender: own, targetMAC: [6]byte(ownMAC), target: netip.IPv4Unspecified()}
		return append(answer.marshal(), make([]byte, 18)...)
	}
	probed := c.question(other).marshal
	tests := map[string]struct {
		frame         []byte
		asked, heard  bool // it counts for one who asks, and for one who listens
		wakes, passes bool // it gets through the filter of one who listens, and of one who asks
	}{
		"answer":                      {claimed(), true, true, true, true},
		"gratuitous":                  {set(7, arpRequest)(claimed()), true, true, true, true},
		"without padding":             {claimed()[:arpLen], true, true, true, true},
		"short":                       {claimed()[:arpLen-1], false, false, true, true},
		"too short for a sender":      {claimed()[:arpSender+3], false, false, false, false},
		"our own, reflected":          {func() []byte { b := claimed(); copy(b[8:], ownMAC); return b }(), false, false, true, true},
		"multicast MAC":               {set(8, 3)(claimed()), false, false, true, true},
		"RARP":                        {set(7, 4)(claimed()), false, false, true, true},
		"not IPv4":                    {set(3, 1)(claimed()), false, false, true, true},
		"another's":                   {set(17, 51)(claimed()), false, false, false, false},
		"another's, asks for ours":    {arpFrame(), false, false, false, false},
		"it is about to take it":      {probed(), true, false, false, true},
		"so are we, reflected":        {c.question(ownMAC).marshal(), false, false, false, true},
		"it is about to take another": {func() []byte { b := probed(); b[27] = 51; return b }(), false, false, false, false},
		"nobody answers for it":       {set(7, arpReply)(probed()), false, false, false, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, tt := range []struct {
				of   func(arp) bool
				want bool
			}{{c.owner, test.asked}, {c.sender, test.heard}} {
				if mac, ok := c.by(test.frame, tt.of); ok != tt.want || ok && !bytes.Equal(mac, other) {
					t.Errorf("got %v, %t, want %t", mac, ok, tt.want)
				}
			}
			if got := passes(t, c.whileAsking(), test.frame); got != test.passes {
				t.Errorf("it passes the filter of one who asks: %t", got)
			}
			if got := passes(t, c.whileListening(), test.frame); got != test.wakes {
				t.Errorf("it wakes one who listens: %t", got)
			}
		})
	}
}

// FuzzOwner asserts that whatever is taken for a claim is one of somebody else's, and that
// no claim is kept back by the filter.
func FuzzOwner(f *testing.F) {
	c := claim{addr: own, ours: func(mac net.HardwareAddr) bool { return bytes.Equal(mac, ownMAC) }}
	f.Add(arpFrame())
	f.Add(c.question(home).marshal())
	f.Add(arp{operation: arpReply, senderMAC: [6]byte(home), sender: own, target: gateway}.marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if mac, ok := c.by(b, c.sender); ok {
			if bytes.Equal(mac, ownMAC) || !bytes.Equal(b[arpSender:][:4], own.AsSlice()) {
				t.Errorf("%x is taken for a claim of %s by %s", b, own, mac)
			}
			if !passes(t, c.whileListening(), b) || !passes(t, c.whileAsking(), b) {
				t.Errorf("%x doesn't get through", b)
			}
		}
		if _, ok := c.by(b, c.owner); ok && !passes(t, c.whileAsking(), b) {
			t.Errorf("%x doesn't get through to one who asks", b)
		}
	})
}
