package failover

import (
	"math"
	"time"
)

// A damping counts how often a slave has lost its carrier lately, and says until when it
// isn't returned to (compare RFC 2439 section 4.2).
type damping struct {
	penalty    float64 // at the time at
	at         time.Time
	suppressed bool // it was above suppressAbove by then, and hadn't been below reuseBelow since
}

const (
	lossPenalty   = 1000 // of one loss
	suppressAbove = 1500
	reuseBelow    = 750
	mostPenalty   = 6000 // so that it is over after 45 s, however long it flapped
	halfLife      = 15 * time.Second
)

// lose counts a loss.
func (d *damping) lose(now time.Time) {
	held := d.until().After(now)
	d.penalty, d.at = min(d.value(now)+lossPenalty, mostPenalty), now
	d.suppressed = held || d.penalty > suppressAbove
}

// value is the penalty by now.
func (d damping) value(now time.Time) float64 {
	return d.penalty * math.Exp2(-now.Sub(d.at).Seconds()/halfLife.Seconds())
}

// until is when the slave may be returned to; the zero time where it may at any time.
func (d damping) until() time.Time {
	if !d.suppressed || d.penalty <= reuseBelow {
		return time.Time{}
	}
	halves := math.Log2(d.penalty / reuseBelow)
	return d.at.Add(time.Duration(halves * float64(halfLife)))
}
