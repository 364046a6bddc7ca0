package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A Path asks neighbours through one slave of a bond, whether that is the active one or not: by ARP probes
// (RFC 5227 section 2.1.1), which change nobody's cache, and by neighbour solicitations. It asks in the name
// of whatever MAC it is told, for a bond's own would, from a backup, have switches send the bond's traffic
// there. A backup hands over what comes to it to nobody but sockets that are its own, as these are
// (bond_should_deliver_exact_match).
type Path struct {
	sockets []*pathSocket
}

// A pathSocket is of one family.
type pathSocket struct {
	conn    *packet.Conn
	targets []netip.Addr
	ipv6    bool

	mu   sync.Mutex
	from [6]byte // in whose name it asked last
}

// OpenPath opens the sockets, on the interface with that ifindex. What is sent to own is received beside
// what is sent to the interface's own MAC.
func OpenPath(index int, own net.HardwareAddr, targets []netip.Addr) (*Path, error) {
	link, err := net.InterfaceByIndex(index)
	if err != nil {
		return nil, unix.ENODEV // net's own error can't be told from others
	}
	p := &Path{}
	for _, ipv6 := range []bool{false, true} {
		of := slices.DeleteFunc(slices.Clone(targets), func(a netip.Addr) bool { return a.Is6() != ipv6 })
		if len(of) == 0 {
			continue
		}
		s, err := openPathSocket(link, own, ipv6)
		if err != nil {
			p.Close()
			return nil, fmt.Errorf("listen on %s: %w", link.Name, err)
		}
		s.targets = of
		p.sockets = append(p.sockets, s)
	}
	return p, nil
}

func openPathSocket(link *net.Interface, own net.HardwareAddr, ipv6 bool) (*pathSocket, error) {
	protocol, filter := unix.ETH_P_ARP, pathAnswers4
	if ipv6 {
		protocol, filter = unix.ETH_P_IPV6, pathAnswers6
	}
	assembled, err := bpf.Assemble(filter)
	if err != nil {
		return nil, err
	}
	conn, err := packet.Listen(link, packet.Raw, protocol, &packet.Config{Filter: assembled})
	if err != nil {
		return nil, err
	}
	if err := takeIn(conn, link.Index, own); err != nil {
		conn.Close()
		return nil, err
	}
	return &pathSocket{conn: conn, ipv6: ipv6}, nil
}

// takeIn has a NIC not filter out what is sent to a MAC, for as long as the socket is open (packet(7)).
func takeIn(conn *packet.Conn, index int, mac net.HardwareAddr) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	member := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_UNICAST}
	member.Alen = uint16(copy(member.Address[:], mac))
	var refused error
	err = raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptPacketMreq(int(fd), unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &member)
	})
	return errors.Join(err, refused)
}

// Ask asks each target in the name of a MAC. A frame that is lost on the way out is no error.
func (p *Path) Ask(from net.HardwareAddr) error {
	var failed error
	for _, s := range p.sockets {
		failed = errors.Join(failed, s.ask(from))
	}
	return failed
}

// Listen calls heard with each answer, on goroutines of its own, until Close; it waits for their end.
func (p *Path) Listen(heard func(netip.Addr)) {
	var all sync.WaitGroup
	for _, s := range p.sockets {
		all.Go(func() { s.listen(heard) })
	}
	all.Wait()
}

// Close closes the sockets.
func (p *Path) Close() {
	for _, s := range p.sockets {
		s.conn.Close()
	}
}

func (s *pathSocket) ask(from net.HardwareAddr) error {
	s.mu.Lock()
	s.from = [6]byte(from)
	s.mu.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(askLimit)); err != nil {
		return err
	}
	for _, target := range s.targets {
		to, frame := pathQuestion(from, target)
		_, err := s.conn.WriteTo(frame, &packet.Addr{HardwareAddr: to})
		if err = unlessLost(err); err != nil {
			return err
		}
	}
	return nil
}

