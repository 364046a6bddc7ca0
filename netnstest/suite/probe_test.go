package suite

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond/probe"
	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

var (
	probeOwn     = netip.MustParseAddr("192.0.2.50")
	probeGateway = netip.MustParseAddr(netnstest.LANAddr)
)

// probeHost is a host with a bond of two cables, whose MAC is its active slave's.
func probeHost(t *testing.T) (h *netnstest.Host, eth0, eth1 *netnstest.Cable) {
	t.Helper()
	h = netnstest.New(t)
	eth0, eth1 = h.Cable("eth0"), h.Cable("eth1")
	succeeds(t, h, "up", "--once", "--fail-over-mac", "active", "--member", "eth0", "--member", "eth1")
	t.Cleanup(func() { succeeds(t, h, "down") })
	addAddress(t, h, probeOwn.String()+"/24", "bond0")
	netnstest.Eventually(t, active(h, "eth0"))
	return h, eth0, eth1
}

func askGateway(ctx context.Context, h *netnstest.Host, gateway netip.Addr, known net.HardwareAddr) (mac net.HardwareAddr, err error) {
	h.Do(func() { mac, err = probe.Gateway(ctx, "bond0", probeOwn, gateway, known) })
	return mac, err
}

func askRouters(ctx context.Context, h *netnstest.Host) (heard []probe.Advertisement, err error) {
	h.Do(func() { heard, err = probe.Routers(ctx, "bond0") })
	return heard, err
}

// answers is a condition for Eventually: who is asked, or all if that is nil, is the gateway.
func answers(t *testing.T, h *netnstest.Host, asked, want net.HardwareAddr) func() error {
	return func() error {
		mac, err := askGateway(t.Context(), h, probeGateway, asked)
		if err == nil && mac.String() != want.String() {
			err = fmt.Errorf("asked %v, %v answered and not %v", asked, mac, want)
		}
		return err
	}
}

// The gateway is known again on the other path, under the bond's other MAC; one
// of the same address on another network isn't taken for it, and doesn't hear of us.
func TestProbeGateway(t *testing.T) {
	t.Parallel()
	h, eth0, eth1 := probeHost(t)
	lan := h.LAN()
	bridge, err := lan.Netlink().LinkByName("lan")
	if err != nil {
		t.Fatal(err)
	}
	home := bridge.Attrs().HardwareAddr
	netnstest.Eventually(t, answers(t, h, nil, home))
	netnstest.Eventually(t, answers(t, h, home, home))
	eth0.Pull()
	netnstest.Eventually(t, active(h, "eth1"))
	netnstest.Eventually(t, answers(t, h, home, home))

	other := net.HardwareAddr{0x02, 0, 0, 0, 0, 0x99}
	if err := lan.Netlink().LinkSetHardwareAddr(bridge, other); err != nil {
		t.Fatal(err)
	}
	lan.Run("ip", "neighbour", "flush", "dev", "lan")
	if mac, err := askGateway(t.Context(), h, probeGateway, home); !errors.Is(err, probe.ErrSilent) {
		t.Errorf("on another network: got %v, %v, want ErrSilent", mac, err)
	}
	if heard := lan.Run("ip", "neighbour", "show", probeOwn.String()); heard != "" {
		t.Errorf("another network's router heard the question: %s", heard)
	}
	netnstest.Eventually(t, answers(t, h, nil, other))
	if heard := lan.Run("ip", "neighbour", "show", probeOwn.String()); !strings.Contains(heard, eth1.MAC.String()) {
		t.Errorf("who was asked didn't learn our MAC %s: %q", eth1.MAC, heard)
	}
}

