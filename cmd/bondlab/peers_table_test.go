package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var measured = []result{
	{
		name: "a & b", setUp: 20 * time.Millisecond, status: 5 * time.Millisecond, lost: []int{9, 1, 2}, outage: []int{9000, 1000, 2500},
		removed: []int{0}, back: []int{0, 3}, known: 90 * time.Millisecond, unknown: never, own: 3584, program: 8192,
	},
	{name: "broken", leftOut: "no such\nprogram"},
	{name: "c", setUp: time.Second, status: none, lost: []int{80}, outage: []int{80000}, removed: []int{1}, back: []int{0}, known: none, unknown: none},
}

func TestTable(t *testing.T) {
	_, rows, _ := strings.Cut(table(measured, 3), "|---|\n")
	want := "| a & b | 20 ms | 2 (9) | 2.5 ms (9.0) | 0 | 3 | 90 ms | not within 20 s | 3.5 + 8.0 MB | 0 | 5 ms |\n" +
		"| broken | left out: no such program | | | | | | | | | |\n" +
		"| c | 1000 ms | 80 (80) | 80.0 ms (80.0) | 1 | 0 | - | - | - | - | - |\n"
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// The picture is well-formed, and has a dot for each trial, a median for each contender, and no room for
// one that was left out.
func TestPicture(t *testing.T) {
	text := picture(measured)
	if !strings.HasPrefix(text, svgStart) {
		t.Errorf("it begins with %.20q", text)
	}
	for decoder := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
	for part, want := range map[string]int{"<circle": 4, `stroke="#e60"`: 2, "a &amp; b": 1, "broken": 0, ">80</text>": 1} {
		if got := strings.Count(text, part); got != want {
			t.Errorf("%d times %q, want %d", got, part, want)
		}
	}
}

func TestNiceStep(t *testing.T) {
	for most, want := range map[int]int{1: 1000, 9999: 1000, 15_000: 2000, 80_000: 10_000, 279_000: 50_000} {
		if got := niceStep(most); got != want {
			t.Errorf("up to %d µs a line each %d, want %d", most, got, want)
		}
	}
}
