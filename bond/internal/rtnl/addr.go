package rtnl

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Lifetime is in seconds, as the kernel counts (struct ifa_cacheinfo).
type Lifetime uint32

// Forever is INFINITY_LIFE_TIME.
const Forever Lifetime = 1<<32 - 1

// In is the lifetime of something that ends after a time.
func In(d time.Duration) Lifetime {
	return Lifetime(min(max(d, 0)/time.Second, time.Duration(Forever-1)))
}

// Duration is what is left; 0 for what doesn't end.
func (l Lifetime) Duration() time.Duration {
	if l == Forever {
		return 0
	}
	return time.Duration(l) * time.Second
}

// less is the lifetime when some of it is over.
func (l Lifetime) less(elapsed time.Duration) Lifetime {
	if l == Forever {
		return l
	}
	return In(l.Duration() - elapsed.Truncate(time.Second))
}

// An Addr is an address of a link (RTM_NEWADDR).
type Addr struct {
	Link   int          // an ifindex
	Prefix netip.Prefix // IFA_LOCAL, with the length of the network's prefix
	Peer   netip.Addr   // IFA_ADDRESS, where the link has a peer
	Scope  uint8        // RT_SCOPE_*
	Flags  uint32       // IFA_F_*
	Label  string       // IFA_LABEL
	// Metric is that of the route to the address's network which the kernel makes
	// (IFA_RT_PRIORITY); 0 for its default.
	Metric uint32
	// Valid and Preferred are what is left of its life.
	Valid, Preferred Lifetime

	message string // the kernel's; "" for one that didn't come from it
}

// NewAddr is an address of global scope that lasts.
func NewAddr(p netip.Prefix) Addr { return Addr{Prefix: p, Valid: Forever, Preferred: Forever} }

// These of an address's flags somebody sets; the others are the kernel's.
const settableAddrFlags = unix.IFA_F_NODAD | unix.IFA_F_OPTIMISTIC | unix.IFA_F_HOMEADDRESS |
	unix.IFA_F_MANAGETEMPADDR | unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_MCAUTOJOIN

// String is the address with the length of its prefix.
func (a Addr) String() string { return a.Prefix.String() }

// ByKernel says whether the kernel makes the address by itself when the link with
// this MAC address comes up: of its own link scope, or temporary (RFC 8981).
func (a Addr) ByKernel(mac net.HardwareAddr) bool {
	if a.Prefix.Addr().Is4() {
		return false
	}
	if a.Flags&unix.IFA_F_TEMPORARY != 0 {
		return true
	}
	return a.Scope == unix.RT_SCOPE_LINK && (a.protocol() == protoKernelLL || a.Prefix.Addr() == eui64(mac))
}

// IFAPROT_KERNEL_RA and IFAPROT_KERNEL_LL of include/uapi/linux/if_addr.h (5.18).
const (
	protoKernelRA = 2
	protoKernelLL = 3
)

// ByRouter says whether the kernel made the address of what a router advertised: then it
// may have temporary ones made of it (RFC 8981).
func (a Addr) ByRouter() bool {
	return a.protocol() == protoKernelRA || a.HasTemporary()
}

// protocol is IFA_PROTO: who made the address; 0 where that isn't known.
func (a Addr) protocol() (proto uint8) {
	const ifaProto = 11
	if a.message == "" {
		return 0
	}
	_ = EachAttr([]byte(a.message)[unix.SizeofIfAddrmsg:], func(kind uint16, value []byte) {
		if kind == ifaProto && len(value) > 0 {
			proto = value[0]
		}
	})
	return proto
}

// eui64 is the link-local address of a MAC address (RFC 4291, appendix A).
func eui64(mac net.HardwareAddr) netip.Addr {
	if len(mac) != 6 {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: mac[0] ^ 2, 9: mac[1], 10: mac[2], 11: 0xff, 12: 0xfe, 13: mac[3], 14: mac[4], 15: mac[5]})
}

// Same says whether two are the same address of the same link, whatever else is
// true of them.
func (a Addr) Same(b Addr) bool { return a.Link == b.Link && a.Prefix == b.Prefix && a.Peer == b.Peer }

