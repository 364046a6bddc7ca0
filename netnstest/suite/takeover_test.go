package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// An inUseCase is a machine whose members are in use.
type inUseCase struct {
	name   string
	before []string // what has been done to eth0, eth1 and eth2
	up     []string // flags; eth0 and eth1 unless they name members
	// bond has what the bond then carries, and rest what nothing carries any more, as lines of
	// ip address, ip route and ip rule have it.
	bond, rest []string
	// ipv6 has the stream go over IPv6.
	ipv6 bool
}

var inUseCases = []inUseCase{
	{
		name: "an address and a default route",
		before: []string{
			"ip address add 192.0.2.10/24 brd + dev eth0", "ip route add default via 192.0.2.1 dev eth0",
		},
		bond: []string{"192.0.2.10/24 brd 192.0.2.255 scope global bond0", "default via 192.0.2.1 dev bond0"},
		rest: []string{"dev eth0"},
	},
	{
		name: "all kinds",
		before: []string{
			"ip address add 192.0.2.10/24 brd + dev eth0", "ip address add 192.0.2.11/24 dev eth0 label eth0:second",
			"ip address add 10.9.9.1 peer 10.9.9.2/32 dev eth0", "ip address add 10.8.8.1/24 dev eth0 noprefixroute",
			"ip route add 10.8.8.0/24 dev eth0 proto kernel scope link src 10.8.8.1 metric 100",
			"ip route add default via 192.0.2.1 dev eth0 metric 100 src 192.0.2.11",
			"ip route append default via 192.0.2.2 dev eth0 metric 200",
			"ip route add 203.0.113.0/24 nexthop via 192.0.2.1 dev eth0 weight 2 nexthop via 192.0.2.2 dev eth0",
			"ip route add 203.0.113.128/25 via 172.31.0.1 dev eth0 onlink mtu 1400",
			"ip route add default via 192.0.2.1 dev eth0 table 1001",
			"ip rule add iif eth0 lookup 1001 priority 900", "ip rule add oif eth0 to 10.0.0.0/8 fwmark 7/0xff lookup 1001 priority 901",
			"ip rule add from 192.0.2.11 lookup 1001 priority 902",
			"ip neighbour add 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent",
			"sysctl -q net.ipv4.conf.eth0.rp_filter=2 net.ipv4.conf.eth0.arp_ignore=1",
			"ip -6 address add 2001:db8::10/64 dev eth0", "ip -6 route add default via 2001:db8::1 dev eth0 metric 512",
			"ip -6 route add 2001:db8:2::/48 via fe80::77 dev eth0",
		},
		bond: []string{
			"192.0.2.10/24 brd 192.0.2.255 scope global bond0", "192.0.2.11/24 scope global secondary bond0:second",
			"10.9.9.1 peer 10.9.9.2/32 scope global bond0", "10.8.8.1/24 scope global noprefixroute bond0",
			"10.8.8.0/24 dev bond0 proto kernel scope link src 10.8.8.1 metric 100",
			"default via 192.0.2.1 dev bond0 src 192.0.2.11 metric 100", "default via 192.0.2.2 dev bond0 metric 200",
			"nexthop via 192.0.2.1 dev bond0 weight 2", "203.0.113.128/25 via 172.31.0.1 dev bond0 onlink mtu 1400",
			"default via 192.0.2.1 dev bond0 table 1001", "900: from all iif bond0 lookup 1001",
			"901: from all to 10.0.0.0/8 fwmark 0x7/0xff oif bond0 lookup 1001", "902: from 192.0.2.11 lookup 1001",
			"192.0.2.77 dev bond0 lladdr 02:00:00:00:00:77 PERMANENT",
			"2001:db8::10/64 scope global", "default via 2001:db8::1 dev bond0 metric 512", "2001:db8:2::/48 via fe80::77 dev bond0 metric 1024",
		},
		rest: []string{"dev eth0", "iif eth0", "oif eth0"},
	},
	{
		name: "the policy routing of three on one subnet",
		before: []string{
			"ip link set eth2 up",
			"ip address add 192.0.2.10/24 dev eth0", "ip address add 192.0.2.11/24 dev eth1", "ip address add 192.0.2.12/24 dev eth2",
			"ip route add default via 192.0.2.1 dev eth0 metric 100", "ip route add default via 192.0.2.1 dev eth1 metric 101",
			"ip route add default via 192.0.2.1 dev eth2 metric 102",
			"ip route add 192.0.2.0/24 dev eth0 table 1000", "ip route add default via 192.0.2.1 dev eth0 table 1000",
			"ip route add 192.0.2.0/24 dev eth1 table 1001", "ip route add default via 192.0.2.1 dev eth1 table 1001",
			"ip route add 192.0.2.0/24 dev eth2 table 1002", "ip route add default via 192.0.2.1 dev eth2 table 1002",
			"ip rule add from 192.0.2.10 lookup 1000 priority 100", "ip rule add to 192.0.2.10 lookup 1000 priority 100",
			"ip rule add from 192.0.2.11 lookup 1001 priority 101", "ip rule add from 192.0.2.12 lookup 1002 priority 102",
		},
		up: []string{"--member", "eth0", "--member", "eth1", "--member", "eth2"},
		bond: []string{
			"192.0.2.10/24 scope global bond0", "192.0.2.11/24 scope global secondary bond0", "192.0.2.12/24 scope global secondary bond0",
			"default via 192.0.2.1 dev bond0 metric 100", "default via 192.0.2.1 dev bond0 table 1002",
		},
		rest: []string{"metric 101", "metric 102", "dev eth1", "dev eth2"},
	},
}

