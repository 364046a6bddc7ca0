package bond

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// TestHealthWhileServersSleep: a bond whose address is to be leased is degraded from the
// first moment on, and says what servers are asked; one that has a lease isn't.
func TestHealthWhileServersSleep(t *testing.T) {
	since := time.Date(2026, 5, 1, 17, 20, 3, 0, time.Local)
	whatever, lent := statedir.Asking{Since: since}, statedir.Asking{Since: since, Address: netip.MustParseAddr("192.0.2.7")}
	silent := []statedir.Trouble{{Source: statedir.SourceDHCP, Text: "no DHCP server answers"}}
	static := Config{Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24")}}
	tests := map[string]struct {
		config *Config
		before Status
		keeper statedir.Keeper
		health Health
		reason string
	}{
		"at the first look": {&Config{}, Status{Health: HealthOK, HealthReason: "every member works"}, statedir.Keeper{},
			HealthDegraded, "dhcp: no address is leased yet"},
		"for any": {&Config{}, Status{Health: HealthOK, HealthReason: "every member works"}, statedir.Keeper{Asking: whatever},
			HealthDegraded, "dhcp: asking servers since 17:20:03 for an address"},
		"for one that isn't in force": {&Config{}, Status{Health: HealthOK, HealthReason: "every member works"}, statedir.Keeper{Asking: lent},
			HealthDegraded, "dhcp: asking servers since 17:20:03 whether 192.0.2.7 holds here"},
		"for one that is": {&Config{}, Status{Health: HealthOK, HealthReason: "every member works", Lease: &LeaseStatus{}}, statedir.Keeper{Asking: lent},
			HealthOK, "every member works; dhcp: asking servers since 17:20:03 whether 192.0.2.7 holds here"},
		"beside another weakness": {&Config{}, Status{Health: HealthDegraded, HealthReason: "eth1 is absent"}, statedir.Keeper{Asking: whatever},
			HealthDegraded, "eth1 is absent; dhcp: asking servers since 17:20:03 for an address"},
		"nobody answers": {&Config{}, Status{Health: HealthDegraded, HealthReason: "dhcp: no DHCP server answers"}, statedir.Keeper{Asking: whatever, Troubles: silent},
			HealthDegraded, "dhcp: no DHCP server answers; dhcp: asking servers since 17:20:03 for an address"},
		"a trouble, and nobody is asked": {&Config{}, Status{Health: HealthDegraded, HealthReason: "dhcp: no DHCP server answers"}, statedir.Keeper{Troubles: silent},
			HealthDegraded, "dhcp: no DHCP server answers"},
		"IPv6 alone does": {&Config{}, Status{Health: HealthOK, HealthReason: "every member works", IPv6: true}, statedir.Keeper{Asking: whatever},
			HealthOK, "every member works"},
		"IPv6 works, and DHCP was asked for": {&Config{Method: MethodDHCP}, Status{Health: HealthOK, HealthReason: "every member works", IPv6: true},
			statedir.Keeper{Asking: whatever}, HealthDegraded, "dhcp: asking servers since 17:20:03 for an address"},
		"leased": {&Config{}, Status{Health: HealthOK, HealthReason: "every member works", Lease: &LeaseStatus{}}, statedir.Keeper{},
			HealthOK, "every member works"},
		"down": {&Config{}, Status{Health: HealthDown, HealthReason: "no member has a link"}, statedir.Keeper{Asking: whatever},
			HealthDown, "no member has a link"},
		"static":            {&static, Status{Health: HealthOK, HealthReason: "every member works"}, statedir.Keeper{}, HealthOK, "every member works"},
		"nothing is wanted": {nil, Status{Health: HealthOK, HealthReason: "every member works"}, statedir.Keeper{}, HealthOK, "every member works"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			st := test.before
			st.addDHCP(test.config, test.keeper)
			if diff := cmp.Diff([]string{string(test.health), test.reason}, []string{string(st.Health), st.HealthReason}); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
