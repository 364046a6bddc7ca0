package suite

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// TestRoutesMPTCP: a connection of Multipath TCP goes on from one network to another and back, with mptcp = true. Its
// other end is behind both.
func TestRoutesMPTCP(t *testing.T) {
	t.Parallel()
	needsMPTCP(t)
	h := netnstest.New(t)
	eth0, eth1 := h.Cable("eth0"), h.CableTo(h.OtherLAN(), "eth1")
	joinLANs(h)
	server := mptcpEcho(t, h.LAN())
	file := filepath.Join(t.TempDir(), "uplink.toml")
	text := fmt.Sprintf("strategy = \"routes\"\nmptcp = true\nupdelay = 200\n"+
		"[[member]]\nname = \"eth0\"\n[member.ipv4]\naddresses = [\"192.0.2.99/24\"]\ngateway = \"192.0.2.1\"\n"+
		"[[member]]\nname = \"eth1\"\n[member.ipv4]\naddresses = [\"198.51.100.99/24\"]\ngateway = %q\n", h.OtherLAN().Addr.Addr())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	before := h.Run("ip", "mptcp", "limits")
	o := succeeds(t, h, "up", "uplink", "--config", file)
	t.Log("\n" + o.Stdout)
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	c := server.connect(t, h)
	netnstest.Eventually(t, c.moved)
	netnstest.Eventually(t, hasSubflows(h, 2))
	for range sample(1, 5) {
		eth0.Pull()
		netnstest.Eventually(t, serves(t, h, "eth1", "degraded"))
		netnstest.Eventually(t, c.moved)
		eth0.Plug()
		netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
		netnstest.Eventually(t, c.moved)
		eth1.Pull()
		netnstest.Eventually(t, serves(t, h, "eth0", "degraded"))
		netnstest.Eventually(t, c.moved)
		eth1.Plug()
		netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	}
	t.Log("\n" + h.Run("ip", "mptcp", "endpoint"))
	succeeds(t, h, "down", "uplink")
	if left := h.Run("ip", "mptcp", "endpoint"); left != "" || h.Run("ip", "mptcp", "limits") != before {
		t.Errorf("down leaves %q, limits %q (before %q)", left, h.Run("ip", "mptcp", "limits"), before)
	}
}

func needsMPTCP(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/sys/net/mptcp/enabled"); err != nil {
		netnstest.Skip(t, "%v: this kernel has no Multipath TCP", err)
	}
}

// An mptcpServer is an echo server behind both LANs.
type mptcpServer struct{ addr netip.AddrPort }

// joinLANs has the LANs' routers know each other, and the first one have an address that is reached from both.
func joinLANs(h *netnstest.Host) {
	lan, other := h.LAN(), h.OtherLAN()
	lan.Link("between", other.Namespace)
	lan.Run("ip", "address", "add", "10.0.0.1/30", "dev", "between")
	other.Run("ip", "address", "add", "10.0.0.2/30", "dev", "between")
	other.Run("sysctl", "-w", "net.ipv4.ip_forward=1")
	other.Run("ip", "route", "add", "203.0.113.1/32", "via", "10.0.0.1")
	lan.Run("ip", "address", "add", "203.0.113.1/32", "dev", "lo")
	lan.Run("ip", "link", "set", "lo", "up")
	lan.Run("ip", "route", "add", other.Addr.Masked().String(), "via", "10.0.0.2")
	lan.Run("ip", "mptcp", "limits", "set", "subflows", "4", "add_addr_accepted", "4")
}

// mptcpEcho starts an echo server behind both LANs.
func mptcpEcho(t *testing.T, lan *netnstest.LAN) mptcpServer {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(true)
	addr := serve(t, lan, config, everywhere+":0", func(conn net.Conn) {
		t.Cleanup(func() { conn.Close() })
		echoLines(conn)
	})
	return mptcpServer{netip.MustParseAddrPort(addr.String())}
}

func echoLines(conn net.Conn) {
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if _, err := fmt.Fprintln(conn, lines.Text()); err != nil {
			return
		}
	}
}

// An mptcpConn carries numbered lines there and back.
type mptcpConn struct {
	back atomic.Int64 // lines
	seen int64
	err  atomic.Pointer[error]
}

func (s mptcpServer) connect(t *testing.T, h *netnstest.Host) *mptcpConn {
	t.Helper()
	var conn net.Conn
	var err error
	h.Do(func() {
		var d net.Dialer
		d.SetMultipathTCP(true)
		conn, err = d.Dial("tcp", s.addr.String())
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if is, err := conn.(*net.TCPConn).MultipathTCP(); !is {
		t.Fatalf("the connection is no Multipath TCP (%v)", err)
	}
	c := &mptcpConn{}
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			if _, err := fmt.Fprintln(conn, n); err != nil {
				c.err.CompareAndSwap(nil, &err)
				return
			}
			<-tick.C
		}
	}()
	go func() {
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			c.back.Add(1)
		}
	}()
	return c
}

// moved is a condition for Eventually: a line has come back since it was last met.
func (c *mptcpConn) moved() error {
	if err := c.err.Load(); err != nil {
		return *err
	}
	now := c.back.Load()
	if now == c.seen {
		return errors.New("no line has come back")
	}
	c.seen = now
	return nil
}

// hasSubflows is a condition for Eventually: so many TCP connections lead to the server.
func hasSubflows(h *netnstest.Host, n int) func() error {
	return func() error {
		text := h.Run("ss", "-Htn", "state", "established", "dst", "203.0.113.1")
		if got := strings.Count(text, "203.0.113.1"); got < n {
			return fmt.Errorf("%d subflows: %s", got, text)
		}
		return nil
	}
}
