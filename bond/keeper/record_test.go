package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// opened is the record of bond0 in a folder, and the events that are handed on.
func opened(t *testing.T, dir statedir.Dir) (*record, *[]string) {
	t.Helper()
	var handed []string
	r, err := openRecord(dir, "bond0", slog.New(slog.DiscardHandler), func(e bond.Event) { handed = append(handed, e.String()) })
	if err != nil {
		t.Fatal(err)
	}
	return r, &handed
}

// kept is what others see of a keeper.
func kept(t *testing.T, dir statedir.Dir) statedir.Keeper {
	t.Helper()
	k, _, err := dir.Keeper()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRecordOneKeeper(t *testing.T) {
	dir := statedir.Of(t.TempDir(), "bond0")
	r, _ := opened(t, dir)
	if _, err := openRecord(dir, "bond0", r.log, nil); !errors.Is(err, ErrKept) {
		t.Errorf("a second keeper: %v", err)
	}
	if k := kept(t, dir); k.PID != os.Getpid() || !k.Alive() {
		t.Errorf("the keeper is %+v", k)
	}
	r.lent(statedir.NewLent(leaseOf("192.0.2.7/24")))
	r.active("eth0", time.Now())
	r.trouble(statedir.Trouble{Source: statedir.SourceDNS, Text: "nobody takes them"})
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	r.close(true)
	if k := kept(t, dir); k.Alive() || k.Lease == nil {
		t.Errorf("it has ended, and left %+v", k)
	}
	r, _ = opened(t, dir)
	if k := kept(t, dir); !k.Alive() || k.Lease == nil || k.Active != "" || k.Troubles != nil {
		t.Errorf("the next one begins with %+v", k)
	}
	r.close(false)
	if k, kept, err := dir.Keeper(); kept || err != nil {
		t.Errorf("nothing is wanted any more, and yet there is %+v, %v", k, err)
	}
}

// Troubles are written down before there is anything else, and told once.
func TestRecordTroubles(t *testing.T) {
	dir := statedir.Of(t.TempDir(), "bond0")
	r, handed := opened(t, dir)
	defer r.close(true)
	wlan0 := statedir.Trouble{Source: statedir.SourceSupplicant, Interface: "dhcp", Text: "wrong passphrase"}
	dhcp := statedir.Trouble{Source: statedir.SourceDHCP, Text: "no DHCP server answers"}
	works := func(t statedir.Trouble) statedir.Trouble { t.Text = ""; return t }
	for i, step := range []struct {
		tell   []statedir.Trouble
		events []string
		want   []statedir.Trouble
	}{
		{[]statedir.Trouble{works(dhcp)}, nil, nil},
		{[]statedir.Trouble{dhcp, wlan0, dhcp}, []string{
			"bond0 trouble dhcp: no DHCP server answers", "bond0 trouble dhcp: wrong passphrase"}, []statedir.Trouble{dhcp, wlan0}},
		{[]statedir.Trouble{works(dhcp)}, []string{"bond0 mended dhcp"}, []statedir.Trouble{wlan0}},
		{[]statedir.Trouble{wlan0}, nil, []statedir.Trouble{wlan0}},
	} {
		*handed = nil
		for _, trouble := range step.tell {
			r.trouble(trouble)
		}
		if err := r.save(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.events, *handed); diff != "" {
			t.Errorf("step %d: events (-want +got)\n%s", i, diff)
		}
		if diff := cmp.Diff(step.want, kept(t, dir).Troubles); diff != "" {
			t.Errorf("step %d: troubles (-want +got)\n%s", i, diff)
		}
	}
	*handed = nil
	r.forget(statedir.SourceSupplicant, "dhcp")
	if err := r.save(); err != nil || *handed != nil || kept(t, dir).Troubles != nil {
		t.Errorf("forgotten, and yet %v, %v, %v", kept(t, dir).Troubles, *handed, err)
	}
}

// The history's numbers go on, over keepers and a disk that was full.
func TestRecordHistory(t *testing.T) {
	dir := statedir.Of(t.TempDir(), "bond0")
	r, handed := opened(t, dir)
	failover := bond.Event{Event: bond.EventFailover, To: new("eth0")}
	r.happened(failover)
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	history := filepath.Join(dir.Path(), "history.jsonl")
	if err := errors.Join(os.Rename(history, history+".old"), os.Mkdir(history, 0o755)); err != nil {
		t.Fatal(err)
	}
	r.happened(failover)
	if err := r.save(); err == nil {
		t.Error("it was written to a folder")
	}
	if err := errors.Join(os.Remove(history), os.Rename(history+".old", history)); err != nil {
		t.Fatal(err)
	}
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	r.close(true)
	r, _ = opened(t, dir)
	defer r.close(true)
	r.happened(failover)
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	events, err := statedir.HistoryOf[bond.Event](dir).Read()
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, e := range events {
		got = append(got, e.Seq)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, got); diff != "" {
		t.Errorf("numbers (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"bond0 failover none -> eth0", "bond0 failover none -> eth0"}, *handed); diff != "" {
		t.Errorf("handed on by the first keeper (-want +got)\n%s", diff)
	}
}

// teller is a keeper's record in a bubble of synctest's, and when it has handed on
// which events, and when these happened.
type teller struct {
	*record
	triggers
	start time.Time
	seen  snapshot
	told  []string
}

func newTeller(t *testing.T, first snapshot) *teller {
	t.Helper()
	l := &teller{start: time.Now(), seen: first}
	r, err := openRecord(statedir.Of(t.TempDir(), "bond0"), "bond0", slog.New(slog.DiscardHandler), func(e bond.Event) {
		l.told = append(l.told, fmt.Sprint(time.Since(l.start), " ", e.Time.Sub(l.start), e.String()[len(e.Bond):]))
	})
	if err != nil {
		t.Fatal(err)
	}
	r.accessPoint = func(slave string) *string { return new("now where " + slave + " is") }
	l.record, l.triggers = r, triggers{record: r}
	return l
}

// until waits, as a keeper does to which nothing happens.
func (l *teller) until(t *testing.T, end time.Duration) {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), l.start.Add(end))
	defer cancel()
	if n, err := l.wait(ctx, 0, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it has %+v to look at: %v", n, err)
	}
}

