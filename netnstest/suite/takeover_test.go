package suite

import (
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

// TestTakeOver has up take over what members carry, and down give it back: no connection is lost, and at the
// end each attribute of all that the kernel keeps is what it was.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	for _, tt := range inUseCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := threeNICs(t)
			shell(h, tt.before...)
			before := takeSnapshot(t, h)
			stream := h.Stream()
			args := tt.up
			if args == nil {
				args = eth0And1
			}
			for range sample(2, 20) {
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
		"address", "route show table all", "rule", "-6 route show table all", "-6 rule", "neighbour show nud permanent",
	} {
		for line := range strings.Lines(h.Run("ip", strings.Fields(args)...)) {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return lines
}
