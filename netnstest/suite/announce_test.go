package suite

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/vishvananda/netlink"
)

// TestAnnounced has the network told at once who is where after a fast failover, and not when the
// kernel next looks, which would be in an hour: by gratuitous ARP and unsolicited NA, and by reports of the
// groups that this machine listens to.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	h, cables := fastHost(t, []string{"eth0", "eth1"}, "--address", "2001:db8::10/64")
	succeeds(t, h, "up", "--miimon", hour, "--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24", "--address", "2001:db8::10/64")
	groups := listenTo(t, h, netip.MustParseAddr("239.1.2.3"), netip.MustParseAddr("ff05::1:2"))
	defer groups()
	netnstest.Eventually(t, tentative(h, "bond0"))
	capture := announcements(t, h)
	want := []string{"IGMP report", "MLD report", "gratuitous ARP 192.0.2.10", "unsolicited NA 2001:db8::10"}
	for _, way := range []struct {
		to string
		do func()
	}{{"eth1", cables["eth0"].Pull}, {"eth0", cables["eth0"].Plug}} {
		capture() // what was before
		way.do()
		netnstest.Eventually(t, active(h, way.to))
		heard := map[string]bool{}
		netnstest.Eventually(t, func() error {
			for _, what := range capture() {
				heard[what] = true
			}
			for _, what := range want {
				if !heard[what] {
					return fmt.Errorf("over %s: heard %v, want %v", way.to, slices.Sorted(maps.Keys(heard)), want)
				}
			}
			return nil
		})
	}
}

// listenTo joins groups on bond0 until end is called.
func listenTo(t *testing.T, h *netnstest.Host, groups ...netip.Addr) (end func()) {
	t.Helper()
	var conns []net.PacketConn
	var err error
	h.Do(func() {
		var bond *net.Interface
		if bond, err = net.InterfaceByName("bond0"); err != nil {
			return
		}
		for _, group := range groups {
			var c *net.UDPConn
			if c, err = net.ListenMulticastUDP("udp", bond, &net.UDPAddr{IP: group.AsSlice(), Port: 5000}); err != nil {
				return
			}
			conns = append(conns, c)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		for _, c := range conns {
			c.Close()
		}
	}
}

// tentative is a condition for Eventually: no IPv6 address of a link is tentative any more.
func tentative(h *netnstest.Host, link string) func() error {
	return func() error {
		l, err := h.Netlink().LinkByName(link)
		if err != nil {
			return err
		}
		addrs, err := h.Netlink().AddrList(l, unix.AF_INET6)
		for _, a := range addrs {
			if a.Flags&unix.IFA_F_TENTATIVE != 0 {
				err = errors.Join(err, fmt.Errorf("%s is tentative", a.IPNet))
			}
		}
		return err
	}
}

// announcements has a function that tells what the LAN has been announced since the last call.
func announcements(t *testing.T, h *netnstest.Host) func() []string {
	t.Helper()
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
	var fd int
	var err error
	lan := h.LAN()
	var bridge netlink.Link
	if bridge, err = lan.Netlink().LinkByName("lan"); err == nil {
		lan.Do(func() {
			if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, all); err == nil {
				err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: bridge.Attrs().Index})
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	packet := make([]byte, 2048)
	return func() (heard []string) {
		for {
			n, from, err := unix.Recvfrom(fd, packet, 0)
			if err != nil {
				return heard
			}
			protocol := from.(*unix.SockaddrLinklayer).Protocol
			if what := announced(protocol>>8|protocol<<8, packet[:n]); what != "" {
				heard = append(heard, what)
			}
		}
	}
}

// announced says what a packet announces; "" for nothing.
func announced(protocol uint16, p []byte) string {
	const (
		igmp, hopByHop, icmp6 = 2, 0, 58
		na, mldv2             = 136, 143
	)
	switch {
	case protocol == unix.ETH_P_ARP && len(p) >= 28 && bytes.Equal(p[14:18], p[24:28]):
		return "gratuitous ARP " + netip.AddrFrom4([4]byte(p[14:18])).String()
	case protocol == unix.ETH_P_IP && len(p) >= 20 && p[9] == igmp:
		return "IGMP report"
	case protocol == unix.ETH_P_IPV6 && len(p) >= 64 && p[6] == icmp6 && p[40] == na && p[24] == 0xff:
		return "unsolicited NA " + netip.AddrFrom16([16]byte(p[48:64])).String()
	case protocol == unix.ETH_P_IPV6 && len(p) >= 49 && p[6] == hopByHop && p[40] == icmp6 && p[48] == mldv2:
		return "MLD report"
	}
	return ""
}