var ipv6Cases = []inUseCase{
	{
		name: "IPv6 alone",
		before: []string{
			"ip -6 address add 2001:db8::10/64 dev eth0", "ip -6 address add fe80::9/64 dev eth0", "ip -6 address add 2001:db8::77/128 dev eth0 valid_lft 7000 preferred_lft 7000",
			"ip -6 route add default via 2001:db8::1 dev eth0",
			"ip -6 route add 2001:db8:3::/48 nexthop via 2001:db8::1 dev eth0 nexthop via 2001:db8::2 dev eth0", "ip -6 route add 2001:db8:4::/48 via 2001:db8::1 dev eth0 expires 7000",
			"sysctl -q net.ipv6.conf.eth0.accept_ra=0 net.ipv6.conf.eth0.forwarding=1",
		},
		bond: []string{
			"2001:db8::10/64 scope global", "fe80::9/64", "2001:db8::77/128", "default via 2001:db8::1 dev bond0 metric 1024",
			"nexthop via 2001:db8::2 dev bond0", "2001:db8:4::/48 via 2001:db8::1 dev bond0 metric 1024 expires",
		},
		rest: []string{"dev eth0"},
		ipv6: true,
	},
}

var stackedCases = []inUseCase{
	{
		name: "a VLAN and a macvlan",
		before: []string{
			"ip address add 192.0.2.10/24 brd + dev eth0", "ip route add default via 192.0.2.1 dev eth0",
			"ip link add link eth0 name office type vlan id 5 protocol 802.1ad ingress-qos-map 1:2 egress-qos-map 3:4",
			"ip link set office address 02:00:00:00:05:05", "ip link set office up", "ip address add 203.0.113.5/24 dev office",
			"ip -6 address add 2001:db8:5::5/64 dev office", "ip route add 198.18.0.0/16 via 203.0.113.1 dev office",
			"ip rule add iif office lookup 1005 priority 905",
			"ip link add link eth0 name guest type macvlan mode bridge", "ip link set guest up", "ip address add 192.0.2.55/32 dev guest",
			"ip link add link eth1 name spare type vlan id 9",
		},
		bond: []string{
			"192.0.2.10/24 brd 192.0.2.255 scope global bond0", ": office@bond0:", ": guest@bond0:", ": spare@bond0:",
			"203.0.113.5/24 scope global office", "2001:db8:5::5/64", "198.18.0.0/16 via 203.0.113.1 dev office", "192.0.2.55/32 scope global guest",
		},
		rest: []string{"dev eth0", "@eth0", "@eth1"},
	},
	{
		name: "a VLAN upon a member that carries nothing else",
		before: []string{
			"ip address add 192.0.2.10/24 dev eth0",
			"ip link add link eth1 name office type vlan id 5", "ip link set office up", "ip address add 203.0.113.5/24 dev office",
		},
		bond: []string{": office@bond0:", "203.0.113.5/24 scope global office"},
	},
	{
		name: "a WireGuard default route",
		before: []string{
			"ip address add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0 metric 100",
			"ip link add wg0 type wireguard", "ip link set wg0 up", "ip address add 10.7.0.2/32 dev wg0",
			"ip route add default dev wg0 table 51820", "ip rule add not fwmark 51820 lookup 51820 priority 32000",
			"ip rule add lookup main suppress_prefixlength 0 priority 31999",
		},
		bond: []string{
			"default via 192.0.2.1 dev bond0 metric 100", "default dev wg0 table 51820", "32000: not from all fwmark 0xca6c lookup 51820",
		},
		rest: []string{"dev eth0"},
	},
	{
		name: "an MTU of a network that carries less, and routes over both members at once",
		before: []string{
			"ip link set eth0 mtu 1400", "ip address add 192.0.2.10/24 dev eth0", "ip address add 192.0.2.11/24 dev eth1",
			"ip route add default nexthop via 192.0.2.1 dev eth0 nexthop via 192.0.2.1 dev eth1 weight 2",
			"ip -6 address add 2001:db8::10/64 dev eth0 nodad", "ip -6 address add 2001:db8::11/64 dev eth1 nodad",
			"ip -6 route add default nexthop via 2001:db8::1 dev eth0 nexthop via 2001:db8::1 dev eth1",
		},
		bond: []string{"bond0: <BROADCAST,MULTICAST,MASTER,UP,LOWER_UP> mtu 1400", "nexthop via 192.0.2.1 dev bond0 weight 2", "default via 2001:db8::1 dev bond0"},
		rest: []string{"dev eth0", "dev eth1"},
	},
	{
		name: "what hangs on the members elsewhere",
		before: []string{
			"ip address add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0",
			"ip -6 address add 2001:db8::10/64 dev eth0 nodad", "ip -6 address add 2001:db8::11/64 dev eth0 nodad noprefixroute",
			"ip link add wg0 type dummy", "ip link set wg0 up", "ip address add 10.7.0.2/32 dev wg0",
			"ip route add 198.51.100.0/24 dev wg0 src 192.0.2.10", "ip -6 route add 2001:db8:9::/48 dev wg0 src 2001:db8::10",
			"ip route add 198.51.101.0/24 nexthop dev wg0 nexthop via 192.0.2.1 dev eth0",
			"ip -6 route add 2001:db8:2::/48 nexthop via fe80::77 dev wg0 nexthop via 2001:db8::1 dev eth0 weight 3",
			"ip neighbour add proxy 192.0.2.77 dev eth0", "ip -6 neighbour add proxy 2001:db8::77 dev eth0",
			"ip route add broadcast 198.51.102.255 dev eth0 table local", "ip -6 route add local 2001:db8:3::/64 dev eth0",
			"sysctl -q net.ipv4.conf.eth0.proxy_arp=1 net.ipv6.conf.eth0.autoconf=0",
		},
		bond: []string{
			"198.51.100.0/24 dev wg0 scope link src 192.0.2.10", "2001:db8:9::/48 dev wg0 src 2001:db8::10",
			"nexthop via 192.0.2.1 dev bond0 weight 1", "nexthop via 2001:db8::1 dev bond0 weight 3", "nexthop via fe80::77 dev wg0 weight 1",
			"192.0.2.77 dev bond0 proxy", "2001:db8::77 dev bond0 proxy",
			"broadcast 198.51.102.255 dev bond0 table local", "local 2001:db8:3::/64 dev bond0 table local",
		},
		rest: []string{"dev eth0"},
	},
}

