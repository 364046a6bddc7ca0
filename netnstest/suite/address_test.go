package suite

import (
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// TestAddresses changes a bond's addresses and gateways live. What others have put on the bond isn't
// bondctl's to take away.
func TestAddresses(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	tap := h.Tap()
	byHand := func() {
		addAddress(t, h, "203.0.113.9/24", "bond0")
		h.Run("ip", "route", "add", "default", "via", "203.0.113.1", "metric", "500")
	}
	for i, tt := range []struct {
		args      string
		addresses []string
		routes    []string // default ones
	}{
		{"--address 192.0.2.10/24 --gateway 192.0.2.1",
			[]string{"192.0.2.10/24"}, []string{"192.0.2.1"}},
		{"--address 192.0.2.11/24 --address 2001:db8::11/64 --gateway 192.0.2.1 --gateway 2001:db8::1",
			[]string{"192.0.2.11/24", "2001:db8::11/64", "203.0.113.9/24"}, []string{"192.0.2.1", "2001:db8::1", "203.0.113.1"}},
		{"--address 192.0.2.11/25 --gateway 192.0.2.2",
			[]string{"192.0.2.11/25", "203.0.113.9/24"}, []string{"192.0.2.2", "203.0.113.1"}},
		// Said by hand and wanted, too: it is there, and whoever put it there may rely on it.
		{"--address 203.0.113.9/24",
			[]string{"203.0.113.9/24"}, []string{"203.0.113.1"}},
		{"",
			[]string{"203.0.113.9/24"}, []string{"203.0.113.1"}},
	} {
		args := append(strings.Fields(tt.args), "--member", "eth0", "--verify", "0") // no gateway is there
		up(t, h, args...)
		if diff := cmp.Diff(tt.addresses, sorted(link(t, h, "bond0").Addresses)); diff != "" {
			t.Errorf("addresses after up %s (-want +got):\n%s", tt.args, diff)
		}
		if diff := cmp.Diff(tt.addresses, sorted(status(t, h).Addresses)); diff != "" {
			t.Errorf("addresses in status after up %s (-want +got):\n%s", tt.args, diff)
		}
		if diff := cmp.Diff(tt.routes, gateways(h)); diff != "" {
			t.Errorf("gateways after up %s (-want +got):\n%s", tt.args, diff)
		}
		unchanged(t, h, tap, args...)
		if i == 0 {
			byHand()
		}
	}
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// gateways are those of a host's default routes, sorted.
func gateways(h *netnstest.Host) []string {
	var list []string
	for _, family := range []string{"-4", "-6"} {
		for line := range strings.Lines(h.Run("ip", family, "route", "show", "default")) {
			fields := strings.Fields(line)
			if i := slices.Index(fields, "via"); i > 0 {
				list = append(list, fields[i+1])
			}
		}
	}
	return sorted(list)
}
