package keeper

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// TestSolicits: a router is asked again, later each time and not for ever, until its route is as it should be.
func TestSolicits(t *testing.T) {
	st := bond.Status{Strategy: bond.StrategyRoutes, Members: []bond.MemberStatus{
		{Name: "eth0", Carrier: new(true), Unadvertised: true}, {Name: "eth1", Carrier: new(true)}, {Name: "eth2", Carrier: new(false), Unadvertised: true},
	}}
	now := time.Unix(1000, 0)
	var asked []time.Duration
	s := solicits{ask: func(member string) error {
		if member != "eth0" {
			t.Errorf("%s is asked", member)
		}
		asked = append(asked, now.Sub(time.Unix(1000, 0)))
		return errors.New("the network is down")
	}}
	for due := s.decide(st, now); !due.IsZero(); due = s.decide(st, now) {
		if s.decide(st, now) != due {
			t.Error("a look in between changes something")
		}
		now = due
	}
	if want := []time.Duration{1e9, 3e9, 7e9, 15e9}; !slices.Equal(asked, want) {
		t.Errorf("asked after %v, want %v", asked, want)
	}
	st.Members[0].Unadvertised = false
	s.decide(st, now)
	st.Members[0].Unadvertised = true
	if s.decide(st, now).IsZero() {
		t.Error("what is wrong again isn't asked about")
	}
}
