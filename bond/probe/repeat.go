package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/sys/unix"
)

// A Repeater asks one address again and again, to find out which questions were answered.
// One goroutine may ask while another one takes the answers.
type Repeater interface {
	// Ask sends a question. A frame that is lost on the way out, as a bond loses it that has
	// no active slave, is no error.
	Ask(number int) error
	// Answer waits for the next answer, and returns the number of its question: the lowest
	// 16 bits, or -1 where the protocol has none. The error is [net.ErrClosed] once Close
	// was called.
	Answer() (number int, err error)
	Close() error
}

// askLimit bounds how long a question may wait for room in the socket. One that is late
// would be taken for one that was lost.
const askLimit = 20 * time.Millisecond

// RepeatEcho asks by ICMP echo (RFC 792, RFC 4443), the way that [Echo] does: as all that this
// machine sends. Its questions have numbers, and so have the answers.
func RepeatEcho(ctx context.Context, iface string, own, addr netip.Addr) (Repeater, error) {
	addr = addr.Unmap().WithZone("")
	zone, err := zoneOf(iface, addr)
	if err != nil {
		return nil, fmt.Errorf("ping %s on %s: %w", addr, iface, err)
	}
	conn, err := listenEcho(ctx, iface, echoSource(own, addr), addr)
	if err != nil {
		return nil, fmt.Errorf("ping %s on %s: %w", addr, iface, err)
	}
	return &echoes{conn: conn, echo: newEcho(addr), to: &net.IPAddr{IP: addr.AsSlice(), Zone: zone}, buffer: make([]byte, 1<<16)}, nil
}

type echoes struct {
	echo
	conn   net.PacketConn
	to     *net.IPAddr
	buffer []byte
}

func (r *echoes) Ask(number int) error {
	request, err := r.request(number & 0xffff)
	if err != nil {
		return err
	}
	if err := r.conn.SetWriteDeadline(time.Now().Add(askLimit)); err != nil {
		return err
	}
	_, err = r.conn.WriteTo(request, r.to)
	return unlessLost(err)
}

func (r *echoes) Answer() (int, error) {
	for {
		n, from, err := r.conn.ReadFrom(r.buffer)
		if errors.Is(err, net.ErrClosed) {
			return 0, err
		}
		ip, ok := from.(*net.IPAddr)
		if err != nil || !ok || !r.isAnswer(r.buffer[:n], ip.IP) {
			continue // of a raw socket that is open an error is about one packet
		}
		if number, ok := echoNumber(r.addr, r.buffer[:n]); ok {
			return number, nil
		}
	}
}

func (r *echoes) Close() error { return r.conn.Close() }

// echoNumber is the sequence number of an ICMP echo.
func echoNumber(addr netip.Addr, message []byte) (int, bool) {
	protocol := unix.IPPROTO_ICMP
	if addr.Is6() {
		protocol = unix.IPPROTO_ICMPV6
	}
	m, err := icmp.ParseMessage(protocol, message)
	if err != nil {
		return 0, false
	}
	body, ok := m.Body.(*icmp.Echo)
	if !ok {
		return 0, false
	}
	return body.Seq, true
}

// unlessLost takes an error in sending for none that means that the frame is lost, be it that
// there is no way at the moment.
func unlessLost(err error) error {
	for _, lost := range []error{unix.ENOBUFS, unix.EAGAIN, unix.ENETDOWN, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EHOSTDOWN, os.ErrDeadlineExceeded} {
		if errors.Is(err, lost) {
			return nil
		}
	}
	return err
}

// RepeatNeighbour asks by ARP or neighbour solicitation, as [Neighbour] does. Neither has
// numbers: an answer only says that a question of a moment ago was answered. known is the MAC
// that is asked by ARP; nil for everybody.
func RepeatNeighbour(iface string, own, addr netip.Addr, known net.HardwareAddr) (Repeater, error) {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		s, err := listen(iface, unix.ETH_P_IPV6, neighbourAdvertisements(addr))
		if err != nil {
			return nil, fmt.Errorf("ask for %s on %s: %w", addr, iface, err)
		}
		return &solicitations{s, addr}, nil
	}
	q := gatewayQuestion{own: own, gateway: addr, known: known}
	if err := q.check(); err != nil {
		return nil, fmt.Errorf("ask for %s on %s: %w", addr, iface, err)
	}
	s, err := listen(iface, unix.ETH_P_ARP, q.filter())
	if err != nil {
		return nil, fmt.Errorf("ask for %s on %s: %w", addr, iface, err)
	}
	return &arps{s, q}, nil
}

type arps struct {
	*socket
	gatewayQuestion
}

func (r *arps) Ask(int) error {
	mac, err := r.hardwareAddr()
	if err != nil {
		return err
	}
	to := r.known
	if to == nil {
		to = broadcast
	}
	request := arp{operation: arpRequest, senderMAC: [6]byte(mac), sender: r.own, target: r.gateway}
	return r.sendSoon(request.marshal(), to)
}

func (r *arps) Answer() (int, error) {
	return r.await(func(packet []byte) bool {
		a, ok := parseARP(packet)
		return ok && a.operation == arpReply && a.sender == r.gateway && a.target == r.own
	})
}

type solicitations struct {
	*socket
	addr netip.Addr
}

func (r *solicitations) Ask(int) error {
	mac, err := r.hardwareAddr()
	if err != nil {
		return err
	}
	from, err := usableLinkLocal(r.index)
	if err != nil || !from.IsValid() {
		return err // an answer to nobody goes to everybody, which is no load for a network
	}
	last := solicitedNode(r.addr).As16()
	group := append(net.HardwareAddr{0x33, 0x33}, last[12:]...) // RFC 2464 section 7
	return r.sendSoon(neighbourSolicitation(from, r.addr, mac).marshal(), group)
}

func (r *solicitations) Answer() (int, error) {
	return r.await(func(packet []byte) bool { return isNeighbour(packet, r.addr) })
}

// sendSoon is send for a question that is lost where it can't go out soon.
func (s *socket) sendSoon(b []byte, to net.HardwareAddr) error {
	if err := s.packets.SetWriteDeadline(time.Now().Add(askLimit)); err != nil {
		return err
	}
	return unlessLost(s.send(b, to))
}

// await waits for a packet that is an answer.
func (s *socket) await(isAnswer func([]byte) bool) (int, error) {
	for {
		n, _, err := s.packets.ReadFrom(s.buffer)
		switch {
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrClosed):
			return 0, net.ErrClosed
		case err != nil && !errors.Is(err, unix.ENETDOWN): // the interface was set down for a moment
			return 0, err
		case err == nil && isAnswer(s.buffer[:n]):
			return -1, nil
		}
	}
}

func (s *socket) Close() error { return s.packets.Close() }
