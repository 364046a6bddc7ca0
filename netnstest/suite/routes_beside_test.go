package suite

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// Two addresses of the far side. It sends nothing from tunnelOnly to a member's address, so that only the tunnel
// reaches it. throughTunnelOr asks for the way to the other one, which is reached both ways.
const (
	tunnelOnly = "10.9.0.1"
	bothWays   = "198.51.100.1"
)

// TestRoutesBeside: beside wg-quick's full tunnel, a container bridge with NAT, and rules and tables of others, the
// cables fail over; the tunnel and the container go on, and nothing of the others' ever changes.
func TestRoutesBeside(t *testing.T) {
	t.Parallel()
	h, cables, file := routesHost(t, besideFile())
	h.Unpack("wireguard-tools", "nftables")
	for name := range cables {
		linkUp(t, h, name)
	}
	// The machine is on the network already: up takes over an address and a default route.
	shell(h, "ip address add 192.0.2.99/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0")
	startTunnel(t, h)
	container := startContainer(t, h)
	routing := filepath.Join(t.TempDir(), "routing")
	writeFile(t, routing, othersRouting)
	h.Run("ip", "-batch", routing)
	shell(h, "ip -6 rule add priority 5270 table 52", "ip -6 rule add priority 30001 from fd00:17::9 table 31999 protocol 97",
		"ip -6 route add fd00:17::/64 dev docker0 table 31999 protocol 97")
	tunnel := h.PingTo(netip.MustParseAddr(tunnelOnly), 50*time.Millisecond)
	nat := container.Ping(50 * time.Millisecond)
	others := settledOthers(t, h)
	untouched := func(when string) {
		t.Helper()
		for _, works := range []func() error{tunnel.Answered, nat.Answered, answered(h, "fd00:9::1")} {
			netnstest.Eventually(t, works)
		}
		if d := cmp.Diff(others, othersState(h)); d != "" {
			t.Fatalf("%s: what others have set was touched (-before +after)\n%s", when, d)
		}
	}
	untouched("before up")
	before := trafficOf(h)

	succeeds(t, h, "up", "uplink", "--config", file)
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	untouched("after up")
	for n := range sample(3, 10) {
		want := []string{"eth1", "eth2", "eth0"}[n%3]
		if want == "eth0" {
			cables["eth1"].Plug()
			cables["eth0"].Plug()
		} else {
			cables[fmt.Sprintf("eth%d", n%3)].Pull()
		}
		netnstest.Eventually(t, serves(t, h, want, ""))
		netnstest.Eventually(t, throughTunnelOr(h, want))
		for _, addr := range own { // also those whose own link is lost; the tunnel's peer would drop this
			netnstest.Eventually(t, answered(h, "-I", addr.String(), bothWays))
		}
		untouched(fmt.Sprintf("after failover %d, to %s", n+1, want))
	}
	for _, cable := range cables {
		cable.Plug()
	}
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	untouched("after the failovers")
	succeeds(t, h, "down", "uplink")
	untouched("after down")
	t.Logf("through the tunnel: %s\nfrom the container: %s", tunnel.Stop(), nat.Stop())
	if d := cmp.Diff(before, trafficOf(h)); d != "" {
		t.Errorf("down leaves something (-before +after)\n%s", d)
	}
}

// besideFile is a configuration with members that have addresses of both families.
func besideFile() string {
	text := "strategy = \"routes\"\nupdelay = 100\n"
	for i := range 3 {
		text += fmt.Sprintf("[[member]]\nname = \"eth%d\"\n", i)
		text += fmt.Sprintf("[member.ipv4]\naddresses = [\"192.0.2.%d/24\"]\ngateway = \"192.0.2.1\"\n", 99-i)
		text += fmt.Sprintf("[member.ipv6]\naddresses = [\"2001:db8::%d/64\"]\ngateway = \"2001:db8::1\"\n", 99-i)
	}
	return text
}

// startTunnel has wg-quick make a tunnel for all traffic. Its peer is behind the router, so that the tunnel's own
// packets go by the members' default routes.
func startTunnel(t *testing.T, h *netnstest.Host) {
	t.Helper()
	lan := h.LAN()
	shell(lan, "ip address add 203.0.113.1/32 dev lo", "ip address add "+bothWays+"/32 dev lo",
		"ip rule add blackhole from "+tunnelOnly+" to 192.0.2.0/24")
	near, nearPublic := wireguardKey(t)
	far, farPublic := wireguardKey(t)
	dir := t.TempDir()
	peer, file := filepath.Join(dir, "peer.conf"), filepath.Join(dir, "wg0.conf")
	h.Run("cp", "/usr/bin/wg", dir) // the router has no unpacked package
	writeFile(t, peer, "[Interface]\nPrivateKey = "+far+"\nListenPort = 51820\n"+
		"[Peer]\nPublicKey = "+nearPublic+"\nAllowedIPs = 10.9.0.2/32, fd00:9::2/128\n")
	shell(lan, "ip link add wg0 type wireguard", dir+"/wg setconf wg0 "+peer, "ip address add 10.9.0.1/24 dev wg0",
		"ip address add fd00:9::1/64 dev wg0 nodad", "ip link set wg0 up")
	writeFile(t, file, "[Interface]\nPrivateKey = "+near+"\nAddress = 10.9.0.2/32, fd00:9::2/128\n"+
		"[Peer]\nPublicKey = "+farPublic+"\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = 203.0.113.1:51820\n")
	h.Run("/usr/bin/wg-quick", "up", file)
}

