package rtnl

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A Route is an entry of a routing table (RTM_NEWROUTE).
type Route struct {
	Destination netip.Prefix
	Gateway     netip.Addr // RTA_GATEWAY; the zero Addr for none, or for one of the other family
	Source      netip.Addr // RTA_PREFSRC
	Link        int        // RTA_OIF, an ifindex; 0 for none, or for several paths
	Table       uint32
	Metric      uint32 // RTA_PRIORITY
	Type        uint8  // RTN_*
	Scope       uint8  // RT_SCOPE_*
	Protocol    uint8  // RTPROT_*
	TOS         uint8
	OnLink      bool     // RTNH_F_ONLINK
	Expires     Lifetime // of an IPv6 route
	Paths       string   // RTA_MULTIPATH: struct rtnexthop, each with its attributes

	message string // the kernel's; "" for one that didn't come from it
}

// NewRoute is a plain route of the main table: by a gateway or, where that is the
// zero Addr, directly.
func NewRoute(to netip.Prefix, gateway netip.Addr) Route {
	r := Route{
		Destination: to, Gateway: gateway, Table: unix.RT_TABLE_MAIN,
		Type: unix.RTN_UNICAST, Protocol: unix.RTPROT_STATIC, Expires: Forever,
	}
	if !gateway.IsValid() && r.Is4() {
		r.Scope = unix.RT_SCOPE_LINK
	}
	return r
}

// Is4 says whether it is an IPv4 route.
func (r Route) Is4() bool { return r.Destination.Addr().Is4() }

// Like says whether two routes are alike in every attribute but the time that
// they have left. Both came from the kernel.
func (r Route) Like(o Route) bool {
	ends, endsToo := r.Expires != Forever, o.Expires != Forever
	return ends == endsToo && string(r.request()) == string(o.request())
}

// Equals says whether two routes are one and the same to whoever asked for them, whatever else the kernel says.
func (r Route) Equals(o Route) bool {
	return r.Paths == "" && o.Paths == "" && r.Destination == o.Destination && r.Gateway == o.Gateway && r.Source == o.Source &&
		r.Link == o.Link && r.Table == o.Table && r.Metric == o.Metric && r.Type == o.Type && r.Protocol == o.Protocol
}

// Holds says whether a route that was asked for is this one, or has become one of its paths: IPv6 routes by gateways
// that are alike but for their nexthops are one route to the kernel, whoever added them.
func (r Route) Holds(o Route) bool {
	return r.Equals(o) || !r.Is4() && r.Paths != "" && r.Destination == o.Destination && r.Table == o.Table &&
		r.Metric == o.Metric && r.Type == o.Type && r.Leads(o.Link, o.Gateway)
}

// Fields is the route without what is of no interest to whoever asks whether
// there is such a one: the kernel's message, and how long it lasts.
func (r Route) Fields() Route {
	r.message, r.Expires = "", Forever
	return r
}

// String says the route in words.
func (r Route) String() string {
	text := "route " + r.Destination.String()
	if r.Destination.Bits() == 0 {
		text = "default route"
	}
	if r.Gateway.IsValid() {
		text += " via " + r.Gateway.String()
	}
	if r.Metric != 0 && (r.Is4() || r.Metric != DefaultMetric6) {
		text += fmt.Sprintf(" metric %d", r.Metric)
	}
	if r.Table != unix.RT_TABLE_MAIN {
		text += fmt.Sprintf(" table %d", r.Table)
	}
	return text
}

// DefaultMetric6 is the metric of an IPv6 route that names none
// (IP6_RT_PRIO_USER).
const DefaultMetric6 = 1024

// Links are the ifindexes that it leads over, each once.
func (r Route) Links() []int {
	var links []int
	if r.Link != 0 {
		links = append(links, r.Link)
	}
	eachPath([]byte(r.Paths), func(path []byte) { links = append(links, int(hostOrder.Uint32(path[4:]))) })
	slices.Sort(links)
	return slices.Compact(links)
}

// Over says whether it leads over a link.
func (r Route) Over(link int) bool {
	return r.Link == link || r.Paths != "" && slices.Contains(r.Links(), link)
}

