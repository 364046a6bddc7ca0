package dhcp

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/bondctl/bondctl/bond/lease"
)

// story is what a client sends and reports while things happen to it.
type story struct {
	previous func() *lease.Lease
	network  func(*network) // from the start
	events   func(*run)     // what happens
	sent     []string
	reported []string
}

// past is a lease of an hour, obtained the given time ago.
func past(age time.Duration) func() *lease.Lease {
	return func() *lease.Lease {
		m := reply(&dhcpv4.DHCPv4{}, dhcpv4.MessageTypeAck)
		lease, err := readLease(m, time.Now().Add(-age))
		if err != nil {
			panic(err)
		}
		return &lease
	}
}

const (
	discover = "DISCOVER"
	wish     = "DISCOVER wish 192.0.2.100"
	choose   = "REQUEST wish 192.0.2.100 server 192.0.2.1"
	reboot   = "REQUEST wish 192.0.2.100"
	renew    = "REQUEST have 192.0.2.100 to 192.0.2.1"
	rebind   = "REQUEST have 192.0.2.100"

	isBound   = "bound 192.0.2.100"
	isRenewed = "renewed 192.0.2.100"
	isQuiet   = "silent: no DHCP server answers"
	isKept    = "silent 192.0.2.100: no DHCP server answers"
	isLost    = "lost 192.0.2.100: the lease has expired"
	isRefused = `lost 192.0.2.100: DHCP server 192.0.2.1 refuses the address: "no\n\x1b[2J"`
)

func TestClient(t *testing.T) {
	tests := map[string]story{
		"a lease is had and renewed": {
			events:   func(*run) { sleep(45 * time.Minute) },
			sent:     []string{discover, choose, renew},
			reported: []string{isBound, isRenewed},
		},
		"the server dies": {
			events: func(r *run) {
				r.serves(silent)
				sleep(time.Hour + 45*time.Second)
			},
			sent: []string{
				discover, choose,
				renew, renew, renew, renew, renew, renew, // halving 22m30s until T2, a minute at least
				rebind, rebind, rebind, rebind,
				wish, wish, wish, wish,
			},
			reported: []string{isBound, isKept, isKept, isLost, isQuiet}, // renewing, rebinding
		},
		"without a way to the server all are asked": {
			network:  func(n *network) { n.lost = true },
			events:   func(*run) { sleep(31 * time.Minute) },
			sent:     []string{discover, choose, renew, rebind},
			reported: []string{isBound, isRenewed},
		},
		"any server renews after T2": {
			events: func(r *run) {
				r.serves(silent)
				sleep(52*time.Minute + 15*time.Second)
				r.serves(lends(time.Hour))
				sleep(5 * time.Minute)
			},
			sent:     []string{discover, choose, renew, renew, renew, renew, renew, renew, rebind},
			reported: []string{isBound, isKept, isRenewed},
		},
		"a lease from before is confirmed": {
			previous: past(time.Minute),
			sent:     []string{reboot},
			reported: []string{isRenewed},
		},
		"a lease from before is refused": {
			previous: past(time.Minute),
			network:  func(n *network) { n.serve = elsewhere },
			sent:     []string{reboot, discover, "REQUEST wish 198.51.100.7 server 192.0.2.1"},
			reported: []string{isRefused, "bound 198.51.100.7"},
		},
		"a lease from before that has expired is wished for": {
			previous: past(2 * time.Hour),
			sent:     []string{wish, choose},
			reported: []string{isBound},
		},
		"a lease from the future is wished for": {
			previous: past(-time.Minute),
			sent:     []string{wish, choose},
			reported: []string{isBound},
		},
		"a lease from before that is none": {
			previous: func() *lease.Lease { return &lease.Lease{Expiry: time.Now().Add(time.Hour)} },
			sent:     []string{discover, choose},
			reported: []string{isBound},
		},
		"nobody confirms it; it is kept while one is looked for": {
			previous: past(59 * time.Minute),
			network:  func(n *network) { n.serve = silent },
			events:   func(*run) { sleep(61 * time.Second) },
			sent: []string{
				reboot, reboot, wish, reboot, wish, reboot, wish,
				wish, wish, wish, wish, wish,
			},
			reported: []string{isKept, isLost},
		},
		"a server that doesn't know it offers it": {
			previous: past(time.Minute),
			network: func(n *network) {
				n.serve = func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
					if word(m, serverAddr) == reboot+" to 192.0.2.1" {
						return nil
					}
					return lends(time.Hour)(m)
				}
			},
			events:   func(*run) { sleep(15 * time.Second) },
			sent:     []string{reboot, reboot, wish, choose},
			reported: []string{isRenewed}, // that it was silent at first was no trouble
		},
		"another path, the same network": {
			events: func(r *run) {
				sleep(time.Minute)
				r.moves <- Move{}
				synctest.Wait()
			},
			sent:     []string{discover, choose, reboot},
			reported: []string{isBound, isRenewed},
		},
		"another path, another network": {
			events: func(r *run) {
				r.serves(elsewhere)
				r.moves <- Move{}
				synctest.Wait()
			},
			sent:     []string{discover, choose, reboot, discover, "REQUEST wish 198.51.100.7 server 192.0.2.1"},
			reported: []string{isBound, isRefused, "bound 198.51.100.7"},
		},
		"another path, and no server there either": {
			events: func(r *run) {
				r.serves(silent)
				for range 2 {
					r.moves <- Move{}
					sleep(15 * time.Second)
				}
			},
			sent: []string{
				discover, choose,
				reboot, reboot, wish, reboot, wish, reboot, wish, wish, wish,
				reboot, reboot, wish, reboot, wish, reboot, wish, wish, wish,
			},
			reported: []string{isBound, isKept, isKept},
		},
		"another path while there is no lease, and no server": {
			network: func(n *network) { n.serve = silent },
			events: func(r *run) {
				sleep(15 * time.Second)
				r.moves <- Move{}
				sleep(15 * time.Second)
			},
			sent:     []string{discover, discover, discover, discover, discover, discover},
			reported: []string{isQuiet, isQuiet},
		},
		"another path while there is no lease": {
			network: func(n *network) { n.serve = silent },
			events: func(r *run) {
				sleep(15 * time.Second)
				r.serves(lends(time.Hour))
				r.moves <- Move{}
				synctest.Wait()
			},
			sent:     []string{discover, discover, discover, discover, choose},
			reported: []string{isQuiet, isBound},
		},
		"the interface is down, then there": {
			network: func(n *network) { n.broken = errDown },
			events: func(r *run) {
				sleep(20 * time.Second)
				r.change(func(n *network) { n.broken = nil })
				sleep(time.Minute)
			},
			sent:     []string{discover, choose},
			reported: []string{"silent: network is down", isBound},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { tell(t, test) }) })
	}
}

func tell(t *testing.T, s story) {
	n := newNetwork()
	var previous *lease.Lease
	if s.previous != nil {
		previous = s.previous()
	}
	if s.network != nil {
		s.network(n)
	}
	r := runs(t, n, previous)
	if s.events != nil {
		s.events(r)
	}
	if diff := cmp.Diff(s.reported, r.reported()); diff != "" {
		t.Errorf("events (-want +got)\n%s", diff)
	}
	sent, _ := r.messages()
	if diff := cmp.Diff(s.sent, sent); diff != "" {
		t.Errorf("messages (-want +got)\n%s", diff)
	}
}
