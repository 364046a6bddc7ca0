package suite

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A wish is one thing that the kernel may refuse, beside others that don't depend on it.
type wish struct {
	name string
	// asks says whether a request asks for it; where it is a file, path is that.
	asks func(request) bool
	path string
	// has is what the kernel has of it, and wants what it is to have.
	has   func(t *testing.T, h *netnstest.Host) string
	wants string
	// undo is how somebody takes it away again.
	undo func(t *testing.T, h *netnstest.Host)
	// says is in the health while it is refused, and in what up says.
	says string
	// needed is another one that can't be had without it.
	needed string
}

// wishesFile asks for all of them.
const wishesFile = `
mac = "02:00:5e:00:00:99"
mtu = 1400
num_grat_arp = 5

[[member]]
name = "eth0"
[[member]]
name = "eth1"

[ipv4]
addresses = ["192.0.2.10/24"]
gateway = "192.0.2.1"

[ipv6]
addresses = ["2001:db8::10/64"]
gateway = "2001:db8::1"
`

var wishes = []wish{
	{
		name: "a bond option",
		asks: func(r request) bool {
			return r.sets(unix.IFLA_LINKINFO, unix.IFLA_INFO_DATA, nl.IFLA_BOND_NUM_PEER_NOTIF)
		},
		has:   func(_ *testing.T, h *netnstest.Host) string { return attribute(h, "bond0", "bonding", "num_grat_arp") },
		wants: "5",
		undo:  func(t *testing.T, h *netnstest.Host) { shell(h, "ip link set bond0 type bond num_grat_arp 1") },
		says:  "set on bond0: num_grat_arp 1 -> 5",
	},
	{
		name:  "the MAC address",
		asks:  func(r request) bool { return r.kind == unix.RTM_NEWLINK && r.sets(unix.IFLA_ADDRESS) },
		has:   func(t *testing.T, h *netnstest.Host) string { return link(t, h, "bond0").MAC },
		wants: "02:00:5e:00:00:99",
		undo: func(t *testing.T, h *netnstest.Host) {
			change(t, h, "bond0", "readdress", func(nl *netlink.Handle, l netlink.Link) error {
				return nl.LinkSetHardwareAddr(l, net.HardwareAddr{2, 0, 0x5e, 0, 0, 0x98})
			})
		},
		says: "set bond0 address 02:00:5e:00:00:99",
	},
	{
		name:  "the MTU",
		asks:  func(r request) bool { return r.sets(unix.IFLA_MTU) },
		has:   func(_ *testing.T, h *netnstest.Host) string { return attribute(h, "bond0", "mtu") },
		wants: "1400",
		undo: func(t *testing.T, h *netnstest.Host) {
			change(t, h, "bond0", "set the MTU of", func(nl *netlink.Handle, l netlink.Link) error { return nl.LinkSetMTU(l, 1500) })
		},
		says: "mtu 1400",
	},
	{
		name:  "enslaving",
		asks:  func(r request) bool { return r.sets(unix.IFLA_MASTER) },
		has:   func(_ *testing.T, h *netnstest.Host) string { return attribute(h, "bond0", "bonding", "slaves") },
		wants: "eth0 eth1",
		undo:  func(t *testing.T, h *netnstest.Host) { release(t, h, "eth1") },
		says:  "eth1 is pending: refused by the kernel",
	},
	{
		name:  "the prio",
		asks:  func(r request) bool { return r.sets(unix.IFLA_LINKINFO, nl.IFLA_INFO_SLAVE_DATA, slavePrio) },
		has:   func(t *testing.T, h *netnstest.Host) string { return prioOf(t, h, "eth0") },
		wants: "1",
		undo:  func(_ *testing.T, h *netnstest.Host) { shell(h, "ip link set eth0 type bond_slave prio 0") },
		says:  "set prio of eth0 in bond0: 0 -> 1",
	},
	{
		name: "a sysctl",
		path: "/proc/sys/" + routersMetric,
		has: func(_ *testing.T, h *netnstest.Host) (metric string) {
			h.Do(func() {
				text, _ := os.ReadFile("/proc/sys/" + routersMetric)
				metric = strings.TrimSpace(string(text))
			})
			return metric
		},
		wants: "100",
		undo:  func(t *testing.T, h *netnstest.Host) { sysctl(t, h.Namespace, routersMetric, "1024") },
		says:  "set net.ipv6.conf.bond0.ra_defrtr_metric: 1024 -> 100",
	},
	addressWish("192.0.2.10/24", "192.0.2.1", unix.AF_INET),
	addressWish("2001:db8::10/64", "2001:db8::1", unix.AF_INET6),
	routeWish("192.0.2.1", netlink.FAMILY_V4),
	routeWish("2001:db8::1", netlink.FAMILY_V6),
}

