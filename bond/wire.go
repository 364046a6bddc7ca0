package bond

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The messages below are encoded here and not by the netlink package, which
// doesn't know every attribute (v1.3.1 lacks peer_notif_delay, missed_max,
// ns_ip6_target and prio) and can't say "leave this one alone" of them all.

// modes are the bonding driver's modes; the kernel's number of one is its place.
var modes = []string{"balance-rr", activeBackup, "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}

// linkMessage begins an RTM_NEWLINK message for a link by its index; 0 with a
// name makes a new one.
func linkMessage(index int) *nl.IfInfomsg {
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Index = int32(index)
	return m
}

// setFlag asks for the link to be up or down.
func setFlag(m *nl.IfInfomsg, up bool) {
	m.Change = unix.IFF_UP
	if up {
		m.Flags = unix.IFF_UP
	}
}

// bondInfo is IFLA_LINKINFO with a bond's options. ifindex finds the index of
// the primary, which netlink takes where sysfs takes a name.
func bondInfo(changes []Change, ifindex func(name string) (int, error)) (*nl.RtAttr, error) {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, []byte("bond"))
	data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	for _, c := range changes {
		switch c.Key {
		case "mode":
			data.AddRtAttr(nl.IFLA_BOND_MODE, []byte{byte(slices.Index(modes, c.To))})
		case "primary", "active_slave":
			index := 0
			if c.To != "" {
				var err error
				// An index that is stale would silently clear the primary.
				if index, err = ifindex(c.To); err != nil {
					return nil, fmt.Errorf("%s %s: %w", c.Key, c.To, err)
				}
			}
			attr := nl.IFLA_BOND_PRIMARY
			if c.Key == "active_slave" {
				attr = nl.IFLA_BOND_ACTIVE_SLAVE
			}
			data.AddRtAttr(attr, nl.Uint32Attr(uint32(index)))
		default:
			addOption(data, c)
		}
	}
	return info, nil
}

// addOption adds one option of the table. Its text has been checked when it
// was set in Options, or comes from the kernel.
func addOption(data *nl.RtAttr, c Change) {
	o := mustRow(c.Key)
	if o.size == 0 {
		list := data.AddRtAttr(o.attr|unix.NLA_F_NESTED, nil)
		for i, word := range strings.Fields(c.To) {
			list.AddRtAttr(i, netip.MustParseAddr(word).AsSlice())
		}
		return
	}
	n := slices.Index(o.words, c.To)
	if o.words == nil {
		n, _ = strconv.Atoi(c.To)
	}
	value := binary.NativeEndian.AppendUint32(nil, uint32(n))
	if o.size == 1 {
		value = []byte{byte(n)}
	}
	data.AddRtAttr(o.attr, value)
}

// rawLink is what one RTM_NEWLINK says of a link, as far as bondctl cares.
type rawLink struct {
	index, master, parent int
	name, kind            string
	up                    bool
	mac, permMAC          net.HardwareAddr
	mtu                   int
	carrierChanges        int
	prio                  *int         // of a bond's slave
	nsIP6Target           []netip.Addr // of a bond
}

// rtextFilterSkipStats is RTEXT_FILTER_SKIP_STATS of
// include/uapi/linux/rtnetlink.h.
const rtextFilterSkipStats = 1 << 3

// noStatistics asks for links without their statistics, which are most of what
// the kernel would tell.
func noStatistics() *nl.RtAttr {
	return nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(rtextFilterSkipStats))
}

// nlaTypeMask is NLA_TYPE_MASK of include/uapi/linux/netlink.h: the type
// without its two flags.
const nlaTypeMask = 1<<14 - 1

// parseLink reads the body of an RTM_NEWLINK message.
func parseLink(m []byte) (rawLink, error) {
	if len(m) < unix.SizeofIfInfomsg {
		return rawLink{}, fmt.Errorf("read a link: %d bytes are too few", len(m))
	}
	head := nl.DeserializeIfInfomsg(m)
	l := rawLink{index: int(head.Index), up: head.Flags&unix.IFF_UP != 0}
	abroad := false
	err := eachAttr(m[unix.SizeofIfInfomsg:], func(kind uint16, value []byte) {
		switch kind {
		case unix.IFLA_IFNAME:
			l.name = unix.ByteSliceToString(value)
		case unix.IFLA_ADDRESS:
			l.mac = bytes.Clone(value)
		case unix.IFLA_PERM_ADDRESS:
			l.permMAC = bytes.Clone(value)
		case unix.IFLA_MTU:
			l.mtu = number(value)
		case unix.IFLA_CARRIER_CHANGES:
			l.carrierChanges = number(value)
		case unix.IFLA_MASTER:
			l.master = number(value)
		case unix.IFLA_LINK:
			l.parent = number(value)
		case unix.IFLA_LINK_NETNSID:
			abroad = true
		case unix.IFLA_LINKINFO:
			l.parseInfo(value)
		}
	})
	if err != nil {
		return rawLink{}, fmt.Errorf("read link %s: %w", l.name, err)
	}
	if abroad {
		l.parent = 0 // it was an index of another namespace
	}
	return l, nil
}

