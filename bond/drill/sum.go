package drill

import "time"

// A Frame is a question, and when it was sent and answered.
type Frame struct {
	Sent     time.Time
	Answered time.Time // zero: it wasn't
}

// A Gap is what was lost in a while.
type Gap struct {
	Sent, Lost int
	// Outage is the longest time in which nothing got through: from one frame that was
	// answered to the next one, by when they were sent, and less the interval, in which there
	// would have been none in any case. Without a lost frame it is zero, which means less
	// than the interval.
	Outage time.Duration
	// Ended says whether frames were answered again afterwards. Without that Outage is only
	// what has passed until the last frame.
	Ended bool
}

// Measure sums up frames, which are in the order in which they were sent, at an interval. One
// may have been sent later than it was to be, by a machine that was busy.
func Measure(frames []Frame, interval time.Duration) Gap {
	g := Gap{Sent: len(frames), Ended: true}
	if len(frames) == 0 {
		return g
	}
	last := frames[0].Sent.Add(-interval) // that was answered, as far as is known
	for _, f := range frames {
		lost := f.Answered.IsZero()
		if lost {
			g.Lost++
		}
		if lost || !g.Ended {
			g.Outage = max(g.Outage, f.Sent.Sub(last)-interval)
		}
		g.Ended = !lost
		if !lost {
			last = f.Sent
		}
	}
	return g
}

// since are the frames that were sent from then on.
func since(frames []Frame, then time.Time) []Frame {
	for i, f := range frames {
		if !f.Sent.Before(then) {
			return frames[i:]
		}
	}
	return nil
}

// until are the frames that were sent before then.
func until(frames []Frame, then time.Time) []Frame {
	for i, f := range frames {
		if !f.Sent.Before(then) {
			return frames[:i]
		}
	}
	return frames
}

// calm says whether frames were answered, all of them, in the time before then.
func calm(frames []Frame, then time.Time, long time.Duration) bool {
	if len(frames) == 0 || frames[0].Sent.After(then.Add(-long)) {
		return false
	}
	lately := until(since(frames, then.Add(-long)), then)
	return len(lately) > 0 && Measure(lately, 0).Lost == 0
}
