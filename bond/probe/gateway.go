package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// gatewayPauses are how long each question to a gateway waits for its answer.
// The first ones after a failover may be lost while switches learn the path.
var gatewayPauses = []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}

// Gateway asks by ARP (RFC 826) whether a gateway is on the link behind the
// interface, and returns the MAC that answers. It asks three times within 0.7
// seconds; the error is [ErrSilent] if there is no answer.
//
// own is the interface's leased address, in whose name the question is asked.
// With known, the MAC that the gateway had, this is the reachability test of RFC
// 4436 section 2.1: that MAC alone is asked, and alone may answer. So another
// router to which the same private address belongs, on another network, isn't
// taken for the gateway, and nobody there learns a wrong owner of own from the
// question. Where known is nil everybody is asked: this is for a lease that was
// had on this very link just now.
//
// The gateway learns from the question too: that own is where the interface's
// MAC of now is.
func Gateway(ctx context.Context, iface string, own, gateway netip.Addr, known net.HardwareAddr) (net.HardwareAddr, error) {
	mac, err := askGateway(ctx, iface, gatewayQuestion{own: own, gateway: gateway, known: known})
	if err != nil {
		return nil, fmt.Errorf("ask for gateway %s on %s: %w", gateway, iface, err)
	}
	return mac, nil
}

func askGateway(ctx context.Context, iface string, q gatewayQuestion) (net.HardwareAddr, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	s, err := listen(iface, unix.ETH_P_ARP, q.filter())
	if err != nil {
		return nil, err
	}
	defer s.close()
	for _, pause := range gatewayPauses {
		mac, err := q.ask(ctx, s, pause)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return mac, err
		}
	}
	return nil, ErrSilent
}

// gatewayQuestion is whether gateway is there, asked by own of known, or of all
// where that is nil.
type gatewayQuestion struct {
	own, gateway netip.Addr
	known        net.HardwareAddr
}

func (q gatewayQuestion) check() error {
	switch {
	case !q.own.Is4():
		return fmt.Errorf("%s is no IPv4 address to ask from", q.own)
	case !q.gateway.Is4():
		return errors.New("it is no IPv4 address")
	case q.own == q.gateway:
		return errors.New("it is the interface's own address")
	case q.known != nil && !unicast(q.known):
		return fmt.Errorf("%s is no MAC of a gateway", q.known)
	}
	return nil
}

// filter lets answers through.
func (q gatewayQuestion) filter() []bpf.Instruction {
	own, gateway := q.own.As4(), q.gateway.As4()
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: arpOperation, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: arpReply, SkipTrue: 5},
		bpf.LoadAbsolute{Off: arpSender, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(gateway[:]), SkipTrue: 3},
		bpf.LoadAbsolute{Off: arpTarget, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(own[:]), SkipTrue: 1},
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{},
	}
}

// ask asks once. The error is [os.ErrDeadlineExceeded] after the pause.
func (q gatewayQuestion) ask(ctx context.Context, s *socket, pause time.Duration) (net.HardwareAddr, error) {
	mac, err := s.hardwareAddr()
	if err != nil {
		return nil, err
	}
	to := q.known
	if to == nil {
		to = broadcast
	}
	if err := s.send(q.request(mac).marshal(), to); err != nil {
		return nil, err
	}
	for end := time.Now().Add(pause); ; {
		packet, err := s.receive(ctx, end)
		if err != nil {
			return nil, err
		}
		if answer, ok := q.answer(packet, mac); ok {
			return answer, nil
		}
	}
}

// request is the question of one who has that MAC.
func (q gatewayQuestion) request(mac net.HardwareAddr) arp {
	return arp{operation: arpRequest, senderMAC: [6]byte(mac), sender: q.own, target: q.gateway}
}

// answer is the gateway's MAC, if the packet is its answer to a question that
// came from mac: one to an earlier MAC came over an earlier path.
func (q gatewayQuestion) answer(packet []byte, mac net.HardwareAddr) (net.HardwareAddr, bool) {
	a, ok := parseARP(packet)
	sender := net.HardwareAddr(a.senderMAC[:])
	if !ok || a.operation != arpReply || a.sender != q.gateway || a.target != q.own ||
		!slices.Equal(mac, a.targetMAC[:]) || !unicast(sender) {
		return nil, false
	}
	return sender, q.known == nil || slices.Equal(q.known, sender)
}
