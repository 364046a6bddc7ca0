package suite

import (
	"fmt"
	"net"
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
	// asks says whether a request asks for it.
	asks func(request) bool
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
	addressWish("192.0.2.10/24", "192.0.2.1", unix.AF_INET),
	addressWish("2001:db8::10/64", "2001:db8::1", unix.AF_INET6),
	routeWish("192.0.2.1", netlink.FAMILY_V4),
	routeWish("2001:db8::1", netlink.FAMILY_V6),
}

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

func requestOf(message []byte) request {
	return request{nl.NativeEndian().Uint16(message[4:]), message[unix.SizeofNlMsghdr:]}
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

// all is a condition for Eventually: the kernel has all that is wanted but these.
func all(t *testing.T, h *netnstest.Host, but ...string) func() error {
	return func() error {
		for _, w := range wishes {
			if got := w.has(t, h); !slices.Contains(but, w.name) && got != w.wants {
				return fmt.Errorf("%s: got %q, want %q", w.name, got, w.wants)
			}
		}
		return nil
	}
}

// TestOptionRefusedAtCreation: it costs the bond nothing but itself, though the kernel is told of all options at
// once.
func TestOptionRefusedAtCreation(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth1")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), wishesFile)
	cmd := h.Command("bondctl", "daemon")
	killer := cmd.KillAt(0)
	option := wishes[0]
	killer.Refuse(func(message []byte) bool { return option.asks(requestOf(message)) })
	cmd.Background()
	t.Cleanup(func() { succeeds(t, h, "down") })
	netnstest.Eventually(t, active(h, "eth0"))
	option.isToldAndHeals(t, h, killer)
}

// TestNobodyAsksAgain: a keeper forgets the refusal of a member that can't join for another reason by now, and
// sleeps.
func TestNobodyAsksAgain(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth1")
	shell(h, "ip link add br1 type bridge")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), "member = [{name = 'eth0'}, {name = 'eth1'}]\nipv4.method = 'none'\n")
	cmd := h.Command("bondctl", "daemon")
	cmd.KillAt(0).Refuse(func(message []byte) bool {
		r := requestOf(message)
		return r.sets(unix.IFLA_MASTER) && int(nl.NativeEndian().Uint32(r.body[4:])) == link(t, h, "eth1").Index
	})
	cmd.Background()
	t.Cleanup(func() { succeeds(t, h, "down") })
	netnstest.Eventually(t, active(h, "eth0"))
	netnstest.Eventually(t, healthSays(t, h, "eth1 is pending: refused by the kernel"))
	shell(h, "ip link set eth1 master br1")
	netnstest.Eventually(t, healthSays(t, h, "eth1 is pending: held by br1"))
	netnstest.Eventually(t, idle(keeperOf(t, h)))
}

// oneRefused makes a host whose bond0 lacks all that is wished for, and the file that asks for it.
func oneRefused(t *testing.T) *netnstest.Host {
	t.Helper()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth1")
	sysctl(t, h.Namespace, "net/ipv6/conf/default/accept_ra", "0")
	up(t, h, "--member", "eth0", "--mac", "02:00:5e:00:00:98")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), wishesFile)
	return h
}

// TestOneRefusedUp: an up of which one thing is refused says which, and puts everything back.
func TestOneRefusedUp(t *testing.T) {
	t.Parallel()
	h := oneRefused(t)
	netnstest.Eventually(t, running(h))
	before := takeSnapshot(t, h)
	for _, w := range wishes {
		cmd := h.Command("bondctl", "up", "--once", "--wait", "0")
		killer := cmd.KillAt(0)
		killer.Refuse(func(message []byte) bool { return w.asks(requestOf(message)) })
		o := run(t, cmd)
		want := w.says
		if w.name == "enslaving" {
			want = "enslave eth1 to bond0"
		}
		if o.Status != 1 || killer.Refused() == 0 || !strings.Contains(o.Stderr, want) || !strings.Contains(o.Stderr, netnstest.RefusedWith.Error()) {
			t.Errorf("%s: exit status %d, want 1, and %q:\n%s", w.name, o.Status, want, o.Stderr)
		}
		netnstest.Eventually(t, asBefore(t, h, before))
	}
	succeeds(t, h, "up", "--once")
	netnstest.Eventually(t, all(t, h))
}

