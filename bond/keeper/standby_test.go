package keeper

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
)

// Wi-Fi rests once a cable has served for a while, and is woken at once.
func TestStandby(t *testing.T) {
	ctx := context.Background()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b := &standby{} // whose wpa_supplicant doesn't answer
	steps := []struct {
		at      time.Duration
		rest    bool
		due     time.Duration // 0: never
		changed bool
	}{
		{0, false, 0, false},
		{0, true, restTime, false},
		{restTime / 2, true, restTime, false},
		{restTime / 2, false, 0, false}, // the cable was pulled again
		{restTime, true, 2 * restTime, false},
		{2 * restTime, true, 0, true},
		{3 * restTime, true, 0, false},
		{4 * restTime, false, 4*restTime + wakeTime, true}, // it isn't heard, and told again
		{5 * restTime, false, 5*restTime + wakeTime, false},
	}
	for i, step := range steps {
		due, changed := b.want(ctx, step.rest, start.Add(step.at))
		want := time.Time{}
		if step.due != 0 {
			want = start.Add(step.due)
		}
		if !due.Equal(want) || changed != step.changed {
			t.Errorf("step %d: due %v, changed %t; want %v, %t", i, due, changed, want, step.changed)
		}
	}
	if took, woken := b.associated(start.Add(4*restTime + time.Second)); !woken || took != time.Second {
		t.Errorf("it took %v (%t), want a second", took, woken)
	}
	if _, woken := b.associated(start.Add(5 * restTime)); woken {
		t.Error("it was woken once, and tells of it twice")
	}
}

// What an earlier keeper has left at rest goes on resting; what runs anew has its time.
func TestStandbyBegun(t *testing.T) {
	ctx := context.Background()
	b := &standby{}
	b.want(ctx, true, time.Now())
	if b.begun(ctx, false) || b.resting() {
		t.Error("one that was started rests at once")
	}
	if !b.begun(ctx, true) || !b.resting() {
		t.Error("one that was adopted doesn't rest")
	}
	if b.begun(ctx, false) || !b.resting() {
		t.Error("one that was started again, at rest, doesn't go on resting")
	}
}

// Wi-Fi that would be preferred to the cable doesn't rest, nor while the cable is in trouble.
func TestSpares(t *testing.T) {
	tests := map[string]struct {
		change func(*bond.Status)
		want   []string
	}{
		"a cable serves":         {func(*bond.Status) {}, []string{"wlan0", "wlan1"}},
		"one is the primary":     {func(st *bond.Status) { st.Primary = new("wlan0") }, []string{"wlan1"}},
		"one has a greater prio": {func(st *bond.Status) { st.Members[2].Prio = new(11) }, []string{"wlan0"}},
		"the cable has no link":  {func(st *bond.Status) { st.Members[0].MIIStatus = new("going down") }, nil},
		"or no carrier":          {func(st *bond.Status) { st.Members[0].Carrier = new(false) }, nil},
		"Wi-Fi serves":           {func(st *bond.Status) { st.Members[0].Role, st.Members[1].Role = bond.RoleBackup, bond.RoleActive }, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			member := func(name, kind string, role bond.Role) bond.MemberStatus {
				return bond.MemberStatus{Name: name, Kind: &kind, Role: role, Prio: new(10), MIIStatus: new("up"), Carrier: new(true), Index: 7}
			}
			st := bond.Status{Members: []bond.MemberStatus{member("eth0", bond.KindWired, bond.RoleActive),
				member("wlan0", bond.KindWiFi, bond.RoleBackup), member("wlan1", bond.KindWiFi, bond.RoleBackup)}}
			test.change(&st)
			if diff := cmp.Diff(test.want, snapshotOf(st).spare); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