func (s *pathSocket) listen(heard func(netip.Addr)) {
	buffer := make([]byte, 2048)
	for {
		n, _, err := s.conn.ReadFrom(buffer)
		switch {
		case errors.Is(err, unix.ENETDOWN): // the interface was set down for a moment
		case err != nil: // it is closed
			return
		default:
			s.mu.Lock()
			from := s.from
			s.mu.Unlock()
			if addr, ok := pathAnswer(buffer[:n], from); ok && slices.Contains(s.targets, addr) {
				heard(addr)
			}
		}
	}
}

// Where what is in an Ethernet frame begins.
const etherLen = 14

// pathQuestion is the frame that asks for a target, and to whom it goes.
func pathQuestion(from net.HardwareAddr, target netip.Addr) (to net.HardwareAddr, frame []byte) {
	to, protocol := broadcast, uint16(unix.ETH_P_ARP)
	var payload []byte
	if target.Is4() {
		payload = arp{operation: arpRequest, senderMAC: [6]byte(from), sender: netip.IPv4Unspecified(), target: target}.marshal()
	} else {
		// The answer to a question from nobody goes to all nodes, so it would come by each slave. An
		// address that belongs to the MAC has it come to this one alone.
		protocol = unix.ETH_P_IPV6
		payload = neighbourSolicitation(linkLocalOf([6]byte(from)), target, from).marshal()
		last := solicitedNode(target).As16()
		to = append(net.HardwareAddr{0x33, 0x33}, last[12:]...) // RFC 2464 section 7
	}
	frame = append(frame, to...)
	frame = append(frame, from...)
	frame = binary.BigEndian.AppendUint16(frame, protocol)
	return to, append(frame, payload...)
}

// linkLocalOf is the link-local address that a MAC makes (RFC 4291 appendix A).
func linkLocalOf(mac [6]byte) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
}

// pathAnswer is who answers in a frame what was asked in the name of a MAC.
func pathAnswer(frame []byte, from [6]byte) (addr netip.Addr, ok bool) {
	if len(frame) < etherLen || !bytes.Equal(frame[:6], from[:]) {
		return netip.Addr{}, false
	}
	switch rest := frame[etherLen:]; binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_ARP:
		a, ok := parseARP(rest)
		return a.sender, ok && a.operation == arpReply && a.targetMAC == from && unicast(a.senderMAC[:])
	case unix.ETH_P_IPV6:
		m, ok := parseICMP6(rest)
		if !ok || len(m.message) < neighbourLen || m.message[0] != typeNeighbourAdvertisement || m.message[1] != 0 {
			return netip.Addr{}, false
		}
		return netip.AddrFrom16([16]byte(m.message[neighbourTarget:])), true
	}
	return netip.Addr{}, false
}

// pathAnswers4 and pathAnswers6 let answers through, of frames with Ethernet's header.
var (
	pathAnswers4 = []bpf.Instruction{
		bpf.LoadAbsolute{Off: etherLen + arpOperation, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: arpReply, SkipTrue: 1},
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{},
	}
	pathAnswers6 = []bpf.Instruction{
		bpf.LoadAbsolute{Off: etherLen + 6, Size: 1}, // the next header
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMPV6, SkipTrue: 3},
		bpf.LoadAbsolute{Off: etherLen + ipv6HeaderLen, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: typeNeighbourAdvertisement, SkipTrue: 1},
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{},
	}
)

// OwnMAC is the MAC by which a path is asked through a slave with that permanent one, where the slave may not
// use the bond's: the permanent one or, where others have it as well, one that is derived from it and locally
// administered (IEEE 802c).
func OwnMAC(permanent net.HardwareAddr, index int, taken func(net.HardwareAddr) bool) net.HardwareAddr {
	mac := slices.Clone(permanent)
	for n := 0; !unicast(mac) || taken(mac); n++ {
		if len(permanent) != 6 {
			permanent = make(net.HardwareAddr, 6)
		}
		mac = slices.Clone(permanent)
		mac[0] = mac[0]&^1 | 2
		mac[1] ^= byte(0xb0 + n)
		mac[2] ^= byte(index)
	}
	return mac
}
