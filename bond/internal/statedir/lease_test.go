package statedir

import (
	"net/netip"
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond/lease"
)

// A lease is void when its time is over, and not because somebody set the clock.
func TestLent(t *testing.T) {
	const boot = 5 * time.Minute
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := lease.Lease{
		Address:  netip.MustParsePrefix("198.51.100.7/24"),
		Obtained: now, T1: now.Add(30 * time.Minute), T2: now.Add(50 * time.Minute), Expiry: now.Add(time.Hour),
	}
	lent := Lent{Lease: &l, End: boot + time.Hour}
	for name, tt := range map[string]struct {
		passed, set time.Duration
		holds       bool
	}{
		"at once":                        {0, 0, true},
		"shortly before its end":         {time.Hour - time.Second, 0, true},
		"at its end":                     {time.Hour, 0, false},
		"the clock is set to the future": {time.Minute, 24 * time.Hour, true},
		"the clock is set to the past":   {time.Hour, -24 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			wall := now.Add(tt.passed + tt.set)
			got, left := lent.at(wall, boot+tt.passed)
			if (got != nil) != tt.holds {
				t.Fatalf("got %v, want one: %t", got, tt.holds)
			}
			want := time.Hour - tt.passed
			if got != nil && (got.Expiry.Sub(wall) != want || left != want) {
				t.Errorf("%s and %s are left, want %s", got.Expiry.Sub(wall), left, want)
			}
		})
	}
	if got, _ := (Lent{}).at(now, boot); got != nil {
		t.Error("nothing is lent, and yet it holds")
	}
}
