package keeper

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// home and office are networks in which leases were had.
const (
	homeMAC, officeMAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
	asksHome           = "asks for 192.0.2.1 at " + homeMAC + " in the name of 192.0.2.7"
	asksOffice         = "asks for 192.0.2.1 at " + officeMAC + " in the name of 198.51.100.7"
)

// visits has a leaser remember the office, and be at home.
func visits(t *testing.T, ssid string) *lan {
	n := at(t, statedir.Lent{})
	mac, _ := net.ParseMAC(officeMAC)
	office := statedir.Visited{Lease: leaseOf("198.51.100.7/24"), GatewayMAC: mac, Member: "wlan0"}
	if ssid != "" {
		office.SSID = []byte(ssid)
	}
	if err := n.memory.visit(office); err != nil {
		t.Fatal(err)
	}
	n.gateway = homeMAC
	n.goes(1, 1, 0)
	n.expect(t, "asks for nothing", asksOffice)
	n.lends(dhcp.Bound, "192.0.2.7/24")
	n.expect(t, `lent 192.0.2.7/24 by ""`, " lease none -> 192.0.2.7/24: from 192.0.2.1 (1000 ms)",
		"asks for 192.0.2.1", `lent 192.0.2.7/24 by "`+homeMAC+`"`)
	return n
}

// In a network that is known its lease is in force at once, and confirmed afterwards.
func TestLeaseKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := visits(t, "")
		n.goes(2, 1, 0)
		n.expect(t, asksHome, asksOffice) // the first one answers
		n.gateway = officeMAC
		n.goes(1, 2, 0)
		n.expect(t, asksHome, asksOffice, `lent 198.51.100.7/24 by "`+officeMAC+`"`,
			" lease 192.0.2.7/24 -> 198.51.100.7/24: known here, by the gateway 192.0.2.1 at "+officeMAC+
				"; it is another one than 192.0.2.7, whose connections could not be kept (2 ms)",
			"asks whether 198.51.100.7/24 holds")
		n.lends(dhcp.Renewed, "198.51.100.7/24")
		n.expect(t, `lent 198.51.100.7/24 by "`+officeMAC+`"`)

		n.gateway = homeMAC
		n.goes(2, 2, 0)
		n.expect(t, asksOffice, asksHome, `lent 192.0.2.7/24 by "`+homeMAC+`"`,
			" lease 198.51.100.7/24 -> 192.0.2.7/24: known here, by the gateway 192.0.2.1 at "+homeMAC+
				"; it is another one than 198.51.100.7, whose connections could not be kept (2 ms)",
			"asks whether 192.0.2.7/24 holds")
		n.lends(dhcp.Lost, "192.0.2.7/24") // it doesn't: it is no longer known
		n.expect(t, `lent nothing by ""`, " lease 192.0.2.7/24 -> none: the lease has expired")
		n.goes(1, 3, 0)
		n.expect(t, asksOffice, "asks whether nothing holds, and any server")
	})
}

// Where no gateway answers at once any server is asked; one that answers late is believed all the same.
func TestLeaseKnownLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := visits(t, "")
		n.slow = 150 * time.Millisecond
		n.goes(2, 1, 0)
		n.expect(t, asksHome, asksOffice, "asks whether 192.0.2.7/24 holds, and any server", "asks whether 192.0.2.7/24 holds")
	})
}

// A network isn't looked for behind another SSID than its own: the same router may have several.
func TestLeaseKnownSSID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := visits(t, "office")
		wifi := leaseWish{dhcp: true, by: member{"wlan0", true}}
		n.network = "guests"
		wifi.place = place{path{2, 1}, 0}
		n.wish.put(wifi)
		n.expect(t, asksHome) // which was had by a cable
		n.network = "office"
		wifi.place = place{path{2, 2}, 0}
		n.wish.put(wifi)
		n.expect(t, asksHome, asksOffice)
	})
}

// After a sleep the lease's servers are asked, and the gateways of other networks as well.
func TestLeaseKnownAfterSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := visits(t, "")
		n.gateway = officeMAC
		n.goes(1, 1, 1)
		n.expect(t, "asks whether 192.0.2.7/24 holds", asksOffice, `lent 198.51.100.7/24 by "`+officeMAC+`"`,
			" lease 192.0.2.7/24 -> 198.51.100.7/24: known here, by the gateway 192.0.2.1 at "+officeMAC+
				"; it is another one than 192.0.2.7, whose connections could not be kept (2 ms)",
			"asks whether 198.51.100.7/24 holds")
	})
}

// Networks are remembered as long as their leases hold, the last ones first, and not without bounds.
func TestVisited(t *testing.T) {
	m := leaseMemory{dir: statedir.Of(t.TempDir(), "bond0"), bond: "bond0", seed: []byte("seed")}
	var want []string
	for i := range maxVisited + 2 {
		l := leaseOf("192.0.2.7/24")
		if i == maxVisited {
			l.Expiry = time.Now().Add(-time.Second) // it is over with the next one
		}
		v := statedir.Visited{Lease: l, GatewayMAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(i)}}
		for range 2 { // the same one is remembered once
			if err := m.visit(v); err != nil {
				t.Fatal(err)
			}
		}
		if i != maxVisited {
			want = append([]string{v.GatewayMAC.String()}, want...)
		}
	}
	check := func(want []string) {
		t.Helper()
		r, err := m.recall()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range r.Visited {
			got = append(got, v.GatewayMAC.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	check(want[:maxVisited])
	returned := leaseOf("192.0.2.7/24")
	returned.Expiry = time.Now() // given back
	if err := m.remember(returned); err != nil {
		t.Fatal(err)
	}
	check(nil)
}
