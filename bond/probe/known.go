package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A Known is a network that may be behind an interface: by its gateway, and the address that the interface
// would have there.
type Known struct {
	Own, Gateway netip.Addr
	MAC          net.HardwareAddr // the gateway's
}

// Recognise asks the gateways of several networks by ARP which of them is on the link behind the
// interface (RFC 4436 section 2.1 allows several tests at once), and returns the place in the list of
// the first that answers. See [Gateway] for what each is asked, and when. silent is called if
// there was no answer to the first question of each, after a tenth of a second; nil is nobody. The error is
// [ErrSilent] if there is none at all.
func Recognise(ctx context.Context, iface string, all []Known, silent func()) (int, error) {
	i, err := recognise(ctx, iface, all, silent)
	if err != nil {
		return 0, fmt.Errorf("ask for %d known gateways on %s: %w", len(all), iface, err)
	}
	return i, nil
}

func recognise(ctx context.Context, iface string, all []Known, silent func()) (int, error) {
	questions := make([]gatewayQuestion, len(all))
	for i, k := range all {
		questions[i] = gatewayQuestion{own: k.Own, gateway: k.Gateway, known: k.MAC}
		if err := questions[i].check(); err != nil {
			return 0, fmt.Errorf("%s: %w", k.Gateway, err)
		}
	}
	s, err := listen(iface, unix.ETH_P_ARP, replies)
	if err != nil {
		return 0, err
	}
	defer s.close()
	for round, pause := range gatewayPauses {
		i, err := askAll(ctx, s, questions, pause)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return i, err
		}
		if round == 0 && silent != nil {
			silent()
		}
	}
	return 0, ErrSilent
}

// replies lets ARP replies through.
var replies = []bpf.Instruction{
	bpf.LoadAbsolute{Off: arpOperation, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: arpReply, SkipTrue: 1},
	bpf.RetConstant{Val: 1 << 16},
	bpf.RetConstant{},
}

// askAll asks each once. The error is [os.ErrDeadlineExceeded] after the pause.
func askAll(ctx context.Context, s *socket, questions []gatewayQuestion, pause time.Duration) (int, error) {
	mac, err := s.hardwareAddr()
	if err != nil {
		return 0, err
	}
	for _, q := range questions {
		if err := s.send(q.request(mac).marshal(), q.known); err != nil {
			return 0, err
		}
	}
	for end := time.Now().Add(pause); ; {
		packet, err := s.receive(ctx, end)
		if err != nil {
			return 0, err
		}
		for i, q := range questions {
			if _, ok := q.answer(packet, mac); ok {
				return i, nil
			}
		}
	}
}
