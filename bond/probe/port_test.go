package probe

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/bpf"
)

var (
	portMAC   = []byte{2, 0, 0, 0, 0, 1}
	someMAC   = []byte{2, 0, 0, 0, 0, 2}
	everybody = []byte{255, 255, 255, 255, 255, 255}
)

// frameOf is a frame, filled up to the least that Ethernet sends.
func frameOf(to, from []byte, body ...byte) []byte {
	frame := append(append(append([]byte{}, to...), from...), 0, 38)
	frame = append(frame, body...)
	return append(frame, make([]byte, max(0, 60-len(frame)))...)
}

// message is a BPDU. One of kind 0 has a forward delay of 15 s.
func message(version, kind, flags byte) []byte {
	body := make([]byte, 35)
	body[2], body[3], body[4], body[33] = version, kind, flags, 15
	return body
}

func tree(version, kind, flags byte) []byte {
	return frameOf(spanningTree[:], portMAC, append(append([]byte{}, llc...), message(version, kind, flags)...)...)
}

func TestForwarding(t *testing.T) {
	config := tree(0, 0, 0)
	blocked, forwarding := tree(2, 2, 0x0e), tree(2, 2, 0x3e)
	cisco := frameOf(perVLAN[:], portMAC, append(append([]byte{}, snap...), message(0, 0, 0)...)...)
	arp, ports := frameOf(everybody, someMAC), frameOf([]byte{0x33, 0x33, 0, 0, 0, 1}, portMAC)
	lldp := frameOf([]byte{1, 0x80, 0xc2, 0, 0, 0x0e}, []byte{2, 0, 0, 0, 0, 9})
	type heard struct {
		at    time.Duration
		frame []byte
	}
	const s = time.Second
	for name, tt := range map[string]struct {
		heard  []heard
		want   time.Duration
		silent bool
		after  time.Duration // how long it took
	}{
		"no spanning tree":                 {[]heard{{s, arp}, {2 * s, arp}}, 0, false, helloTime},
		"nobody":                           {nil, 0, false, helloTime},
		"30 s":                             {[]heard{{0, config}, {2 * s, config}, {31 * s, arp}}, 30 * s, false, 31 * s},
		"30 s, noticed late":               {[]heard{{0, config}, {27 * s, arp}}, 27 * s, false, 27 * s},
		"30 s, and then nobody for long":   {[]heard{{0, config}, {50 * s, arp}}, 30 * s, false, 50 * s},
		"30 s, by a frame to one":          {[]heard{{0, config}, {30 * s, frameOf(someMAC, []byte{2, 0, 0, 0, 0, 9})}}, 30 * s, false, 30 * s},
		"30 s, of PVST+":                   {[]heard{{0, cisco}, {30 * s, arp}}, 30 * s, false, 30 * s},
		"an edge port":                     {[]heard{{s, config}, {5 * s, arp}}, 0, false, 5 * s},
		"an edge port, first heard before": {[]heard{{s, arp}, {2 * s, config}}, 0, false, 2 * s},
		"what the port says itself":        {[]heard{{0, ports}, {s, lldp}, {s, config}, {2 * s, ports}, {30 * s, arp}}, 30 * s, false, 30 * s},
		"nobody behind it":                 {[]heard{{0, config}, {2 * s, config}}, 0, true, time.Minute},
		"RSTP, at once":                    {[]heard{{2 * s, forwarding}}, 0, false, 2 * s},
		"RSTP, after a while":              {[]heard{{0, blocked}, {8 * s, forwarding}}, 8 * s, false, 8 * s},
		"RSTP, by a frame":                 {[]heard{{0, blocked}, {7 * s, arp}}, 7 * s, false, 7 * s},
		"too short":                        {[]heard{{0, arp[:13]}, {0, config[:30]}}, 0, false, helloTime},
		"a change of the tree":             {[]heard{{0, tree(0, 0x80, 0)}}, 0, false, helloTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, left := time.Now(), tt.heard
				got, err := listenToPort(time.Minute, func(treeOnly bool, end time.Time) ([]byte, error) {
					for treeOnly && len(left) > 0 && [4]byte(left[0].frame) != [4]byte(spanningTree[:]) && [4]byte(left[0].frame) != [4]byte(perVLAN[:]) {
						left = left[1:]
					}
					if len(left) == 0 || began.Add(left[0].at).After(end) {
						time.Sleep(time.Until(end))
						return nil, os.ErrDeadlineExceeded
					}
					next := left[0]
					left = left[1:]
					time.Sleep(time.Until(began.Add(next.at)))
					return next.frame, nil
				})
				if got != tt.want || errors.Is(err, ErrSilent) != tt.silent || err != nil && !tt.silent {
					t.Errorf("%s, %v; want %s", got, err, tt.want)
				}
				if took := time.Since(began); took != tt.after {
					t.Errorf("it took %s, want %s", took, tt.after)
				}
			})
		})
	}
}

// TestTreeFrames: the filter lets BPDUs through.
func TestTreeFrames(t *testing.T) {
	vm, err := bpf.NewVM(treeFrames[2:]) // it knows of no extension
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		to   []byte
		want int
	}{{spanningTree[:], bpduSize}, {perVLAN[:], bpduSize}, {everybody, 0}, {someMAC, 0}} {
		if got, err := vm.Run(frameOf(tt.to, portMAC)); got != tt.want || err != nil {
			t.Errorf("to %x: %d bytes, %v", tt.to, got, err)
		}
	}
}

// FuzzBPDU: no frame makes it fail, and none has the port forward before it was heard.
func FuzzBPDU(f *testing.F) {
	f.Add(tree(0, 0, 0), frameOf(everybody, someMAC))
	f.Add(tree(2, 2, 0x3e), []byte{})
	f.Fuzz(func(t *testing.T, one, two []byte) {
		var p portStory
		for i, frame := range [][]byte{one, two, one} {
			at := time.Duration(i) * time.Second
			if forwards, known := p.hear(frame, at); forwards < 0 || forwards > at || known && !p.spanning {
				t.Errorf("%s at %s, known %t of %+v", forwards, at, known, p)
			}
		}
	})
}
