package suite

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/vishvananda/netlink"
)

// places is a host whose cables lead to different networks, each with a DHCP server of its own. It is in
// the first one.
func places(t *testing.T, other func(*netnstest.LAN)) (h *netnstest.Host, eth0 *netnstest.Cable) {
	t.Helper()
	h = netnstest.New(t)
	h.LAN().DHCP()
	other(h.OtherLAN())
	eth0 = h.Cable("eth0")
	h.CableTo(h.OtherLAN(), "eth1")
	succeeds(t, h, "up", "--dhcp", "--member", "eth0", "--member", "eth1")
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	netnstest.Eventually(t, gatewayKnown(t, h))
	return h, eth0
}

// reached is how long it takes until a router's pings of an address are answered, from when do is called.
func reached(t *testing.T, router *netnstest.LAN, addr netip.Addr, do func()) time.Duration {
	t.Helper()
	const interval = 5 * time.Millisecond
	do()
	p := router.PingTo(addr, interval)
	netnstest.Eventually(t, p.Answered)
	return p.Stop().Longest.Round(time.Millisecond)
}

// TestKnownNetwork goes to and fro between two networks. In each its old address is there again as soon as the
// gateway has answered: the server there is asked afterwards.
func TestKnownNetwork(t *testing.T) {
	t.Parallel()
	h, eth0 := places(t, func(lan *netnstest.LAN) { lan.DHCP() })
	home := leaseOf(t, h).Addr()
	eth0.Pull()
	netnstest.Eventually(t, leased(t, h, "198.51.100."))
	netnstest.Eventually(t, gatewayKnown(t, h))
	away := leaseOf(t, h).Addr()
	var took []time.Duration
	for range sample(2, 20) {
		took = append(took, reached(t, h.LAN(), home, func() { eth0.Plug(); netnstest.Eventually(t, active(h, "eth0")) }))
		netnstest.Eventually(t, defaultRoute(h, netnstest.LANAddr))
		took = append(took, reached(t, h.OtherLAN(), away, eth0.Pull))
		netnstest.Eventually(t, defaultRoute(h, netnstest.OtherLANAddr))
	}
	slices.Sort(took)
	median := took[len(took)/2]
	t.Logf("the old address answered after %v, median %v", took, median)
	if *long && median > 150*time.Millisecond {
		t.Errorf("the median is %v, want 150ms at the most", median)
	}
	netnstest.Eventually(t, func() error {
		if out := succeeds(t, h, "events").Stdout; !strings.Contains(out, "known here, by the gateway "+netnstest.OtherLANAddr) {
			return fmt.Errorf("no event says so:\n%s", out)
		}
		return nil
	})
	if got := leaseOf(t, h).Addr(); got != away {
		t.Errorf("the lease is of %s, want %s", got, away)
	}
}

// gatewayKnown is a condition for Eventually: the keeper knows by what to recognise the network.
func gatewayKnown(t *testing.T, h *netnstest.Host) func() error {
	return says(t, h, func(st bondStatus) error {
		if st.Lease == nil || st.Lease.GatewayMAC == "" {
			return fmt.Errorf("the gateway isn't known yet: %+v", st.Lease)
		}
		return nil
	})
}

// TestUnknownNetwork comes to a network for the first time. Whatever its server does of a lease that it never
// lent, it is asked for another one at once.
func TestUnknownNetwork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		args   [][]string // of a server each
		server time.Duration
	}{
		{"that refuses the lease", [][]string{{"--dhcp-authoritative", "--no-ping"}}, 0},
		{"that is silent about the lease", [][]string{{"--no-ping"}}, 0},
		{"that pings an address first", [][]string{{"--dhcp-authoritative"}}, 3 * time.Second},
		{"with two servers", [][]string{{"--no-ping"}, {"--no-ping", "--dhcp-reply-delay=1"}}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !*long { // where nothing is measured
				t.Parallel()
			}
			var took []time.Duration
			for range sample(1, 5) {
				h, eth0 := places(t, func(lan *netnstest.LAN) {
					for i, args := range tt.args {
						dnsmasq(t, lan, 100+20*i, args...)
					}
				})
				eth0.Pull()
				started := time.Now()
				netnstest.Eventually(t, hasAddress(h, "bond0", "198.51.100."))
				took = append(took, time.Since(started).Round(time.Millisecond))
				netnstest.Eventually(t, defaultRoute(h, netnstest.OtherLANAddr))
				var events []string
				for _, e := range history(t, h) {
					if e.Event == "lease" && e.SwitchMS != nil {
						events = append(events, fmt.Sprintf("%d ms", *e.SwitchMS))
					}
				}
				t.Logf("leased after %v, by the events (the first one is at home) %v", took, events)
				succeeds(t, h, "down")
			}
			slices.Sort(took)
			if median := took[len(took)/2]; *long && median > tt.server+400*time.Millisecond {
				t.Errorf("the median is %v, want 400ms beyond the server's own %v", median, tt.server)
			}
		})
	}
}

// hasAddress is a condition for Eventually: a link has an IPv4 address that begins so. It costs less than a status.
func hasAddress(h *netnstest.Host, name, begins string) func() error {
	return func() error {
		link, err := h.Netlink().LinkByName(name)
		if err != nil {
			return err
		}
		list, err := h.Netlink().AddrList(link, netlink.FAMILY_V4)
		for _, a := range list {
			if strings.HasPrefix(a.IP.String(), begins) {
				return nil
			}
		}
		return cmp.Or(err, fmt.Errorf("%s has %v", name, list))
	}
}

// dnsmasq starts a DHCP server that lends twenty addresses from one on.
func dnsmasq(t *testing.T, lan *netnstest.LAN, first int, args ...string) {
	t.Helper()
	net := lan.Addr.Addr().As4()
	at := func(n int) netip.Addr { net[3] = byte(n); return netip.AddrFrom4(net) }
	p := lan.Start("dnsmasq", append(args, "--no-daemon", "--conf-file=/dev/null", "--port=0", "--log-dhcp",
		"--interface=lan", "--bind-interfaces", "--leasefile-ro", fmt.Sprintf("--dhcp-range=%s,%s,1h", at(first), at(first+19)))...)
	netnstest.Eventually(t, wrote(p, "DHCP, sockets bound"))
}
