package suite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/lease"
	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"
)

// A lease is had over a bond, holds on the other path and under the other MAC,
// and is given back. The server is silent for a while, then there again.
func TestDHCPOnBond(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	eth1 := h.Cable("eth1")
	succeeds(t, h, "up", "--once", "--fail-over-mac", "active", "--member", "eth0", "--member", "eth1")
	t.Cleanup(func() { succeeds(t, h, "down") })
	server := h.LAN().DHCP()
	c := startDHCP(t, h)
	netnstest.Eventually(t, c.had(dhcp.Bound, 1))
	lease := c.lease()
	if want := netip.MustParseAddr(netnstest.LANAddr); lease.Gateway() != want || lease.Server != want || !slices.Contains(lease.DNS, want) {
		t.Errorf("router, server and DNS aren't %s: %+v", want, lease)
	}
	addAddress(t, h, lease.Address.String(), "bond0")
	netnstest.Eventually(t, wrote(server, fmt.Sprintf("DHCPACK(lan) %s %s", lease.Address.Addr(), eth0.MAC)))

	eth0.Pull()
	netnstest.Eventually(t, active(h, "eth1"))
	c.moves <- dhcp.Move{}
	netnstest.Eventually(t, c.had(dhcp.Renewed, 1))
	netnstest.Eventually(t, wrote(server, fmt.Sprintf("DHCPACK(lan) %s %s", lease.Address.Addr(), eth1.MAC)))

	linkDown(t, h, "bond0")
	c.moves <- dhcp.Move{}
	netnstest.Eventually(t, c.had(dhcp.Silent, 1))
	linkUp(t, h, "bond0")
	netnstest.Eventually(t, c.had(dhcp.Renewed, 2))

	server.Stop()
	c.moves <- dhcp.Move{}
	netnstest.Eventually(t, c.had(dhcp.Silent, 2))
	server = h.LAN().DHCP() // it has forgotten everything
	netnstest.Eventually(t, c.had(dhcp.Renewed, 3))
	if got := c.lease().Address; got != lease.Address {
		t.Errorf("in the end the address is %s, not %s", got, lease.Address)
	}
	c.stop()
	if err := c.client.Release(c.lease()); err != nil {
		t.Error(err)
	}
	netnstest.Eventually(t, wrote(server, "DHCPRELEASE(lan) "+lease.Address.Addr().String()))
}

// Before a short lease ends, its own server is asked by its address.
func TestDHCPRenews(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("bond0")
	linkUp(t, h, "bond0")
	heard := hears(t, h.LAN())
	server := h.LAN().Start("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--log-dhcp",
		"--interface=lan", "--bind-interfaces", "--leasefile-ro", "--dhcp-authoritative", "--no-ping",
		"--dhcp-range=192.0.2.100,192.0.2.199,2m", "--dhcp-option=option:T1,12", "--dhcp-option=option:T2,20")
	netnstest.Eventually(t, wrote(server, "DHCP, sockets bound"))
	c := startDHCP(t, h)
	netnstest.Eventually(t, c.had(dhcp.Bound, 1))
	addAddress(t, h, c.lease().Address.String(), "bond0")
	netnstest.Eventually(t, c.had(dhcp.Renewed, 1))
	if lease := c.lease(); lease.T2.Sub(lease.Obtained) > 20*time.Second { // dnsmasq varies them a little
		t.Errorf("T1 and T2 aren't the server's: %+v", lease)
	}
	want := []string{"255.255.255.255", "255.255.255.255", netnstest.LANAddr} // discover, request, renew
	if diff := cmp.Diff(want, heard()); diff != "" {
		t.Errorf("questions went to (-want +got)\n%s", diff)
	}
}

// Without an interface there is a reason, and no lease.
func TestDHCPNoInterface(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	c := startDHCP(t, h)
	netnstest.Eventually(t, c.had(dhcp.Silent, 1))
	if e := c.last(dhcp.Silent); !errors.Is(e.Reason, unix.ENODEV) || e.Lease != nil {
		t.Errorf("got %v with %v, want ENODEV and no lease", e.Reason, e.Lease)
	}
	h.Cable("bond0")
	h.LAN().DHCP()
	linkUp(t, h, "bond0")
	netnstest.Eventually(t, c.had(dhcp.Bound, 1))
}

