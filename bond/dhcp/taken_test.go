package dhcp

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// TestTakenAddress: an address that somebody else has is declined, and another one asked
// for, ten seconds later at the earliest.
func TestTakenAddress(t *testing.T) {
	const (
		decline     = "DECLINE wish 192.0.2.100 server 192.0.2.1"
		chooseOther = "REQUEST wish 192.0.2.101 server 192.0.2.1"
		isTaken     = "silent: 192.0.2.100 is used by 02:00:00:00:00:02, and was declined"
		isOther     = "bound 192.0.2.101"
	)
	taken := func(n *network) { n.taken = map[netip.Addr]net.HardwareAddr{leasedAddr: secondMAC} }
	insists := func(n *network) { taken(n); n.serve = lends(time.Hour) }
	learns := func(n *network) { taken(n); n.serve = learning() }
	tests := map[string]story{
		"another one is lent": {
			network:  learns,
			events:   func(*run) { sleep(15 * time.Second) },
			sent:     []string{discover, choose, decline, discover, chooseOther},
			reported: []string{isTaken, isOther},
		},
		"not within ten seconds": {
			network:  learns,
			events:   func(*run) { sleep(10 * time.Second) },
			sent:     []string{discover, choose, decline},
			reported: []string{isTaken},
		},
		"but at once on another path": {
			network: learns,
			events: func(r *run) {
				sleep(time.Second)
				r.moves <- Move{}
				sleep(time.Second)
			},
			sent:     []string{discover, choose, decline, discover, chooseOther},
			reported: []string{isTaken, isOther},
		},
		"a server that insists": {
			network: insists,
			events: func(r *run) {
				sleep(time.Minute)
				r.change(func(n *network) { n.taken = nil })
				sleep(time.Minute)
			},
			sent: []string{ // after 10 s, 10, 10, 16 and 32 s, a second more or less
				discover, choose, decline, discover, choose, decline, discover, choose, decline, discover, choose, decline,
				discover, choose, decline, discover, choose,
			},
			reported: []string{isTaken, isBound},
		},
		"a lease that is confirmed, and what it is renewed to": {
			previous: past(time.Minute),
			network:  taken,
			events:   func(*run) { sleep(45 * time.Minute) },
			sent:     []string{reboot, renew},
			reported: []string{isRenewed, isRenewed},
		},
		"the path changes meanwhile": {
			network: learns,
			events: func(r *run) {
				sleep(100 * time.Millisecond)
				r.change(func(n *network) { n.taken = nil })
				r.moves <- Move{}
				synctest.Wait()
			},
			sent:     []string{discover, choose, discover, choose},
			reported: []string{isBound},
		},
		"an address of another network": {
			previous: past(time.Minute),
			network: func(n *network) {
				n.taken = map[netip.Addr]net.HardwareAddr{netip.MustParseAddr("198.51.100.7"): secondMAC}
				n.serve = elsewhere
			},
			events:   func(*run) { sleep(5 * time.Second) },
			sent:     []string{reboot, discover, "REQUEST wish 198.51.100.7 server 192.0.2.1", "DECLINE wish 198.51.100.7 server 192.0.2.1"},
			reported: []string{isRefused, "silent: 198.51.100.7 is used by 02:00:00:00:00:02, and was declined"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { tell(t, test) }) })
	}
}

// learning is a server that doesn't offer again what was declined.
func learning() func(*dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
	lent := leasedAddr
	return func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
		if m.MessageType() == dhcpv4.MessageTypeDecline {
			lent = lent.Next()
			return nil
		}
		answers := lends(time.Hour)(m)
		answers[0].YourIPAddr = lent.AsSlice()
		return answers
	}
}

// A DHCPDECLINE has what RFC 2131 wants in it (table 5), and nothing that it forbids.
func TestDecline(t *testing.T) {
	c := Client{ID: []byte{0, 1}, Hostname: "laptop"}
	m, err := dhcpv4.FromBytes(c.decline(*past(0)(), &TakenError{leasedAddr, secondMAC}).ToBytes())
	if err != nil {
		t.Fatal(err)
	}
	got := map[uint8]string{}
	for code, value := range m.Options {
		got[code] = string(value)
	}
	want := map[uint8]string{
		50: "\xc0\x00\x02\x64", 53: "\x04", 54: "\xc0\x00\x02\x01", 61: "\x00\x01",
		56: "192.0.2.100 is used by 02:00:00:00:00:02, and was declined",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options (-want +got)\n%s", diff)
	}
	if !m.ClientIPAddr.IsUnspecified() {
		t.Errorf("ciaddr is %s", m.ClientIPAddr)
	}
}
