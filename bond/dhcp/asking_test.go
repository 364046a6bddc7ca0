package dhcp

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// TestAsking: that servers are asked, and what, is told from the first moment on; that
// one sleeps is no trouble, unless it is for long.
func TestAsking(t *testing.T) {
	tests := map[string]struct {
		events   func(*run)
		want     []string
		reported []string
	}{
		"a lease that is renewed in time": {
			events:   func(*run) { sleep(45 * time.Minute) },
			want:     []string{"192.0.2.100 since 0s"},
			reported: []string{isRenewed, isRenewed},
		},
		"a server that sleeps": {
			events: func(r *run) {
				sleep(time.Minute)
				r.serves(sleepy)
				r.moves <- Move{}
				sleep(20 * time.Second)
			},
			want:     []string{"192.0.2.100 since 0s", "192.0.2.100 since 1m0s"}, // for any as well, but that goes without saying
			reported: []string{isRenewed, isRenewed},
		},
		"a server that is gone": {
			events: func(r *run) {
				sleep(time.Minute)
				r.serves(silent)
				r.moves <- Move{}
				sleep(time.Hour)
			},
			want:     []string{"192.0.2.100 since 0s", "192.0.2.100 since 1m0s", "any since 1m0s", "any since 1h0m0s"},
			reported: []string{isRenewed, isKept, isLost, isQuiet},
		},
		"another network": {
			events: func(r *run) {
				sleep(time.Minute)
				r.serves(elsewhere)
				r.moves <- Move{}
				sleep(time.Second)
			},
			want:     []string{"192.0.2.100 since 0s", "192.0.2.100 since 1m0s", "any since 1m0s"},
			reported: []string{isRenewed, isRefused, "bound 198.51.100.7"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := runs(t, newNetwork(), past(15*time.Second)())
				test.events(r)
				if diff := cmp.Diff(test.want, r.asked()); diff != "" {
					t.Errorf("asked (-want +got)\n%s", diff)
				}
				if diff := cmp.Diff(test.reported, r.reported()); diff != "" {
					t.Errorf("events (-want +got)\n%s", diff)
				}
			})
		})
	}
}

// sleepy is a server that says nothing of a lease that it doesn't know, and offers it
// as soon as somebody asks for any.
func sleepy(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
	if m.MessageType() == dhcpv4.MessageTypeRequest && m.ServerIdentifier() == nil {
		return nil
	}
	return lends(time.Hour)(m)
}
