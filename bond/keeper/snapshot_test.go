package keeper

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/failover"
)

func TestSince(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	docked := snapshot{active: "usb0", reason: bond.ReasonPrimary, slaves: map[string]string{"usb0": "up", "wlan0": "up"}}
	failing := snapshot{active: "usb0", slaves: map[string]string{"usb0": "going down", "wlan0": "up"}}
	unnoticed := snapshot{active: "usb0", slaves: map[string]string{"usb0": "down", "wlan0": "up"}}
	undocked := snapshot{active: "wlan0", reason: bond.ReasonOnlyLink, slaves: map[string]string{"wlan0": "up"}}
	pulled := snapshot{active: "wlan0", reason: bond.ReasonOnlyLink, slaves: map[string]string{"usb0": "down", "wlan0": "up"}}
	back := snapshot{active: "wlan0", reason: bond.ReasonOnlyLink, slaves: map[string]string{"usb0": "going back", "wlan0": "up"}}
	tests := map[string]struct {
		seen []snapshot // 40 ms apart
		want []string
	}{
		"nothing": {[]snapshot{docked, docked}, nil},
		"undocked": {[]snapshot{docked, undocked}, []string{
			"bond0 leave usb0 -> none", "bond0 failover usb0 -> wlan0: only_link"}},
		"pulled, noticed before the switch": {[]snapshot{docked, failing, failing, pulled}, []string{
			"bond0 link_down usb0 -> none", "bond0 failover usb0 -> wlan0: only_link (80 ms)"}},
		"the carrier is lost before the driver looks": {[]snapshot{docked, unnoticed, pulled}, []string{
			"bond0 link_down usb0 -> none", "bond0 failover usb0 -> wlan0: only_link (40 ms)"}},
		"an earlier trouble that passed is none": {[]snapshot{docked, unnoticed, docked, docked, unnoticed, pulled}, []string{
			"bond0 link_down usb0 -> none", "bond0 link_up none -> usb0", "bond0 link_down usb0 -> none", "bond0 failover usb0 -> wlan0: only_link (40 ms)"}},
		"docked again": {[]snapshot{undocked, back, docked}, []string{
			"bond0 join none -> usb0", "bond0 link_up none -> usb0", "bond0 failover wlan0 -> usb0: primary"}},
		"all is lost": {[]snapshot{undocked, {}}, []string{
			"bond0 leave wlan0 -> none", "bond0 failover wlan0 -> none"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for i := 1; i < len(test.seen); i++ {
				now := start.Add(time.Duration(i) * 40 * time.Millisecond)
				for _, e := range test.seen[i].since(test.seen[i-1], now) {
					e.Bond = "bond0"
					got = append(got, e.String())
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Wi-Fi has carrier at association, before it may carry anything.
func TestSnapshotOf(t *testing.T) {
	member := func(name string, role bond.Role, dormant bool) bond.MemberStatus {
		return bond.MemberStatus{Name: name, Role: role, MIIStatus: new("up"), Index: 7, Carrier: new(true), CarrierChanges: 3, Dormant: dormant, Kind: new(bond.KindWired)}
	}
	active := func(members ...bond.MemberStatus) bond.Status {
		return bond.Status{Index: 2, ActiveReason: new(bond.ReasonOnlyLink), Members: members}
	}
	for name, tt := range map[string]struct {
		status bond.Status
		want   snapshot
	}{
		"an active slave": {
			active(member("eth0", bond.RoleActive, false), member("usb0", bond.RoleAbsent, false)),
			snapshot{index: 2, active: "eth0", reason: bond.ReasonOnlyLink, slaves: map[string]string{"eth0": "up"}, path: path{7, 3}, links: map[string]int{"eth0": 3}, wired: []string{"eth0"}},
		},
		"which isn't let in yet": {
			active(member("wlan0", bond.RoleActive, true)),
			snapshot{index: 2, slaves: map[string]string{"wlan0": "dormant"}, links: map[string]int{}, wired: []string{"wlan0"}},
		},
		"none": {
			active(member("eth0", bond.RoleBackup, false), member("wlan0", bond.RolePending, false)),
			snapshot{index: 2, slaves: map[string]string{"eth0": "up"}, links: map[string]int{"eth0": 3}, wired: []string{"eth0"}},
		},
		"whose carrier the driver hasn't missed yet": {
			bond.Status{Index: 2, Members: []bond.MemberStatus{{Name: "eth0", Role: bond.RoleBackup, MIIStatus: new("up"), Carrier: new(false)}}},
			snapshot{index: 2, slaves: map[string]string{"eth0": "down"}, links: map[string]int{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, snapshotOf(tt.status), cmp.AllowUnexported(snapshot{}, path{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Switches of the keeper's own are told once each, with their own times, though looks come later: one of
// them may be of how things were before, another one too late for what was there and back.
func TestSinceOwnSwitches(t *testing.T) {
	lost := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	own := []failover.Switch{
		{Number: 1, From: "eth0", To: "eth1", Lost: lost, Made: lost.Add(2 * time.Millisecond)},
		{Number: 2, From: "eth1", To: "eth0", Made: lost.Add(3500 * time.Millisecond)},
		{Number: 3, From: "eth0", To: "eth1", Lost: lost.Add(3800 * time.Millisecond), Made: lost.Add(3801 * time.Millisecond)},
		{Number: 4, From: "eth1", To: "eth0", Made: lost.Add(3900 * time.Millisecond)},
	}
	up := map[string]string{"eth0": "up", "eth1": "up"}
	links := func(eth0 int) map[string]int { return map[string]int{"eth0": eth0, "eth1": 1} }
	before := snapshot{active: "eth0", slaves: up, links: links(1)}
	var got []string
	for i, now := range []snapshot{
		{active: "eth0", slaves: up, links: links(1), switched: own[:1]},
		{active: "eth1", slaves: map[string]string{"eth0": "down", "eth1": "up"}, links: map[string]int{"eth1": 1}, switched: own[:1]},
		{active: "eth1", slaves: up, links: links(3), switched: own[1:2]},
		{active: "eth0", slaves: up, links: links(5), switched: own[1:]},
		{active: "eth1", slaves: up, links: links(5)},
	} {
		for _, e := range now.since(before, lost.Add(time.Duration(i)*time.Second)) {
			got = append(got, e.Time.Format("05.000 ")+e.String())
		}
		if i == 1 && !now.changed.Equal(own[0].Made) {
			t.Errorf("eth1 is active from %v on, want %v", now.changed, own[0].Made)
		}
		before = now
	}
	want := []string{
		"05.000  link_down eth0 -> none", "05.002  failover eth0 -> eth1 (2 ms)",
		"07.000  link_up none -> eth0",
		"08.000  link_down eth0 -> none", "08.500  failover eth1 -> eth0", "08.801  failover eth0 -> eth1 (1 ms)", "08.900  failover eth1 -> eth0",
		"08.000  link_up none -> eth0",
		"09.000  failover eth0 -> eth1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What is told of the links may be older than the switch: then they are read again.
func TestStaleSnapshot(t *testing.T) {
	own := []failover.Switch{{Number: 1, From: "eth0", To: "eth1", Lost: time.Now()}}
	before := snapshot{active: "eth0", links: map[string]int{"eth0": 1, "eth1": 1}}
	for name, tt := range map[string]struct {
		now  snapshot
		want bool
	}{
		"by links of before": {snapshot{active: "eth1", links: map[string]int{"eth0": 1, "eth1": 1}, switched: own}, true},
		"by those of now":    {snapshot{active: "eth1", links: map[string]int{"eth1": 1}, switched: own}, false},
		"there and back":     {snapshot{active: "eth1", links: map[string]int{"eth0": 3, "eth1": 1}, switched: own}, false},
		"not switched yet":   {snapshot{active: "eth0", links: map[string]int{"eth0": 1, "eth1": 1}, switched: own}, false},
		"by hand":            {snapshot{active: "eth1", links: map[string]int{"eth0": 1, "eth1": 1}}, false},
	} {
		if got := tt.now.stale(before); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