const routersMetric = "net/ipv6/conf/bond0/ra_defrtr_metric"

const slavePrio = 9 // IFLA_BOND_SLAVE_PRIO

func addressWish(address, gateway string, family byte) wish {
	return wish{
		name: "the address " + address,
		asks: func(r request) bool { return r.kind == unix.RTM_NEWADDR && r.body[0] == family },
		has: func(t *testing.T, h *netnstest.Host) string {
			if slices.Contains(link(t, h, "bond0").Addresses, address) {
				return address
			}
			return ""
		},
		wants: address,
		undo: func(t *testing.T, h *netnstest.Host) {
			change(t, h, "bond0", "take the address from", func(nl *netlink.Handle, l netlink.Link) error {
				a, err := netlink.ParseAddr(address)
				if err != nil {
					return err
				}
				return nl.AddrDel(l, a)
			})
		},
		says: address, needed: "the route by " + gateway,
	}
}

func routeWish(gateway string, family int) wish {
	return wish{
		name: "the route by " + gateway,
		asks: func(r request) bool { return r.kind == unix.RTM_NEWROUTE && int(r.body[0]) == family },
		has: func(t *testing.T, h *netnstest.Host) string {
			for _, r := range defaultRoutes(t, h, family) {
				if r.Gw.String() == gateway {
					return fmt.Sprintf("%s metric %d", r.Gw, r.Priority)
				}
			}
			return ""
		},
		wants: gateway + " metric 100",
		undo: func(t *testing.T, h *netnstest.Host) {
			for _, r := range defaultRoutes(t, h, family) {
				if err := h.Netlink().RouteDel(&r); err != nil {
					t.Fatal(err)
				}
			}
		},
		says: "default route via " + gateway,
	}
}

func defaultRoutes(t *testing.T, h *netnstest.Host, family int) (list []netlink.Route) {
	t.Helper()
	routes, err := whole(func() ([]netlink.Route, error) { return h.Netlink().RouteList(nil, family) })
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		if (r.Dst == nil || r.Dst.IP.IsUnspecified()) && r.Protocol != unix.RTPROT_RA {
			list = append(list, r)
		}
	}
	return list
}

func prioOf(t *testing.T, h *netnstest.Host, name string) string {
	t.Helper()
	for _, m := range status(t, h).Members {
		if m.Name == name {
			return fmt.Sprint(m.Prio)
		}
	}
	return ""
}

// A request is one to rtnetlink.
type request struct {
	kind uint16
	body []byte
}

// requestOf is an attempt's; zero where it is none of rtnetlink.
func requestOf(a netnstest.Attempt) request {
	if a.Request == nil {
		return request{}
	}
	return request{nl.NativeEndian().Uint16(a.Request[4:]), a.Request[unix.SizeofNlMsghdr:]}
}

// isAsked says whether an attempt asks for the wish.
func (w wish) isAsked(a netnstest.Attempt) bool {
	if w.path != "" {
		return a.Path == w.path
	}
	return w.asks(requestOf(a))
}

// sets says whether it is about a link, and has an attribute in another one, and so on.
func (r request) sets(path ...uint16) bool {
	if r.kind != unix.RTM_NEWLINK {
		return false
	}
	data := r.body[unix.SizeofIfInfomsg:]
	for _, kind := range path {
		attributes, err := nl.ParseRouteAttr(data)
		i := slices.IndexFunc(attributes, func(a syscall.NetlinkRouteAttr) bool { return a.Attr.Type&nlaTypeMask == kind })
		if err != nil || i < 0 {
			return false
		}
		data = attributes[i].Value
	}
	return true
}

const nlaTypeMask = 0x3fff // NLA_TYPE_MASK