// Leads says whether it, or one of its paths, leads over a link by a gateway.
func (r Route) Leads(link int, gateway netip.Addr) bool {
	leads := r.Link == link && r.Gateway == gateway
	eachPath([]byte(r.Paths), func(path []byte) {
		if int(hostOrder.Uint32(path[4:])) != link {
			return
		}
		_ = EachAttr(path[unix.SizeofRtNexthop:], func(kind uint16, value []byte) {
			if a, ok := netip.AddrFromSlice(value); ok && kind == unix.RTA_GATEWAY {
				leads = leads || a == gateway
			}
		})
	})
	return leads
}

// Leg is that of its paths which leads over a link, as a route of its own: with IPv6 each
// is one to the kernel, and removed by itself.
func (r Route) Leg(link int) Route {
	leg := NewRoute(r.Destination, netip.Addr{})
	leg.Table, leg.Metric, leg.Type, leg.Protocol, leg.Link = r.Table, r.Metric, r.Type, r.Protocol, link
	eachPath([]byte(r.Paths), func(path []byte) {
		if int(hostOrder.Uint32(path[4:])) != link {
			return
		}
		_ = EachAttr(path[unix.SizeofRtNexthop:], func(kind uint16, value []byte) {
			if a, ok := netip.AddrFromSlice(value); ok && kind == unix.RTA_GATEWAY {
				leg.Gateway = a
			}
		})
	})
	return leg
}

// WithoutPaths is the route without those of its paths that go: f is asked for each.
func (r Route) WithoutPaths(goes func(link int, gateway netip.Addr) bool) Route {
	var left []byte
	eachPath([]byte(r.Paths), func(path []byte) {
		var gateway netip.Addr
		_ = EachAttr(path[unix.SizeofRtNexthop:], func(kind uint16, value []byte) {
			if kind == unix.RTA_GATEWAY {
				gateway, _ = netip.AddrFromSlice(value)
			}
		})
		if !goes(int(hostOrder.Uint32(path[4:])), gateway) {
			left = append(left, path...)
		}
	})
	r.Paths = string(left)
	return r
}

// On is the route with one link in another one's place.
func (r Route) On(from, to int) Route {
	if r.Link == from && r.Paths == "" {
		r.Link = to
	}
	paths := []byte(r.Paths)
	eachPath(paths, func(path []byte) {
		if int(hostOrder.Uint32(path[4:])) == from {
			hostOrder.PutUint32(path[4:], uint32(to))
		}
	})
	r.Paths = string(paths)
	return r
}

// By is the route over a link. Of several paths those are that name none.
func (r Route) By(link int) Route {
	if r.Paths != "" {
		return r.On(0, link)
	}
	r.Link = link
	return r
}

// Whole is the route with its way in itself, where that is an object of its own
// (ip-nexthop(8)), which goes with its link.
func (r Route) Whole() Route {
	if r.message == "" {
		return r
	}
	b := []byte(r.message)[:unix.SizeofRtMsg:unix.SizeofRtMsg]
	eachAttrOf(r.message, func(kind uint16, value []byte) {
		if kind != rtaNHID {
			b = appendAttr(b, kind, value)
		}
	})
	r.message = string(b)
	return r
}

// WithMetric is the route with another metric.
func (r Route) WithMetric(metric uint32) Route {
	r.Metric = metric
	return r
}

// After is the route when some of its life is over.
func (r Route) After(elapsed time.Duration) Route {
	r.Expires = r.Expires.less(elapsed)
	return r
}

// Routes lists the routes of all tables.
func (c *Conn) Routes() ([]Route, error) {
	list, err := dump(c, unix.RTM_GETROUTE, make([]byte, unix.SizeofRtMsg), parseRoute)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	// The kernel's cache of exceptions is listed among the IPv6 routes.
	return slices.DeleteFunc(list, func(r Route) bool {
		return hostOrder.Uint32([]byte(r.message)[8:])&unix.RTM_F_CLONED != 0
	}), nil
}

