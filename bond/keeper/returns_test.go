package keeper

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
)

// groupOf is the status of a group whose members have carrier, or not ("-eth0"), are held back ("~eth0") or have no address
// yet ("!eth0"). Otherwise each has one in the same network. changes counts how often each one's carrier has changed.
func groupOf(updelay, downdelay int, changes map[string]int, members ...string) bond.Status {
	st := bond.Status{Name: "uplink", Strategy: bond.StrategyRoutes}
	st.Updelay, st.Downdelay = new(bond.Millis(updelay)), new(bond.Millis(downdelay))
	for i, name := range members {
		word := "up"
		switch name[0] {
		case '-':
			word = "down"
		case '~':
			word = "going back"
		case '!':
			word = "no address"
		}
		m := bond.MemberStatus{Name: strings.TrimLeft(name, "-~!"), Role: bond.RoleBackup, Index: i + 2, MIIStatus: &word, Carrier: new(word != "down")}
		m.CarrierChanges = changes[m.Name]
		if word == "no address" {
			st.Members = append(st.Members, m)
			continue
		}
		m.Addresses = []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(99 - len(st.Members))}), 24)}
		st.Members = append(st.Members, m)
	}
	return st
}

// TestReturns: a member that has lost its link is held back until it has been well for updelay.
func TestReturns(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	type look struct {
		at      int // ms
		members string
		changes string // whose carrier has come and gone since the last look
		held    string
		due     int // ms; 0: never
	}
	tests := map[string]struct {
		reselect  bond.Reselect
		downdelay int
		dead      map[int]string // whose paths are, by look
		looks     []look
	}{
		"pulled and plugged": {looks: []look{
			{0, "eth0 eth1", "", "", 0},
			{10, "-eth0 eth1", "", "eth0", 0},
			{20, "~eth0 eth1", "", "eth0", 1020},
			{500, "~eth0 eth1", "", "eth0", 1020},
			{1020, "~eth0 eth1", "", "", 0},
		}},
		"it came and went unseen": {looks: []look{
			{0, "eth0 eth1", "", "", 0},
			{10, "eth0 eth1", "eth0", "eth0", 1010},
			{900, "~eth0 eth1", "eth0", "eth0", 1900},
			{1900, "~eth0 eth1", "", "", 0},
		}},
		"nobody else": {looks: []look{
			{0, "eth0 -eth1", "", "eth1", 0},
			{10, "-eth0 -eth1", "", "eth0 eth1", 0},
			{20, "~eth0 -eth1", "", "eth1", 0},
			{30, "eth0 ~eth1", "", "eth1", 1030},
			{40, "-eth0 ~eth1", "", "eth0", 0},
		}},
		"a keeper begins": {looks: []look{
			{0, "~eth0 eth1", "", "eth0", 1000},
			{1000, "~eth0 eth1", "", "", 0},
		}},
		"one is plugged in that wasn't there": {looks: []look{
			{0, "eth1", "", "", 0},
			{10, "eth0 eth1", "", "eth0", 1010},
			{1010, "eth0 eth1", "", "", 0},
		}},
		"the one that serves stays": {reselect: bond.ReselectFailure, looks: []look{
			{0, "eth0 eth1 eth2", "", "", 0},
			{10, "-eth0 eth1 eth2", "", "eth0", 0},
			{20, "~eth0 eth1 eth2", "", "eth0", 0},
			{5000, "~eth0 -eth1 eth2", "", "eth0 eth1", 0}, // eth2 serves
			{5010, "~eth0 -eth1 -eth2", "", "eth1 eth2", 0},
		}},
		"a dead path": {dead: map[int]string{1: "eth0", 2: "eth0", 4: "eth0 eth1"}, looks: []look{
			{0, "eth0 eth1", "", "", 0},
			{10, "eth0 eth1", "", "eth0", 0},
			{5000, "~eth0 eth1", "", "eth0", 0},
			{5010, "~eth0 eth1", "", "eth0", 6010},
			{5020, "~eth0 eth1", "", "eth0", 6010}, // both: that says nothing of either
			{6010, "~eth0 eth1", "", "", 0},
		}},
		"a dead path, and nobody who could take over": {dead: map[int]string{1: "eth0", 2: "eth0"}, looks: []look{
			{0, "eth0 !eth1", "", "", 0},
			{10, "eth0 !eth1", "", "", 0},
			{20, "eth0 eth1", "", "eth0", 0},
		}},
		"it returns, and the other has no address": {looks: []look{
			{0, "-eth0 !eth1", "", "eth0", 0},
			{10, "~eth0 !eth1", "", "", 0},
		}},
		"downdelay sits a short loss out": {downdelay: 300, looks: []look{
			{0, "eth0 eth1", "", "", 0},
			{10, "-eth0 eth1", "", "", 310},
			{200, "eth0 eth1", "eth0", "", 0},
			{300, "-eth0 eth1", "eth0", "", 600},
			{600, "-eth0 eth1", "", "eth0", 0},
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var r returns
			changes := map[string]int{}
			for i, l := range test.looks {
				for _, name := range strings.Fields(l.changes) {
					changes[name] += 2
				}
				st := groupOf(1000, test.downdelay, changes, strings.Fields(l.members)...)
				st.PrimaryReselect = &test.reselect
				held, due := r.decide(st, strings.Fields(test.dead[i]), start.Add(time.Duration(l.at)*time.Millisecond))
				maps.DeleteFunc(held, func(_ string, held bool) bool { return !held })
				want := time.Time{}
				if l.due != 0 {
					want = start.Add(time.Duration(l.due) * time.Millisecond)
				}
				if got := strings.Join(slices.Sorted(maps.Keys(held)), " "); got != l.held || !due.Equal(want) {
					t.Errorf("look %d: held %q, due %v; want %q, %v", i, got, due.Sub(start), l.held, want.Sub(start))
				}
			}
		})
	}
}

// TestBearers: another member of the same network answers for the address of one without a link, and as long as that is
// held back.
func TestBearers(t *testing.T) {
	var b bearers
	at := func(members string) bond.Status { return groupOf(0, 0, nil, strings.Fields(members)...) }
	told := func(news []announcement) string {
		var all []string
		for _, n := range news {
			all = append(all, n.addr.String()+" at "+n.member)
		}
		slices.Sort(all)
		return strings.Join(all, ", ")
	}
	for _, step := range []struct{ members, taken, changed string }{
		{"eth0 eth1 eth2", "", ""},
		{"-eth0 eth1 eth2", "192.0.2.99 at eth1", ""},
		{"-eth0 -eth1 eth2", "192.0.2.98 at eth2, 192.0.2.99 at eth2", ""},
		{"~eth0 -eth1 eth2", "", ""},
		{"eth0 -eth1 eth2", "192.0.2.98 at eth0", "192.0.2.99 at eth0"},
		{"eth0 eth1 eth2", "", "192.0.2.98 at eth1"},
		{"-eth0 -eth1 -eth2", "", ""},
		{"~eth0 -eth1 -eth2", "", ""}, // nobody else can: it answers for itself, as everybody thinks
	} {
		got := []string{told(b.taken(at(step.members))), told(b.changed(at(step.members)))}
		if diff := cmp.Diff([]string{step.taken, step.changed}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", step.members, diff)
		}
	}
}
