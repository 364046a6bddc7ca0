package suite

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// newHostile is a host whose bond0 of eth0 a keeper in the foreground keeps, and whose LAN has such a server.
func newHostile(t *testing.T, a answer) (h *netnstest.Host, server *hostileDHCP, keeper *netnstest.Process) {
	t.Helper()
	h = netnstest.New(t, netnstest.Private("/etc/bondctl"))
	server, keeper = startHostile(t, h, a)
	return h, server, keeper
}

func startHostile(t *testing.T, h *netnstest.Host, a answer) (server *hostileDHCP, keeper *netnstest.Process) {
	t.Helper()
	h.Cable("eth0")
	server = startHostileDHCP(t, h.LAN(), a)
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), "updelay = 100\n[[member]]\nname = \"eth0\"\n[[member]]\nname = \"eth1\"\n")
	keeper = h.Start("bondctl", "daemon")
	netnstest.Eventually(t, active(h, "eth0"))
	netnstest.Eventually(t, noted(t, h, "eth0"))
	return server, keeper
}

// TestKeeperHostileDHCP: what is wrong about a server is said, nothing that it says is printed as it came,
// and once it has come to its senses all is well. Meanwhile the keeper looks after its members.
func TestKeeperHostileDHCP(t *testing.T) {
	t.Parallel()
	const unusable = "a DHCP server's answer can't be used: "
	says := map[string]string{
		"silent":           "no DHCP server answers",
		"NAK storm":        `DHCP server 192.0.2.1 refuses the address: "no\n\x1b[2J"`,
		"header only":      unusable + "it is malformed",
		"no options":       "no DHCP server answers",
		"cut off":          unusable,
		"garbage":          "no DHCP server answers",
		"length too large": unusable,
		"endless padding":  unusable,
		"no length":        unusable,
		"no server":        unusable + "it names no server",
		"loopback":         unusable + "it gives no usable address",
		"multicast":        unusable + "it gives no usable address",
		"broadcast":        unusable + "it gives no usable address",
		"no mask":          unusable + "it has no usable subnet mask",
		"mask with hole":   unusable + "it has no usable subnet mask",
		"short time":       unusable + "it has no lease time",
	}
	short := []string{"NAK storm", "garbage", "loopback", "no time", "names", "addresses"}
	for name, tt := range hostile {
		if !*long && !slices.Contains(short, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, server, keeper := newHostile(t, tt.answer)
			if tt.leases {
				netnstest.Eventually(t, leased(t, h, "192.0.2.150/24"))
				route := "default via 192.0.2.1 dev bond0 proto dhcp metric 100 onlink"
				if name == "addresses" {
					route = "203.0.113.0/24 via 192.0.2.1 dev bond0 proto dhcp metric 100 onlink"
				}
				netnstest.Eventually(t, routesAre(h, route, "192.0.2.0/24 dev bond0 proto kernel scope link src 192.0.2.150"))
			} else {
				netnstest.Eventually(t, healthSays(t, h, "dhcp: "+says[name]))
				netnstest.Eventually(t, happened(t, h, "trouble dhcp "))
				if got := status(t, h).Addresses; len(got) > 0 {
					t.Errorf("addresses %v", got)
				}
				h.Cable("eth1")
				netnstest.Eventually(t, usable(h, "eth1"))
			}
			printsNothingForeign(t, h, keeper)
			server.does(lends())
			netnstest.Eventually(t, leased(t, h, "192.0.2.150/24"))
			if !tt.leases {
				netnstest.Eventually(t, happened(t, h, "mended  dhcp"))
				netnstest.Eventually(t, noTrouble(t, h))
			}
			printsNothingForeign(t, h, keeper)
		})
	}
}

// routesAre is a condition for Eventually: there are these IPv4 routes and no others.
func routesAre(h *netnstest.Host, want ...string) func() error {
	return func() error {
		var got []string
		for line := range strings.Lines(h.Run("ip", "-4", "route")) {
			got = append(got, strings.TrimSpace(line))
		}
		slices.Sort(got)
		slices.Sort(want)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			return fmt.Errorf("the routes are %q, want %q", got, want)
		}
		return nil
	}
}

