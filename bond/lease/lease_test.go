package lease

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	obtained = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	example  = Lease{
		Address: netip.MustParsePrefix("192.0.2.7/24"),
		Server:  netip.MustParseAddr("192.0.2.1"),
		Routes: []Route{
			{Destination: netip.MustParsePrefix("198.51.100.0/24")},
			{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.9")},
		},
		DNS: []netip.Addr{netip.MustParseAddr("192.0.2.53")}, Domains: []string{"lan.example"}, MTU: 1400,
		Obtained: obtained, T1: obtained.Add(30 * time.Minute), T2: obtained.Add(50 * time.Minute), Expiry: obtained.Add(time.Hour),
	}
	compared = cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
)

// A lease that was kept is what it was.
func TestJSON(t *testing.T) {
	text, err := json.Marshal(example)
	if err != nil {
		t.Fatal(err)
	}
	var back Lease
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(example, back, compared); diff != "" {
		t.Errorf("from %s (-want +got)\n%s", text, diff)
	}
	if got := back.Gateway(); got != netip.MustParseAddr("192.0.2.9") {
		t.Errorf("gateway %s", got)
	}
}

func TestEndingAt(t *testing.T) {
	got := example.EndingAt(example.Expiry.Add(24 * time.Hour))
	want := example
	for _, t := range []*time.Time{&want.Obtained, &want.T1, &want.T2, &want.Expiry} {
		*t = t.Add(24 * time.Hour)
	}
	if diff := cmp.Diff(want, got, compared); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
