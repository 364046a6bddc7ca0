package guard

import (
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

func TestVerdict(t *testing.T) {
	const (
		silent, late, unconfirmed = "the bondctl that changed it ended without a word", "the bondctl that changed it wasn't done in time", "nobody confirmed it in time"
	)
	undecided := func(left time.Duration, confirm bool) bond.Trial {
		return bond.Trial{BootID: "this", Deadline: statefile.SinceBoot() + left, Confirm: confirm}
	}
	decided := func(v bond.Verdict, left time.Duration) bond.Trial {
		trial := undecided(left, false)
		trial.Verdict = &v
		return trial
	}
	for _, tt := range []struct {
		name  string
		trial bond.Trial
		over  bool // the up has ended
		want  string
	}{
		{"none", bond.Trial{}, true, ""},
		{"under way", undecided(time.Minute, false), false, ""},
		{"up was killed", undecided(time.Minute, false), true, silent},
		{"up hangs", undecided(0, false), false, late},
		{"waits", undecided(time.Minute, true), false, ""},
		{"waits, and up was killed", undecided(time.Minute, true), true, ""},
		{"nobody confirms", undecided(0, true), false, unconfirmed},
		{"nobody confirms, and up was killed", undecided(0, true), true, unconfirmed},
		{"kept", decided(bond.Verdict{Kept: true, Done: true}, 0), true, ""},
		{"put back", decided(bond.Verdict{Done: true}, 0), true, ""},
		{"up puts it back", decided(bond.Verdict{Why: "so"}, time.Minute), false, ""},
		{"up was killed while it put it back", decided(bond.Verdict{Why: "so"}, time.Minute), true, "so"},
		{"up hangs while it puts it back", decided(bond.Verdict{Why: "so"}, 0), false, late},
	} {
		if got := verdict(tt.trial, tt.over); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A deadline may be moved, also to an earlier time.
func TestBootTimer(t *testing.T) {
	timer, err := newBootTimer()
	if err != nil {
		t.Fatal(err)
	}
	defer timer.close()
	if _, err := timer.at(statefile.SinceBoot() + time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Duration{statefile.SinceBoot() + time.Millisecond, 0} {
		due, err := timer.at(at)
		if err != nil {
			t.Fatal(err)
		}
		<-due
		if statefile.SinceBoot() < at {
			t.Error("it is due too early")
		}
	}
}