// Like says whether two addresses are alike in every attribute but the time that
// they have left. Both came from the kernel.
func (a Addr) Like(b Addr) bool {
	ends, endsToo := a.Valid != Forever, b.Valid != Forever
	return ends == endsToo && string(a.request(nil)) == string(b.request(nil))
}

// On is the address on another link.
func (a Addr) On(link int) Addr {
	a.Link = link
	return a
}

// Labelled is the address with the label of another link: a label is the name of its
// link, or begins with it (ip-address(8)). One that would be too long becomes the name.
func (a Addr) Labelled(from, to string) Addr {
	rest, ok := strings.CutPrefix(a.Label, from)
	if !ok || !a.Prefix.Addr().Is4() {
		return a
	}
	a.Label = to + rest
	if len(a.Label) >= unix.IFNAMSIZ {
		a.Label = to
	}
	return a
}

// HasTemporary says whether the kernel is to make temporary addresses of it
// (IFA_F_MANAGETEMPADDR).
func (a Addr) HasTemporary() bool { return a.Flags&unix.IFA_F_MANAGETEMPADDR != 0 }

// AtOnce is the address without the detection of duplicates (IFA_F_NODAD), and without
// temporary ones: on a link without a carrier the kernel fails to make any, and then gives
// up on them for good (use_tempaddr -1).
func (a Addr) AtOnce() Addr {
	a.Flags |= unix.IFA_F_NODAD
	a.Flags &^= unix.IFA_F_MANAGETEMPADDR
	return a
}

// WithoutTemporary is the address without temporary ones.
func (a Addr) WithoutTemporary() Addr {
	a.Flags &^= unix.IFA_F_MANAGETEMPADDR
	return a
}

// After is the address when some of its life is over.
func (a Addr) After(elapsed time.Duration) Addr {
	a.Valid, a.Preferred = a.Valid.less(elapsed), a.Preferred.less(elapsed)
	return a
}

// Addrs lists the addresses of all links.
func (c *Conn) Addrs() ([]Addr, error) {
	list, err := dump(c, unix.RTM_GETADDR, make([]byte, unix.SizeofIfAddrmsg), parseAddr)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	return list, nil
}

// Makes says whether a route is the one to the address's network that the kernel makes by
// itself: from the address, or with IPv6 for all of them.
func (a Addr) Makes(r Route) bool {
	const usual6 = 256 // IP6_RT_PRIO_ADDRCONF
	metric := a.Metric
	from := r.Source == a.Prefix.Addr()
	if !r.Is4() {
		from, metric = true, cmp.Or(metric, usual6)
	}
	return a.Flags&unix.IFA_F_NOPREFIXROUTE == 0 && a.Prefix.Masked() == r.Destination && from && metric == r.Metric
}

// ifaRTPriority is IFA_RT_PRIORITY of include/uapi/linux/if_addr.h.
const ifaRTPriority = 9

// AddAddr adds an address. The error is EEXIST where its link has it.
func (c *Conn) AddAddr(a Addr) error {
	return c.change(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, a.request(a.lifetimes()))
}

// SetAddr sets flags and lifetimes of an address that is there.
func (c *Conn) SetAddr(a Addr) error {
	return c.change(unix.RTM_NEWADDR, unix.NLM_F_REPLACE, a.request(a.lifetimes()))
}

// DelAddr removes an address. The error is EADDRNOTAVAIL where its link hasn't got it.
func (c *Conn) DelAddr(a Addr) error { return c.change(unix.RTM_DELADDR, 0, a.request(nil)) }