// printsNothingForeign checks all that bondctl says of bond0: text that can be printed, and JSON that can
// be read.
func printsNothingForeign(t *testing.T, h *netnstest.Host, keeper *netnstest.Process) {
	t.Helper()
	texts := map[string]string{}
	if keeper != nil {
		texts["the keeper's log"] = keeper.Output()
	}
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"status", "--all"}, {"events"}, {"events", "--json"}, {"up"}} {
		o := succeeds(t, h, args...)
		texts["bondctl "+strings.Join(args, " ")] = o.Stdout + o.Stderr
		if args[len(args)-1] == "--json" {
			readsAsJSON(t, o.Stdout)
		}
	}
	for what, text := range texts {
		if err := printable(text); err != nil {
			t.Errorf("%s: %v in\n%q", what, err, text)
		}
	}
}

func readsAsJSON(t *testing.T, text string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	for decoder.More() {
		var value any
		if err := decoder.Decode(&value); err != nil {
			t.Errorf("%v in %s", err, text)
			return
		}
	}
}

// printable tells of the first thing in a text that a terminal wouldn't just show, and of a line that
// wasn't one of ours.
func printable(text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("bytes that aren't UTF-8")
	}
	for i, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			return fmt.Errorf("%q at %d", r, i)
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "nameserver") {
			return fmt.Errorf("a server's line: %q", line)
		}
	}
	return nil
}

// TestKeeperNAKStorm: whatever happens beside, a server that refuses what it offers is asked seldom.
func TestKeeperNAKStorm(t *testing.T) {
	t.Parallel()
	h, server, _ := newHostile(t, naks("\x1b[2J"))
	began := time.Now()
	netnstest.Eventually(t, happened(t, h, "trouble dhcp "))
	ups := sample(10, 300)
	for range ups { // and each has the keeper look
		succeeds(t, h, "up", "--wait", "0")
	}
	server.wantSeldom(t, began)
	if out := succeeds(t, h, "events").Stdout; strings.Count(out, " trouble ") != 1 {
		t.Errorf("the same trouble is told again:\n%s", out)
	}
}

// Routes that a server may name and that no network needs, or that somebody else has.
var oddRoutes = map[string]dhcpv4.Modifier{
	"its own network":      classless(24, 192, 0, 2, 0, 0, 0, 0, 0, 192, 0, 2, 1),
	"its network, stolen":  classless(24, 192, 0, 2, 192, 0, 2, 66, 0, 192, 0, 2, 1),
	"by a broadcast":       classless(24, 203, 0, 113, 192, 0, 2, 255, 0, 192, 0, 2, 1),
	"one of somebody else": classless(24, 203, 0, 114, 192, 0, 2, 66, 0, 192, 0, 2, 1),
}

func classless(routes ...byte) dhcpv4.Modifier {
	return option(dhcpv4.OptionClasslessStaticRoute, routes...)
}

// They cost neither the other routes nor a member, nor are they any trouble. Some servers name the lease's own
// network, as RFC 3442 does in an example.
func TestKeeperOddRoute(t *testing.T) {
	t.Parallel()
	for name, change := range oddRoutes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
			h.Cable("eth9")
			linkUp(t, h, "eth9")
			h.Run("ip", "route", "add", "203.0.114.0/24", "dev", "eth9")
			_, keeper := startHostile(t, h, lends(change))
			netnstest.Eventually(t, leased(t, h, "192.0.2.150/24"))
			netnstest.Eventually(t, defaultRoute(h, netnstest.LANAddr))
			h.Cable("eth1")
			netnstest.Eventually(t, usable(h, "eth1"))
			netnstest.Eventually(t, noTrouble(t, h))
			succeeds(t, h, "up")
			printsNothingForeign(t, h, keeper)
			if out := h.Run("ip", "route", "get", "203.0.114.1"); !strings.Contains(out, "dev eth9") {
				t.Errorf("somebody else's route doesn't hold any more: %s", out)
			}
		})
	}
}