var activeCases = []inUseCase{
	{
		name: "under fail_over_mac active, and another member is primary",
		before: []string{
			"ip address add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0",
			"ip address add 192.0.2.11/24 dev eth1",
		},
		up:   []string{"--member", "eth1", "--member", "eth0", "--primary", "eth1", "--fail-over-mac", "active"},
		bond: []string{"192.0.2.10/24 scope global bond0", "192.0.2.11/24 scope global secondary bond0", "default via 192.0.2.1 dev bond0"},
		rest: []string{"dev eth0", "dev eth1"},
	},
	{
		name: "the member with the default route is the second one, and an address is named",
		before: []string{
			"ip address add 192.0.2.10/24 dev eth1", "ip route add default via 192.0.2.1 dev eth1 metric 50",
		},
		up:   []string{"--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24", "--gateway", "192.0.2.1"},
		bond: []string{"192.0.2.10/24 brd 192.0.2.255 scope global bond0", "default via 192.0.2.1 dev bond0 proto static metric 100"},
		rest: []string{"dev eth1", "metric 50"},
	},
}

// TestCutOff: what members carry that the bond has no room for is in the way, and nothing is changed; with
// --take-over it is given up, and down gives it back.
func TestCutOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		before, args []string
		reason       string
		bond, rest   []string // with --take-over
	}{
		{
			"another network", []string{
				"ip address add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0 metric 100",
				"ip address add 198.51.100.7/24 dev eth1", "ip route add default via 198.51.100.1 dev eth1 metric 600",
			},
			nil, "it would be cut off: 198.51.100.7/24 of eth1, which is on another network than eth0",
			[]string{"192.0.2.10/24 scope global bond0", "default via 192.0.2.1 dev bond0 metric 100"}, []string{"198.51.100", "eth1 metric"},
		},
		{
			"the default route is over the second one", []string{
				"ip address add 192.0.2.10/24 dev eth0",
				"ip address add 198.51.100.7/24 dev eth1", "ip route add default via 198.51.100.1 dev eth1 metric 600",
			},
			nil, "it would be cut off: 192.0.2.10/24 of eth0, which is on another network than eth1",
			[]string{"198.51.100.7/24 scope global bond0"}, []string{"192.0.2"},
		},
		{
			"another address is named", []string{"ip address add 192.0.2.10/24 dev eth0"},
			[]string{"--address", "192.0.2.11/24"}, "it would be cut off: 192.0.2.10/24 of eth0, which isn't wanted of the bond",
			[]string{"192.0.2.11/24 brd 192.0.2.255 scope global bond0"}, []string{"192.0.2.10/"},
		},
		{
			"a route alone, of another network", []string{
				"ip address add 192.0.2.10/24 dev eth0", "ip -6 address add 2001:db8:7::7/64 dev eth1 nodad",
			},
			nil, "it would be cut off: 2001:db8:7::7/64 of eth1", nil, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := threeNICs(t)
			shell(h, tt.before...)
			before := takeSnapshot(t, h)
			args := append([]string{"up", "--once", "--wait", "0"}, append(eth0And1, tt.args...)...)
			fails(t, h, 1, []string{tt.reason, "--take-over"}, args...)
			netnstest.Eventually(t, asBefore(t, h, before))
			succeeds(t, h, append(args, "--take-over")...)
			wantCarried(t, h, tt.bond, tt.rest)
			succeeds(t, h, "down")
			netnstest.Eventually(t, asBefore(t, h, before))
		})
	}
}

