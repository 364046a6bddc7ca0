package bond

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// While a plan is being applied, what was found before and what is found now
// must both be known: either may have to be given back.
func TestJournalAcross(t *testing.T) {
	was := func(i int) LinkSettings { return LinkSettings{Index: i, MTU: 1500} }
	old := &journal{
		Ifindex: 7, Found: map[string]LinkSettings{"eth0": was(1), "eth1": was(2)},
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24")},
		Routes:    []Route{defaultRoute(netip.MustParseAddr("192.0.2.1"))},
	}
	p := Plan{Steps: []Step{
		Enslave{"bond0", "eth2", was(3)},
		Release{"bond0", "eth1", "0"},
		DelAddress{"bond0", netip.MustParsePrefix("192.0.2.10/24")},
		AddAddress{"bond0", netip.MustParsePrefix("192.0.2.11/24")},
		DelRoute{"bond0", defaultRoute(netip.MustParseAddr("192.0.2.1"))},
		AddRoute{"bond0", defaultRoute(netip.MustParseAddr("192.0.2.254"))},
	}}
	s := State{Name: "bond0", Links: []Link{{Name: "bond0", Index: 7}}}
	during, after := old.across(p, s)

	wantDuring := &journal{
		Ifindex: 7, Found: map[string]LinkSettings{"eth0": was(1), "eth1": was(2), "eth2": was(3)},
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24"), netip.MustParsePrefix("192.0.2.11/24")},
		Routes:    []Route{defaultRoute(netip.MustParseAddr("192.0.2.1")), defaultRoute(netip.MustParseAddr("192.0.2.254"))},
	}
	wantAfter := &journal{
		Ifindex: 7, Found: map[string]LinkSettings{"eth0": was(1), "eth2": was(3)},
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.11/24")},
		Routes:    []Route{defaultRoute(netip.MustParseAddr("192.0.2.254"))},
	}
	if diff := cmp.Diff(wantDuring, during, compareAddrs); diff != "" {
		t.Errorf("during (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(wantAfter, after, compareAddrs); diff != "" {
		t.Errorf("after (-want +got)\n%s", diff)
	}
	if len(old.Found) != 2 || len(old.Addresses) != 1 {
		t.Errorf("the old journal was changed: %+v", old)
	}
}

// What a down gives back.
func TestDownSteps(t *testing.T) {
	eth0, eth1, eth2 := device(1, "eth0"), device(2, "eth1"), device(3, "eth2")
	base := made(t, config(t, "member=eth0", "member=eth1"), eth0, eth1, eth2)
	give := map[string]Step{
		"eth0": GiveBack{"eth0", eth0.settings()},
		"eth1": GiveBack{"eth1", eth1.settings()},
	}
	tests := map[string]struct {
		state State
		want  []Step
	}{
		"all": {base, []Step{DeleteBond{"bond0"}, give["eth0"], give["eth1"]}},
		"one was plugged in anew since": {
			changed(base, func(s *State) { s.Links[0].Index = 99 }),
			[]Step{DeleteBond{"bond0"}, give["eth1"]},
		},
		"one was released by hand since, and is somebody's": {
			changed(base, func(s *State) { s.Bond.Slaves = s.Bond.Slaves[1:]; s.Links[0].Master = "" }),
			[]Step{DeleteBond{"bond0"}, give["eth1"]},
		},
		"after an up that was cut short as it had released one": {
			changed(base, func(s *State) {
				s.Bond.Slaves = s.Bond.Slaves[:1]
				s.Links[1].Master, s.Links[1].Up = "", false
			}),
			[]Step{DeleteBond{"bond0"}, give["eth0"], give["eth1"]},
		},
		"after a down that was cut short": {
			changed(base, func(s *State) {
				s.Bond = nil
				s.Links[0].Master = "br0"
				s.Links[1].Master, s.Links[1].Up = "", false
			}),
			[]Step{give["eth1"]},
		},
		"a bond deleted by hand, and a member set up since": {
			changed(base, func(s *State) { s.Bond = nil; s.Links[0].Master, s.Links[1].Master = "", "" }),
			nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, downSteps(test.state)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
