package keeper

import (
	"net/netip"
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond"
)

func TestContested(t *testing.T) {
	add := []bond.Step{bond.AddAddress{Bond: "bond0", Address: netip.MustParsePrefix("192.0.2.10/24")}}
	other := []bond.Step{bond.Enslave{Bond: "bond0", Member: "eth0"}}
	now := time.Now()
	var c contest
	for i := range contestTimes {
		now = now.Add(time.Second)
		_ = c.contested(nil, now) // the look that finds all well
		if err := c.contested(add, now); (err != nil) != (i == contestTimes-1) {
			t.Errorf("time %d: %v", i+1, err)
		}
	}
	if err := c.contested(other, now); err != nil {
		t.Errorf("another step: %v", err)
	}
	if err := c.contested(add, now); err != nil {
		t.Errorf("after another step: %v", err)
	}
	for i := range 2 * contestTimes {
		now = now.Add(time.Second)
		again := []bond.Step{bond.Enslave{Bond: "bond0", Member: "eth0", Was: bond.LinkSettings{Index: 10 + i}}}
		if err := c.contested(again, now); err != nil {
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