// dhcpClient is a client that runs on a host's bond0.
type dhcpClient struct {
	client dhcp.Client
	moves  chan dhcp.Move
	stop   func()

	mu     sync.Mutex
	events []dhcp.Event
}

func startDHCP(t *testing.T, h *netnstest.Host) *dhcpClient {
	t.Helper()
	c := &dhcpClient{moves: make(chan dhcp.Move, 1)}
	c.client = dhcp.Client{
		ID: dhcp.NewClientID([]byte(t.Name()), "bond0"),
		Open: func() (transport dhcp.Transport, err error) {
			h.Do(func() { transport, err = dhcp.Listen("bond0") })
			return transport, err
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		c.client.Run(ctx, nil, c.moves, func(e dhcp.Event) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.events = append(c.events, e)
		})
	})
	c.stop = func() { cancel(); running.Wait() }
	t.Cleanup(c.stop)
	return c
}

// had is a condition for Eventually: there were so many events of the kind, and none was lost.
func (c *dhcpClient) had(kind dhcp.Kind, count int) func() error {
	return func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		got := 0
		var all []string
		for _, e := range c.events {
			if e.Kind == kind {
				got++
			}
			all = append(all, fmt.Sprintf("%s (%v)", e.Kind, e.Reason))
		}
		if got < count {
			return fmt.Errorf("%d events of %q, want %d: %s", got, kind, count, all)
		}
		return nil
	}
}

// last is the last event of a kind.
func (c *dhcpClient) last(kind dhcp.Kind) (last dhcp.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if e.Kind == kind {
			last = e
		}
	}
	return last
}

// lease is the lease in hand.
func (c *dhcpClient) lease() lease.Lease {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *c.events[len(c.events)-1].Lease
}

// questions is how many of a kind a server of LAN.DHCP was asked: one that is asked again for want of an
// answer has the same transaction id, which is the line's first word behind the server's own.
func questions(server *netnstest.Process, kind string) int {
	var ids []string
	for line := range strings.Lines(server.Output()) {
		if words := strings.Fields(line); len(words) > 2 && strings.HasPrefix(words[2], kind+"(") && !slices.Contains(ids, words[1]) {
			ids = append(ids, words[1])
		}
	}
	return len(ids)
}

// hears listens on the LAN and returns a function that gives the addresses to which questions to
// DHCP servers were sent since. One that was asked again for want of an answer is there once.
func hears(t *testing.T, lan *netnstest.LAN) func() []string {
	t.Helper()
	var fd int
	var err error
	lan.Do(func() {
		const ip = unix.ETH_P_IP<<8&0xff00 | unix.ETH_P_IP>>8 // in network byte order
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, ip)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return func() (to []string) {
		var asked []string
		packet := make([]byte, 2048)
		for {
			n, from, err := unix.Recvfrom(fd, packet, 0)
			if err != nil {
				return to
			}
			link, _ := from.(*unix.SockaddrLinklayer)
			isQuestion := packet[9] == unix.IPPROTO_UDP && binary.BigEndian.Uint16(packet[22:]) == 67
			if !isQuestion || link.Pkttype == unix.PACKET_OUTGOING || link.Ifindex != lanIndex(t, lan) {
				continue
			}
			message, err := dhcpv4.FromBytes(packet[28:n])
			if err != nil {
				t.Fatal(err)
			}
			if id := message.TransactionID.String() + message.MessageType().String(); !slices.Contains(asked, id) {
				asked = append(asked, id)
				to = append(to, net.IP(packet[16:20]).String())
			}
		}
	}
}

// lanIndex is the LAN's bridge: what a port receives it receives once more.
func lanIndex(t *testing.T, lan *netnstest.LAN) int {
	t.Helper()
	bridge, err := lan.Netlink().LinkByName("lan")
	if err != nil {
		t.Fatal(err)
	}
	return bridge.Attrs().Index
}
