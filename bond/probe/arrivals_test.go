package probe

import (
	"encoding/hex"
	"strings"
	"testing"
)

// packets of kinds, without Ethernet's header.
var traffic = map[string]struct {
	packet string
	counts bool
}{
	"TCP":                      {"4500002800004000400600000a0000010a000002 0050c350", true},
	"UDP":                      {"4500001c00004000401100000a0000010a000002 00350044 0008", false},
	"DNS":                      {"4500001c00004000401100000a0000010a000002 0035c350 0008", true},
	"an answer of DHCP":        {"4500001c00004000401100000a0000010a000002 00430044 0008", false},
	"behind options":           {"4600002000004000401100000a0000010a000002 01010101 00430044 0008", false},
	"ICMP echo":                {"4500001c00004000400100000a0000010a000002 0000ffff", true},
	"a header that is cut off": {"4500001c0000400040110000", false},
	"options that are cut off": {"4f00001c00004000401100000a0000010a000002", true},
	"TCP over IPv6":            {"60000000001406ff" + strings.Repeat("20", 32) + "0050c350", true},
	"a neighbour's answer":     {"60000000002a3aff" + strings.Repeat("20", 32) + "8800ffff", false},
	"a router's":               {"60000000002a3aff" + strings.Repeat("20", 32) + "8600ffff", false},
	"an echo's":                {"60000000002a3aff" + strings.Repeat("20", 32) + "8100ffff", true},
	"DHCPv6":                   {"60000000002a11ff" + strings.Repeat("20", 32) + "02230222", false},
	"neither":                  {"0001080006040002" + strings.Repeat("00", 40), false},
	"nothing":                  {"", false},
}

func TestIsTraffic(t *testing.T) {
	for name, tt := range traffic {
		packet, err := hex.DecodeString(strings.ReplaceAll(tt.packet, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := isTraffic(packet); got != tt.counts {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func FuzzIsTraffic(f *testing.F) {
	for _, tt := range traffic {
		packet, _ := hex.DecodeString(strings.ReplaceAll(tt.packet, " ", ""))
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		if isTraffic(packet) && packet[0]>>4 != 4 && packet[0]>>4 != 6 {
			t.Errorf("% x is no IP packet", packet)
		}
		_, _ = arrival(packet)
		if number, ok := echoNumber(gateway, packet); ok && number>>16 != 0 {
			t.Errorf("number %d", number)
		}
	})
}
