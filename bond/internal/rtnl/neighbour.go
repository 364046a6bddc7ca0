package rtnl

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// A Neighbour is an entry of a link's neighbour table that has an address of the link
// layer (RTM_NEWNEIGH).
type Neighbour struct {
	Link  int // an ifindex
	Addr  netip.Addr
	MAC   string // of the link layer
	State uint16 // NUD_*
	Proxy bool   // the link answers in its name (NTF_PROXY); it has no MAC then

	message string // the kernel's
}

// String says the neighbour in words.
func (n Neighbour) String() string {
	if n.Proxy {
		return fmt.Sprintf("proxy neighbour %s", n.Addr)
	}
	return fmt.Sprintf("neighbour %s at %s", n.Addr, net.HardwareAddr(n.MAC))
}

// On is the neighbour on another link.
func (n Neighbour) On(link int) Neighbour {
	n.Link = link
	return n
}

// Like says whether two are the same neighbour of the same link.
func (n Neighbour) Like(o Neighbour) bool {
	return n.Link == o.Link && n.Addr == o.Addr && n.MAC == o.MAC && n.State == o.State && n.Proxy == o.Proxy
}

// Permanent says whether somebody set it by hand. Others come and go by themselves.
func (n Neighbour) Permanent() bool { return n.State&unix.NUD_PERMANENT != 0 || n.Proxy }

// Stale is the neighbour as one that was known a moment ago: it is asked again once
// something has been sent to it (NUD_STALE).
func (n Neighbour) Stale() Neighbour {
	n.State = unix.NUD_STALE
	return n
}

// Neighbours lists the neighbours whose addresses are known, and those in whose names
// links answer.
func (c *Conn) Neighbours() ([]Neighbour, error) {
	list, err := dump(c, unix.RTM_GETNEIGH, make([]byte, unix.SizeofNdMsg), parseNeighbour)
	if err == nil {
		var proxies []Neighbour
		ask := make([]byte, unix.SizeofNdMsg)
		ask[ndmFlags] = unix.NTF_PROXY
		proxies, err = dump(c, unix.RTM_GETNEIGH, ask, parseNeighbour)
		list = append(list, proxies...)
	}
	if err != nil {
		return nil, fmt.Errorf("list neighbours: %w", err)
	}
	return slices.DeleteFunc(list, func(n Neighbour) bool { return !n.known() }), nil
}

// AddNeighbour adds a neighbour, or replaces the one that has its address.
func (c *Conn) AddNeighbour(n Neighbour) error {
	return c.change(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, n.request())
}

// The layout of struct ndmsg.
const (
	ndmIndex = 4
	ndmState = 8
	ndmFlags = 10
)

func (n Neighbour) known() bool {
	const known = unix.NUD_PERMANENT | unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_DELAY | unix.NUD_PROBE
	return n.Addr.IsValid() && (n.Proxy || n.State&known != 0 && n.MAC != "")
}

// request is the body of a message about the neighbour: the kernel's own, without what
// only the kernel says.
func (n Neighbour) request() []byte {
	if len(n.message) < unix.SizeofNdMsg {
		return nil
	}
	b := []byte(n.message)[:unix.SizeofNdMsg:unix.SizeofNdMsg]
	hostOrder.PutUint32(b[ndmIndex:], uint32(n.Link))
	hostOrder.PutUint16(b[ndmState:], n.State)
	_ = EachAttr([]byte(n.message)[unix.SizeofNdMsg:], func(kind uint16, value []byte) {
		if kind != unix.NDA_CACHEINFO && kind != unix.NDA_PROBES {
			b = appendAttr(b, kind, value)
		}
	})
	return b
}

// parseNeighbour reads the body of an RTM_NEWNEIGH message.
func parseNeighbour(m []byte) (Neighbour, error) {
	if len(m) < unix.SizeofNdMsg {
		return Neighbour{}, fmt.Errorf("read a neighbour: %d bytes are too few", len(m))
	}
	n := Neighbour{Link: int(hostOrder.Uint32(m[ndmIndex:])), State: hostOrder.Uint16(m[ndmState:]), Proxy: m[ndmFlags]&unix.NTF_PROXY != 0, message: string(m)}
	err := EachAttr(m[unix.SizeofNdMsg:], func(kind uint16, value []byte) {
		switch kind {
		case unix.NDA_DST:
			n.Addr, _ = netip.AddrFromSlice(value)
		case unix.NDA_LLADDR:
			n.MAC = string(value)
		}
	})
	if err != nil {
		return Neighbour{}, fmt.Errorf("read a neighbour: %w", err)
	}
	return n, nil
}
