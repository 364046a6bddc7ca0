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

// ownerPauses are how long each question for an owner waits for its answer. RFC 5227
// section 1.1 wants three questions too, but a second or two between them and two more
// at the end, which is up to seven seconds without an address, each time. A host that
// is awake answers within milliseconds. One that sleeps may miss the questions:
// it is heard by [Claim] when it next speaks.
var ownerPauses = []time.Duration{50 * time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond}

// Owner asks by ARP probes (RFC 5227 section 2.1.1) whether somebody else on the link
// behind the interface has an IPv4 address, and returns the MAC that says so, or that
// is about to take the address as well. It asks three times, every twentieth of a
// second; the error is [ErrSilent] if nobody does. Nobody learns anything from the
// question.
//
// ours says whether a MAC is this machine's. A switch may bring back by one link what
// went out by another, and Linux answers on each link for the addresses of all.
func Owner(ctx context.Context, iface string, addr netip.Addr, ours func(net.HardwareAddr) bool) (net.HardwareAddr, error) {
	mac, err := claim{addr, ours}.ask(ctx, iface)
	if err != nil {
		return nil, fmt.Errorf("ask who has %s on %s: %w", addr, iface, err)
	}
	return mac, nil
}

// Claim listens, for as long as ctx lasts, until somebody else says by ARP that an IPv4
// address is theirs (RFC 5227 section 2.4), and returns their MAC. In between nothing
// wakes it, for the kernel keeps all other packets back. See [Owner] for ours.
func Claim(ctx context.Context, iface string, addr netip.Addr, ours func(net.HardwareAddr) bool) (net.HardwareAddr, error) {
	mac, err := claim{addr, ours}.listen(ctx, iface)
	if err != nil {
		return nil, fmt.Errorf("listen for who has %s on %s: %w", addr, iface, err)
	}
	return mac, nil
}

// claim is what somebody else says of an address.
type claim struct {
	addr netip.Addr
	ours func(net.HardwareAddr) bool
}

func (c claim) ask(ctx context.Context, iface string) (net.HardwareAddr, error) {
	s, err := c.open(iface, c.whileAsking())
	if err != nil {
		return nil, err
	}
	defer s.close()
	for _, pause := range ownerPauses {
		mac, err := s.hardwareAddr()
		if err != nil {
			return nil, err
		}
		if err := s.send(c.question(mac).marshal(), broadcast); err != nil {
			return nil, err
		}
		owner, err := c.wait(ctx, s, time.Now().Add(pause), c.owner)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return owner, err
		}
	}
	return nil, ErrSilent
}

func (c claim) listen(ctx context.Context, iface string) (net.HardwareAddr, error) {
	s, err := c.open(iface, c.whileListening())
	if err != nil {
		return nil, err
	}
	defer s.close()
	return c.wait(ctx, s, time.Time{}, c.sender)
}

func (c claim) open(iface string, filter []bpf.Instruction) (*socket, error) {
	if !c.addr.Is4() {
		return nil, errors.New("it is no IPv4 address")
	}
	return listen(iface, unix.ETH_P_ARP, filter)
}

// question is an ARP probe: a request that names no sender, so that it changes nobody's
// mind.
func (c claim) question(mac net.HardwareAddr) arp {
	return arp{operation: arpRequest, senderMAC: [6]byte(mac), sender: netip.IPv4Unspecified(), target: c.addr}
}

// whileListening lets through what comes from the address.
func (c claim) whileListening() []bpf.Instruction {
	return append(c.fromAddress(), bpf.RetConstant{})
}

// whileAsking lets through what comes from the address, and questions as ours are.
func (c claim) whileAsking() []bpf.Instruction {
	return append(c.fromAddress(),
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3}, // the sender
		bpf.LoadAbsolute{Off: arpTarget, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: c.number(), SkipTrue: 1},
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{})
}

func (c claim) fromAddress() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: arpSender, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: c.number(), SkipTrue: 1},
		bpf.RetConstant{Val: 1 << 16},
	}
}

func (c claim) number() uint32 {
	b := c.addr.As4()
	return binary.BigEndian.Uint32(b[:])
}

// wait waits for a packet of somebody else's that says so. The error is
// [os.ErrDeadlineExceeded] at the end, unless that is zero.
func (c claim) wait(ctx context.Context, s *socket, end time.Time, of func(arp) bool) (net.HardwareAddr, error) {
	for {
		packet, err := s.receive(ctx, end)
		if err != nil {
			return nil, err
		}
		if mac, ok := c.by(packet, of); ok {
			return mac, nil
		}
	}
}

// by is who sent a packet, if it is somebody else and the packet says so.
func (c claim) by(packet []byte, of func(arp) bool) (net.HardwareAddr, bool) {
	a, ok := parseARP(packet)
	mac := net.HardwareAddr(a.senderMAC[:])
	return mac, ok && (a.operation == arpRequest || a.operation == arpReply) && of(a) && unicast(mac) && !c.ours(mac)
}

// sender says whether the packet comes from the address.
func (c claim) sender(a arp) bool { return a.sender == c.addr }

// owner says whether the packet's sender has the address, or asks as we do before it
// takes it.
func (c claim) owner(a arp) bool {
	return c.sender(a) || a.operation == arpRequest && a.sender.IsUnspecified() && a.target == c.addr
}