// RouteTo is the route that the kernel takes to an address. The error is ENETUNREACH
// where it knows none.
func (c *Conn) RouteTo(to netip.Addr) (r Route, err error) {
	body := make([]byte, unix.SizeofRtMsg)
	body[0], body[1] = familyOf(to), uint8(to.BitLen())
	var parsed error
	err = c.request(unix.RTM_GETROUTE, 0, appendAttr(body, unix.RTA_DST, to.AsSlice()), func(m []byte) { r, parsed = parseRoute(m) })
	if err = errors.Join(err, parsed); err != nil {
		return Route{}, fmt.Errorf("find the route to %s: %w", to, err)
	}
	return r, nil
}

// AddRoute adds a route: an IPv4 one behind those to the same destination with the same
// metric, an IPv6 one beside them. The error is EEXIST where there is one like it.
func (c *Conn) AddRoute(r Route) error {
	flags := uint16(unix.NLM_F_CREATE)
	if r.Is4() {
		flags |= unix.NLM_F_APPEND
	}
	return c.change(unix.RTM_NEWROUTE, flags, r.whole())
}

// DelRoute removes a route. The error is ESRCH where there is none.
func (c *Conn) DelRoute(r Route) error { return c.change(unix.RTM_DELROUTE, 0, r.request()) }

// whole is request with the time that is left (RTA_EXPIRES, in seconds).
func (r Route) whole() []byte { return r.lasting(r.request()) }

// written is whole with what only the kernel says of a route by an object: its link and gateway, which are known so.
func (r Route) written() []byte { return r.lasting(r.body(func(uint16) bool { return true })) }

// lasting is a message with the time that is left.
func (r Route) lasting(b []byte) []byte {
	if r.Expires == Forever || r.Expires == 0 {
		return b
	}
	return appendUint32(b, unix.RTA_EXPIRES, uint32(r.Expires))
}

// request is the body of a message about the route: the kernel's own, where the
// route came from it, without what only the kernel says.
func (r Route) request() []byte {
	nexthop := false // an object of its own: its link and gateway are the object's
	if r.message != "" {
		eachAttrOf(r.message, func(kind uint16, _ []byte) { nexthop = nexthop || kind == rtaNHID })
	}
	return r.body(func(kind uint16) bool {
		switch kind {
		case unix.RTA_OIF, unix.RTA_GATEWAY, unix.RTA_VIA, unix.RTA_MULTIPATH:
			return !nexthop
		}
		return true
	})
}

// body is a message about the route, with those of the kernel's attributes that count.
func (r Route) body(counts func(kind uint16) bool) []byte {
	flags := uint32(0)
	if r.OnLink {
		flags = unix.RTNH_F_ONLINK
	}
	b := []byte{
		familyOf(r.Destination.Addr()), uint8(r.Destination.Bits()), 0, r.TOS,
		tableByte(r.Table), r.Protocol, r.Scope, r.Type,
	}
	if r.message != "" {
		b[2] = r.message[2] // the length of RTA_SRC
	}
	b = appendNumber(b, flags)
	if r.message == "" {
		return r.appendAttrs(b)
	}
	eachAttrOf(r.message, func(kind uint16, value []byte) {
		switch {
		case kind == unix.RTA_CACHEINFO, kind == unix.RTA_EXPIRES, !counts(kind):
		case kind == unix.RTA_OIF:
			b = appendUint32(b, kind, uint32(r.Link))
		case kind == unix.RTA_PRIORITY:
			b = appendUint32(b, kind, r.Metric)
		case kind == unix.RTA_MULTIPATH:
			b = appendAttr(b, kind, []byte(r.Paths))
		default:
			b = appendAttr(b, kind, value)
		}
	})
	return b
}

// rtaNHID is RTA_NH_ID of include/uapi/linux/rtnetlink.h.
const rtaNHID = 30

func eachAttrOf(message string, f func(kind uint16, value []byte)) {
	_ = EachAttr([]byte(message)[unix.SizeofRtMsg:], f)
}

// tableByte is the header's table, for which larger numbers don't fit.
func tableByte(table uint32) uint8 {
	if table > 255 {
		return unix.RT_TABLE_COMPAT
	}
	return uint8(table)
}

