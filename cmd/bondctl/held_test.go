package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/manager"
	"github.com/bondctl/bondctl/bond/owner"
)

// A handover that was made for good speaks for its manager, and for no other one.
func TestSaidBefore(t *testing.T) {
	hold := func(name string) manager.Hold { return manager.Hold{Manager: name} }
	for _, tt := range []struct {
		holds   []manager.Hold
		resting []manager.Handover
		want    bool
	}{
		{[]manager.Hold{hold("a")}, nil, false},
		{[]manager.Hold{hold("a"), hold("a")}, []manager.Handover{{Manager: "a"}}, true},
		{[]manager.Hold{hold("a"), hold("b")}, []manager.Handover{{Manager: "a"}}, false},
		{[]manager.Hold{hold("a"), hold("b")}, []manager.Handover{{Manager: "b"}, {Manager: "a"}}, true},
	} {
		if got := saidBefore(tt.holds, tt.resting); got != tt.want {
			t.Errorf("%+v beside %+v: %t", tt.holds, tt.resting, got)
		}
	}
}

// Who meddles is named with what ends it: a manager that can't hand over isn't asked to.
func TestMeddler(t *testing.T) {
	st := bond.Status{Name: "bond0", Members: []bond.MemberStatus{{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")}}}}
	h := manager.Hold{Link: owner.Link{Interface: "eth0"}, Manager: "a", Follows: "x"}
	if got, want := meddler(h, &st), "a (x) gave eth0 192.0.2.7/24: bondctl up bond0 --take-over has it leave eth0 alone"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	h.Obstacle = "set it off"
	if got := meddler(h, &st); !strings.HasSuffix(got, ": set it off") || strings.Contains(got, "--take-over") {
		t.Errorf("%q", got)
	}
}
