package probe

import "testing"

func TestKindOf(t *testing.T) {
	frame := func(to ...byte) []byte { return append(to, 2, 0, 0, 0, 0, 1, 8, 0) }
	for _, tt := range []struct {
		name  string
		frame []byte
		want  frameKind
	}{
		{"a broadcast", frame(255, 255, 255, 255, 255, 255), framePassedOn},
		{"a neighbour's", frame(2, 0, 0, 0, 0, 9), framePassedOn},
		{"a multicast", frame(0x33, 0x33, 0, 0, 0, 1), framePassedOn},
		{"a BPDU", frame(1, 0x80, 0xc2, 0, 0, 0), frameSpanningTree},
		{"a BPDU of PVST+", frame(1, 0, 0x0c, 0xcc, 0xcc, 0xcd), frameSpanningTree},
		{"LLDP", frame(1, 0x80, 0xc2, 0, 0, 0x0e), frameOfPort},
		{"CDP", frame(1, 0, 0x0c, 0xcc, 0xcc, 0xcc), frameOfPort},
		{"the first address that bridges pass on", frame(1, 0x80, 0xc2, 0, 0, 0x10), framePassedOn},
		{"too short", []byte{1, 2, 3}, frameOfPort},
	} {
		if got := kindOf(tt.frame); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
