package drill

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
)

const interval = 10 * time.Millisecond

var start = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// frames are one for each letter, at the interval: a dot for one that was answered, an x for one
// that wasn't, and a blank for none.
func frames(text string) (list []Frame) {
	at := start
	for _, letter := range text {
		f := Frame{Sent: at}
		if letter == '.' {
			f.Answered = at.Add(time.Millisecond)
		}
		if letter != ' ' {
			list = append(list, f)
		}
		at = at.Add(interval)
	}
	return list
}

func TestMeasure(t *testing.T) {
	for _, tt := range []struct {
		name, frames string
		want         Gap
	}{
		{"none", "", Gap{Ended: true}},
		{"all answered", "....", Gap{Sent: 4, Ended: true}},
		{"one lost", "..x.", Gap{Sent: 4, Lost: 1, Outage: interval, Ended: true}},
		{"some lost", ".xxxxx..", Gap{Sent: 8, Lost: 5, Outage: 5 * interval, Ended: true}},
		{"the first lost", "xx..", Gap{Sent: 4, Lost: 2, Outage: 2 * interval, Ended: true}},
		{"the longest of two", ".x..xxx..xx.", Gap{Sent: 12, Lost: 6, Outage: 3 * interval, Ended: true}},
		{"not over", "..xxx", Gap{Sent: 5, Lost: 3, Outage: 2 * interval}},
		{"sent late", ".  xx.", Gap{Sent: 4, Lost: 2, Outage: 4 * interval, Ended: true}},
		{"sent late and answered", ".  ..", Gap{Sent: 3, Ended: true}},
	} {
		if diff := cmp.Diff(tt.want, Measure(frames(tt.frames), interval)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
}

// FuzzMeasure: no frame is counted twice, an outage takes a lost frame and is no longer than all
// frames took, and what was answered later makes nothing worse.
func FuzzMeasure(f *testing.F) {
	for _, text := range []string{"", ".", "x", "..xx..", "x.x.x", ".  x ."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list := frames(text)
		g := Measure(list, interval)
		if g.Sent != len(list) || g.Lost > g.Sent || (g.Outage > 0 && g.Lost == 0) || g.Outage < 0 {
			t.Fatalf("%+v", g)
		}
		if len(list) > 0 && g.Outage > list[len(list)-1].Sent.Sub(list[0].Sent) {
			t.Errorf("%+v is longer than all", g)
		}
		for i := range list {
			if list[i].Answered.IsZero() {
				more := slices.Clone(list)
				more[i].Answered = more[i].Sent
				if better := Measure(more, interval); better.Lost != g.Lost-1 || better.Outage > g.Outage {
					t.Errorf("%+v with frame %d answered, and %+v without", better, i, g)
				}
			}
		}
	})
}

func TestCalm(t *testing.T) {
	for _, tt := range []struct {
		name, frames string
		want         bool
	}{
		{"none", "", false},
		{"answered", "..........", true},
		{"a loss long ago", "x..x.....", true},
		{"a loss lately", "......x.", false},
		{"too few yet", "       ..", false},
		{"what is under way doesn't count", ".........x", true},
		{"none lately", "..        ", false},
	} {
		if got := calm(frames(tt.frames), start.Add(9*interval), 5*interval); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

func TestSuccessor(t *testing.T) {
	member := func(name, mii string, prio int) bond.MemberStatus {
		return bond.MemberStatus{Name: name, MIIStatus: &mii, Prio: &prio}
	}
	dormant := member("wlan0", "up", 9)
	dormant.Dormant = true
	for _, tt := range []struct {
		name, primary, failed, want string
		members                     []bond.MemberStatus
	}{
		{"nobody else", "", "eth0", "", []bond.MemberStatus{member("eth0", "up", 1)}},
		{"the only other one", "", "eth0", "eth1", []bond.MemberStatus{member("eth0", "up", 1), member("eth1", "up", 0)}},
		{"by prio", "", "eth0", "eth2", []bond.MemberStatus{member("eth0", "up", 5), member("eth1", "up", 0), member("eth2", "up", 1)}},
		{"the first of the same", "", "eth0", "eth1", []bond.MemberStatus{member("eth0", "up", 0), member("eth1", "up", -1), member("eth2", "up", -1)}},
		{"the primary", "eth1", "eth0", "eth1", []bond.MemberStatus{member("eth2", "up", 7), member("eth1", "up", 0)}},
		{"the primary without a link", "eth1", "eth0", "eth2", []bond.MemberStatus{member("eth2", "up", 7), member("eth1", "going back", 8)}},
		{"not one in its handshake", "", "eth0", "eth1", []bond.MemberStatus{dormant, member("eth1", "up", 0), {Name: "eth3"}}},
	} {
		st := bond.Status{Members: tt.members}
		if tt.primary != "" {
			st.Primary = &tt.primary
		}
		if got := Successor(st, tt.failed); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestOrder(t *testing.T) {
	up, down := "up", "down"
	st := bond.Status{Active: new("eth1"), Members: []bond.MemberStatus{
		{Name: "eth0", MIIStatus: &up}, {Name: "eth1", MIIStatus: &up}, {Name: "eth2", MIIStatus: &down}, {Name: "wlan0"},
	}}
	members, without := Order(st)
	if diff := cmp.Diff([]string{"eth1", "eth0"}, members); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"eth2", "wlan0"}, without); diff != "" {
		t.Errorf("without a link (-want +got)\n%s", diff)
	}
}

// A fake answers each question that isn't lost, after a time.
type fake struct {
	lost     func(number int) bool
	after    time.Duration
	numbered bool

	mu      sync.Mutex
	answers chan int
	closed  bool
}

func (f *fake) Ask(number int) error {
	if f.lost(number) {
		return nil
	}
	time.AfterFunc(f.after, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch {
		case f.closed:
		case f.numbered:
			f.answers <- number & 0xffff
		default:
			f.answers <- -1
		}
	})
	return nil
}

func (f *fake) Answer() (int, error) {
	number, open := <-f.answers
	if !open {
		return 0, net.ErrClosed
	}
	return number, nil
}

func (f *fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	close(f.answers)
	return nil
}

// A train keeps to its rate, and knows which frames were answered, with or without numbers.
func TestTrain(t *testing.T) {
	for _, numbered := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			lost := func(number int) bool { return number >= 20 && number < 27 }
			train := Start(context.Background(), &fake{lost: lost, after: 3 * time.Millisecond, numbered: numbered, answers: make(chan int, 10)}, interval)
			time.Sleep(99*interval + interval/2)
			train.Stop()
			list, err := train.Frames()
			want := Gap{Sent: 100, Lost: 7, Outage: 7 * interval, Ended: true}
			if diff := cmp.Diff(want, Measure(list, interval)); diff != "" || err != nil {
				t.Errorf("numbered %t: %v (-want +got)\n%s", numbered, err, diff)
			}
			if train.lag() != leastLag {
				t.Errorf("lag %s", train.lag())
			}
		})
	}
}

