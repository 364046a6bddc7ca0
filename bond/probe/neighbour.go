package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Neighbour asks whether a neighbour answers on the link behind the interface: by ARP,
// as [Gateway] does, or by neighbour solicitation (RFC 4861 section 7.2.2). It asks
// three times within 0.7 seconds; the error is [ErrSilent] if there is no answer.
//
// own is an IPv4 address of this machine in whose name it asks; the interface need not
// have it. For IPv6 it asks in the name of the interface's link-local address, and while
// that can't be used yet in nobody's: to the neighbour that looks like somebody who
// wants the neighbour's address for itself, which it defends.
func Neighbour(ctx context.Context, iface string, own, addr netip.Addr) error {
	if addr.Is4() {
		_, err := Gateway(ctx, iface, own, addr, nil)
		return err
	}
	if err := askNeighbour(ctx, iface, addr.WithZone("")); err != nil {
		return fmt.Errorf("ask for %s on %s: %w", addr, iface, err)
	}
	return nil
}

func askNeighbour(ctx context.Context, iface string, addr netip.Addr) error {
	if !addr.Is6() || addr.Is4In6() || addr.IsMulticast() || addr.IsUnspecified() {
		return errors.New("it is no address of an IPv6 neighbour")
	}
	s, err := listen(iface, unix.ETH_P_IPV6, neighbourAdvertisements(addr))
	if err != nil {
		return err
	}
	defer s.close()
	for _, pause := range gatewayPauses {
		err := solicitNeighbour(ctx, s, addr, pause)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return ErrSilent
}

// solicitNeighbour asks once. The error is [os.ErrDeadlineExceeded] after the pause.
func solicitNeighbour(ctx context.Context, s *socket, addr netip.Addr, pause time.Duration) error {
	mac, err := s.hardwareAddr()
	if err != nil {
		return err
	}
	from, err := usableLinkLocal(s.index)
	if err != nil {
		return err
	}
	if from == addr {
		return errors.New("it is the interface's own address")
	}
	to := solicitedNode(addr)
	last := to.As16()
	group := append(net.HardwareAddr{0x33, 0x33}, last[12:]...) // RFC 2464 section 7
	if err := s.send(neighbourSolicitation(from, addr, mac).marshal(), group); err != nil {
		return err
	}
	for end := time.Now().Add(pause); ; {
		packet, err := s.receive(ctx, end)
		if err != nil {
			return err
		}
		if isNeighbour(packet, addr) {
			return nil
		}
	}
}

// The types of neighbour solicitations and advertisements (RFC 4861 section 4.3, 4.4),
// and where in both the address is that they are about.
const (
	typeNeighbourSolicitation  = 135
	typeNeighbourAdvertisement = 136

	neighbourTarget = 8
	neighbourLen    = neighbourTarget + 16
)

// solicitedNode is the group in which whoever has that address is (RFC 4291 section
// 2.7.1).
func solicitedNode(addr netip.Addr) netip.Addr {
	group := netip.MustParseAddr("ff02::1:ff00:0").As16()
	of := addr.As16()
	copy(group[13:], of[13:])
	return netip.AddrFrom16(group)
}

// neighbourSolicitation is the question of one who has that MAC and the address from, or
// none if that is zero. Without an address it may not tell its MAC.
func neighbourSolicitation(from, addr netip.Addr, mac net.HardwareAddr) icmp6 {
	m := icmp6{from: netip.IPv6Unspecified(), to: solicitedNode(addr)}
	m.message = append([]byte{0: typeNeighbourSolicitation, neighbourTarget - 1: 0}, addr.AsSlice()...)
	if from.IsValid() {
		m.from = from
		m.message = append(append(m.message, optionSource, 1), mac...)
	}
	return m
}

// neighbourAdvertisements lets those through that are about an address.
func neighbourAdvertisements(addr netip.Addr) []bpf.Instruction {
	of := addr.As16()
	filter := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 6, Size: 1}, // the next header
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMPV6, SkipTrue: 11},
		bpf.LoadAbsolute{Off: ipv6HeaderLen, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: typeNeighbourAdvertisement, SkipTrue: 9},
	}
	for word := uint32(0); word < 4; word++ {
		filter = append(filter,
			bpf.LoadAbsolute{Off: ipv6HeaderLen + neighbourTarget + 4*word, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(of[4*word:]), SkipTrue: uint8(7 - 2*word)},
		)
	}
	return append(filter, bpf.RetConstant{Val: 1 << 16}, bpf.RetConstant{})
}

// isNeighbour says whether a packet is the neighbour's answer.
func isNeighbour(packet []byte, addr netip.Addr) bool {
	m, ok := parseICMP6(packet)
	return ok && len(m.message) >= neighbourLen && m.message[0] == typeNeighbourAdvertisement && m.message[1] == 0 &&
		netip.AddrFrom16([16]byte(m.message[neighbourTarget:])) == addr
}
