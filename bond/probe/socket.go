package probe

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// socket sends and receives the packets of one protocol on an interface, with
// their own headers and without Ethernet's.
type socket struct {
	packets *packet.Conn
	index   int // the interface's
	buffer  []byte
}

// listen opens a socket that lets through what the filter does.
func listen(iface string, protocol int, filter []bpf.Instruction) (*socket, error) {
	link, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, unix.ENODEV // net's own error can't be told from others
	}
	assembled, err := bpf.Assemble(filter)
	if err != nil {
		return nil, err
	}
	packets, err := packet.Listen(link, packet.Datagram, protocol, &packet.Config{Filter: assembled})
	if err != nil {
		return nil, err
	}
	longest := 1 << 16
	if protocol == unix.ETH_P_ARP {
		longest = 1500 // it fits any frame, and some sockets stay open
	}
	return &socket{packets: packets, index: link.Index, buffer: make([]byte, longest)}, nil
}

func (s *socket) close() { s.packets.Close() }

// hardwareAddr is the interface's address of now, for a bond's may be its active
// slave's (packet(7)).
func (s *socket) hardwareAddr() (net.HardwareAddr, error) {
	raw, err := s.packets.SyscallConn()
	if err != nil {
		return nil, err
	}
	var addr unix.Sockaddr
	var nameErr error
	err = raw.Control(func(fd uintptr) { addr, nameErr = unix.Getsockname(int(fd)) })
	if err := errors.Join(err, nameErr); err != nil {
		return nil, err
	}
	link, ok := addr.(*unix.SockaddrLinklayer)
	if !ok || link.Halen != 6 {
		return nil, errors.New("the interface has no Ethernet address")
	}
	return link.Addr[:6], nil
}

// send sends a packet. ENOBUFS is a frame lost on the way out, as a bond loses it
// that has no active slave: a later one may do better, as with frames that are
// lost further on.
func (s *socket) send(b []byte, to net.HardwareAddr) error {
	_, err := s.packets.WriteTo(b, &packet.Addr{HardwareAddr: to})
	if errors.Is(err, unix.ENOBUFS) {
		return nil
	}
	return err
}

// receive waits for a packet, which is good until the next call. The error is
// [os.ErrDeadlineExceeded] at the given time, unless that is zero, or the context's.
func (s *socket) receive(ctx context.Context, end time.Time) ([]byte, error) {
	if err := s.packets.SetReadDeadline(end); err != nil {
		return nil, err
	}
	unwatch := context.AfterFunc(ctx, func() { _ = s.packets.SetReadDeadline(time.Now()) })
	defer unwatch()
	n, _, err := s.packets.ReadFrom(s.buffer)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err // n is -1, such as when the interface is set down meanwhile
	}
	return s.buffer[:n], nil
}
