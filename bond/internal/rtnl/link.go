package rtnl

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"golang.org/x/sys/unix"
)

// A Link is a network interface (RTM_NEWLINK). Attributes of which the kernel
// tells none are zero.
type Link struct {
	Index  int
	Name   string
	Kind   string // IFLA_INFO_KIND: bond, veth, ...; "" for hardware
	Type   uint16 // ARPHRD_*
	Master int    // the ifindex of what it is enslaved to
	Parent int    // the ifindex of what it is stacked upon, or a veth's peer; 0 where that is in another namespace
	Up     bool   // IFF_UP
	// Carrier is IFLA_CARRIER.
	Carrier bool
	// Ready6 says that IPv6 uses it (IF_READY of IFLA_INET6_FLAGS): it is up and has a
	// carrier.
	Ready6 bool

	MAC, PermMAC   string // as bytes; see [Link.HardwareAddr]
	MTU            int
	MinMTU, MaxMTU int    // 0 for no limit
	OperState      uint8  // IF_OPER_*
	CarrierChanges uint32 // since it was made

	// Data is IFLA_INFO_DATA, SlaveKind and SlaveData are IFLA_INFO_SLAVE_KIND
	// and IFLA_INFO_SLAVE_DATA: what drivers of their kind say, for [EachAttr].
	Data, SlaveKind, SlaveData string

	AltNames string // IFLA_ALT_IFNAME, each ending with a zero byte
}

// HardwareAddr is the link's MAC address; nil where it has none.
func (l Link) HardwareAddr() net.HardwareAddr { return hardwareAddr(l.MAC) }

func hardwareAddr(text string) net.HardwareAddr {
	if text == "" {
		return nil
	}
	return net.HardwareAddr(text)
}

// What of a link a request doesn't ask for: RTEXT_FILTER_SKIP_STATS of
// include/uapi/linux/rtnetlink.h. Statistics are most of what the kernel would
// tell.
const rtextFilterSkipStats = 1 << 3

// linkHeader is struct ifinfomsg.
func linkHeader(index int, flags, change uint32) []byte {
	b := make([]byte, 4, unix.SizeofIfInfomsg)
	b = appendNumber(b, uint32(index))
	b = appendNumber(b, flags)
	return appendNumber(b, change)
}

// Links lists the links.
func (c *Conn) Links() ([]Link, error) {
	body := appendUint32(linkHeader(0, 0, 0), unix.IFLA_EXT_MASK, rtextFilterSkipStats)
	links, err := dump(c, unix.RTM_GETLINK, body, parseLink)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	return links, nil
}

