package suite

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/netnstest"
)

// TestEndConnections goes to another network, where connections can't go on: their programs are told at once, and
// not after a quarter of an hour. An address that goes elsewhere on this machine keeps its own, and who wants them
// left has them.
func TestEndConnections(t *testing.T) {
	t.Parallel()
	h, eth0 := places(t, func(lan *netnstest.LAN) { lan.DHCP() })
	tcp, udp := connect(t, h, "tcp"), connect(t, h, "udp")
	other := connectFrom(t, h, "udp", "127.0.0.1")
	eth0.Pull()
	netnstest.Eventually(t, leased(t, h, "198.51.100."))
	began := time.Now()
	for name, c := range map[string]*connection{"tcp": tcp, "udp": udp} {
		if err := c.ended(); !errors.Is(err, unix.ECONNABORTED) {
			t.Errorf("%s: %v, want ECONNABORTED", name, err)
		}
	}
	took := time.Since(began)
	t.Logf("the programs were told %v after the new lease was seen", took.Round(time.Millisecond))
	if *long && took > time.Second {
		t.Errorf("it took %v", took)
	}
	select {
	case err := <-other.failed:
		t.Errorf("a connection over another address ended: %v", err)
	default:
	}
	netnstest.Eventually(t, func() error {
		if all := history(t, h); !slices.ContainsFunc(all, func(e event) bool { return strings.HasSuffix(e.Message, "; 2 connections over it ended") }) {
			return fmt.Errorf("no event says how many connections ended: %+v", all)
		}
		return nil
	})

	home := leaseOf(t, h) // of the second network
	succeeds(t, h, "up", "--end-connections", "false", "--dhcp", "--member", "eth0", "--member", "eth1")
	left := connectFrom(t, h, "tcp", home.Addr().String())
	eth0.Plug()
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	netnstest.Eventually(t, defaultRoute(h, netnstest.LANAddr))
	netnstest.Eventually(t, idle(keeperOf(t, h)))
	select {
	case err := <-left.failed:
		t.Errorf("end_connections is false, and yet: %v", err)
	default:
	}
}

// A connection is one of a host's, to a router.
type connection struct {
	t      *testing.T
	failed chan error // has an item when it fails
}

// connect connects to the router of the LAN.
func connect(t *testing.T, h *netnstest.Host, network string) *connection {
	t.Helper()
	return dial(t, h, h.LAN().Namespace, network, netip.MustParseAddr(netnstest.LANAddr))
}

// connectFrom connects from an address: to the router of its network, or for 127.0.0.1 to the host itself.
func connectFrom(t *testing.T, h *netnstest.Host, network, from string) *connection {
	t.Helper()
	if from == "127.0.0.1" {
		h.Run("ip", "link", "set", "lo", "up")
		return dial(t, h, h.Namespace, network, netip.MustParseAddr(from))
	}
	return dial(t, h, h.OtherLAN().Namespace, network, netip.MustParseAddr(netnstest.OtherLANAddr))
}

func dial(t *testing.T, h *netnstest.Host, there *netnstest.Namespace, network string, addr netip.Addr) *connection {
	t.Helper()
	address := netip.AddrPortFrom(addr, 7)
	var conn net.Conn
	var err error
	if network == "tcp" {
		there.Do(func() {
			var l net.Listener
			if l, err = net.Listen("tcp", address.String()); err == nil {
				t.Cleanup(func() { l.Close() })
			}
		})
	}
	if err == nil {
		h.Do(func() { conn, err = net.Dial(network, address.String()) })
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &connection{t, make(chan error, 1)}
	t.Cleanup(func() { conn.Close() })
	go func() {
		_, err := conn.Read(make([]byte, 1))
		c.failed <- err
	}()
	return c
}

// ended waits until the connection fails, and returns with what.
func (c *connection) ended() error {
	c.t.Helper()
	select {
	case err := <-c.failed:
		return err
	case <-time.After(netnstest.Patience):
		c.t.Fatal("it goes on")
		return nil
	}
}