// TestMemberGone: a member that isn't there when the bond is taken down gets back what it had once it is, and one that
// was pulled out meanwhile and is back does at once.
func TestMemberGone(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	sysctl(t, h.Namespace, "net/ipv6/conf/default/accept_dad", "0")
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	shell(h, "ip link set eth0 up", "ip address add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0",
		"ip link set eth1 up", "ip address add 192.0.2.11/24 dev eth1")
	has := []string{"192.0.2.10/24 scope global eth0", "default via 192.0.2.1 dev eth0", "192.0.2.11/24 scope global eth1"}
	succeeds(t, h, append([]string{"up"}, eth0And1...)...)
	eth0.Remove()
	netnstest.Eventually(t, active(h, "eth1"))
	eth0.Insert()
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	succeeds(t, h, "down")
	wantCarried(t, h, has, nil)

	succeeds(t, h, append([]string{"up"}, eth0And1...)...)
	eth0.Remove()
	netnstest.Eventually(t, active(h, "eth1"))
	warns(t, succeeds(t, h, "down"), "eth0 isn't there; what it had (192.0.2.10/24) is kept till the next boot")
	wantCarried(t, h, has[2:], []string{"192.0.2.10"})
	if o := succeeds(t, h, "down"); !strings.Contains(o.Stdout, "no such bond") {
		t.Errorf("down before it is back: %s%s", o.Stdout, o.Stderr)
	}
	eth0.Insert()
	t.Log(succeeds(t, h, "down").Stdout)
	wantCarried(t, h, has, nil)
	if o := succeeds(t, h, "down"); !strings.Contains(o.Stdout, "no such bond") {
		t.Errorf("once more: %s%s", o.Stdout, o.Stderr)
	}
}