// Link asks for one link by its name, or by one of its alternative names. The
// error is fs.ErrNotExist when there is none.
func (c *Conn) Link(name string) (Link, error) {
	body := appendAttr(linkHeader(0, 0, 0), unix.IFLA_IFNAME, append([]byte(name), 0))
	body = appendUint32(body, unix.IFLA_EXT_MASK, rtextFilterSkipStats)
	var l Link
	var malformed error
	err := c.request(unix.RTM_GETLINK, 0, body, func(answer []byte) { l, malformed = parseLink(answer) })
	if errors.Is(err, unix.ENODEV) {
		return Link{}, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if err := cmp.Or(err, malformed); err != nil {
		return Link{}, fmt.Errorf("look up %s: %w", name, err)
	}
	return l, nil
}

// A LinkChange is what a request says of a link. What is zero is left alone.
type LinkChange struct {
	Name   string // of a new link, as the next two
	Index  int    // an ifindex that is free
	Parent int    // the ifindex of what it is stacked upon
	Up     *bool
	MAC    net.HardwareAddr
	MTU    int
	Master *int   // an ifindex; 0 takes it out
	Info   []byte // the attributes of IFLA_LINKINFO
}

// NewLink makes a link.
func (c *Conn) NewLink(change LinkChange) error {
	return c.change(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, change.body(change.Index))
}

// SetLink changes a link: by its index alone, for with a name beside that the
// kernel takes the message for a renaming, too.
func (c *Conn) SetLink(index int, change LinkChange) error {
	return c.change(unix.RTM_NEWLINK, 0, change.body(index))
}

// DelLink deletes a link.
func (c *Conn) DelLink(index int) error {
	return c.change(unix.RTM_DELLINK, 0, linkHeader(index, 0, 0))
}

func (change LinkChange) body(index int) []byte {
	var flags, mask uint32
	if change.Up != nil {
		mask = unix.IFF_UP
		if *change.Up {
			flags = unix.IFF_UP
		}
	}
	b := linkHeader(index, flags, mask)
	if change.Name != "" {
		b = appendAttr(b, unix.IFLA_IFNAME, append([]byte(change.Name), 0))
	}
	if change.Parent != 0 {
		b = appendUint32(b, unix.IFLA_LINK, uint32(change.Parent))
	}
	if change.MTU != 0 {
		b = appendUint32(b, unix.IFLA_MTU, uint32(change.MTU))
	}
	if change.MAC != nil {
		b = appendAttr(b, unix.IFLA_ADDRESS, change.MAC)
	}
	if change.Master != nil {
		b = appendUint32(b, unix.IFLA_MASTER, uint32(*change.Master))
	}
	if change.Info != nil {
		b = appendAttr(b, unix.IFLA_LINKINFO, change.Info)
	}
	return b
}

// parseLink reads the body of an RTM_NEWLINK message.
func parseLink(m []byte) (Link, error) {
	if len(m) < unix.SizeofIfInfomsg {
		return Link{}, fmt.Errorf("read a link: %d bytes are too few", len(m))
	}
	l := Link{
		Type: hostOrder.Uint16(m[2:]), Index: int(int32(hostOrder.Uint32(m[4:]))),
		Up: hostOrder.Uint32(m[8:])&unix.IFF_UP != 0,
	}
	abroad := false
	err := EachAttr(m[unix.SizeofIfInfomsg:], func(kind uint16, value []byte) {
		switch kind {
		case unix.IFLA_LINK_NETNSID:
			abroad = true
		case unix.IFLA_LINKINFO:
			_ = EachAttr(value, l.parseInfo)
		case unix.IFLA_AF_SPEC:
			l.Ready6 = isReady6(value)
		case unix.IFLA_PROP_LIST:
			_ = EachAttr(value, func(kind uint16, name []byte) {
				if kind == unix.IFLA_ALT_IFNAME {
					l.AltNames += string(name)
				}
			})
		default:
			l.parseAttr(kind, value)
		}
	})
	if err != nil {
		return Link{}, fmt.Errorf("read link %s: %w", l.Name, err)
	}
	if abroad {
		l.Parent = 0 // it was an index of another namespace
	}
	return l, nil
}

// isReady6 reads IFLA_AF_SPEC: a family's attributes by its number.
func isReady6(spec []byte) (ready bool) {
	const ifReady = 1 << 31 // IF_READY of include/net/if_inet6.h
	_ = EachAttr(spec, func(family uint16, value []byte) {
		if family != unix.AF_INET6 {
			return
		}
		_ = EachAttr(value, func(kind uint16, flags []byte) {
			ready = ready || kind == unix.IFLA_INET6_FLAGS && Uint32(flags)&ifReady != 0
		})
	})
	return ready
}

func (l *Link) parseAttr(kind uint16, value []byte) {
	switch kind {
	case unix.IFLA_IFNAME:
		l.Name = unix.ByteSliceToString(value)
	case unix.IFLA_ADDRESS:
		l.MAC = string(value)
	case unix.IFLA_PERM_ADDRESS:
		l.PermMAC = string(value)
	case unix.IFLA_MTU:
		l.MTU = int(int32(Uint32(value)))
	case unix.IFLA_MIN_MTU:
		l.MinMTU = int(int32(Uint32(value)))
	case unix.IFLA_MAX_MTU:
		l.MaxMTU = int(int32(Uint32(value)))
	case unix.IFLA_OPERSTATE:
		if len(value) > 0 {
			l.OperState = value[0]
		}
	case unix.IFLA_CARRIER:
		l.Carrier = len(value) > 0 && value[0] != 0
	case unix.IFLA_CARRIER_CHANGES:
		l.CarrierChanges = Uint32(value)
	case unix.IFLA_MASTER:
		l.Master = int(int32(Uint32(value)))
	case unix.IFLA_LINK:
		l.Parent = int(int32(Uint32(value)))
	}
}

// parseInfo reads one attribute of IFLA_LINKINFO.
func (l *Link) parseInfo(kind uint16, value []byte) {
	switch kind {
	case unix.IFLA_INFO_KIND:
		l.Kind = unix.ByteSliceToString(value)
	case unix.IFLA_INFO_DATA:
		l.Data = string(value)
	case unix.IFLA_INFO_SLAVE_KIND:
		l.SlaveKind = unix.ByteSliceToString(value)
	case unix.IFLA_INFO_SLAVE_DATA:
		l.SlaveData = string(value)
	}
}
