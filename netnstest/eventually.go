package netnstest

import (
	"fmt"
	"time"
)

// Patience is how long [Eventually] waits. It is long, for the emulated machine is slow, and only a
// test that fails has to wait that long.
const Patience = 20 * time.Second

// pollInterval is how often a condition is tried.
const pollInterval = 20 * time.Millisecond

// Eventually waits until cond returns nil. If it doesn't within [Patience], the test fails with
// the last error.
func Eventually(t TB, cond func() error) {
	t.Helper()
	if err := poll(Patience, cond); err != nil {
		t.Fatalf("%v", err)
	}
}

// poll tries cond until it returns nil or the time is over, and returns its last error then.
func poll(limit time.Duration, cond func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := cond()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("still after %v: %w", limit, err)
		}
		time.Sleep(pollInterval)
	}
}

// TB is the part of testing.TB that this package uses, so that a program which isn't a test can
// have a lab too.
type TB interface {
	Helper()
	Name() string
	Cleanup(func())
	Failed() bool
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}
