package dhcp

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Questions that nobody answers come ever more seldom (RFC 2131 section 4.1).
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.serve = silent
		r := runs(t, n, nil)
		sleep(10 * time.Minute)
		_, when := r.messages()
		want := []time.Duration{4, 8, 16, 32, 64, 64, 64}
		for i, w := range want {
			if pause := when[i+1] - when[i]; (pause - w*time.Second).Abs() > time.Second {
				t.Errorf("pause %d: %s, want %ds and a second more or less", i, pause, w)
			}
		}
	})
}

// A server that refuses what it offers is asked ever more seldom.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.serve = refuses
		r := runs(t, n, past(time.Minute)())
		sleep(time.Hour)
		_, when := r.messages()
		if len(when) > 150 {
			t.Errorf("%d messages in an hour", len(when))
		}
		want := []string{isRefused, `silent: DHCP server 192.0.2.1 refuses the address: "no\n\x1b[2J"`}
		if diff := cmp.Diff(want, r.reported()); diff != "" {
			t.Errorf("events (-want +got)\n%s", diff)
		}
		r.serves(lends(time.Hour))
		sleep(66 * time.Second)
		if last := r.reported(); !slices.Contains(last, isBound) {
			t.Errorf("no lease from a server that has come to its senses: %q", last)
		}
	})
}

// A lease of no time at all is one of a minute.
func TestShortLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.serve = lends(0)
		r := runs(t, n, nil)
		sleep(10 * time.Minute)
		if sent, _ := r.messages(); len(sent) != 2+20 {
			t.Errorf("%d messages in 10 minutes, want a renewal each half minute", len(sent))
		}
	})
}

// Nobody else's answers count: another transaction's, another machine's, of
// another kind, another server's refusal, or ones without sense.
func TestStrayAnswers(t *testing.T) {
	changes := map[string]struct {
		change func(*dhcpv4.DHCPv4)
		reason string // why there is no answer
	}{
		"another transaction": {func(m *dhcpv4.DHCPv4) { m.TransactionID[0]++ }, isQuiet},
		"another machine":     {func(m *dhcpv4.DHCPv4) { m.ClientHWAddr = secondMAC }, isQuiet},
		"a question":          {func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootRequest }, isQuiet},
		"another kind":        {func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeAck)) }, isQuiet},
		"a refusal":           {func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeNak)) }, isQuiet},
		"malformed": {func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionSubnetMask, []byte{255})) },
			"silent: a DHCP server's answer can't be used: it has no usable subnet mask"},
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork()
				n.serve = func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
					answers := lends(time.Hour)(m)
					c.change(answers[0])
					return answers
				}
				r := runs(t, n, nil)
				sleep(15 * time.Second)
				if diff := cmp.Diff([]string{c.reason}, r.reported()); diff != "" {
					t.Errorf("events (-want +got)\n%s", diff)
				}
				r.serves(lends(time.Hour))
				sleep(20 * time.Second)
				if diff := cmp.Diff([]string{c.reason, isBound}, r.reported()); diff != "" {
					t.Errorf("events (-want +got)\n%s", diff)
				}
			})
		})
	}
}

// Only the server whose offer was taken may refuse it.
func TestForeignRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := dhcpv4.OptServerIdentifier(netip.MustParseAddr("192.0.2.66").AsSlice())
		n := newNetwork()
		n.serve = func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
			return append([]*dhcpv4.DHCPv4{reply(m, dhcpv4.MessageTypeNak, other)}, lends(time.Hour)(m)...)
		}
		r := runs(t, n, nil)
		if diff := cmp.Diff([]string{isBound}, r.reported()); diff != "" {
			t.Errorf("events (-want +got)\n%s", diff)
		}
	})
}

// The hardware address is that of each moment; the identifier stays.
func TestHardwareAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		n := newNetwork()
		n.serve = func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
			seen = append(seen, m.ClientHWAddr.String())
			if id := m.GetOneOption(dhcpv4.OptionClientIdentifier); !slices.Equal(id, []byte{0, 1}) {
				t.Errorf("identifier %x", id)
			}
			return lends(time.Hour)(m)
		}
		r := runs(t, n, nil)
		r.change(func(n *network) { n.mac = secondMAC })
		sleep(31 * time.Minute)
		want := []string{firstMAC.String(), firstMAC.String(), secondMAC.String()}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("hardware addresses (-want +got)\n%s", diff)
		}
	})
}

func TestRelease(t *testing.T) {
	n := newNetwork()
	n.serve = silent
	client := Client{Open: n.Open}
	if err := client.Release(*past(0)()); err != nil {
		t.Fatal(err)
	}
	sent, _ := n.messages()
	if diff := cmp.Diff([]string{"RELEASE have 192.0.2.100 server 192.0.2.1 to 192.0.2.1"}, sent); diff != "" {
		t.Errorf("messages (-want +got)\n%s", diff)
	}
	n.broken = errDown
	if err := client.Release(*past(0)()); !errors.Is(err, errDown) {
		t.Errorf("release on a broken interface: %v", err)
	}
}
