package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Arrivals listens to what an interface receives for this machine alone, until so many packets
// have come or the time is over. It returns from when on it listened, and when they came, by the
// kernel's own time. Packets
// that belong to the link itself don't count: ARP, neighbour discovery and DHCP, with which a
// machine gets answers that is idle.
func Arrivals(ctx context.Context, iface string, most int, limit time.Duration) (began time.Time, at []time.Time, err error) {
	s, err := listen(iface, unix.ETH_P_ALL, forThisMachine)
	if err != nil {
		return began, nil, fmt.Errorf("listen to %s: %w", iface, err)
	}
	defer s.close()
	raw, err := s.packets.SyscallConn()
	if err != nil {
		return began, nil, err
	}
	var set error
	err = raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) })
	if err := errors.Join(err, set, s.packets.SetReadDeadline(time.Now().Add(limit))); err != nil {
		return began, nil, err
	}
	began = time.Now()
	defer context.AfterFunc(ctx, func() { _ = s.packets.SetReadDeadline(time.Now()) })()
	control := make([]byte, 256)
	for len(at) < most {
		var n, cn int
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			n, cn, _, _, failed = unix.Recvmsg(int(fd), s.buffer, control, 0)
			return !errors.Is(failed, unix.EAGAIN)
		})
		if errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
			return began, at, ctx.Err()
		}
		if err := errors.Join(err, failed); err != nil {
			return began, at, fmt.Errorf("listen to %s: %w", iface, err)
		}
		if when, ok := arrival(control[:cn]); ok && isTraffic(s.buffer[:n]) {
			at = append(at, when)
		}
	}
	return began, at, nil
}

// snapLen is as much of a packet as is looked at.
const snapLen = 128

// forThisMachine lets IPv4 and IPv6 through that is sent to the interface's MAC.
var forThisMachine = []bpf.Instruction{
	bpf.LoadExtension{Num: bpf.ExtType},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.PACKET_HOST, SkipTrue: 4},
	bpf.LoadExtension{Num: bpf.ExtProto},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IP, SkipTrue: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IPV6, SkipTrue: 1},
	bpf.RetConstant{Val: snapLen},
	bpf.RetConstant{},
}

// arrival reads when a packet came (SO_TIMESTAMPNS, socket(7)).
func arrival(control []byte) (time.Time, bool) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}, false
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:]))), true
		}
	}
	return time.Time{}, false
}

// isTraffic says whether an IP packet is more than what a link itself needs.
func isTraffic(b []byte) bool {
	const (
		dhcpClient, dhcp6Client            = 68, 546
		firstDiscovery, lastDiscovery byte = 133, 137 // neighbour discovery, RFC 4861
	)
	var protocol byte
	var payload []byte
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		protocol, payload = b[9], b[min(int(b[0]&0xf)*4, len(b)):]
	case len(b) >= ipv6HeaderLen && b[0]>>4 == 6:
		protocol, payload = b[6], b[ipv6HeaderLen:]
	default:
		return false
	}
	switch {
	case protocol == unix.IPPROTO_UDP && len(payload) >= 4:
		port := binary.BigEndian.Uint16(payload[2:])
		return port != dhcpClient && port != dhcp6Client
	case protocol == unix.IPPROTO_ICMPV6 && len(payload) >= 1:
		return payload[0] < firstDiscovery || payload[0] > lastDiscovery
	}
	return true
}
