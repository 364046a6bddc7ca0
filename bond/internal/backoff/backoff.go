// Package backoff gives the pauses between tries that fail one after another.
package backoff

import (
	"cmp"
	"time"
)

// A Backoff gives pauses of which each is twice as long as the one before, from
// First up to Last. Where those are zero, they are a second and a minute.
type Backoff struct {
	First, Last time.Duration

	next time.Duration
}

// Next is the pause before the next try.
func (b *Backoff) Next() time.Duration {
	first, last := cmp.Or(b.First, time.Second), cmp.Or(b.Last, time.Minute)
	pause := min(max(b.next, first), last)
	b.next = min(2*pause, last)
	return pause
}

// Reset has the pauses start from the first one again, as one does after success.
func (b *Backoff) Reset() { b.next = 0 }
