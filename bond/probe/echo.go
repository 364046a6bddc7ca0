package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// Echo asks whether an address answers to ICMP echo (RFC 792, RFC 4443) over the
// interface. It asks three times within 0.7 seconds; the error is [ErrSilent] if there is
// no answer, or what the kernel says who can't send.
//
// Unlike [Neighbour] it goes the way of all that this machine sends: by the kernel's
// routes and neighbours, and through its packet filter. So it tells whether IPv4 or IPv6
// gets through, and not only that somebody is there.
//
// Without an interface it asks by whichever the kernel's routes lead over, each time.
//
// It asks in the name of own where that is an address of this machine which can be used,
// and else in the name of the one that the kernel chooses.
func Echo(ctx context.Context, iface string, own, addr netip.Addr) error {
	if err := askEcho(ctx, iface, own, addr.Unmap().WithZone("")); err != nil {
		return fmt.Errorf("ping %s on %s: %w", addr, iface, err)
	}
	return nil
}

func askEcho(ctx context.Context, iface string, own, addr netip.Addr) error {
	if !addr.IsValid() || addr.IsMulticast() || addr.IsUnspecified() {
		return errors.New("it is no address of a host")
	}
	zone, err := zoneOf(iface, addr)
	if err != nil {
		return err
	}
	conn, err := listenEcho(ctx, iface, echoSource(own, addr), addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	q, buffer := newEcho(addr), make([]byte, 1<<16)
	to := &net.IPAddr{IP: addr.AsSlice()}
	to.Zone = zone
	for number, pause := range gatewayPauses {
		err := q.ask(ctx, conn, to, number, pause, buffer)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return ErrSilent
}

// zoneOf is the zone of an address: that of the interface for a link-local one. The error is ENODEV where the
// interface isn't there.
func zoneOf(iface string, addr netip.Addr) (string, error) {
	if iface == "" {
		return "", nil
	}
	link, err := net.InterfaceByName(iface)
	switch {
	case err != nil:
		return "", unix.ENODEV // net's own error can't be told from others
	case linkLocals.Contains(addr):
		return strconv.Itoa(link.Index), nil
	}
	return "", nil
}

// echoSource is the address in whose name to ask; the zero one for the kernel's choice.
// Which link-local address is the right one depends on the interface.
func echoSource(own, addr netip.Addr) netip.Addr {
	if own.Is4() != addr.Is4() || addr.Is6() && (linkLocals.Contains(own) || linkLocals.Contains(addr)) {
		return netip.Addr{}
	}
	return own.WithZone("")
}

// listenEcho opens a raw socket (raw(7)) that is bound to the interface, if there is one, and to own if
// this machine has that address and it can be used by now.
func listenEcho(ctx context.Context, iface string, own, addr netip.Addr) (net.PacketConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		if iface == "" {
			return nil
		}
		var bind error
		err := raw.Control(func(fd uintptr) { bind = unix.BindToDevice(int(fd), iface) })
		return errors.Join(err, bind)
	}}
	network, anybody := "ip4:1", netip.IPv4Unspecified() // the protocols' numbers
	if addr.Is6() {
		network, anybody = "ip6:58", netip.IPv6Unspecified()
	}
	if own.IsValid() {
		conn, err := config.ListenPacket(ctx, network, own.String())
		if !errors.Is(err, unix.EADDRNOTAVAIL) {
			return conn, err
		}
	}
	return config.ListenPacket(ctx, network, anybody.String())
}

// An echo is what is asked of an address, three times at most. What it says is known to
// nobody else.
type echo struct {
	addr netip.Addr
	id   int
	data []byte
}

func newEcho(addr netip.Addr) echo {
	random := make([]byte, 18)
	_, _ = rand.Read(random) // it never fails
	return echo{addr, int(binary.BigEndian.Uint16(random)), random[2:]}
}

// ask asks once. The error is [os.ErrDeadlineExceeded] after the pause.
func (e echo) ask(ctx context.Context, conn net.PacketConn, to net.Addr, number int, pause time.Duration, buffer []byte) error {
	request, err := e.request(number)
	if err != nil {
		return err
	}
	// ENOBUFS is a frame lost on the way out, as a bond loses it that has no active slave.
	if _, err := conn.WriteTo(request, to); err != nil && !errors.Is(err, unix.ENOBUFS) {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(pause)); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })()
	for {
		n, from, err := conn.ReadFrom(buffer)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		if ip, ok := from.(*net.IPAddr); ok && e.isAnswer(buffer[:n], ip.IP) {
			return nil
		}
	}
}

// request encodes the question. The kernel has the checksum of ICMPv6.
func (e echo) request(number int) ([]byte, error) {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: e.id, Seq: number, Data: e.data}}
	if e.addr.Is6() {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	return m.Marshal(nil)
}

// isAnswer says whether a message is the answer to any of the questions.
func (e echo) isAnswer(message []byte, from net.IP) bool {
	protocol, reply := unix.IPPROTO_ICMP, icmp.Type(ipv4.ICMPTypeEchoReply)
	if e.addr.Is6() {
		protocol, reply = unix.IPPROTO_ICMPV6, ipv6.ICMPTypeEchoReply
	}
	m, err := icmp.ParseMessage(protocol, message)
	if err != nil || m.Type != reply || !from.Equal(e.addr.AsSlice()) {
		return false
	}
	body, ok := m.Body.(*icmp.Echo)
	return ok && body.ID == e.id && bytes.Equal(body.Data, e.data)
}