// TestInheritedLasts: what was taken over is put back when somebody takes it away, and when the bond has to be
// made again, as after a boot, when the members carry nothing any more.
func TestInheritedLasts(t *testing.T) {
	t.Parallel()
	h := threeNICs(t)
	shell(h, inUseCases[1].before...)
	up(t, h, eth0And1...)
	shell(h, "ip address del 10.9.9.1 peer 10.9.9.2/32 dev bond0", "ip route del default via 192.0.2.2 dev bond0", "ip rule del priority 900")
	if o := up(t, h, eth0And1...); o.changedNothing() {
		t.Error("nobody missed what was taken away")
	}
	wantCarried(t, h, inUseCases[1].bond, inUseCases[1].rest)

	// A boot leaves what is kept beyond it, and nothing of this boot.
	files := filepath.Dir(bondFile(h, "public.json"))
	for _, file := range []string{"public.json", "journal.json"} {
		if err := os.Remove(filepath.Join(files, file)); err != nil {
			t.Fatal(err)
		}
	}
	shell(h, "ip link del bond0", "ip address flush dev eth0", "ip rule del priority 900", "ip rule del priority 901")
	o := up(t, h, eth0And1...)
	wantCarried(t, h, slices.DeleteFunc(slices.Clone(inUseCases[1].bond), func(line string) bool { return strings.Contains(line, "PERMANENT") }), nil)
	if again := up(t, h, eth0And1...); !again.changedNothing() {
		t.Errorf("again: %s%s, and at first %s", again.Stdout, again.Stderr, o.Stdout)
	}
	// With DHCP asked for it has no say any more.
	up(t, h, append([]string{"--address", "192.0.2.99/24"}, eth0And1...)...)
	wantCarried(t, h, []string{"192.0.2.99/24"}, []string{"192.0.2.10/24", "192.0.2.11/24", "10.9.9.1"})
	succeeds(t, h, "down")
}

// TestTakeOver has up take over what members carry, and down give it back: no connection is lost, and at the
// end each attribute of all that the kernel keeps is what it was.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	for _, tt := range slices.Concat(inUseCases, ipv6Cases, stackedCases, activeCases) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := threeNICs(t)
			shell(h, tt.before...)
			before := takeSnapshot(t, h)
			stream := tt.stream(h)
			args := tt.up
			if args == nil {
				args = eth0And1
			}
			// All that they leave is compared with what was there before, so one case is enough to begin again from that.
			times := 1
			if tt.name == "all kinds" {
				times = 2
			}
			for range sample(times, 20) {
				begun := stream.Result().Longest
				o := up(t, h, args...)
				netnstest.Eventually(t, stream.Moved)
				t.Logf("longest gap %v, and while it came up %v", begun, stream.Result().Longest.Round(time.Millisecond))
				wantCarried(t, h, tt.bond, tt.rest)
				if again := up(t, h, args...); !again.changedNothing() {
					t.Errorf("again: %s%s, and at first %s", again.Stdout, again.Stderr, o.Stdout)
				}
				t.Log(succeeds(t, h, "down").Stdout)
				netnstest.Eventually(t, stream.Moved)
				netnstest.Eventually(t, asBefore(t, h, before))
			}
			if r := stream.Stop(); r.Err != nil {
				t.Error(r)
			} else {
				t.Log(r)
			}
		})
	}
}

// stream is a connection over what the members carry.
func (tt inUseCase) stream(h *netnstest.Host) *netnstest.Stream {
	if tt.ipv6 {
		return h.Stream6()
	}
	return h.Stream()
}