// look has the keeper see how the bond is now.
func (l *teller) look(t *testing.T, now snapshot) {
	t.Helper()
	l.saw(l.seen, &now, time.Now())
	l.seen = now
	if err := l.record.save(); err != nil {
		t.Fatal(err)
	}
}

// What happens again and again is told once, without a look, and then there is
// nothing to wait for. Hooks are told what the history has.
func TestRecordFolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := snapshot{active: "eth0", slaves: map[string]string{"eth0": "up"}}
		down := snapshot{slaves: map[string]string{"eth0": "down"}}
		l := newTeller(t, up)
		for range 10 {
			l.look(t, down)
			l.until(t, time.Since(l.start)+100*time.Millisecond)
			l.look(t, up)
			l.until(t, time.Since(l.start)+100*time.Millisecond)
		}
		l.until(t, time.Hour)
		if due := l.due(); !due.IsZero() {
			t.Errorf("there is something to tell at %s", due)
		}
		want := []string{
			"11.8s 1.8s link_down eth0 -> none: 7 times in 1.2 s", "11.8s 1.8s failover eth0 -> none: 7 times in 1.2 s",
			"11.9s 1.9s link_up none -> eth0: 7 times in 1.2 s", "11.9s 1.9s failover none -> eth0: 7 times in 1.2 s"}
		if diff := cmp.Diff(want, l.told[3*4:]); diff != "" {
			t.Errorf("after the first times (-want +got)\n%s", diff)
		}
		events, err := l.history.Read()
		if err != nil || len(events) != len(l.told) {
			t.Errorf("the history has %d events, and %d were handed on: %v", len(events), len(l.told), err)
		}
		if last := events[len(events)-1]; last.Count != 7 || last.Seq != 16 {
			t.Errorf("the last one is %+v", last)
		}
	})
}

// What the status shows of a trouble that comes and goes is right at any time,
// whatever is held back of the history.
func TestRecordTroubleFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTeller(t, snapshot{})
		for i := range 20 {
			trouble := statedir.Trouble{Source: statedir.SourceDHCP}
			if i%2 == 0 {
				trouble.Text = "no DHCP server answers"
			}
			l.trouble(trouble)
			if err := l.record.save(); err != nil {
				t.Fatal(err)
			}
			if shown := kept(t, l.dir).Troubles; (trouble.Text != "") != (len(shown) == 1) {
				t.Errorf("time %d: the trouble is %q, and shown is %+v", i, trouble.Text, shown)
			}
			l.until(t, time.Since(l.start)+time.Second)
		}
		l.until(t, time.Hour)
		want := []string{
			"28s 18s trouble dhcp: no DHCP server answers; 7 times in 12 s", "29s 19s mended dhcp: 7 times in 12 s"}
		if diff := cmp.Diff(want, l.told[2*3:]); diff != "" {
			t.Errorf("after the first times (-want +got)\n%s", diff)
		}
	})
}

// A keeper that ends keeps nothing back.
func TestRecordEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTeller(t, snapshot{})
		for _, e := range flapping("eth0", 0, 10*time.Millisecond, 5) {
			e.Time = time.Now()
			l.happened(e)
		}
		l.roam = roam{slave: "wlan0", since: time.Now()}
		l.happened(bond.Event{Event: bond.EventLinkDown, From: new("wlan0")})
		l.close(true)
		want := []string{
			"0s 0s link_down eth0 -> none", "0s 0s link_up none -> eth0", "0s 0s link_down eth0 -> none", "0s 0s link_up none -> eth0",
			"0s 0s link_down eth0 -> none", "0s 0s link_up none -> eth0",
			"0s 0s link_down eth0 -> none: 2 times in 0.0 s", "0s 0s link_up none -> eth0: 2 times in 0.0 s", "0s 0s link_down wlan0 -> none",
		}
		if diff := cmp.Diff(want, l.told); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