// parseInfo reads IFLA_LINKINFO: the kind, and what Linux 6.1 shows of a bond
// and its slaves by netlink alone. What is malformed is left out.
func (l *rawLink) parseInfo(info []byte) {
	slaveKind := ""
	_ = eachAttr(info, func(kind uint16, value []byte) {
		switch kind {
		case nl.IFLA_INFO_KIND:
			l.kind = unix.ByteSliceToString(value)
		case nl.IFLA_INFO_DATA:
			if l.kind == "bond" {
				_ = eachAttr(value, l.parseBond)
			}
		case nl.IFLA_INFO_SLAVE_KIND:
			slaveKind = unix.ByteSliceToString(value)
		case nl.IFLA_INFO_SLAVE_DATA:
			_ = eachAttr(value, func(kind uint16, value []byte) {
				if kind == iflaBondSlavePrio && slaveKind == "bond" {
					l.prio = new(number(value))
				}
			})
		}
	})
}

func (l *rawLink) parseBond(kind uint16, value []byte) {
	if kind != iflaBondNSIP6Target {
		return
	}
	l.nsIP6Target = []netip.Addr{}
	_ = eachAttr(value, func(_ uint16, target []byte) {
		if a, ok := netip.AddrFromSlice(target); ok {
			l.nsIP6Target = append(l.nsIP6Target, a)
		}
	})
}

// number reads a signed 32-bit attribute; 0 when it is malformed.
func number(value []byte) int {
	if len(value) < 4 {
		return 0
	}
	return int(int32(binary.NativeEndian.Uint32(value)))
}

// eachAttr calls f with each netlink attribute of b (struct nlattr: length,
// type, value, padding to 4 bytes), the type without its flags.
func eachAttr(b []byte, f func(kind uint16, value []byte)) error {
	for len(b) >= unix.SizeofNlAttr {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofNlAttr || size > len(b) {
			return fmt.Errorf("attribute of %d bytes among %d", size, len(b))
		}
		f(binary.NativeEndian.Uint16(b[2:])&nlaTypeMask, b[unix.SizeofNlAttr:size])
		b = b[min((size+3)&^3, len(b)):]
	}
	return nil
}

// slaveInfo is IFLA_LINKINFO with a slave's prio.
func slaveInfo(prio int32) *nl.RtAttr {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_SLAVE_KIND, []byte("bond"))
	data := info.AddRtAttr(nl.IFLA_INFO_SLAVE_DATA, nil)
	data.AddRtAttr(iflaBondSlavePrio, binary.NativeEndian.AppendUint32(nil, uint32(prio)))
	return info
}

// addressMessage is the body of RTM_NEWADDR and RTM_DELADDR.
func addressMessage(index int, p netip.Prefix) []nl.NetlinkRequestData {
	m := nl.NewIfAddrmsg(family(p.Addr()))
	m.Prefixlen = uint8(p.Bits())
	m.Index = uint32(index)
	ip := p.Addr().AsSlice()
	data := []nl.NetlinkRequestData{m, nl.NewRtAttr(unix.IFA_LOCAL, ip), nl.NewRtAttr(unix.IFA_ADDRESS, ip)}
	if p.Addr().Is4() && p.Bits() < 31 {
		b := broadcast(p).As4()
		data = append(data, nl.NewRtAttr(unix.IFA_BROADCAST, b[:]))
	}
	return data
}

// lifetime is IFA_CACHEINFO (struct ifa_cacheinfo): an address is preferred for
// as long as it is valid.
func lifetime(valid time.Duration) *nl.RtAttr {
	seconds := uint32(math.MaxUint32) // INFINITY_LIFE_TIME
	if valid > 0 {
		seconds = uint32(min(valid/time.Second, math.MaxUint32-1))
	}
	info := binary.NativeEndian.AppendUint32(nil, seconds)
	info = binary.NativeEndian.AppendUint32(info, seconds)
	return nl.NewRtAttr(unix.IFA_CACHEINFO, append(info, make([]byte, 8)...))
}

// routeMessage is the body of RTM_NEWROUTE and RTM_DELROUTE.
func routeMessage(index int, r Route) []nl.NetlinkRequestData {
	m := nl.NewRtMsg()
	m.Family = uint8(family(r.Destination.Addr()))
	m.Dst_len = uint8(r.Destination.Bits())
	m.Protocol = unix.RTPROT_STATIC
	data := []nl.NetlinkRequestData{m, nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(index)))}
	if r.Destination.Bits() > 0 {
		data = append(data, nl.NewRtAttr(unix.RTA_DST, r.Destination.Addr().AsSlice()))
	}
	if r.DHCP {
		m.Protocol = unix.RTPROT_DHCP
		// A server may name a gateway beyond the address's own network (RFC
		// 3442): it is on the link all the same.
		m.Flags = unix.RTNH_F_ONLINK
	}
	if r.Gateway.IsValid() {
		return append(data, nl.NewRtAttr(unix.RTA_GATEWAY, r.Gateway.AsSlice()))
	}
	m.Flags, m.Scope = 0, unix.RT_SCOPE_LINK
	return data
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
