package probe

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Forwarding waits until the port that an interface is connected to passes on a frame of
// somebody else's, and says whether it has sent messages of a spanning tree before: such a
// port forwards nothing for a while after its link came up. Frames that a port sends itself
// don't count. The error is [ErrSilent] if there was none within limit.
func Forwarding(ctx context.Context, iface string, limit time.Duration) (spanningTree bool, err error) {
	filter, err := bpf.Assemble(incoming)
	if err != nil {
		return false, err
	}
	link, err := net.InterfaceByName(iface)
	if err != nil {
		return false, unix.ENODEV // net's own error can't be told from others
	}
	conn, err := packet.Listen(link, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: filter})
	if err != nil {
		return false, err
	}
	s := &socket{packets: conn, index: link.Index, buffer: make([]byte, headerSize)}
	defer s.close()
	end := time.Now().Add(limit)
	for {
		frame, err := s.receive(ctx, end)
		if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
			return spanningTree, ErrSilent
		}
		if err != nil {
			return spanningTree, err
		}
		switch kindOf(frame) {
		case frameSpanningTree:
			spanningTree = true
		case framePassedOn:
			return spanningTree, nil
		}
	}
}

// headerSize is Ethernet's.
const headerSize = 14

// incoming lets through the headers of what comes in; a packet socket hears what goes out as
// well.
var incoming = []bpf.Instruction{
	bpf.LoadExtension{Num: bpf.ExtType},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 1},
	bpf.RetConstant{Val: headerSize},
	bpf.RetConstant{},
}

// A frameKind says who sent a frame.
type frameKind int

const (
	framePassedOn     frameKind = iota // somebody behind the port
	frameSpanningTree                  // the port, for its spanning tree
	frameOfPort                        // the port, for something else
)

// kindOf tells by a frame's destination. Bridges pass on nothing that is sent to
// 01:80:c2:00:00:00 to 0f (IEEE 802.1D, table 7-10), the first of which is the spanning
// tree's; Cisco has addresses of its own for that and for what is like LLDP.
func kindOf(frame []byte) frameKind {
	if len(frame) < headerSize {
		return frameOfPort
	}
	to := [6]byte(frame)
	switch {
	case to == [6]byte{0x01, 0x80, 0xc2}, to == [6]byte{0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcd}:
		return frameSpanningTree
	case [5]byte(to[:5]) == [5]byte{0x01, 0x80, 0xc2} && to[5] < 0x10, to == [6]byte{0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc}:
		return frameOfPort
	}
	return framePassedOn
}
