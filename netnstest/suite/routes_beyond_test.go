package suite

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// TestRoutesBeyond has the upstream of the preferred member's router fail while that router answers: another member is
// used until the upstream is back. The upstream is asked by ICMP echo, or as a web server with a name that only the
// member's own name server knows.
func TestRoutesBeyond(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, probe string }{
		{"echo", "target = \"" + everywhere + "\"\ninterval = \"300ms\"\n"},
		{"web", "target = \"http://check.example/generate_204\"\ninterval = \"1s\"\nfails = 2\npasses = 1\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t)
			h.Cable("eth0")
			h.CableTo(h.OtherLAN(), "eth1")
			for _, lan := range []*netnstest.LAN{h.LAN(), h.OtherLAN()} {
				lan.Run("ip", "link", "set", "lo", "up")
				lan.Run("ip", "address", "add", everywhere+"/32", "dev", "lo")
				lan.DHCP()
				lan.Start("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces",
					"--listen-address="+lan.Addr.Addr().String(), "--address=/check.example/"+everywhere)
				serveWeb(t, lan)
			}
			file := filepath.Join(t.TempDir(), "uplink.toml")
			writeFile(t, file, differentNetworks+"[probe]\n"+tt.probe)
			succeeds(t, h, "up", "uplink", "--config", file)
			netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
			netnstest.Eventually(t, pathsOfGroup(t, h, "ok", "ok"))
			h.LAN().Run("ip", "address", "del", everywhere+"/32", "dev", "lo")
			netnstest.Eventually(t, pathsOfGroup(t, h, "dead", "ok"))
			netnstest.Eventually(t, serves(t, h, "eth1", "degraded"))
			netnstest.Eventually(t, leaves(h, "eth1"))
			st := statusOf[groupStatus](t, h, "uplink")
			if !strings.Contains(st.HealthReason, "the path of eth0 is dead: ") || st.ActiveReason != "path" {
				t.Errorf("%s: %s", st.ActiveReason, st.HealthReason)
			}
			h.LAN().Run("ping", "-c1", h.LAN().Addr.Addr().String())
			h.LAN().Run("ip", "address", "add", everywhere+"/32", "dev", "lo")
			netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
			t.Log("\n" + succeeds(t, h, "status", "uplink").Stdout + succeeds(t, h, "events", "uplink").Stdout)
			succeeds(t, h, "down", "uplink")
		})
	}
}

// pathsOfGroup is a condition for Eventually: what is known of the members' paths, in their order.
func pathsOfGroup(t *testing.T, h *netnstest.Host, want ...string) func() error {
	return func() error {
		st := statusOf[groupStatus](t, h, "uplink")
		for i, state := range want {
			if p := st.Members[i].Path; p == nil || p.State != state {
				return fmt.Errorf("the path of %s is %+v, not %s; %s", st.Members[i].Name, p, state, st.HealthReason)
			}
		}
		return nil
	}
}

// serveWeb has a LAN's router serve HTTP at all of its addresses.
func serveWeb(t *testing.T, lan *netnstest.LAN) {
	t.Helper()
	serve(t, lan, net.ListenConfig{}, "0.0.0.0:80", func(conn net.Conn) {
		if line, _ := bufio.NewReader(conn).ReadString('\n'); strings.HasPrefix(line, "GET /generate_204 HTTP/1.1") {
			fmt.Fprint(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
		}
	})
}