// request is the body of a message about the address: the kernel's own, where
// the address came from it, without what only the kernel says; and with more
// behind it.
func (a Addr) request(more []byte) []byte {
	flags := a.Flags & settableAddrFlags
	b := []byte{familyOf(a.Prefix.Addr()), uint8(a.Prefix.Bits()), uint8(flags), a.Scope}
	b = appendNumber(b, uint32(a.Link))
	if a.message != "" {
		_ = EachAttr([]byte(a.message)[unix.SizeofIfAddrmsg:], func(kind uint16, value []byte) {
			switch kind {
			case unix.IFA_CACHEINFO, unix.IFA_FLAGS, ifaRTPriority, ifaTargetNetnsID:
			case unix.IFA_LABEL:
				b = appendAttr(b, kind, append([]byte(a.Label), 0))
			default:
				b = appendAttr(b, kind, value)
			}
		})
	} else {
		b = a.appendAttrs(b)
	}
	if flags != 0 {
		b = appendUint32(b, unix.IFA_FLAGS, flags)
	}
	if a.Metric != 0 {
		b = appendUint32(b, ifaRTPriority, a.Metric)
	}
	return append(b, more...)
}

// ifaTargetNetnsID is IFA_TARGET_NETNSID of include/uapi/linux/if_addr.h.
const ifaTargetNetnsID = 10

// appendAttrs appends what an address consists of that didn't come from the kernel.
func (a Addr) appendAttrs(b []byte) []byte {
	local := a.Prefix.Addr().AsSlice()
	b = appendAttr(b, unix.IFA_LOCAL, local)
	if a.Peer.IsValid() {
		return appendAttr(b, unix.IFA_ADDRESS, a.Peer.AsSlice())
	}
	b = appendAttr(b, unix.IFA_ADDRESS, local)
	if a.Prefix.Addr().Is4() && a.Prefix.Bits() < 31 {
		last := Broadcast(a.Prefix).As4()
		b = appendAttr(b, unix.IFA_BROADCAST, last[:])
	}
	if a.Label != "" {
		b = appendAttr(b, unix.IFA_LABEL, append([]byte(a.Label), 0))
	}
	return b
}

// Broadcast is the last address of an IPv4 network.
func Broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := range b {
		host := 8*(i+1) - p.Bits()
		b[i] |= byte(1<<min(max(host, 0), 8) - 1)
	}
	return netip.AddrFrom4(b)
}

// lifetimes is IFA_CACHEINFO: what is left, and two stamps that are the kernel's.
func (a Addr) lifetimes() []byte {
	info := appendNumber(nil, uint32(min(a.Preferred, a.Valid)))
	info = appendNumber(info, uint32(a.Valid))
	return appendAttr(nil, unix.IFA_CACHEINFO, append(info, make([]byte, 8)...))
}

// parseAddr reads the body of an RTM_NEWADDR message.
func parseAddr(m []byte) (Addr, error) {
	if len(m) < unix.SizeofIfAddrmsg {
		return Addr{}, fmt.Errorf("read an address: %d bytes are too few", len(m))
	}
	a := Addr{Flags: uint32(m[2]), Scope: m[3], Link: int(hostOrder.Uint32(m[4:])), Valid: Forever, Preferred: Forever, message: string(m)}
	var local, address netip.Addr
	err := EachAttr(m[unix.SizeofIfAddrmsg:], func(kind uint16, value []byte) {
		switch kind {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(value)
		case unix.IFA_ADDRESS:
			address, _ = netip.AddrFromSlice(value)
		case ifaRTPriority:
			a.Metric = Uint32(value)
		case unix.IFA_LABEL:
			a.Label = unix.ByteSliceToString(value)
		case unix.IFA_FLAGS:
			a.Flags = Uint32(value)
		case unix.IFA_CACHEINFO:
			if len(value) >= 8 {
				a.Preferred, a.Valid = Lifetime(Uint32(value)), Lifetime(Uint32(value[4:]))
			}
		}
	})
	if err != nil {
		return Addr{}, fmt.Errorf("read an address: %w", err)
	}
	// IPv6 names IFA_LOCAL only beside a peer.
	if !local.IsValid() {
		local = address
	}
	if address != local {
		a.Peer = address
	}
	a.Prefix = netip.PrefixFrom(local, int(m[1]))
	if !a.Prefix.IsValid() {
		return Addr{}, fmt.Errorf("read an address: %v/%d is none", local, m[1])
	}
	return a, nil
}