// TestOneRefusedAtStart: a keeper that is refused one thing as it starts does the rest, says so, and does
// that, too, once it can be done.
func TestOneRefusedAtStart(t *testing.T) {
	t.Parallel()
	for _, w := range wishes {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			h := oneRefused(t)
			cmd := h.Command("bondctl", "daemon", "--config", "/etc/bondctl/bond0.toml")
			killer := cmd.KillAt(0)
			killer.Refuse(func(message []byte) bool { return w.asks(requestOf(message)) })
			cmd.Background()
			w.isToldAndHeals(t, h, killer)
		})
	}
}

// isToldAndHeals waits until the kernel has all but the wish, and health says why, and then lets it.
func (w wish) isToldAndHeals(t *testing.T, h *netnstest.Host, killer *netnstest.Killer) {
	t.Helper()
	netnstest.Eventually(t, all(t, h, w.name, w.needed))
	netnstest.Eventually(t, says(t, h, func(st bondStatus) error {
		if st.Health != "degraded" || !strings.Contains(st.HealthReason, w.says) || !strings.Contains(st.HealthReason, netnstest.RefusedWith.Error()) {
			return fmt.Errorf("%s is refused: health is %s: %s", w.name, st.Health, st.HealthReason)
		}
		return nil
	}))
	if got := w.has(t, h); got == w.wants {
		t.Errorf("%s was refused, and is there: %s", w.name, got)
	}
	killer.Refuse(nil)
	netnstest.Eventually(t, all(t, h))
	netnstest.Eventually(t, noTrouble(t, h))
}

// TestOneRefusedLater: the same of a keeper that has done all before. Somebody takes two things away, and
// one of them is refused.
func TestOneRefusedLater(t *testing.T) {
	t.Parallel()
	h := oneRefused(t)
	cmd := h.Command("bondctl", "daemon", "--config", "/etc/bondctl/bond0.toml")
	killer := cmd.KillAt(0)
	cmd.Background()
	netnstest.Eventually(t, all(t, h))
	netnstest.Eventually(t, noTrouble(t, h))
	for i, w := range wishes {
		other := wishes[(i+5)%len(wishes)]
		killer.Refuse(func(message []byte) bool { return w.asks(requestOf(message)) })
		w.undo(t, h)
		other.undo(t, h)
		w.isToldAndHeals(t, h, killer)
	}
}

// TestLeasedRouteRefused: a route of a server's costs nothing but itself, neither the address nor an up its success.
func TestLeasedRouteRefused(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.LAN().DHCP("--dhcp-option=option:classless-static-route,203.0.113.0/24,192.0.2.66,0.0.0.0/0,192.0.2.1")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), "member = [{name = 'eth0'}]\n")
	routeOfServer := func(message []byte) bool {
		r := requestOf(message)
		return r.kind == unix.RTM_NEWROUTE && r.body[1] == 24
	}
	cmd := h.Command("bondctl", "daemon")
	keeper := cmd.KillAt(0)
	keeper.Refuse(routeOfServer)
	cmd.Background()
	t.Cleanup(func() { succeeds(t, h, "down") })
	netnstest.Eventually(t, active(h, "eth0"))
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	netnstest.Eventually(t, defaultRoute(h, netnstest.LANAddr))
	const refused = "route 203.0.113.0/24 via 192.0.2.66 metric 100: refused by the kernel (input/output error)"
	netnstest.Eventually(t, healthSays(t, h, refused))

	up := h.Command("bondctl", "up")
	up.KillAt(0).Refuse(routeOfServer)
	if o := run(t, up); o.Status != 0 {
		t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
	} else {
		warns(t, o, refused)
	}
	keeper.Refuse(nil)
	netnstest.Eventually(t, noTrouble(t, h))
}