// wireguardKey makes a pair of keys, as wg genkey and wg pubkey do.
func wireguardKey(t *testing.T) (private, public string) {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(key.Bytes()), base64.StdEncoding.EncodeToString(key.PublicKey().Bytes())
}

// startContainer makes a container behind a bridge and NAT, as Docker does.
func startContainer(t *testing.T, h *netnstest.Host) *netnstest.Host {
	t.Helper()
	container := netnstest.New(t)
	h.Link("vethc", container.Namespace)
	shell(container, "ip address add 172.17.0.2/16 dev vethc", "ip route add default via 172.17.0.1")
	shell(h, "ip link add docker0 type bridge", "ip link set docker0 up", "ip link set vethc master docker0",
		"ip address add 172.17.0.1/16 dev docker0", "sysctl -w net.ipv4.ip_forward=1",
		"/usr/sbin/nft add table ip nat", "/usr/sbin/nft add chain ip nat POSTROUTING { type nat hook postrouting priority srcnat ; policy accept ; }",
		"/usr/sbin/nft add rule ip nat POSTROUTING ip saddr 172.17.0.0/16 oifname != docker0 counter masquerade")
	return container
}

// othersRouting are IPv4 rules and tables of others, for ip -batch: Tailscale's, and some that are as near to bondctl's as
// can be, by their priorities, the numbers of their tables, their protocols, and a member that they lead over.
const othersRouting = `link add tailscale0 type dummy
link set tailscale0 up
address add 100.64.0.2/32 dev tailscale0
route add 100.64.0.0/10 dev tailscale0 table 52
rule add priority 5210 fwmark 0x80000/0xff0000 table main
rule add priority 5230 fwmark 0x80000/0xff0000 table default
rule add priority 5250 fwmark 0x80000/0xff0000 unreachable
rule add priority 5270 table 52
rule add priority 29999 from 172.17.0.9 table 30999 protocol 97
rule add priority 30000 from 172.17.0.9 table 30999 protocol 97
rule add priority 30001 from 172.17.0.9 table main protocol 99
rule add priority 30002 from 172.17.0.9 table 31999 protocol static
rule add priority 30003 from 172.17.0.9 table main protocol 99
rule add priority 30004 from 172.17.0.9 table 31999 protocol 99
route add 203.0.113.64/26 dev docker0 table 30999 protocol 97
route add 203.0.113.64/26 dev docker0 table 31999 protocol static
route add 203.0.113.64/26 dev eth1 table 31999 metric 5 protocol 97
route add 203.0.113.64/26 dev eth1 protocol 97
route add default via 172.17.0.3 dev docker0 metric 5000 protocol dhcp
`

var (
	ofMember = regexp.MustCompile(`\beth[0-2]\b`)
	// ofTheMoment is what the kernel says of a route while its cable is out, and what a packet filter has counted.
	ofTheMoment = regexp.MustCompile(` dead| linkdown| packets \d+ bytes \d+`)
)

// othersState is all that isn't bondctl's, in the words of the programs that set it: links, addresses, rules, routes,
// packet filters, the tunnel and sysctls. Of what leads over a member it is what has protocol 97.
func othersState(h *netnstest.Host) (all []string) {
	for _, command := range []string{
		"ip -o link", "ip -o address", "ip -d -4 rule", "ip -d -6 rule", "ip -d -4 route show table all", "ip -d -6 route show table all",
		"/usr/sbin/nft --handle list ruleset", "/usr/bin/wg showconf wg0",
	} {
		words := strings.Fields(command)
		all = append(all, command)
		for line := range strings.Lines(h.Run(words[0], words[1:]...)) {
			switch {
			case strings.Contains(line, "proto 98"):
			case ofMember.MatchString(line) && !strings.Contains(line, "proto 97"):
			default:
				all = append(all, ofTheMoment.ReplaceAllString(line, ""))
			}
		}
	}
	h.Do(func() { // /proc/sys/net shows the namespace of the thread that reads it
		for _, link := range []string{"all", "default", "lo", "wg0", "docker0", "vethc", "tailscale0"} {
			paths, _ := filepath.Glob("/proc/sys/net/ipv[46]/conf/" + link + "/*")
			for _, path := range paths {
				value, err := os.ReadFile(path)
				all = append(all, fmt.Sprint(path, " ", string(value), err))
			}
		}
	})
	return all
}

// settledOthers is othersState once the kernel has nothing left to do: nobody has the addresses that it asks for.
func settledOthers(t *testing.T, h *netnstest.Host) (all []string) {
	t.Helper()
	netnstest.Eventually(t, func() error {
		all = othersState(h)
		if text := strings.Join(all, ""); strings.Contains(text, "tentative") {
			return fmt.Errorf("still tentative:\n%s", text)
		}
		return nil
	})
	return all
}

// answered is a condition for Eventually: a ping with these arguments is answered.
func answered(h *netnstest.Host, args ...string) func() error {
	return func() error {
		out, err := h.Command("ping", append([]string{"-c", "1", "-W", "1"}, args...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
}