// TestTakeOverAutoconfigured takes over what IPv6 routers advertised, with duplicate address detection as it is on
// every machine: the addresses are there at once, temporary ones too, and the kernel goes on with them by itself.
func TestTakeOverAutoconfigured(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	shell(h, "sysctl -q net.ipv6.conf.eth0.use_tempaddr=2", "ip link set eth0 up", "ip -6 address add 2001:db8::77/128 dev eth0 valid_lft 7000 preferred_lft 7000 nodad")
	advertise(t, h.LAN(), "lan")
	ours := func(link string) func() error {
		return func() error {
			for _, want := range []string{"inet6 2001:db8::baff", "temporary", "inet6 2001:db8::77/128"} {
				if text := h.Run("ip", "-6", "address", "show", "dev", link); !strings.Contains(text, want) {
					return fmt.Errorf("no %s:\n%s\n%s\n%s", want, text, h.Run("sysctl", "-a", "-r", "ipv6.conf.*tempaddr"), h.Run("dmesg"))
				}
			}
			return routersRoute(h, link)
		}
	}
	netnstest.Eventually(t, ours("eth0"))
	netnstest.Eventually(t, usable6(h, "eth0"))
	temporary := temporaryAddress(t, h, "eth0")
	stream := h.Stream6()
	for range sample(1, 20) {
		up(t, h, eth0And1...)
		netnstest.Eventually(t, stream.Moved)
		t.Logf("up: longest gap %v", stream.Result().Longest.Round(time.Millisecond))
		wantCarried(t, h, []string{temporary, "2001:db8::77/128"}, []string{"tentative 2001:db8"})
		netnstest.Eventually(t, func() error { return routersRoute(h, "bond0") })
		// The kernel's own route, and its own mark that the router's advertisements are followed.
		netnstest.Eventually(t, func() error {
			if text := h.Run("ip", "-6", "route", "show", "default", "dev", "bond0"); !strings.Contains(text, "proto ra metric 100 ") {
				return fmt.Errorf("no advertisement was followed:\n%s", text)
			}
			return nil
		})
		if o := up(t, h, eth0And1...); o.Status != 0 {
			t.Error(o)
		}
		if text := h.Run("ip", "-6", "route", "show", "default", "dev", "bond0"); strings.Contains(text, "metric 101") {
			t.Errorf("the copy of the router's route is still there beside its own:\n%s", text)
		}
		t.Log(succeeds(t, h, "down").Stdout)
		netnstest.Eventually(t, stream.Moved)
		netnstest.Eventually(t, ours("eth0"))
	}
	if r := stream.Stop(); r.Err != nil {
		t.Error(r)
	} else {
		t.Log(r)
	}
}

// routersRoute says whether a link has a default route that a router advertised.
func routersRoute(h *netnstest.Host, link string) error {
	if text := h.Run("ip", "-6", "route", "show", "default", "dev", link); !strings.Contains(text, "proto ra") {
		return fmt.Errorf("no router's route over %s:\n%s", link, text)
	}
	return nil
}

// usable6 is a condition for Eventually: no IPv6 address of a link is tentative.
func usable6(h *netnstest.Host, link string) func() error {
	return func() error {
		if text := h.Run("ip", "-6", "address", "show", "dev", link, "tentative"); strings.TrimSpace(text) != "" {
			return fmt.Errorf("tentative: %s", text)
		}
		return nil
	}
}

// temporaryAddress is the temporary address of a link.
func temporaryAddress(t *testing.T, h *netnstest.Host, link string) string {
	t.Helper()
	for line := range strings.Lines(h.Run("ip", "-6", "-o", "address", "show", "dev", link, "temporary")) {
		return strings.Fields(line)[3]
	}
	t.Fatal("no temporary address")
	return ""
}

// wantCarried checks what a host's links carry.
func wantCarried(t *testing.T, h *netnstest.Host, want, not []string) {
	t.Helper()
	lines := carriedLines(h)
	for _, w := range want {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, w) }) {
			t.Errorf("nothing has %q:\n%s", w, strings.Join(lines, "\n"))
		}
	}
	for _, n := range not {
		if i := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, n) }); i >= 0 {
			t.Errorf("there is still %q", lines[i])
		}
	}
}

func carriedLines(h *netnstest.Host) (lines []string) {
	for _, args := range []string{
		"address", "-6 -o address show tentative", "route show table all", "rule", "-6 route show table all", "-6 rule", "neighbour show nud permanent", "neighbour show proxy", "-6 neighbour show proxy",
	} {
		for line := range strings.Lines(h.Run("ip", strings.Fields(args)...)) {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return lines
}
