package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/netnstest"
)

var update = flag.Bool("update", false, "write the pictures of testdata anew")

// lost are frames of a millisecond each that were lost.
func lost(counts ...int) (list []netnstest.Lost) {
	for _, n := range counts {
		list = append(list, netnstest.Lost{Sent: 500, Lost: n, Outage: time.Duration(n) * time.Millisecond})
	}
	return list
}

var measured = []result{
	{
		name: "quick", setUp: 73 * time.Millisecond, status: 42*time.Millisecond + 600*time.Microsecond,
		pulled: lost(3, 1, 2), removed: lost(4), back: lost(0, 0, 1),
		known: 21 * time.Millisecond, unknown: 250 * time.Millisecond, own: 3 * 1024, program: 8*1024 + 512, wakeUps: 2,
	},
	{
		name: "<slow>", setUp: 5 * time.Second, status: 20 * time.Millisecond,
		pulled: lost(95, 40, 60), removed: lost(1, 0), back: lost(0, 0, 0),
		known: none, unknown: never, own: 1024, program: 2048,
	},
	{name: "kernel", pulled: lost(0), removed: lost(0), back: lost(0), known: none, unknown: none, leaseLeftOut: "no\nserver"},
	{name: "absent", leftOut: "unpack packages: no\n\tsuch file"},
}

func TestTables(t *testing.T) {
	const want = `| | a pulled cable: frames lost | outage | a removed NIC: frames lost | outage | on the way back: frames lost |
|---|---|---|---|---|---|
| quick | 2 (3) | 2.0 ms (3.0) | 4 (4) | 4.0 ms (4.0) | 0 (1) |
| <slow> | 60 (95) | 60.0 ms (95.0) | 1 (1) | 1.0 ms (1.0) | 0 (0) |
| kernel | 0 (0) | 0.0 ms (0.0) | 0 (0) | 0.0 ms (0.0) | 0 (0) |

| | set-up | its address on a known network | on an unknown one | resident: own + program's | wake-ups | status |
|---|---|---|---|---|---|---|
| quick | 73 ms | 21 ms | 250 ms | 3.0 + 8.5 MB | 2 | 42 ms |
| <slow> | 5000 ms | - | not in 20 s | 1.0 + 2.0 MB | 0 | 20 ms |
| kernel | 0 ms | - | - | - | - | 0 ms |

The leases of kernel are left out: no server
absent is left out: unpack packages: no such file
`
	if diff := cmp.Diff(want, tables(measured)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPicture compares a picture with one that somebody has looked at.
func TestPicture(t *testing.T) {
	got := picture(measured)
	const file = "testdata/outages.svg"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got; -update if it should be so):\n%s", diff)
	}
}

// TestPictureHolds checks what any picture must: it is XML, shows each outage, and all of it lies within.
func TestPictureHolds(t *testing.T) {
	for _, results := range [][]result{nil, measured, {{name: "a & b", pulled: lost(0)}}, {{name: "long", pulled: lost(1, 59999)}}} {
		text := picture(results)
		dots, wantDots := 0, 0
		for _, r := range results {
			wantDots += len(r.pulled)
		}
		for d := xml.NewDecoder(strings.NewReader(text)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			if start, ok := token.(xml.StartElement); ok && start.Name.Local == "circle" {
				dots++
				checkWithin(t, start)
			}
		}
		if dots != wantDots {
			t.Errorf("%d dots, want %d, in\n%s", dots, wantDots, text)
		}
	}
}

// checkWithin checks that a dot is between the picture's margins.
func checkWithin(t *testing.T, dot xml.StartElement) {
	t.Helper()
	for _, a := range dot.Attr {
		var x float64
		if _, err := fmt.Sscan(a.Value, &x); a.Name.Local == "cx" && (err != nil || x < marginLeft || x > pictureWidth-marginRight) {
			t.Errorf("a dot at x %s, %v", a.Value, err)
		}
	}
}

func TestScaleStep(t *testing.T) {
	for end, want := range map[time.Duration]time.Duration{
		0: time.Millisecond, 9 * time.Millisecond: time.Millisecond, 10 * time.Millisecond: 2 * time.Millisecond,
		99 * time.Millisecond: 10 * time.Millisecond, 120 * time.Millisecond: 20 * time.Millisecond, 3 * time.Second: 500 * time.Millisecond,
	} {
		if got := scaleStep(end); got != want {
			t.Errorf("%v: a line each %v, want %v", end, got, want)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, tt := range []struct {
		up   []string
		only string
		want []string
	}{
		{nil, "bondctl --fast", []string{"bondctl --fast-failover=false", "bondctl --fast-failover=false --miimon 10"}},
		{[]string{"--miimon 20"}, "bondctl --miimon", []string{"bondctl --miimon 10", "bondctl --miimon 20"}},
		{nil, "no such", nil},
	} {
		var got []string
		for _, p := range choose(peers(), tt.up, tt.only) {
			got = append(got, p.name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q of --up %q: %q, want %q", tt.only, tt.up, got, tt.want)
		}
	}
}

// TestBench has the kernel alone measured once, in the lab.
func TestBench(t *testing.T) {
	lab := openLab(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	status, err := lab.Run(t.Context(), netnstest.Job{
		Args: []string{self}, Env: []string{benchInGuest + "=1"}, Stdout: &stdout, Stderr: &stderr,
	})
	if err != nil || status != 0 {
		t.Fatalf("status %d, error %v\n%s%s", status, err, &stdout, &stderr)
	}
	out := stdout.String()
	if !strings.Contains(out, "| ip, miimon 10 | ") || strings.Contains(out, "left out") || strings.Count(out, "<circle") != 1 {
		t.Errorf("the bench told\n%s%s", out, &stderr)
	}
}
