package keeper

import (
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// aPlan takes a device, by its ifindex, into a bond that isn't there yet.
func aPlan(t *testing.T, index int) bond.Plan {
	t.Helper()
	config, err := bond.NewConfig("bond0", []bond.Setting{{Key: "member", Value: "eth0"}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := bond.NewPlan(config, bond.State{Name: "bond0", Links: []bond.Link{{Name: "eth0", Index: index}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestContested(t *testing.T) {
	add, other := aPlan(t, 3), aPlan(t, 4)
	now := time.Now()
	var c contest
	for i := range contestTimes {
		now = now.Add(time.Second)
		_ = c.contested(bond.Plan{}, now) // the look that finds all well
		if err := c.contested(add, now); (err != nil) != (i == contestTimes-1) {
			t.Errorf("time %d: %v", i+1, err)
		}
	}
	if err := c.contested(other, now); err != nil {
		t.Errorf("another plan: %v", err)
	}
	if err := c.contested(add, now); err != nil {
		t.Errorf("after another plan: %v", err)
	}
	for i := range 2 * contestTimes {
		now = now.Add(time.Second)
		if err := c.contested(aPlan(t, 10+i), now); err != nil {
			t.Errorf("a device that comes and goes: %v", err)
		}
	}
	for range contestTimes {
		now = now.Add(time.Minute)
		if err := c.contested(add, now); err != nil {
			t.Errorf("once a minute: %v", err)
		}
	}
}
