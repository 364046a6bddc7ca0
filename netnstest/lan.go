package netnstest

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Addresses of the LAN's router. 192.0.2.0/24 and 2001:db8::/64 are its networks.
const (
	LANAddr  = "192.0.2.1"
	LANAddr6 = "2001:db8::1"
)

// Addresses of the other LAN's router, in 198.51.100.0/24 and 2001:db8:1::/64.
const (
	OtherLANAddr  = "198.51.100.1"
	OtherLANAddr6 = "2001:db8:1::1"
)

// Addresses of the third LAN's router, in 198.18.0.0/24 and 2001:db8:2::/64.
const (
	ThirdLANAddr  = "198.18.0.1"
	ThirdLANAddr6 = "2001:db8:2::1"
)

// lanBridge is a LAN's switch, to which all its ports belong.
const lanBridge = "lan"

// LAN is a network behind the machine under test: a switch whose own end is a router. Its DHCP
// server, if asked for, leases the addresses that end in 100 to 199.
type LAN struct {
	*Namespace
	// Addr and Addr6 are the router's addresses with the length of their networks' prefixes.
	Addr, Addr6 netip.Prefix

	bridge netlink.Link
}

func newLAN(t TB, name, addr, addr6 string) *LAN {
	t.Helper()
	l := &LAN{
		Namespace: newNamespace(t, name, unix.CLONE_NEWNET),
		Addr:      netip.PrefixFrom(netip.MustParseAddr(addr), 24),
		Addr6:     netip.PrefixFrom(netip.MustParseAddr(addr6), 64),
	}
	if err := l.build(); err != nil {
		t.Fatalf("build %s: %v", name, err)
	}
	return l
}

func (l *LAN) build() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = lanBridge
	attrs.HardwareAddr = macOf("router", l.Addr.String())
	// Without snooping a frame to a multicast group, as IPv6's neighbour discovery sends, goes to
	// every port at once, with no querier to wait for.
	snooping := false
	if err := l.nl.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}); err != nil {
		return err
	}
	var err error
	if l.bridge, err = l.nl.LinkByName(lanBridge); err != nil {
		return err
	}
	for _, prefix := range []netip.Prefix{l.Addr, l.Addr6} {
		if prefix.Addr().Is6() && !hasIPv6() {
			continue
		}
		addr := &netlink.Addr{IPNet: &net.IPNet{
			IP:   prefix.Addr().AsSlice(),
			Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
		}}
		if prefix.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD // nobody else has it, so nobody waits for it
		}
		if err := l.nl.AddrAdd(l.bridge, addr); err != nil {
			return err
		}
	}
	return l.nl.LinkSetUp(l.bridge)
}

// hasIPv6 says whether the kernel runs IPv6 at all.
func hasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6")
	return err == nil
}

// join makes a link that is in the LAN's namespace a port of its switch, and sets it up.
func (l *LAN) join(name string) error {
	port, err := l.nl.LinkByName(name)
	if err != nil {
		return err
	}
	if err := l.nl.LinkSetMaster(port, l.bridge); err != nil {
		return err
	}
	return l.nl.LinkSetUp(port)
}

// DHCP starts a DHCP server, with the router as gateway and DNS server, and returns its process. It is
// dnsmasq, and gets the extra arguments as well.
func (l *LAN) DHCP(extra ...string) *Process {
	l.t.Helper()
	first, last := l.Addr.Addr().As4(), l.Addr.Addr().As4()
	first[3], last[3] = 100, 199
	p := l.Start("dnsmasq", append(extra, "--no-daemon", "--conf-file=/dev/null", "--port=0", "--log-dhcp",
		"--interface="+lanBridge, "--bind-interfaces", "--leasefile-ro", "--dhcp-authoritative", "--no-ping",
		fmt.Sprintf("--dhcp-range=%s,%s,1h", netip.AddrFrom4(first), netip.AddrFrom4(last)),
		"--dhcp-option=option:dns-server,"+l.Addr.Addr().String())...)
	Eventually(l.t, func() error {
		if !strings.Contains(p.Output(), "DHCP, sockets bound") {
			return fmt.Errorf("dnsmasq isn't ready: %s", p.Output())
		}
		return nil
	})
	return p
}

// macOf is a MAC that is the same each time for the same names: locally administered, unicast.
func macOf(names ...string) net.HardwareAddr {
	sum := uint32(2166136261) // FNV-1a
	for _, b := range []byte(strings.Join(names, "/")) {
		sum = (sum ^ uint32(b)) * 16777619
	}
	return net.HardwareAddr{0x02, 0x00, byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
}

// Link joins two namespaces, such as two LANs' routers: each has an end of a cable that is called name. It is up.
func (n *Namespace) Link(name string, other *Namespace) {
	n.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	err := n.nl.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: name, PeerNamespace: netlink.NsFd(netns.NsHandle(other.net))})
	for _, end := range []*Namespace{n, other} {
		if err == nil {
			var link netlink.Link
			if link, err = end.nl.LinkByName(name); err == nil {
				err = end.nl.LinkSetUp(link)
			}
		}
	}
	if err != nil {
		n.t.Fatalf("join two namespaces: %v", err)
	}
}
