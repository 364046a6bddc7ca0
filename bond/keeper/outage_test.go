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
	dense := []int{60, 61, 62, 63, 65, 66, 67, 68}
	for name, tt := range map[string]struct {
		pace  int // in ms, as all
		began int
		at    []int
		want  int // -1: it isn't known
	}{
		"listened to from the first sign":        {1, 1, dense, 60},
		"from the switch on":                     {1, 52, dense, 60},
		"with what came before the switch":       {1, 1, append([]int{2, 3, 4}, dense...), 56},
		"listened to too late":                   {1, 59, dense, -1},
		"too few":                                {1, 1, dense[:7], -1},
		"too few after the switch":               {1, 1, append([]int{2, 3, 4}, dense[:7]...), -1},
		"nothing":                                {1, 1, nil, -1},
		"seldom before":                          {1000, 1, dense, -1},
		"seldom afterwards":                      {1, 1, []int{60, 160, 260, 360, 460, 560, 660, 760}, -1},
		"often enough for so long":               {100, 1, []int{900, 1000, 1100, 1200, 1300, 1400, 1500, 1600}, 900},
		"before the switch, by a clock set back": {1, 1, []int{-60, -59, -58, -57, -56, -55, -54, -53}, -1},
		"late, and yet nothing came before that": {1, 55, []int{160, 161, 162, 163, 165, 166, 167, 168}, 160},
		"no longer than that it could be told":   {9, 52, []int{56, 65, 74, 83, 92, 101, 110, 119}, -1},
	} {
		f := failedOver{sign: start, made: start.Add(50 * time.Millisecond), pace: time.Duration(tt.pace) * time.Millisecond}
		got, ok := lengthOf(f, heard{start.Add(time.Duration(tt.began) * time.Millisecond), moments(start, tt.at...)})
		want := time.Duration(tt.want) * time.Millisecond
		if ok != (tt.want >= 0) || ok && got != want {
			t.Errorf("%s: %s, %t; want %s", name, got, ok, want)
		}
	}
	// A switch that is made at once, and listened to soon.
	f := failedOver{sign: start, made: start.Add(2 * time.Millisecond), pace: time.Millisecond}
	if got, ok := lengthOf(f, heard{start.Add(5 * time.Millisecond), moments(start, 6, 7, 8, 9, 10, 11, 12, 13)}); !ok || got != 6*time.Millisecond {
		t.Errorf("soon: %s, %t", got, ok)
	}
}

// TestOutages has a bond fail over, whose received packets are counted while all is well.
func TestOutages(t *testing.T) {
	const looked, switched = "looked", "switched" // who has it listen first
	for name, tt := range map[string]struct {
		packets uint64 // by when the failover is seen
		counted error
		first   string
		want    []report
	}{
		"from the first sign on":         {1000, nil, looked, []report{outage{ms: 60}}},
		"from the switch on":             {1000, nil, switched, []report{outage{ms: 60}}},
		"only when the failover is seen": {1000, nil, "", nil},
		"idle":                           {0, nil, looked, nil},
		"a few":                          {2, nil, looked, nil},
		"nothing can be known":           {1000, errors.New("gone"), looked, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reports := make(chan []report)
				var count uint64
				var failed error
				var lost time.Time
				o := &outages{
					wish: newWish[failedOver](), begin: make(chan struct{}, 1), reports: reports, log: slog.New(slog.DiscardHandler), bond: "bond0",
					arrivals: func(ctx context.Context, _ string, _ int, _ time.Duration) (time.Time, []time.Time, error) {
						began := time.Now()
						all := moments(lost, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71)
						time.Sleep(time.Until(all[len(all)-1]))
						for len(all) > 0 && all[0].Before(began) {
							all = all[1:]
						}
						return began, all, nil
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
				count, failed = tt.packets, tt.counted
				if tt.first == looked {
					ill := well
					ill.slaves = map[string]string{"eth0": "down"}
					o.note(ill, lost) // counts for nothing
				}
				time.Sleep(50 * time.Millisecond)
				made := time.Now()
				if tt.first == switched {
					o.listen()
				}
				time.Sleep(13 * time.Millisecond) // until that is looked at
				o.failedOver(bond.Event{Event: bond.EventFailover, Time: made, From: new("eth0"), To: new("eth1"), SwitchMS: new(50)})
				time.Sleep(time.Second)
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
