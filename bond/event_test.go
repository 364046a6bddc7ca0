package bond

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSince(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	docked := Snapshot{Active: "usb0", Reason: ReasonPrimary, Slaves: map[string]string{"usb0": "up", "wlan0": "up"}}
	failing := Snapshot{Active: "usb0", Slaves: map[string]string{"usb0": "going down", "wlan0": "up"}}
	undocked := Snapshot{Active: "wlan0", Reason: ReasonOnlyLink, Slaves: map[string]string{"wlan0": "up"}}
	pulled := Snapshot{Active: "wlan0", Reason: ReasonOnlyLink, Slaves: map[string]string{"usb0": "down", "wlan0": "up"}}
	back := Snapshot{Active: "wlan0", Reason: ReasonOnlyLink, Slaves: map[string]string{"usb0": "going back", "wlan0": "up"}}
	tests := map[string]struct {
		seen []Snapshot // 40 ms apart
		want []string
	}{
		"nothing": {[]Snapshot{docked, docked}, nil},
		"undocked": {[]Snapshot{docked, undocked}, []string{
			"bond0 leave usb0 -> none", "bond0 failover usb0 -> wlan0: only_link"}},
		"pulled, noticed before the switch": {[]Snapshot{docked, failing, failing, pulled}, []string{
			"bond0 link_down usb0 -> none", "bond0 failover usb0 -> wlan0: only_link (80 ms)"}},
		"docked again": {[]Snapshot{undocked, back, docked}, []string{
			"bond0 join none -> usb0", "bond0 link_up none -> usb0", "bond0 failover wlan0 -> usb0: primary"}},
		"all is lost": {[]Snapshot{undocked, {}}, []string{
			"bond0 leave wlan0 -> none", "bond0 failover wlan0 -> none"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for i := 1; i < len(test.seen); i++ {
				now := start.Add(time.Duration(i) * 40 * time.Millisecond)
				for _, e := range test.seen[i].Since(test.seen[i-1], "bond0", now) {
					got = append(got, e.String())
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestEventWords(t *testing.T) {
	for want, e := range map[string]Event{
		"bond0 failover eth0 -> none":               {Event: EventFailover, From: new("eth0")},
		"bond0 trouble wlan0: wrong passphrase":     {Event: EventTrouble, From: new("wlan0"), Message: new("wrong passphrase")},
		"bond0 mended wlan0":                        {Event: EventMended, To: new("wlan0")},
		"bond0 lease none -> 192.0.2.7/24 (740 ms)": {Event: EventLease, To: new("192.0.2.7/24"), SwitchMS: new(740)},
	} {
		e.Bond = "bond0"
		if got := e.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The history is bounded, and its numbers go on.
func TestHistory(t *testing.T) {
	var r record
	now := time.Now()
	for range maxHistory {
		r.note(Snapshot{Active: "eth0"}, []Event{{Event: EventJoin}, {Event: EventLeave}}, now)
	}
	if len(r.History) != maxHistory {
		t.Errorf("%d events are kept, want %d", len(r.History), maxHistory)
	}
	if first, last := r.History[0].Seq, r.History[maxHistory-1].Seq; first != maxHistory+1 || last != 2*maxHistory {
		t.Errorf("they are numbered %d to %d", first, last)
	}
	events := []Event{{Event: EventJoin}}
	r.note(Snapshot{Active: "eth0"}, events, now)
	if events[0].Seq != 2*maxHistory+1 {
		t.Errorf("the caller's event is number %d, want %d", events[0].Seq, 2*maxHistory+1)
	}
	r.note(Snapshot{Active: "eth0"}, nil, now.Add(time.Hour))
	if !r.ActiveSince.Equal(now) {
		t.Error("active since was touched though nothing changed")
	}
}
