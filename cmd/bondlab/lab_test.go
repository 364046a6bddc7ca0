package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// benchInGuest is the environment variable by which a test has this binary measure a peer.
const benchInGuest = "BONDLAB_TEST_BENCH"

// The lab's guest runs this test binary as its init, and as what TestBench asks for.
func TestMain(m *testing.M) {
	netnstest.RunInit()
	if os.Getenv(benchInGuest) != "" {
		if err := app().Run([]string{"bondlab", "bench", "--trials", "1", "--only", "ip, miimon 10"}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// openLab opens the lab, or skips the test where there is none.
func openLab(t *testing.T) *netnstest.Lab {
	t.Helper()
	lab, err := netnstest.Open()
	if errors.Is(err, netnstest.ErrUnavailable) {
		netnstest.Skip(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.Close() })
	return lab
}

func TestStreamsAndStatus(t *testing.T) {
	lab := openLab(t)
	var stdout, stderr bytes.Buffer
	status, err := lab.Run(t.Context(), netnstest.Job{
		Args:   []string{"sh", "-c", `cat; echo "$WORD" >&2; exit 7`},
		Env:    []string{"WORD=complaint"},
		Stdin:  strings.NewReader(strings.Repeat("a line of input\n", 10000)),
		Stdout: &stdout,
		Stderr: &stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	if status != 7 {
		t.Errorf("exit status %d, want 7", status)
	}
	if stdout.String() != strings.Repeat("a line of input\n", 10000) {
		t.Errorf("%d bytes came out, want the 160000 that went in", stdout.Len())
	}
	if stderr.String() != "complaint\n" {
		t.Errorf("stderr %q, want %q", &stderr, "complaint\n")
	}
}

func TestDeadGuest(t *testing.T) {
	_, err := openLab(t).Run(t.Context(), netnstest.Job{
		Args: []string{"sh", "-c", "echo c >/proc/sysrq-trigger"},
	})
	if err == nil || !strings.Contains(err.Error(), "sysrq triggered crash") {
		t.Errorf("error %v, want one with the end of the console", err)
	}
}

func TestHangingGuest(t *testing.T) {
	lab := openLab(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := lab.Run(ctx, netnstest.Job{Args: []string{"sleep", "1000"}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that the time is over", err)
	}
}
