package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Forwarding finds out for how long the port that an interface is connected to passes nothing
// on after its link came up, which was just now, because of a spanning tree (IEEE 802.1D). It
// is 0 where the port passes frames on from the first. It listens, and says nothing.
//
// It takes limit at most, and some seconds where the port sends no message of a spanning tree.
// The error is [ErrSilent] where nothing tells when the port began to pass frames on.
func Forwarding(ctx context.Context, iface string, limit time.Duration) (time.Duration, error) {
	filters := map[bool][]bpf.RawInstruction{}
	for treeOnly, filter := range map[bool][]bpf.Instruction{false: incoming, true: treeFrames} {
		var err error
		if filters[treeOnly], err = bpf.Assemble(filter); err != nil {
			return 0, err
		}
	}
	link, err := net.InterfaceByName(iface)
	if err != nil {
		return 0, unix.ENODEV // net's own error can't be told from others
	}
	conn, err := packet.Listen(link, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: filters[false]})
	if err != nil {
		return 0, err
	}
	s := &socket{packets: conn, index: link.Index, buffer: make([]byte, bpduSize)}
	defer s.close()
	return listenToPort(limit, func(treeOnly bool, end time.Time) ([]byte, error) {
		if err := conn.SetBPF(filters[treeOnly]); err != nil {
			return nil, err
		}
		return s.receive(ctx, end)
	})
}

// helloTime is in what time a port with a spanning tree has said so: it does every two
// seconds.
const helloTime = 5 * time.Second

// listenToPort is Forwarding with the frames that receive returns; treeOnly says that those of
// a spanning tree will do.
func listenToPort(limit time.Duration, receive func(treeOnly bool, end time.Time) ([]byte, error)) (time.Duration, error) {
	began := time.Now()
	var p portStory
	for {
		end := began.Add(limit)
		if !p.spanning {
			end = began.Add(min(limit, helloTime))
		}
		frame, err := receive(p.awaitsTree(), end)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && !p.spanning:
			return 0, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0, ErrSilent
		case err != nil:
			return 0, err
		}
		if forwards, known := p.hear(frame, time.Since(began)); known {
			return forwards, nil
		}
	}
}

// incoming lets through what comes in, from its beginning, for a packet socket hears what goes
// out as well; treeFrames the messages of a spanning tree. A link may carry very much else, of
// which one frame is enough.
var (
	incoming = []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 1},
		bpf.RetConstant{Val: bpduSize},
		bpf.RetConstant{},
	}
	treeFrames = []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 4},
		bpf.LoadAbsolute{Off: 0, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(spanningTree[:]), SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(perVLAN[:]), SkipTrue: 1},
		bpf.RetConstant{Val: bpduSize},
		bpf.RetConstant{},
	}
)

// A portStory is what was heard of a port since its link came up.
type portStory struct {
	spanning bool          // it sends BPDUs,
	own      [6]byte       // from this address
	blocked  bool          // one of them said that it doesn't forward
	delay    time.Duration // for how long it doesn't, where its BPDUs can't say when it does

	// others are when the first frames came that weren't BPDUs, by their senders. Until the
	// port's address is known they may be its own.
	others map[[6]byte]time.Duration
}

// mostOthers bounds them.
const mostOthers = 16

// awaitsTree says that frames are known by now, and that it isn't whether there is a spanning
// tree.
func (p *portStory) awaitsTree() bool { return !p.spanning && len(p.others) > 0 }

// hear takes in a frame that came so long after the link. It says after what time the port
// passed frames on, once that is known.
func (p *portStory) hear(frame []byte, at time.Duration) (forwards time.Duration, known bool) {
	if len(frame) < headerSize {
		return 0, false
	}
	from := [6]byte(frame[6:])
	b, is := parseBPDU(frame)
	switch {
	case is:
		p.spanning, p.own = true, from
		delete(p.others, from)
		if b.rapid && b.forwarding {
			return p.since(at), true
		}
		p.blocked = p.blocked || b.rapid
		if !b.rapid {
			p.delay = 2 * b.forwardDelay // listening, then learning
		}
		return p.passedOn()
	case ofPort([6]byte(frame)), p.spanning && from == p.own:
		return 0, false
	}
	if p.others == nil {
		p.others = map[[6]byte]time.Duration{}
	}
	if _, heard := p.others[from]; !heard && len(p.others) < mostOthers {
		p.others[from] = at
	}
	return p.passedOn()
}

// since is after what time the port forwards that does so by now: at once, unless it said
// otherwise.
func (p *portStory) since(at time.Duration) time.Duration {
	if !p.blocked {
		return 0
	}
	return at
}

// passedOn says since when the port forwards, by the first frame that came from somebody else.
func (p *portStory) passedOn() (forwards time.Duration, known bool) {
	if !p.spanning || len(p.others) == 0 {
		return 0, false
	}
	first := time.Duration(-1)
	for _, at := range p.others {
		if first < 0 || at < first {
			first = at
		}
	}
	switch {
	case p.delay == 0:
		return p.since(first), true
	case first < p.delay*2/3: // the link may be noticed late, but not by that much
		return 0, true // an edge port, which waits for nothing
	}
	return min(first, p.delay), true // or nobody had anything to say when it began
}
