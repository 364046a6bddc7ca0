// Package upstream judges whether what is behind a slave's link works, by who answers there, and which slave
// a bond is to use by that.
//
// # Two errors
//
// To take a dead path for a good one costs what is sent over it until it is noticed. To take a good path
// for a dead one costs a switch, and if it happens again and again the bond ping-pongs, which is worse than
// a path that loses some. So a [Judge] wants evidence: a round of questions is lost only when each of
// several in it is, a path is dead only after several rounds, and one that was dead is used again the
// later, the more often it was. A [Limit] bounds the switches whatever the judges say.
//
// # Who is used
//
// A [Choice] leaves a slave with a dead path alone, and returns to it as the kernel would. Where each path
// is dead nothing is left for anything: it is the target that is down, and the link may serve all the same.
//
// It is pure: time is what its callers say.
package upstream

import (
	"math/bits"
	"time"
)

// State is what is known of a path.
type State string

// The values of State.
const (
	Unknown State = "unknown" // nobody has been asked for long enough
	OK      State = "ok"
	Dead    State = "dead"
)

// Settings are how a path is judged.
type Settings struct {
	Interval      time.Duration // between the beginnings of two rounds
	Fails, Passes int           // rounds in a row
	// Once has a round be one question, to whom an answer costs more than a frame.
	Once bool
}

const (
	// questions are those of a round at most. Four that are lost at random are 0.8% of all rounds where 30%
	// is lost, and three such rounds in a row one in two million.
	questions = 4
	// calmTime is for how long a path must work until it is forgotten that it was dead.
	calmTime = 10 * time.Minute
	// mostHeld bounds the time that a path must work to be used again, and mostDoublings what it is counted with.
	mostHeld      = 5 * time.Minute
	mostDoublings = 10
	// lately is how many questions the loss is counted over.
	lately = 50
)

// A Judge follows one path. Its zero value has no settings; use [NewJudge].
type Judge struct {
	Settings
	state State
	since time.Time // of the state

	began    time.Time // the round; zero before the first
	asked    int       // questions in it
	answered bool      // the round is passed
	last     time.Time // the last question

	failed, passed int // rounds in a row
	deaths         int // verdicts since the path was calm last

	rtt    time.Duration
	timed  bool   // rtt is known
	recent uint64 // the last questions, the latest in the lowest bit; set: answered
	count  int    // of them
}

// NewJudge begins to judge a path of which nothing is known. deaths is how often it was dead lately.
func NewJudge(s Settings, deaths int) *Judge {
	return &Judge{Settings: s, state: Unknown, deaths: deaths}
}

// State is what is known now.
func (j *Judge) State() State { return j.state }

// Deaths are how often the path was dead lately, for another judge of it.
func (j *Judge) Deaths() int { return j.deaths }

// RTT is how long the last answer took; ok is false where there was none.
func (j *Judge) RTT() (rtt time.Duration, ok bool) { return j.rtt, j.timed }

// Loss is how many of the latest questions had no answer, in percent; ok is false before the first.
func (j *Judge) Loss() (percent int, ok bool) {
	if j.count == 0 {
		return 0, false
	}
	return 100 * (j.count - bits.OnesCount64(j.recent)) / j.count, true
}

// most is how many questions a round has.
func (j *Judge) most() int {
	if j.Once {
		return 1
	}
	return questions
}

// pause is the time that a question has for its answer before another one is asked.
func (j *Judge) pause() time.Duration { return j.Interval / time.Duration(j.most()+1) }

// Due is when Tick is to be called.
func (j *Judge) Due() time.Time {
	switch {
	case j.began.IsZero():
		return time.Time{} // at once
	case j.answered, j.asked == j.most():
		return j.began.Add(j.Interval)
	}
	return j.last.Add(j.pause())
}

// Tick says whether to ask now.
func (j *Judge) Tick(now time.Time) (ask bool) {
	if now.Before(j.Due()) {
		return false
	}
	if j.began.IsZero() || !now.Before(j.began.Add(j.Interval)) {
		// Where it is called late, or hadn't the time for each question, the machine may have slept, or have been
		// too busy to hear an answer.
		if late := now.Sub(j.began) > 2*j.Interval; !j.began.IsZero() && !j.answered && j.asked == j.most() && !late {
			j.fail(now)
		}
		j.began, j.asked, j.answered = now, 0, false
	}
	j.asked++
	j.last = now
	j.recent <<= 1
	j.recent &= 1<<lately - 1
	j.count = min(j.count+1, lately)
	return true
}

// Answer takes in that an answer has come.
func (j *Judge) Answer(now time.Time) {
	if j.began.IsZero() || j.answered {
		return
	}
	j.answered = true
	j.recent |= 1
	j.rtt, j.timed = now.Sub(j.last), true
	j.failed = 0
	j.passed++
	if j.state != OK && j.passed >= j.needs() {
		j.become(OK, now)
	}
	if j.state == OK && now.Sub(j.since) >= calmTime {
		j.deaths = 0
	}
}

// fail takes in that a round had no answer.
func (j *Judge) fail(now time.Time) {
	j.passed = 0
	j.failed++
	if j.state != Dead && j.failed >= j.Fails {
		j.deaths++
		j.become(Dead, now)
	}
}

func (j *Judge) become(s State, now time.Time) { j.state, j.since = s, now }

// needs is how many rounds in a row the path has to pass: one where nothing speaks against it, and twice
// as many each time that it was dead.
func (j *Judge) needs() int {
	if j.deaths == 0 {
		return 1
	}
	most := max(j.Passes, int(mostHeld/max(j.Interval, 1)))
	return min(j.Passes<<min(j.deaths-1, mostDoublings), most)
}