// Numbers have 16 bits on the wire.
func TestTrainWraps(t *testing.T) {
	train := &Train{frames: make([]Frame, 1<<16+5)}
	now := time.Now()
	train.answer(3, now)
	train.answer(9, now)
	for i, want := range map[int]bool{3: false, 1<<16 + 3: true, 9: true, 8: false} {
		if got := !train.frames[i].Answered.IsZero(); got != want {
			t.Errorf("frame %d answered: %t", i, got)
		}
	}
}

// Who answers twice answers no question that was lost long before.
func TestTrainAnsweredTwice(t *testing.T) {
	now := time.Now()
	train := &Train{frames: []Frame{{Sent: now.Add(-2 * mostLag)}, {Sent: now}}}
	train.answer(-1, now)
	train.answer(-1, now)
	if !train.frames[0].Answered.IsZero() || train.frames[1].Answered.IsZero() {
		t.Errorf("%+v", train.frames)
	}
}

// What can't be sent for good ends the train.
func TestTrainFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		train := Start(context.Background(), &broken{closed: make(chan struct{})}, interval)
		time.Sleep(time.Second)
		if list, err := train.Frames(); !errors.Is(err, errBroken) || len(list) != 1 {
			t.Errorf("%d frames, and %v", len(list), err)
		}
		train.Stop()
	})
}

type broken struct{ closed chan struct{} }

var errBroken = net.UnknownNetworkError("broken")

func (b *broken) Ask(int) error        { return errBroken }
func (b *broken) Answer() (int, error) { <-b.closed; return 0, net.ErrClosed }
func (b *broken) Close() error         { close(b.closed); return nil }
