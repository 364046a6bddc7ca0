package keeper

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
)

// told is an event, and when it was told.
type told struct {
	bond.Event
	at time.Time
}

// foldAll has a fold take in events, and tell what is due in between and afterwards.
func foldAll(events []bond.Event) (all []told) {
	var f fold
	tell := func(at time.Time, events []bond.Event) {
		for _, e := range events {
			all = append(all, told{e, at})
		}
	}
	until := func(end time.Time) {
		for due := f.due(); !due.IsZero() && !due.After(end); due = f.due() {
			tell(due, f.release(due))
		}
	}
	for _, e := range events {
		until(e.Time)
		tell(e.Time, f.add(e))
	}
	until(start.Add(1000 * time.Hour))
	return all
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// flapping has a slave lose its link and get it back, again and again.
func flapping(slave string, from, every time.Duration, times int) (all []bond.Event) {
	for i := range times {
		down := start.Add(from + time.Duration(i)*every)
		all = append(all,
			bond.Event{Time: down, Event: bond.EventLinkDown, From: &slave, Count: 1},
			bond.Event{Time: down.Add(every / 2), Event: bond.EventLinkUp, To: &slave, Count: 1})
	}
	return all
}

// trouble is an event of something that doesn't work and soon does again.
func trouble(at time.Duration, name, text string) bond.Event {
	return bond.Event{Time: start.Add(at), Event: bond.EventTrouble, From: &name, Message: &text, Count: 1}
}

func TestFold(t *testing.T) {
	lastly := func(events []bond.Event, more ...bond.Event) []bond.Event { return append(events, more...) }
	for name, tt := range map[string]struct {
		events []bond.Event
		want   []string // when it is told, when it happened, what
	}{
		"a cable that is pulled and plugged": {flapping("eth0", 0, time.Second, 1), []string{
			"0s 0s link_down eth0 -> none", "500ms 500ms link_up none -> eth0"}},
		"a flapping cable": {flapping("eth0", 0, 200*time.Millisecond, 75), []string{
			"0s 0s link_down eth0 -> none", "100ms 100ms link_up none -> eth0",
			"200ms 200ms link_down eth0 -> none", "300ms 300ms link_up none -> eth0",
			"400ms 400ms link_down eth0 -> none", "500ms 500ms link_up none -> eth0",
			"24.8s 14.8s link_down eth0 -> none: 72 times in 14 s", "24.9s 14.9s link_up none -> eth0: 72 times in 14 s"}},
		"a flapping cable that ends up unplugged": {flapping("eth0", 0, 2*time.Second, 5)[:9], []string{
			"0s 0s link_down eth0 -> none", "1s 1s link_up none -> eth0",
			"2s 2s link_down eth0 -> none", "3s 3s link_up none -> eth0",
			"4s 4s link_down eth0 -> none", "5s 5s link_up none -> eth0",
			"17s 7s link_up none -> eth0", "18s 8s link_down eth0 -> none: 2 times in 2.0 s"}},
		"so slowly that each is of interest": {flapping("eth0", 0, 10*time.Second, 4), []string{
			"0s 0s link_down eth0 -> none", "5s 5s link_up none -> eth0", "10s 10s link_down eth0 -> none", "15s 15s link_up none -> eth0",
			"20s 20s link_down eth0 -> none", "25s 25s link_up none -> eth0", "30s 30s link_down eth0 -> none", "35s 35s link_up none -> eth0"}},
		"what happens for the first time is told at once, and after what is held back": {
			lastly(flapping("eth0", 0, time.Second, 5), trouble(6*time.Second, "dhcp", "no DHCP server answers"))[4:], []string{
				"2s 2s link_down eth0 -> none", "2.5s 2.5s link_up none -> eth0", "3s 3s link_down eth0 -> none", "3.5s 3.5s link_up none -> eth0",
				"4s 4s link_down eth0 -> none", "4.5s 4.5s link_up none -> eth0", "6s 6s trouble dhcp: no DHCP server answers"}},
		"and what is held back is told before": {
			lastly(flapping("eth0", 0, time.Second, 6), trouble(6*time.Second, "dhcp", "no DHCP server answers"))[4:], []string{
				"2s 2s link_down eth0 -> none", "2.5s 2.5s link_up none -> eth0", "3s 3s link_down eth0 -> none", "3.5s 3.5s link_up none -> eth0",
				"4s 4s link_down eth0 -> none", "4.5s 4.5s link_up none -> eth0",
				"6s 5s link_down eth0 -> none", "6s 5.5s link_up none -> eth0", "6s 6s trouble dhcp: no DHCP server answers"}},
		"a trouble has the last words": {
			[]bond.Event{trouble(0, "wlan0", "a"), trouble(1, "wlan0", "b"), trouble(2, "wlan0", "c"), trouble(3, "wlan0", "d"), trouble(4, "wlan0", "e")}, []string{
				"0s 0s trouble wlan0: a", "1ns 1ns trouble wlan0: b", "2ns 2ns trouble wlan0: c", "10.000000004s 4ns trouble wlan0: e; 2 times in 0.0 s"}},
		"for hours": {flapping("eth0", 0, 2*time.Second, 3*1800)[:3*3600-1], []string{
			"0s 0s link_down eth0 -> none", "1s 1s link_up none -> eth0",
			"2s 2s link_down eth0 -> none", "3s 3s link_up none -> eth0",
			"4s 4s link_down eth0 -> none", "5s 5s link_up none -> eth0",
			"1m6s 1m4s link_down eth0 -> none: 30 times in 58 s", "1m7s 1m5s link_up none -> eth0: 30 times in 58 s",
			"3m6s 3m4s link_down eth0 -> none: 60 times in 118 s", "3m7s 3m5s link_up none -> eth0: 60 times in 118 s",
			"7m6s 7m4s link_down eth0 -> none: 120 times in 4 min", "7m7s 7m5s link_up none -> eth0: 120 times in 4 min",
			"15m6s 15m4s link_down eth0 -> none: 240 times in 8 min", "15m7s 15m5s link_up none -> eth0: 240 times in 8 min",
			"31m6s 31m4s link_down eth0 -> none: 480 times in 16 min", "31m7s 31m5s link_up none -> eth0: 480 times in 16 min",
			"1h3m6s 1h3m4s link_down eth0 -> none: 960 times in 32 min", "1h3m7s 1h3m5s link_up none -> eth0: 960 times in 32 min",
			"2h3m6s 2h3m4s link_down eth0 -> none: 1800 times in 60 min", "2h3m7s 2h3m5s link_up none -> eth0: 1800 times in 60 min",
			"3h0m7s 2h59m57s link_up none -> eth0: 1706 times in 57 min", "3h0m8s 2h59m58s link_down eth0 -> none: 1707 times in 57 min"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, e := range foldAll(tt.events) {
				got = append(got, fmt.Sprint(e.at.Sub(start), " ", e.Time.Sub(start), e.String()))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Whatever happens: what is told last of anything is how it is, in the order in which
// it happened; nothing is lost, what is rare is told at once, and nothing is kept for
// too long.
func TestFoldKeepsTheStory(t *testing.T) {
	for seed := range uint64(100) {
		events := randomEvents(rand.New(rand.NewPCG(seed, 0)))
		all := foldAll(events)
		var folded []bond.Event
		for i, e := range all {
			folded = append(folded, e.Event)
			if i > 0 && (e.Time.Before(all[i-1].Time) || e.at.Before(all[i-1].at)) {
				t.Errorf("seed %d: %s comes after what happened later", seed, e)
			}
			if late := e.at.Sub(e.Time); late > quietTime {
				t.Errorf("seed %d: %s is told %s late", seed, e, late)
			}
		}
		if diff := cmp.Diff(outcome(events), outcome(folded)); diff != "" {
			t.Errorf("seed %d: in the end (-events +told)\n%s", seed, diff)
		}
		if diff := cmp.Diff(counts(events), counts(folded)); diff != "" {
			t.Errorf("seed %d: how often (-events +told)\n%s", seed, diff)
		}
		for i, e := range events {
			rare := len(since(events[:i], e, e.Time.Add(-flapTime))) < flapTimes
			atOnce := slices.ContainsFunc(all, func(a told) bool { return a.Event == e && a.at.Equal(e.Time) })
			if rare && !atOnce {
				t.Errorf("seed %d: %s isn't told at once", seed, e)
			}
		}
	}
}

// randomEvents is what snapshots of a bond tell whose links come and go, now and then
// and in bursts, and what its tasks report beside.
func randomEvents(random *rand.Rand) (events []bond.Event) {
	slaves := []string{"eth0", "eth1", "wlan0"}
	states := []string{"up", "up", "down", ""}
	at, before := start, snapshot{}
	for range 50 + random.IntN(400) {
		at = at.Add(time.Duration(random.ExpFloat64() * float64([]time.Duration{100 * time.Millisecond, 3 * time.Second}[random.IntN(2)])))
		if random.IntN(100) == 0 {
			at = at.Add(time.Minute)
		}
		now := snapshot{slaves: map[string]string{}}
		for _, name := range slaves {
			state := before.slaves[name]
			if random.IntN(4) == 0 {
				state = states[random.IntN(len(states))]
			}
			if state != "" {
				now.slaves[name] = state
			}
			if state == "up" && now.active == "" {
				now.active = name
			}
		}
		news := now.since(before, at)
		switch random.IntN(8) {
		case 0:
			news = append(news, bond.Event{Event: bond.EventTrouble, From: new("dhcp"), Message: new("silent")})
		case 1:
			news = append(news, bond.Event{Event: bond.EventMended, To: new("dhcp")})
		case 2:
			addresses := []string{"192.0.2.7/24", "198.51.100.7/24"}
			random.Shuffle(2, func(i, j int) { addresses[i], addresses[j] = addresses[j], addresses[i] })
			news = append(news, bond.Event{Event: bond.EventLease, From: &addresses[0], To: &addresses[1]})
		}
		for _, e := range news {
			e.Time, e.Count = at, 1
			events = append(events, e)
		}
		before = now
	}
	return events
}

// outcome is how each slave is after events, which is active, what is in trouble, and
// what is leased.
func outcome(events []bond.Event) map[string]string {
	is := map[string]string{}
	for _, e := range events {
		switch e.Event {
		case bond.EventFailover, bond.EventLease:
			is[string(e.Event)] = value(e.To)
		default:
			is[value(e.From)+value(e.To)] = string(e.Event)
		}
	}
	return is
}

func counts(events []bond.Event) map[string]int {
	n := map[string]int{}
	for _, e := range events {
		n[fmt.Sprint(e.Event, value(e.From), value(e.To))] += e.Count
	}
	return n
}

// since are the events that tell of the same as e, after a time.
func since(events []bond.Event, e bond.Event, after time.Time) (same []bond.Event) {
	for _, other := range events {
		if other.Event == e.Event && value(other.From) == value(e.From) && value(other.To) == value(e.To) && other.Time.After(after) {
			same = append(same, other)
		}
	}
	return same
}
