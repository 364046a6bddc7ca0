package dhcp

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/bondctl/bondctl/bond/lease"
)

const chooseOther = "REQUEST wish 198.51.100.7 server 192.0.2.1"

// other is a lease of another network.
func other() *lease.Lease {
	m := reply(&dhcpv4.DHCPv4{}, dhcpv4.MessageTypeAck)
	m.YourIPAddr = netip.MustParseAddr("198.51.100.7").AsSlice()
	l, err := readLease(m, time.Now())
	if err != nil {
		panic(err)
	}
	return &l
}

// to has a network serve in one way for one kind of message, and in another for the rest.
func to(kind dhcpv4.MessageType, that, rest func(*dhcpv4.DHCPv4) []*dhcpv4.DHCPv4) func(*dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
	return func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
		if m.MessageType() == kind {
			return that(m)
		}
		return rest(m)
	}
}

// commits is a server that commits a lease of another address at once.
func commits(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
	ack := reply(m, dhcpv4.MessageTypeAck, option(dhcpv4.OptionRapidCommit))
	ack.YourIPAddr = netip.MustParseAddr("198.51.100.7").AsSlice()
	return []*dhcpv4.DHCPv4{ack}
}

func TestMove(t *testing.T) {
	const isOther = "bound 198.51.100.7"
	move := func(m Move, serves func(*dhcpv4.DHCPv4) []*dhcpv4.DHCPv4, wait time.Duration) func(*run) {
		return func(r *run) {
			r.serves(serves)
			r.moves <- m
			sleep(wait)
		}
	}
	// Of another network's server the first word is its offer.
	sleepyElsewhere := to(dhcpv4.MessageTypeDiscover, elsewhere, func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
		if m.ServerIdentifier() == nil {
			return nil
		}
		return elsewhere(m)
	})
	for name, test := range map[string]story{
		"to another network, for all that is known, but it is the same": {
			events:   move(Move{Foreign: true}, lends(time.Hour), time.Second),
			sent:     []string{discover, choose, reboot, wish},
			reported: []string{isBound, isRenewed},
		},
		"to another network, whose server is silent about the lease": {
			events:   move(Move{Foreign: true}, sleepyElsewhere, graceTime),
			sent:     []string{discover, choose, reboot, wish, chooseOther},
			reported: []string{isBound, isOther},
		},
		"to one that may be another one": {
			events:   move(Move{}, sleepyElsewhere, aloneTime+graceTime),
			sent:     []string{discover, choose, reboot, reboot, wish, chooseOther},
			reported: []string{isBound, isOther},
		},
		"two servers, of which the one that knows the lease is the slower one": {
			events: func(r *run) {
				var asked *dhcpv4.DHCPv4
				r.serves(to(dhcpv4.MessageTypeDiscover, func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
					return append(elsewhere(m), lends(time.Hour)(asked)...)
				}, func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
					asked = m
					return nil
				}))
				r.moves <- Move{Foreign: true}
				sleep(time.Second)
			},
			sent:     []string{discover, choose, reboot, wish},
			reported: []string{isBound, isRenewed},
		},
		"to a network that is known": {
			events: func(r *run) {
				r.serves(func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
					ack := reply(m, dhcpv4.MessageTypeAck)
					ack.YourIPAddr = other().Address.Addr().AsSlice()
					return []*dhcpv4.DHCPv4{ack}
				})
				r.moves <- Move{Lease: other()}
				sleep(time.Second)
			},
			sent:     []string{discover, choose, "REQUEST wish 198.51.100.7"},
			reported: []string{isBound, "renewed 198.51.100.7"},
		},
		"to a network that was taken for a known one": {
			events: func(r *run) {
				r.serves(func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
					if m.MessageType() == dhcpv4.MessageTypeRequest && m.ServerIdentifier() == nil {
						return refuses(m)
					}
					return lends(time.Hour)(m)
				})
				r.moves <- Move{Lease: other()}
				sleep(time.Second)
			},
			sent:     []string{discover, choose, "REQUEST wish 198.51.100.7", discover, choose},
			reported: []string{isBound, `lost 198.51.100.7: DHCP server 192.0.2.1 refuses the address: "no\n\x1b[2J"`, isBound},
		},
		"a server commits at once": {
			network:  func(n *network) { n.serve = commits },
			sent:     []string{discover},
			reported: []string{isOther},
		},
		"a server commits at once, and another one confirms": {
			events: move(Move{Foreign: true}, to(dhcpv4.MessageTypeDiscover, commits, lends(time.Hour)), time.Second),
			sent:   []string{discover, choose, reboot, wish}, reported: []string{isBound, isRenewed},
		},
		"an acknowledgement that nobody has asked for": {
			network: func(n *network) {
				n.serve = func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
					return []*dhcpv4.DHCPv4{reply(m, dhcpv4.MessageTypeAck)} // without option 80
				}
			},
			events: func(*run) { sleep(time.Second) },
			sent:   []string{discover},
		},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { tell(t, test) }) })
	}
}
