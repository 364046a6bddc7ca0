package dhcp

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// TestIPv6OnlyNetwork: where IPv6 alone would do, the network may say that it prefers that,
// and is asked again in time, on another path, and when IPv6 doesn't do any more.
func TestIPv6OnlyNetwork(t *testing.T) {
	const (
		either = "DISCOVER or IPv6 alone"
		waived = "waived: the network prefers IPv6 alone (RFC 8925)"
	)
	does := func(n *network) { n.ipv6 = true }
	prefers := func(wait ...byte) func(*network) {
		return func(n *network) { n.ipv6, n.serve = true, waives(wait...) }
	}
	tests := map[string]story{
		"it would rather have none": {
			network:  prefers(0, 0, 7, 8),
			events:   func(*run) { sleep(29 * time.Minute) },
			sent:     []string{either},
			reported: []string{waived},
		},
		"it is asked again": {
			network: prefers(0, 0, 7, 8),
			events: func(r *run) {
				sleep(time.Minute)
				r.serves(lends(time.Hour))
				sleep(29 * time.Minute)
			},
			sent:     []string{either, either, choose},
			reported: []string{waived, isBound},
		},
		"at least five minutes": {
			network:  prefers(0, 0, 0, 0),
			events:   func(*run) { sleep(9 * time.Minute) },
			sent:     []string{either, either},
			reported: []string{waived, waived},
		},
		"at most a day": {
			network:  prefers(255, 255, 255, 255),
			events:   func(*run) { sleep(25 * time.Hour) },
			sent:     []string{either, either},
			reported: []string{waived, waived},
		},
		"on another path": {
			network: prefers(0, 0, 7, 8),
			events: func(r *run) {
				r.serves(lends(time.Hour))
				r.moves <- Move{}
				synctest.Wait()
			},
			sent:     []string{either, either, choose},
			reported: []string{waived, isBound},
		},
		"IPv6 doesn't do any more": {
			network: prefers(0, 0, 7, 8),
			events: func(r *run) {
				r.change(func(n *network) { n.ipv6 = false })
				r.moves <- Move{}
				sleep(5 * time.Second)
			},
			sent:     []string{either, discover, discover},
			reported: []string{waived, "silent: a DHCP server's answer can't be used: it gives no usable address"},
		},
		"it offers an address as well": {
			network: func(n *network) { n.ipv6, n.serve = true, offersBoth },
			sent:    []string{either}, reported: []string{waived},
		},
		"nobody asked it": {
			network: func(n *network) { n.serve = offersBoth },
			sent:    []string{discover, choose}, reported: []string{isBound},
		},
		"it says so too short": {
			network:  func(n *network) { n.ipv6, n.serve = true, waives(7, 8) },
			events:   func(*run) { sleep(5 * time.Second) },
			sent:     []string{either, either},
			reported: []string{"silent: a DHCP server's answer can't be used: it gives no usable address"},
		},
		"it knows nothing of that": {
			network: does,
			sent:    []string{either, choose}, reported: []string{isBound},
		},
		"whoever has an address keeps it": {
			previous: past(time.Minute),
			network:  prefers(0, 0, 7, 8),
			events:   func(*run) { sleep(5 * time.Second) },
			sent:     []string{reboot, reboot, wish, reboot, wish, reboot, wish},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { tell(t, test) }) })
	}
}

// waives is a server that would rather have no IPv4 for so many seconds, in the option's
// bytes, and that has no address for anybody.
func waives(wait ...byte) func(*dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
	return func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
		if m.MessageType() != dhcpv4.MessageTypeDiscover {
			return nil
		}
		offer := reply(m, dhcpv4.MessageTypeOffer, option(dhcpv4.OptionIPv6OnlyPreferred, wait...))
		offer.YourIPAddr = net.IPv4zero
		return []*dhcpv4.DHCPv4{offer}
	}
}

// offersBoth is a server that lends to whoever can't do without IPv4.
func offersBoth(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
	answers := lends(time.Hour)(m)
	answers[0].UpdateOption(option(dhcpv4.OptionIPv6OnlyPreferred, 0, 0, 7, 8))
	return answers
}

// Where nobody answers, an address that isn't missed is asked for ever more seldom; once it
// is missed, as often as before.
func TestSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.serve, n.ipv6 = silent, true
		r := runs(t, n, nil)
		sleep(3 * time.Hour)
		pauses := []time.Duration{4, 8, 16, 32, 64, 128, 256, 512, 1024, 1920, 1920}
		_, when := r.messages()
		for i, want := range pauses {
			if pause := when[i+1] - when[i]; (pause - want*time.Second).Abs() > time.Second {
				t.Errorf("pause %d: %s, want %ds and a second more or less", i, pause, want)
			}
		}
		r.change(func(n *network) { n.ipv6 = false })
		r.moves <- Move{}
		synctest.Wait()
		_, when = r.messages()
		again := len(when)
		sleep(10 * time.Minute)
		if _, when = r.messages(); len(when)-again < 10 {
			t.Errorf("once it is missed it is asked for %d times in 10 minutes", len(when)-again)
		}
	})
}

// FuzzIPv6Only asserts that the wait is within bounds, whatever the option says.
func FuzzIPv6Only(f *testing.F) {
	f.Add([]byte{0, 0, 7, 8})
	f.Add([]byte{255, 255, 255, 255})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, value []byte) {
		wait, ok := readIPv6Only(reply(&dhcpv4.DHCPv4{}, dhcpv4.MessageTypeOffer, option(dhcpv4.OptionIPv6OnlyPreferred, value...)))
		if ok != (len(value) == 4) || ok && (wait < minWaived || wait > maxWaived) {
			t.Errorf("%x: %s, %t", value, wait, ok)
		}
	})
}
