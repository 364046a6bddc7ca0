package keeper

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/lease"
)

// TestBehind: what was met behind a slave is kept for as long as that keeps its link.
func TestBehind(t *testing.T) {
	home, away := netip.MustParsePrefix("192.0.2.10/24"), netip.MustParsePrefix("198.51.100.7/24")
	gateway := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	lent := func(address netip.Prefix, mac net.HardwareAddr) statedir.Lent {
		return statedir.Lent{Lease: &lease.Lease{Address: address}, GatewayMAC: mac}
	}
	onDock := snapshot{active: "eth0", links: map[string]int{"eth0": 1, "wlan0": 2}}
	onWiFi := snapshot{active: "wlan0", links: map[string]int{"eth0": 1, "wlan0": 2}}
	r := &record{}
	want := func(when string, saved bool, want ...statedir.Behind) {
		t.Helper()
		if diff := cmp.Diff(want, r.state.Behind, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got)\n%s", when, diff)
		}
		if r.saved != saved {
			t.Errorf("%s: saved %t", when, r.saved)
		}
		r.saved = true
	}
	r.saved = true
	r.network(onDock, statedir.Lent{})
	want("nothing is lent", true)
	r.network(onDock, lent(home, nil))
	r.network(onDock, lent(home, gateway))
	eth0 := statedir.Behind{Slave: "eth0", Changes: 1, Network: &statedir.Network{Address: home, MAC: gateway}}
	want("a lease, and its gateway", false, eth0)
	r.network(onWiFi, lent(away, nil))
	wlan0 := statedir.Behind{Slave: "wlan0", Changes: 2, Network: &statedir.Network{Address: away}}
	want("another one", false, eth0, wlan0)
	r.forwards(forwards{"eth0", 1, 30 * time.Second}, onWiFi.links)
	eth0.Forwards = new(30000)
	want("a port", false, eth0, wlan0)
	r.forwards(forwards{"wlan0", 7, time.Second}, onWiFi.links)
	r.forwards(forwards{"eth9", 1, time.Second}, onWiFi.links)
	r.links(onWiFi.links)
	want("ports of links that are no more", true, eth0, wlan0)
	r.links(map[string]int{"eth0": 3, "wlan0": 2})
	want("another link", false, wlan0)
	r.links(map[string]int{})
	want("no link", false)
}
