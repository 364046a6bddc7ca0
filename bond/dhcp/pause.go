package dhcp

import (
	"iter"
	"math/rand/v2"
	"time"

	"github.com/bondctl/bondctl/bond/internal/backoff"
)

const (
	jitter = time.Second
	// patience is how long servers may be silent before that is said. One that knows
	// nothing of a lease says nothing of it, and one that pings an address before it
	// offers it takes some seconds for that: both are well.
	patience = 10 * time.Second
	// minRenewal is the least time between two questions of one who has a lease
	// (RFC 2131 section 4.4.5).
	minRenewal = time.Minute
)

// requestTries is how often an offer is taken before another one is looked for.
const requestTries = 4

const (
	// aloneTime is how long it is asked whether a lease holds before any server is asked for one
	// as well: somebody who has been carried to another network waits for that.
	aloneTime = 100 * time.Millisecond
	// graceTime is how long an offer of another address is put off for a word on whether
	// the lease holds, from when both were asked for: connections live by it.
	graceTime = 100 * time.Millisecond
)

// once gives one pause.
func once(pause time.Duration) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) { yield(pause) }
}

// rebootPauses begin with a shorter one than those of RFC 2131 section 4.1. Together they are
// long enough for a server that pings an address before it offers it.
func rebootPauses(yield func(time.Duration) bool) {
	_ = yield(time.Second+rand.N(jitter/2)) && yield(2*time.Second) && yield(4*time.Second)
}

// The pauses of RFC 2131 section 4.1: each is twice as long as the one before, and a
// second more or less.
const (
	firstPause = 4 * time.Second
	lastPause  = 64 * time.Second
)

func jittered(pause time.Duration) time.Duration { return pause - jitter + rand.N(2*jitter) }

// doubling gives the pauses after so many questions.
func doubling(tries int) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		pauses := backoff.Backoff{First: firstPause, Last: lastPause}
		for range tries {
			if !yield(jittered(pauses.Next())) {
				return
			}
		}
	}
}

// halving gives pauses of half of what is left, as long as something is.
func halving(left func() time.Duration) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for rest := left(); rest > 0; rest = left() {
			if !yield(max(rest/2, minRenewal)) {
				return
			}
		}
	}
}