// Whoever is not there doesn't answer, and an interface that can't ask says why.
func TestProbeGatewaySilent(t *testing.T) {
	t.Parallel()
	h, eth0, _ := probeHost(t)
	if mac, err := askGateway(t.Context(), h, netip.MustParseAddr("192.0.2.77"), nil); !errors.Is(err, probe.ErrSilent) {
		t.Errorf("no gateway: got %v, %v, want ErrSilent", mac, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := askGateway(ended, h, probeGateway, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("context over: got %v", err)
	}
	eth0.Pull()
	linkDown(t, h, "eth1")
	netnstest.Eventually(t, h.Carrier("bond0", false))
	if mac, err := askGateway(t.Context(), h, probeGateway, nil); !errors.Is(err, probe.ErrSilent) {
		t.Errorf("no active slave: got %v, %v, want ErrSilent", mac, err)
	}
	linkDown(t, h, "bond0")
	if _, err := askGateway(t.Context(), h, probeGateway, nil); !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("interface down: got %v, want ENETDOWN", err)
	}
	h.Do(func() {
		if _, err := probe.Gateway(t.Context(), "bond9", probeOwn, probeGateway, nil); !errors.Is(err, unix.ENODEV) {
			t.Errorf("no interface: got %v, want ENODEV", err)
		}
	})
}

// Who is there answers to ICMP echo, in whoever's name it is asked, and whose packets are dropped doesn't.
func TestProbeEcho(t *testing.T) {
	t.Parallel()
	h, _, _ := probeHost(t)
	shell(h, "ip address add 2001:db8::50/64 dev bond0 nodad")
	own6, far6 := netip.MustParseAddr("2001:db8::50"), netip.MustParseAddr(netnstest.LANAddr6)
	nobody := netip.MustParseAddr("192.0.2.99") // who isn't here, and nowhere else
	local := netip.MustParsePrefix(strings.Fields(h.LAN().Run("ip", "-6", "-brief", "address", "show", "dev", "lan", "scope", "link"))[2]).Addr()
	ask := func(own, addr netip.Addr) (err error) {
		h.Do(func() { err = probe.Echo(t.Context(), "bond0", own, addr) })
		return err
	}
	netnstest.Eventually(t, func() error { return ask(probeOwn, probeGateway) })
	netnstest.Eventually(t, func() error { return ask(own6, far6) })
	netnstest.Eventually(t, func() error { return ask(own6, local) })
	netnstest.Eventually(t, func() error { return ask(nobody, probeGateway) })
	for _, nic := range []string{"eth0", "eth1"} {
		drops(h.LAN(), nic, "protocol ip matchall")
	}
	if err := ask(probeOwn, probeGateway); !errors.Is(err, probe.ErrSilent) {
		t.Errorf("IPv4 is dropped: got %v, want ErrSilent", err)
	}
	if err := ask(own6, far6); err != nil {
		t.Error(err)
	}
	if err := ask(own6, nobody); !errors.Is(err, probe.ErrSilent) {
		t.Errorf("nobody is there: got %v, want ErrSilent", err)
	}
}

// An interface that is set down in the middle of a question ends it.
func TestProbeLinkGoes(t *testing.T) {
	t.Parallel()
	h, _, _ := probeHost(t)
	ended := make(chan error, 1)
	go func() {
		_, err := askRouters(t.Context(), h)
		ended <- err
	}()
	netnstest.Eventually(t, func() error {
		select {
		case err := <-ended:
			if !errors.Is(err, unix.ENETDOWN) {
				t.Errorf("got %v, want ENETDOWN", err)
			}
			return nil
		default:
			linkDown(t, h, "bond0") // it may not have begun yet
			linkUp(t, h, "bond0")
			return errors.New("the question goes on")
		}
	})
}

// Two routers are heard, on the other path and under the other MAC too, and the
// kernel, which never asks here, makes addresses of what they say.
func TestProbeRouters(t *testing.T) {
	t.Parallel()
	h, eth0, eth1 := probeHost(t)
	sysctl(t, h.Namespace, "net/ipv6/conf/bond0/router_solicitations", "0")
	lan := h.LAN()
	lan.Run("ip", "link", "add", "second", "type", "veth", "peer", "name", "p-second")
	lan.Run("ip", "link", "set", "p-second", "master", "lan", "up")
	lan.Run("ip", "link", "set", "second", "up")
	lan.Run("ip", "address", "add", "2001:db8:0:2::1/64", "dev", "second", "nodad")
	server := advertise(t, lan, "lan", "second")
	want := []probe.Advertisement{
		{Router: linkLocal(t, lan, "lan"), Lifetime: routerLifetime, Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8::/64")}},
		{Router: linkLocal(t, lan, "second"), Lifetime: routerLifetime, Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:0:2::/64")}},
	}
	sorted := cmpopts.SortSlices(func(a, b probe.Advertisement) bool { return a.Router.Less(b.Router) })
	compared := cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})
	// The MAC address goes with a question once the bond's own address is known to be free.
	bothHeard := func(from *netnstest.Cable) func() error {
		return func() error {
			heard, err := askRouters(t.Context(), h)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(want, heard, sorted, compared); diff != "" {
				return fmt.Errorf("advertised (-want +got)\n%s", diff)
			}
			return wrote(server, "RTR-SOLICIT(lan) "+from.MAC.String())()
		}
	}
	netnstest.Eventually(t, bothHeard(eth0))
	eth0.Pull()
	netnstest.Eventually(t, active(h, "eth1"))
	h.Run("ip", "-6", "address", "flush", "dev", "bond0", "scope", "global")
	netnstest.Eventually(t, bothHeard(eth1))
	for _, a := range want {
		netnstest.Eventually(t, autoconfigured(h, a.Prefixes[0]))
	}
}

// A bond whose own link-local address isn't usable yet asks without one.
func TestProbeRoutersNoAddress(t *testing.T) {
	t.Parallel()
	h, eth0, _ := probeHost(t)
	h.Run("ip", "-6", "address", "flush", "dev", "bond0")
	server := advertise(t, h.LAN(), "lan")
	netnstest.Eventually(t, func() error {
		heard, err := askRouters(t.Context(), h)
		if err == nil && len(heard) != 1 {
			err = fmt.Errorf("got %v, want one router", heard)
		}
		return err
	})
	netnstest.Eventually(t, wrote(server, "RTR-SOLICIT(lan)"))
	if wrote(server, "RTR-SOLICIT(lan) "+eth0.MAC.String())() == nil {
		t.Error("it told its MAC, which goes with an address only")
	}
}

// Without a router nobody answers.
func TestProbeRoutersSilent(t *testing.T) {
	t.Parallel()
	h, _, _ := probeHost(t)
	if heard, err := askRouters(t.Context(), h); !errors.Is(err, probe.ErrSilent) {
		t.Errorf("got %v, %v, want ErrSilent", heard, err)
	}
	short, end := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer end()
	if _, err := askRouters(short, h); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("context over: got %v", err)
	}
}

