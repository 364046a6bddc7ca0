package netnstest

import (
	"testing"
	"time"
)

func TestLostAmong(t *testing.T) {
	start := time.Now()
	for _, tt := range []struct {
		frames string // + arrived, - lost; one each millisecond
		want   Lost
	}{
		{"++++", Lost{4, 0, 0}},
		{"-+", Lost{2, 1, time.Millisecond}},
		{"+--+-+", Lost{6, 3, 2 * time.Millisecond}},
		{"---+", Lost{4, 3, 3 * time.Millisecond}},
	} {
		var sent []time.Time
		var received []bool
		for i, c := range tt.frames {
			sent, received = append(sent, start.Add(time.Duration(i)*time.Millisecond)), append(received, c == '+')
		}
		if got := lostAmong(sent, received); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.frames, got, tt.want)
		}
	}
}
