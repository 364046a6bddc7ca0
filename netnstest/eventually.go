package netnstest

import (
	"fmt"
	"time"
)

// Patience is how long [Eventually] waits at least: 20 seconds, and longer on a machine that was found to
// be slow. Only a test that fails has to wait that long.
var Patience = times(quietPatience, slowness)

// pollInterval is how often a condition is tried.
const pollInterval = 20 * time.Millisecond

// Eventually waits until cond returns nil. If it doesn't within [Patience], the test fails with
// the last error.
func Eventually(t TB, cond func() error) {
	t.Helper()
	if err := patiently(Patience, cond); err != nil {
		t.Fatalf("%v", err)
	}
}

// patiently tries cond until it returns nil or the time is over, and returns its last error then. The
// time is longer where the machine has become slower since it was measured.
func patiently(limit time.Duration, cond func() error) error {
	err := poll(limit, cond)
	if err == nil {
		return nil
	}
	if now := measureSlowness(); now > slowness {
		more := times(limit, now/slowness-1)
		limit += more
		err = poll(more, cond)
	}
	if err != nil {
		return fmt.Errorf("still after %v: %w", limit, err)
	}
	return nil
}

// poll tries cond until it returns nil or the time is over, and returns its last error then.
func poll(limit time.Duration, cond func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := cond()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(pollInterval)
	}
}

func times(d time.Duration, factor float64) time.Duration {
	return time.Duration(float64(d) * factor).Round(time.Millisecond)
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