// appendAttrs appends what a route consists of that didn't come from the kernel.
func (r Route) appendAttrs(b []byte) []byte {
	if r.Table > 255 {
		b = appendUint32(b, unix.RTA_TABLE, r.Table)
	}
	if r.Destination.Bits() > 0 {
		b = appendAttr(b, unix.RTA_DST, r.Destination.Addr().AsSlice())
	}
	if r.Metric != 0 {
		b = appendUint32(b, unix.RTA_PRIORITY, r.Metric)
	}
	if r.Source.IsValid() {
		b = appendAttr(b, unix.RTA_PREFSRC, r.Source.AsSlice())
	}
	if r.Gateway.IsValid() {
		b = appendAttr(b, unix.RTA_GATEWAY, r.Gateway.AsSlice())
	}
	if r.Link != 0 {
		b = appendUint32(b, unix.RTA_OIF, uint32(r.Link))
	}
	return b
}

// parseRoute reads the body of an RTM_NEWROUTE message.
func parseRoute(m []byte) (Route, error) {
	if len(m) < unix.SizeofRtMsg {
		return Route{}, fmt.Errorf("read a route: %d bytes are too few", len(m))
	}
	r := Route{
		TOS: m[3], Table: uint32(m[4]), Protocol: m[5], Scope: m[6], Type: m[7],
		OnLink: hostOrder.Uint32(m[8:])&unix.RTNH_F_ONLINK != 0, Expires: Forever, message: string(m),
	}
	to := netip.IPv6Unspecified()
	if m[0] == unix.AF_INET {
		to = netip.IPv4Unspecified()
	}
	err := EachAttr(m[unix.SizeofRtMsg:], func(kind uint16, value []byte) {
		switch kind {
		case unix.RTA_DST:
			if a, ok := netip.AddrFromSlice(value); ok {
				to = a
			}
		case unix.RTA_MULTIPATH:
			r.Paths = settablePaths(value)
		default:
			r.parseAttr(kind, value)
		}
	})
	if err != nil {
		return Route{}, fmt.Errorf("read a route: %w", err)
	}
	r.Destination = netip.PrefixFrom(to, int(m[1]))
	if !r.Destination.IsValid() {
		return Route{}, fmt.Errorf("read a route: %v/%d is no destination", to, m[1])
	}
	return r, nil
}

func (r *Route) parseAttr(kind uint16, value []byte) {
	switch kind {
	case unix.RTA_TABLE:
		r.Table = Uint32(value)
	case unix.RTA_PRIORITY:
		r.Metric = Uint32(value)
	case unix.RTA_OIF:
		r.Link = int(Uint32(value))
	case unix.RTA_GATEWAY:
		r.Gateway, _ = netip.AddrFromSlice(value)
	case unix.RTA_PREFSRC:
		r.Source, _ = netip.AddrFromSlice(value)
	case unix.RTA_EXPIRES: // of a request of ours
		r.Expires = Lifetime(Uint32(value))
	case unix.RTA_CACHEINFO: // struct rta_cacheinfo, rta_expires in USER_HZ (100)
		if len(value) >= 12 {
			if ticks := int32(hostOrder.Uint32(value[8:])); ticks > 0 {
				r.Expires = In(time.Duration(ticks) * 10 * time.Millisecond)
			}
		}
	}
}

// settablePaths are the paths without the flags that are the kernel's, such as
// that a path's link is down.
func settablePaths(value []byte) string {
	paths := slices.Clone(value)
	eachPath(paths, func(path []byte) { path[2] &= unix.RTNH_F_ONLINK })
	return string(paths)
}

// eachPath calls f with each struct rtnexthop (length, flags, hops, ifindex) and
// its attributes.
func eachPath(b []byte, f func(path []byte)) {
	for len(b) >= unix.SizeofRtNexthop {
		size := int(hostOrder.Uint16(b))
		if size < unix.SizeofRtNexthop || size > len(b) {
			return
		}
		f(b[:size])
		b = b[min((size+3)&^3, len(b)):]
	}
}
