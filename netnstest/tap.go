package netnstest

import (
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Tap sees the rtnetlink requests that processes in a namespace make, and keeps those that ask
// for a change. It is a device (nlmon) with a packet socket on it. It doesn't see changes made by
// writing to sysfs or by ioctl. The ip program probes the kernel with an empty RTM_NEWLINK.
type Tap struct {
	t  TB
	fd int
}

// tapLink is the tap's device.
const tapLink = "nlmon0"

// Change is the type of a rtnetlink request for a change, such as RTM_NEWLINK.
type Change uint16

// Tap starts to listen, and leaves a link named nlmon0 in the namespace.
func (n *Namespace) Tap() *Tap {
	n.t.Helper()
	fd := -1
	var err error
	n.Do(func() { fd, err = openTap() })
	if err != nil {
		n.t.Fatalf("tap netlink: %v", err)
	}
	n.t.Cleanup(func() { unix.Close(fd) })
	return &Tap{t: n.t, fd: fd}
}

// openTap opens a tap in the calling thread's namespace.
func openTap() (int, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = tapLink
	if err := netlink.LinkAdd(&netlink.GenericLink{LinkAttrs: attrs, LinkType: "nlmon"}); err != nil {
		return -1, fmt.Errorf("make %s: %w", tapLink, err)
	}
	link, err := netlink.LinkByName(tapLink)
	if err != nil {
		return -1, err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return -1, err
	}
	// Every protocol, in network byte order.
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, all)
	if err != nil {
		return -1, err
	}
	// Nobody reads before Changes is called, so there must be room. A megabyte holds thousands.
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20); err != nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Attrs().Index})
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Changes returns the requests for a change since the last call, oldest first. A request that was
// made before the call is seen by it: the kernel hands a copy to the tap as it takes the request.
func (t *Tap) Changes() []Change {
	t.t.Helper()
	var changes []Change
	buf := make([]byte, 1<<16)
	for {
		size, from, err := unix.Recvfrom(t.fd, buf, 0)
		if err == unix.EAGAIN {
			return changes
		}
		if err != nil {
			t.t.Fatalf("tap netlink: %v", err)
		}
		// The packet's protocol is the netlink family.
		if ll := from.(*unix.SockaddrLinklayer); ll.Protocol>>8|ll.Protocol<<8 != unix.NETLINK_ROUTE {
			continue
		}
		changes = append(changes, requestedChanges(buf[:size])...)
	}
}

// requestedChanges picks the requests for a change out of a packet of netlink messages. Answers and
// notifications, which the tap sees too, aren't flagged as requests.
func requestedChanges(packet []byte) []Change {
	var changes []Change
	for len(packet) >= unix.NLMSG_HDRLEN {
		size := int(binary.NativeEndian.Uint32(packet))
		kind := Change(binary.NativeEndian.Uint16(packet[4:]))
		flags := binary.NativeEndian.Uint16(packet[6:])
		if flags&unix.NLM_F_REQUEST != 0 && kind.changes() {
			changes = append(changes, kind)
		}
		const align = unix.NLMSG_ALIGNTO
		packet = packet[min(len(packet), max(unix.NLMSG_HDRLEN, (size+align-1)&^(align-1))):]
	}
	return changes
}

// changes tells changes from requests that only ask: types come in fours, NEW, DEL, GET, SET.
func (c Change) changes() bool {
	const get = 2
	return c >= unix.RTM_BASE && (c-unix.RTM_BASE)&3 != get
}

var changeNames = map[Change]string{
	unix.RTM_NEWLINK: "RTM_NEWLINK", unix.RTM_DELLINK: "RTM_DELLINK", unix.RTM_SETLINK: "RTM_SETLINK",
	unix.RTM_NEWADDR: "RTM_NEWADDR", unix.RTM_DELADDR: "RTM_DELADDR",
	unix.RTM_NEWROUTE: "RTM_NEWROUTE", unix.RTM_DELROUTE: "RTM_DELROUTE",
	unix.RTM_NEWNEIGH: "RTM_NEWNEIGH", unix.RTM_DELNEIGH: "RTM_DELNEIGH",
	unix.RTM_NEWRULE: "RTM_NEWRULE", unix.RTM_DELRULE: "RTM_DELRULE",
}

func (c Change) String() string {
	if name, ok := changeNames[c]; ok {
		return name
	}
	return fmt.Sprintf("rtnetlink type %d", uint16(c))
}
