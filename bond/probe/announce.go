package probe

import (
	"errors"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Announce tells everybody on an interface's network that an IPv4 address is reached by the interface from now
// on (an ARP announcement, RFC 5227 section 2.3).
func Announce(iface string, addr netip.Addr) error {
	if !addr.Is4() {
		return errors.New("only IPv4 addresses are announced by ARP")
	}
	s, err := listen(iface, unix.ETH_P_ARP, []bpf.Instruction{bpf.RetConstant{Val: 0}}) // it only sends
	if err != nil {
		return err
	}
	defer s.close()
	mac, err := s.hardwareAddr()
	if err != nil {
		return err
	}
	a := arp{operation: arpRequest, senderMAC: [6]byte(mac), sender: addr, target: addr}
	return s.send(a.marshal(), broadcast)
}
