package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// socket is a Transport on an interface. A packet socket hears everything and
// sends without an address; with one, a UDP socket sends, for that finds the
// way to a server.
type socket struct {
	packets *packet.Conn
	frames  net.PacketConn // packets with their IP and UDP headers
	udp     net.PacketConn // nil where another program has the port for itself
}

// Listen opens a transport on the interface, in the calling thread's network
// namespace; it can then be used from any. It takes CAP_NET_RAW. The error is
// [unix.ENODEV] if there is no such interface and satisfies [io/fs.ErrPermission]
// without the capability.
func Listen(iface string) (Transport, error) {
	s, err := listen(iface)
	if err != nil {
		return nil, fmt.Errorf("listen for DHCP on %s: %w", iface, err)
	}
	return s, nil
}

func listen(iface string) (*socket, error) {
	link, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, unix.ENODEV // net's own error can't be told from others
	}
	filter, err := bpf.Assemble(toClients)
	if err != nil {
		return nil, err
	}
	packets, err := packet.Listen(link, packet.Datagram, unix.ETH_P_IP, &packet.Config{Filter: filter})
	if err != nil {
		return nil, err
	}
	s := &socket{packets: packets}
	s.frames = nclient4.NewBroadcastUDPConn(packets, &net.UDPAddr{Port: dhcpv4.ClientPort})
	if s.udp, err = listenUDP(iface); err != nil && !errors.Is(err, unix.EADDRINUSE) {
		packets.Close()
		return nil, err
	}
	return s, nil
}

// listenUDP opens a socket for sending from port 68. Another DHCP client, on
// another interface, may have the port as well. What comes in is dropped, the
// packet socket hears it too; but with the port open the kernel doesn't tell the
// server that nobody is there.
func listenUDP(iface string) (net.PacketConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) {
			err = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.BindToDevice(int(fd), iface))
		}), err)
	}}
	udp, err := config.ListenPacket(context.Background(), "udp4", fmt.Sprintf(":%d", dhcpv4.ClientPort))
	if err != nil {
		return nil, err
	}
	drop, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{}})
	if err == nil {
		err = ipv4.NewPacketConn(udp).SetBPF(drop)
	}
	if err != nil {
		udp.Close()
		return nil, err
	}
	return udp, nil
}

// toClients lets UDP to port 68 through, so that no other traffic wakes us. The
// offsets are the IP header's.
var toClients = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 9, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 6},
	bpf.LoadAbsolute{Off: 6, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x1fff, SkipTrue: 4}, // a later fragment
	bpf.LoadMemShift{Off: 0},
	bpf.LoadIndirect{Off: 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: dhcpv4.ClientPort, SkipTrue: 1},
	bpf.RetConstant{Val: 1 << 16},
	bpf.RetConstant{},
}

// HardwareAddr asks the socket: the kernel gives the address of now (packet(7)),
// in the socket's namespace, whatever thread this is.
func (s *socket) HardwareAddr() (net.HardwareAddr, error) {
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

// Send sends a message. With from the interface must have that address, and a
// route to the server.
func (s *socket) Send(message []byte, from, to netip.Addr) error {
	dst := &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ServerPort}
	if to.IsValid() {
		dst.IP = to.AsSlice()
	}
	if !from.IsValid() {
		_, err := s.frames.WriteTo(message, dst)
		return err
	}
	if s.udp == nil {
		return unix.EADDRINUSE
	}
	_, err := ipv4.NewPacketConn(s.udp).WriteTo(message, &ipv4.ControlMessage{Src: from.AsSlice()}, dst)
	return err
}

// drain waits until what was sent has left: until then the kernel counts it to
// the socket (SIOCOUTQ).
func (s *socket) drain(limit time.Duration) {
	udp, ok := s.udp.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return
	}
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		queued := 0
		err := raw.Control(func(fd uintptr) { queued, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		if err != nil || queued == 0 {
			return
		}
	}
}

// Receive waits for a message to a client.
func (s *socket) Receive() ([]byte, error) {
	buffer := make([]byte, 4096)
	n, _, err := s.frames.ReadFrom(buffer)
	return buffer[:n], err
}

// Close closes the sockets; a Receive that is waiting returns.
func (s *socket) Close() error {
	if s.udp != nil {
		s.udp.Close()
	}
	return s.packets.Close()
}
