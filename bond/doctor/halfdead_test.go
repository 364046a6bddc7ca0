package doctor

import (
	"net/netip"
	"testing"
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
