package keeper

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// A fold holds back what happens again and again, such as with a cable that flaps
// ten times a second, and makes one event of it: the last one, which says how
// often it happened. The first few times are told at once, for somebody may act
// upon an undock. What is told is always in the order in which it happened, so
// that the last event tells how things are: no event is told while an earlier one
// is held back.
type fold struct {
	lately map[happening]*repetition // what has happened within flapTime, or is held back
	held   []happening               // what is held back, in the order in which it happened last
}

const (
	// flapTime is the time in which the same may happen flapTimes before it is held
	// back.
	flapTime  = 30 * time.Second
	flapTimes = 3
	// quietTime is how long something mustn't happen before it is taken to be over,
	// and told. In flapTime what flaps happens once in so long at least, or it would
	// be told late, and one by one all the same.
	quietTime = flapTime / flapTimes
	// foldTime is how long something is held back at most, for the first time. As it
	// goes on it is twice as long each time, up to maxFoldTime: a cable that flaps
	// all night fills no history.
	foldTime    = time.Minute
	maxFoldTime = time.Hour
)

// A happening is what events have in common that tell of the same.
type happening struct {
	kind     bond.EventKind
	from, to string
}

// A repetition is how often something has happened.
type repetition struct {
	times [flapTimes]time.Time // the last ones, the oldest first
	last  bond.Event           // of those that are held back, and how many they are
	first time.Time            // of those that are held back
	limit time.Duration        // between foldTime and maxFoldTime
}

// add takes an event in, and returns what is to be told now.
func (f *fold) add(e bond.Event) []bond.Event {
	told := f.release(e.Time)
	what := happening{e.Event, value(e.From), value(e.To)}
	r := f.lately[what]
	if r == nil {
		r = &repetition{limit: foldTime}
		if f.lately == nil {
			f.lately = map[happening]*repetition{}
		}
		f.lately[what] = r
	}
	flaps := e.Time.Sub(r.times[0]) < flapTime
	copy(r.times[:], r.times[1:])
	r.times[flapTimes-1] = e.Time
	if !flaps {
		r.limit = foldTime
		return append(append(told, f.flush()...), e)
	}
	if r.last.Count == 0 {
		r.first = e.Time
	}
	e.Count += r.last.Count
	r.last = e
	f.held = append(slices.DeleteFunc(f.held, func(h happening) bool { return h == what }), what)
	return told
}

// release returns what is to be told by now of what is held back.
func (f *fold) release(now time.Time) []bond.Event {
	n := 0
	for i, what := range f.held {
		if r := f.lately[what]; !now.Before(r.due()) {
			n = i + 1 // and what happened before
			if !now.Before(r.first.Add(r.limit)) {
				r.limit = min(2*r.limit, maxFoldTime)
			}
		}
	}
	told := f.tell(n)
	maps.DeleteFunc(f.lately, func(_ happening, r *repetition) bool {
		return r.last.Count == 0 && now.Sub(r.times[flapTimes-1]) >= flapTime
	})
	return told
}

// flush returns all that is held back.
func (f *fold) flush() []bond.Event { return f.tell(len(f.held)) }

// tell returns the first n events that are held back.
func (f *fold) tell(n int) (told []bond.Event) {
	for _, what := range f.held[:n] {
		told = append(told, f.lately[what].take())
	}
	f.held = slices.Delete(f.held, 0, n)
	return told
}

// due is when something that is held back is to be told; zero where nothing is.
func (f *fold) due() (first time.Time) {
	for _, what := range f.held {
		if due := f.lately[what].due(); first.IsZero() || due.Before(first) {
			first = due
		}
	}
	return first
}

// due is when it is to be told at the latest.
func (r *repetition) due() time.Time {
	quiet, full := r.last.Time.Add(quietTime), r.first.Add(r.limit)
	if full.Before(quiet) {
		return full
	}
	return quiet
}

// take makes one event of those that are held back, and holds back none.
func (r *repetition) take() bond.Event {
	e := r.last
	r.last = bond.Event{}
	if e.Count > 1 {
		text := fmt.Sprintf("%d times in %s", e.Count, inWords(e.Time.Sub(r.first)))
		if e.Message != nil {
			text = *e.Message + "; " + text
		}
		e.Message = &text
	}
	return e
}

// inWords is a time as precise as is of interest.
func inWords(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}
