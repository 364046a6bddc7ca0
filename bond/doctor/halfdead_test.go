package doctor

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBroadcast(t *testing.T) {
	for _, tt := range []struct{ address, everybody string }{
		{"192.0.2.10/24", "192.0.2.255"},
		{"10.1.2.3/8", "10.255.255.255"},
		{"192.0.2.9/30", "192.0.2.11"},
		{"192.0.2.9/31", ""},
		{"192.0.2.9/32", ""},
		{"2001:db8::1/64", ""},
	} {
		got, own := broadcast([]netip.Prefix{netip.MustParsePrefix("2001:db8::9/64"), netip.MustParsePrefix(tt.address)})
		if tt.everybody == "" && !got.IsValid() {
			continue
		}
		if got.String() != tt.everybody || own != netip.MustParsePrefix(tt.address).Addr() {
			t.Errorf("%s: %s from %s, want %q", tt.address, got, own, tt.everybody)
		}
	}
}

// TestCall: those are deaf whose counters stay.
func TestCall(t *testing.T) {
	members := healthy().Members
	counts := map[string]*int{"eth0": new(5), "wlan0": new(7)}
	c := newCall(members, "eth0", func(name string) *int { return counts[name] })
	if c == nil || c.active != 0 {
		t.Fatalf("%+v", c)
	}
	for _, step := range []struct {
		name string
		want []int
	}{{"", []int{0, 1}}, {"eth0", []int{1}}, {"wlan0", nil}} {
		if step.name != "" {
			*counts[step.name]++
		}
		if diff := cmp.Diff(step.want, c.deaf()); diff != "" {
			t.Errorf("after a frame of %q (-want +got):\n%s", step.name, diff)
		}
	}
	members[1].Carrier = new(false)
	if newCall(members, "eth0", func(name string) *int { return counts[name] }) != nil {
		t.Error("there is no backup with a link")
	}
	members[1].Carrier = new(true)
	delete(counts, "eth0")
	if newCall(members, "eth0", func(name string) *int { return counts[name] }) != nil {
		t.Error("what the active slave has received isn't known")
	}
}
