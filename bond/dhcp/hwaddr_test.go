package dhcp

import (
	"net"
	"testing"
	"testing/synctest"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A lease that goes by hardware address stays while the interface carries another one:
// servers hear the one that they know, and answer by broadcast.
func TestFixedHardwareAddr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var own net.HardwareAddr
		n := newNetwork()
		transport, err := n.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer transport.Close()
		if own, err = transport.HardwareAddr(); err != nil {
			t.Fatal(err)
		}
		other := net.HardwareAddr{2, 0, 0, 0, 0, 0x77}
		for _, tt := range []struct {
			name      string
			fixed     net.HardwareAddr
			want      net.HardwareAddr
			broadcast bool
		}{
			{"the interface's own", nil, own, false},
			{"the same", own, own, false},
			{"another one", other, other, true},
		} {
			m := &dhcpv4.DHCPv4{}
			m.SetBroadcast() // as the last message to another path was
			c := Client{HardwareAddr: tt.fixed}
			if err := c.address(m, transport); err != nil {
				t.Fatal(err)
			}
			if m.ClientHWAddr.String() != tt.want.String() || m.IsBroadcast() != tt.broadcast {
				t.Errorf("%s: %s, broadcast %t; want %s, %t", tt.name, m.ClientHWAddr, m.IsBroadcast(), tt.want, tt.broadcast)
			}
		}
	})
}
