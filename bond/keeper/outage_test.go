package keeper

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// moments are times, in milliseconds from a start.
func moments(start time.Time, ms ...int) (list []time.Time) {
	for _, n := range ms {
		list = append(list, start.Add(time.Duration(n)*time.Millisecond))
	}
	return list
}

func TestLengthOf(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	dense := moments(start, 60, 61, 62, 63, 65, 66, 67, 68)
	for name, tt := range map[string]struct {
		switchMS *int
		pace     time.Duration
		at       []time.Time
		want     time.Duration // 0: it isn't known
	}{
		"dense":                     {new(50), time.Millisecond, dense, 60 * time.Millisecond},
		"too few":                   {new(50), time.Millisecond, dense[:7], 0},
		"nothing":                   {new(50), time.Millisecond, nil, 0},
		"no sign":                   {nil, time.Millisecond, dense, 0},
		"seldom before":             {new(50), time.Second, dense, 0},
		"seldom afterwards":         {new(50), time.Millisecond, moments(start, 60, 160, 260, 360, 460, 560, 660, 760), 0},
		"often enough for so long":  {new(50), 100 * time.Millisecond, moments(start, 900, 1000, 1100, 1200, 1300, 1400, 1500, 1600), 900 * time.Millisecond},
		"one after a pause of some": {new(50), 9 * time.Millisecond, moments(start, 12, 21, 30, 39, 48, 57, 66, 75), 12 * time.Millisecond},
		"the clock was set back":    {new(50), time.Millisecond, moments(start, -60, -59, -58, -57, -56, -55, -54, -53), 0},
	} {
		f := failedOver{bond.Event{Time: start.Add(50 * time.Millisecond), SwitchMS: tt.switchMS}, tt.pace}
		got, ok := lengthOf(f, tt.at)
		if !ok {
			got = 0
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// TestOutages has a bond fail over, whose received packets are counted while all is well.
func TestOutages(t *testing.T) {
	for name, tt := range map[string]struct {
		before, during uint64 // packets in the second before it, and by when it is seen
		counted        error
		want           []report
	}{
		"under traffic":        {0, 1000, nil, []report{outage{ms: 60}}},
		"idle":                 {0, 0, nil, nil},
		"a few":                {0, 2, nil, nil},
		"nothing can be known": {0, 1000, errors.New("gone"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reports := make(chan []report)
				count := tt.before
				failed := error(nil)
				var lost time.Time
				o := &outages{
					wish: newWish[failedOver](), reports: reports, log: slog.New(slog.DiscardHandler), bond: "bond0",
					arrivals: func(context.Context, string, int, time.Duration) ([]time.Time, error) {
						return moments(lost, 60, 61, 62, 63, 64, 65, 66, 67), nil
					},
					received: func(link int) (uint64, error) {
						if link != 7 {
							t.Errorf("link %d is asked", link)
						}
						return count, failed
					},
				}
				ctx, end := context.WithCancel(t.Context())
				go func() { _ = o.Run(ctx) }()
				var got []report
				go func() {
					for r := range reports {
						got = append(got, r...)
					}
				}()
				well := snapshot{index: 7, active: "eth0", slaves: map[string]string{"eth0": "up"}, links: map[string]int{"eth0": 1}}
				o.note(well, time.Now())
				time.Sleep(time.Second)
				lost = time.Now()
				ill := well
				ill.links = nil
				o.note(ill, lost) // counts for nothing
				time.Sleep(50 * time.Millisecond)
				count, failed = tt.during, tt.counted
				made := time.Now()
				o.failedOver(bond.Event{Event: bond.EventFailover, Time: made, From: new("eth0"), To: new("eth1"), SwitchMS: new(50)})
				synctest.Wait()
				end()
				synctest.Wait()
				close(reports)
				synctest.Wait()
				for i := range tt.want {
					tt.want[i] = outage{made, tt.want[i].(outage).ms}
				}
				if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(outage{})); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		})
	}
}

// What was measured is in the history, be the event in its file by then or not.
func TestRecordOutage(t *testing.T) {
	dir := statedir.Of(t.TempDir(), "bond0")
	r, _ := opened(t, dir)
	defer r.close(true)
	start := time.Now()
	for i, to := range []string{"eth1", "eth0"} {
		r.happened(bond.Event{Time: start.Add(time.Duration(i) * time.Second), Event: bond.EventFailover, From: new("x"), To: new(to)})
		if i == 0 {
			if err := r.save(); err != nil {
				t.Fatal(err)
			}
		}
		r.outage(outage{start.Add(time.Duration(i) * time.Second), 10 + i})
	}
	r.outage(outage{start.Add(time.Hour), 99}) // of none
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	events, err := r.history.Read()
	if err != nil || len(events) != 2 || value(events[0].OutageMS) != 10 || value(events[1].OutageMS) != 11 || events[1].Seq != 2 {
		t.Errorf("%+v, %v", events, err)
	}
}