// routerLifetime is dnsmasq's.
const routerLifetime = 1800 * time.Second

// advertise starts a router that advertises the prefixes of the LAN's interfaces.
func advertise(t *testing.T, lan *netnstest.LAN, ifaces ...string) *netnstest.Process {
	t.Helper()
	sysctl(t, lan.Namespace, "net/ipv6/conf/all/forwarding", "1") // a router takes nobody's advice
	args := []string{"--no-daemon", "--conf-file=/dev/null", "--port=0", "--log-dhcp", "--leasefile-ro", "--enable-ra"}
	for _, iface := range ifaces {
		netnstest.Eventually(t, func() error { _, err := usableLinkLocal(lan, iface); return err })
		args = append(args, "--interface="+iface, "--dhcp-range=::,constructor:"+iface+",ra-only")
	}
	server := lan.Start("dnsmasq", args...)
	netnstest.Eventually(t, wrote(server, "router advertisement"))
	return server
}

// linkLocal is the address from which a router on the LAN's interface speaks.
func linkLocal(t *testing.T, lan *netnstest.LAN, iface string) netip.Addr {
	t.Helper()
	addr, err := usableLinkLocal(lan, iface)
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func usableLinkLocal(lan *netnstest.LAN, iface string) (netip.Addr, error) {
	link, err := lan.Netlink().LinkByName(iface)
	if err != nil {
		return netip.Addr{}, err
	}
	addrs, err := whole(func() ([]netlink.Addr, error) { return lan.Netlink().AddrList(link, unix.AF_INET6) })
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range addrs {
		if addr, _ := netip.AddrFromSlice(a.IP); addr.IsLinkLocalUnicast() && a.Flags&unix.IFA_F_TENTATIVE == 0 {
			return addr, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("no link-local address of %s is usable", iface)
}

// autoconfigured is a condition for Eventually: the kernel made an address of the prefix on bond0.
func autoconfigured(h *netnstest.Host, prefix netip.Prefix) func() error {
	return func() error {
		bond, err := h.Netlink().LinkByName("bond0")
		if err != nil {
			return err
		}
		addrs, err := whole(func() ([]netlink.Addr, error) { return h.Netlink().AddrList(bond, unix.AF_INET6) })
		if err != nil {
			return err
		}
		for _, a := range addrs {
			if addr, _ := netip.AddrFromSlice(a.IP); prefix.Contains(addr) && a.Flags&unix.IFA_F_PERMANENT == 0 {
				return nil
			}
		}
		return fmt.Errorf("no address in %s: %v", prefix, addrs)
	}
}
