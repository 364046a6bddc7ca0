package upstream

import (
	"testing"
	"time"
)

var start = time.Unix(1_000_000, 0)

// play has a judge live through rounds: for each letter one second, y with an answer, l with an answer to the
// last question alone, n without one.
func play(j *Judge, now time.Time, rounds string) time.Time {
	for _, what := range rounds {
		for end := now.Add(j.Interval); now.Before(end); now = now.Add(10 * time.Millisecond) {
			if j.Tick(now) && (what == 'y' || what == 'l' && j.asked == questions) {
				j.Answer(now.Add(time.Millisecond))
			}
		}
	}
	return now
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		rounds string
		want   State
	}{
		{"", Unknown}, {"y", OK}, {"l", OK},
		{"nnn", Unknown}, {"nnnn", Dead}, // a round is lost when the next one begins
		{"ynnn", OK}, {"ynnnn", Dead}, {"ynnynny", OK}, {"ynnlnnl", OK},
		{"ynnnnyy", Dead}, {"ynnnnyyy", OK}, {"ynnnnyynyyny", Dead},
		{"ynnnnyyynnnnyyyyy", Dead}, {"ynnnnyyynnnnyyyyyy", OK}, // twice as long each time
		{"ynnnnyyynnnnyyyyyynnnnyyyyyyyyyyy", Dead}, {"ynnnnyyynnnnyyyyyynnnnyyyyyyyyyyyy", OK},
	} {
		j := NewJudge(Settings{Interval: time.Second, Fails: 3, Passes: 3}, 0)
		if play(j, start, tt.rounds); j.State() != tt.want {
			t.Errorf("%s: %s, want %s", tt.rounds, j.State(), tt.want)
		}
	}
}

// A path that was dead long ago is taken as any other.
func TestJudgeForgets(t *testing.T) {
	j := NewJudge(Settings{Interval: time.Second, Fails: 3, Passes: 3}, 0)
	now := play(j, start, "ynnnnyyy")
	for range 601 {
		now = play(j, now, "y")
	}
	if j.Deaths() != 0 {
		t.Errorf("%d deaths are remembered", j.Deaths())
	}
	if play(j, now, "nnnnyyy"); j.State() != OK {
		t.Errorf("%s", j.State())
	}
}

// A machine that slept has heard nothing, which isn't the path's fault.
func TestJudgeSlept(t *testing.T) {
	j := NewJudge(Settings{Interval: time.Second, Fails: 1, Passes: 1}, 0)
	now := play(j, start, "y")
	j.Tick(now) // asked, and then asleep
	if j.Tick(now.Add(time.Hour)); j.State() != OK {
		t.Errorf("%s after an hour of sleep", j.State())
	}
	// Too busy to ask more than once or twice.
	for range 20 {
		now = now.Add(600 * time.Millisecond)
		j.Tick(now)
	}
	if j.State() != OK {
		t.Errorf("%s after a busy time", j.State())
	}
}

func TestJudgeFigures(t *testing.T) {
	j := NewJudge(Settings{Interval: time.Second, Fails: 3, Passes: 3}, 0)
	if _, ok := j.RTT(); ok {
		t.Error("a time without an answer")
	}
	if _, ok := j.Loss(); ok {
		t.Error("a loss without a question")
	}
	play(j, start, "yyln") // 1 + 1 + 4 + 4 questions, of which 3 were answered
	if loss, ok := j.Loss(); loss != 70 || !ok {
		t.Errorf("loss %d%%", loss)
	}
	if rtt, ok := j.RTT(); rtt != time.Millisecond || !ok {
		t.Errorf("rtt %v", rtt)
	}
	for range 100 {
		play(j, j.began.Add(j.Interval), "n")
	}
	if loss, _ := j.Loss(); loss != 100 {
		t.Errorf("loss %d%%", loss)
	}
}

func TestNext(t *testing.T) {
	slaves := func(states ...State) (list []Slave) {
		for i, s := range states {
			list = append(list, Slave{Name: string(rune('a' + i)), Prio: -i, Up: s != "", State: s})
		}
		return list
	}
	faster := func(than, then string) bool { return than < then }
	for _, tt := range []struct {
		name  string
		aside string
		c     Choice
		want  string
	}{
		{"all is well", "", Choice{Active: "a", Slaves: slaves(OK, OK)}, ""},
		{"nobody is active", "a", Choice{Slaves: slaves(OK, OK)}, ""},
		{"the active one's path is dead", "", Choice{Active: "a", Slaves: slaves(Dead, OK)}, "b"},
		{"the next but one", "", Choice{Active: "a", Slaves: slaves(Dead, Dead, OK)}, "c"},
		{"rather one that is known to work", "", Choice{Active: "a", Slaves: slaves(Dead, Unknown, OK)}, "c"},
		{"or one that isn't known", "", Choice{Active: "a", Slaves: slaves(Dead, Unknown, Dead)}, "b"},
		{"all are dead", "", Choice{Active: "b", Slaves: slaves(Dead, Dead)}, ""},
		{"the other has no link", "", Choice{Active: "a", Slaves: slaves(Dead, "")}, ""},
		{"the primary first", "", Choice{Active: "a", Primary: "c", Slaves: slaves(Dead, OK, OK)}, "c"},
		{"by hand, and dead", "", Choice{Active: "b", Manual: true, Slaves: slaves(OK, Dead)}, "a"},

		{"back", "a", Choice{Active: "b", Reselect: Always, Slaves: slaves(OK, OK)}, "a"},
		{"not yet", "a", Choice{Active: "b", Reselect: Always, Slaves: slaves(Unknown, OK)}, ""},
		{"not after failure", "a", Choice{Active: "b", Reselect: Failure, Slaves: slaves(OK, OK)}, ""},
		{"to the faster one", "a", Choice{Active: "b", Reselect: Better, Faster: faster, Slaves: slaves(OK, OK)}, "a"},
		{"somebody else compares", "a", Choice{Active: "b", Reselect: Better, Slaves: slaves(OK, OK)}, ""},
		{"somebody chose otherwise", "a", Choice{Active: "b", Reselect: Always, Manual: true, Slaves: slaves(OK, OK)}, ""},
		{"it was never left", "", Choice{Active: "b", Reselect: Always, Slaves: slaves(OK, OK)}, ""},
		{"one that was passed over", "ab", Choice{Active: "c", Reselect: Always, Slaves: slaves(Dead, OK, OK)}, "b"},
		{"to the primary", "b", Choice{Active: "a", Primary: "b", Reselect: Always, Slaves: slaves(OK, OK)}, "b"},
	} {
		aside := Aside{}
		for _, r := range tt.aside {
			aside[string(r)] = true
		}
		aside.Note(tt.c)
		if got := tt.c.Next(aside); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
