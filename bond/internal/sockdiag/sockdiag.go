package sockdiag

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ErrUnsupported says that this kernel ends no sockets: it was built without
// CONFIG_INET_DIAG_DESTROY.
var ErrUnsupported = errors.New("this kernel ends no connections (CONFIG_INET_DIAG_DESTROY)")

// Destroy ends the connections of the calling thread's network namespace of which
// one of addrs is this machine's end, and returns how many each had. It goes on where
// one can't be ended; the error has all that failed, ErrUnsupported once. It takes CAP_NET_ADMIN.
func Destroy(addrs []netip.Addr) (map[netip.Addr]int, error) {
	conn, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, nil)
	if err != nil {
		return nil, fmt.Errorf("open sock_diag: %w", err)
	}
	defer conn.Close()
	ended := map[netip.Addr]int{}
	var failed []error
	for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
		for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
			list, err := connections(conn, family, protocol)
			if err != nil {
				failed = append(failed, err)
				continue
			}
			for _, s := range list {
				if !slices.Contains(addrs, s.local()) {
					continue
				}
				switch err := destroy(conn, family, protocol, s); {
				case err == nil:
					ended[s.local()]++
				case isUnsupported(err):
					return ended, ErrUnsupported
				case !isGone(err):
					failed = append(failed, fmt.Errorf("end a connection over %s: %w", s.local(), err))
				}
			}
		}
	}
	return ended, errors.Join(failed...)
}

// isGone says whether a socket was closed since it was listed, and perhaps another one
// has its place.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESTALE)
}

func isUnsupported(err error) bool { return errors.Is(err, unix.EOPNOTSUPP) }

// connected are the states of sockets that hang once their address is gone
// (enum in net/tcp_states.h; a connected UDP socket's is TCP_ESTABLISHED). Those
// in TIME_WAIT wait for nothing but the time.
const connected = 1<<tcpEstablished | 1<<tcpSynSent | 1<<tcpSynRecv | 1<<tcpFinWait1 | 1<<tcpFinWait2 |
	1<<tcpCloseWait | 1<<tcpLastAck | 1<<tcpClosing

const (
	tcpEstablished = 1
	tcpSynSent     = 2
	tcpSynRecv     = 3
	tcpFinWait1    = 4
	tcpFinWait2    = 5
	tcpCloseWait   = 8
	tcpLastAck     = 9
	tcpClosing     = 11
)

// connections lists the connected sockets of a family and a protocol. A kernel without the
// protocol has none.
func connections(conn *netlink.Conn, family, protocol uint8) ([]socket, error) {
	answer, err := execute(conn, unix.SOCK_DIAG_BY_FAMILY, netlink.Dump, request(family, protocol, socketID{}))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EAFNOSUPPORT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	var list []socket
	for _, m := range answer {
		s, err := parse(m.Data)
		if err != nil {
			return nil, fmt.Errorf("list connections: %w", err)
		}
		list = append(list, s)
	}
	return list, nil
}

// destroy ends one socket. Its cookie says that it is the one that was listed.
func destroy(conn *netlink.Conn, family, protocol uint8, s socket) error {
	_, err := execute(conn, unix.SOCK_DESTROY, netlink.Acknowledge, request(family, protocol, s.id))
	return err
}

func execute(conn *netlink.Conn, kind netlink.HeaderType, flags netlink.HeaderFlags, data []byte) ([]netlink.Message, error) {
	return conn.Execute(netlink.Message{Header: netlink.Header{Type: kind, Flags: netlink.Request | flags}, Data: data})
}

// A socketID is struct inet_diag_sockid as the kernel has it: ports, addresses, the
// interface that it is bound to, and a cookie.
type socketID [idSize]byte

// Sizes and places in linux/inet_diag.h.
const (
	idSize      = 48
	requestSize = 8 + idSize // struct inet_diag_req_v2
	messageSize = 72         // struct inet_diag_msg
	idPlace     = 4          // in a message
	source      = 4          // of 16 bytes, in an ID
)

// request is struct inet_diag_req_v2.
func request(family, protocol uint8, id socketID) []byte {
	b := make([]byte, 0, requestSize)
	b = append(b, family, protocol, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, connected)
	return append(b, id[:]...)
}

// A socket is one that the kernel listed.
type socket struct {
	family uint8
	id     socketID
}

// parse reads struct inet_diag_msg.
func parse(message []byte) (socket, error) {
	if len(message) < messageSize {
		return socket{}, fmt.Errorf("a socket's message has %d bytes, want %d at least", len(message), messageSize)
	}
	s := socket{family: message[0]}
	if s.family != unix.AF_INET && s.family != unix.AF_INET6 {
		return socket{}, fmt.Errorf("a socket has the address family %d", s.family)
	}
	copy(s.id[:], message[idPlace:])
	return s, nil
}

// local is the socket's own address.
func (s socket) local() netip.Addr {
	if s.family == unix.AF_INET {
		return netip.AddrFrom4([4]byte(s.id[source:]))
	}
	return netip.AddrFrom16([16]byte(s.id[source:])).Unmap()
}
