package suite

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	diff "github.com/google/go-cmp/cmp"
)

// routesFile is what people write three routing tables for: three NICs of one network, each with an address of its own
// that is to be reached, in order of preference.
const routesFile = `strategy = "routes"
updelay = "500ms"
[[member]]
name = "eth0"
[member.ipv4]
addresses = ["192.0.2.99/24"]
gateway = "192.0.2.1"
[[member]]
name = "eth1"
[member.ipv4]
addresses = ["192.0.2.98/24"]
gateway = "192.0.2.1"
[[member]]
name = "eth2"
[member.ipv4]
addresses = ["192.0.2.97/24"]
gateway = "192.0.2.1"
`

// own are the NICs' addresses.
var own = map[string]netip.Addr{
	"eth0": netip.MustParseAddr("192.0.2.99"), "eth1": netip.MustParseAddr("192.0.2.98"), "eth2": netip.MustParseAddr("192.0.2.97"),
}

// routesHost is a host with NICs on its LAN, and a file that says what is wanted of the group uplink.
func routesHost(t *testing.T, text string) (*netnstest.Host, map[string]*netnstest.Cable, string) {
	t.Helper()
	h := netnstest.New(t)
	cables := map[string]*netnstest.Cable{}
	for _, name := range []string{"eth0", "eth1", "eth2"} {
		cables[name] = h.Cable(name)
	}
	file := filepath.Join(t.TempDir(), "uplink.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return h, cables, file
}

// traffic is all that says where packets go, in the words of ip(8).
func trafficOf(h *netnstest.Host) string {
	var b strings.Builder
	for _, args := range [][]string{{"-4", "rule"}, {"-6", "rule"}, {"-4", "route", "show", "table", "all"}, {"-4", "address"}} {
		for line := range strings.Lines(h.Run("ip", args...)) {
			if !strings.Contains(line, "valid_lft") && !strings.Contains(line, "mtu") {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

// groupStatus is what the tests of the strategy routes look at.
type groupStatus struct {
	Name         string         `json:"name"`
	Strategy     string         `json:"strategy"`
	Active       string         `json:"active"`
	ActiveReason string         `json:"active_reason"`
	Mode         *string        `json:"mode"`
	Health       string         `json:"health"`
	HealthReason string         `json:"health_reason"`
	Members      []memberStatus `json:"members"`
}

// serves is a condition for Eventually: the group uplink has an active member, and is well unless that doesn't matter.
func serves(t *testing.T, h *netnstest.Host, member, health string) func() error {
	return func() error {
		st := statusOf[groupStatus](t, h, "uplink")
		if st.Active != member || st.Health != cmp.Or(health, st.Health) {
			return fmt.Errorf("%s active (%s), %s: %s", st.Active, st.ActiveReason, st.Health, st.HealthReason)
		}
		return nil
	}
}

// TestRoutesThreeNICs: each address is reached over its own NIC while that has a cable, and over another one otherwise;
// what names no source goes by preference; connections from each address live; down leaves nothing.
func TestRoutesThreeNICs(t *testing.T) {
	t.Parallel()
	h, cables, file := routesHost(t, routesFile)
	before := trafficOf(h)
	o := succeeds(t, h, "up", "uplink", "--config", file)
	t.Log("\n" + o.Stdout)
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	if o := succeeds(t, h, "up", "uplink", "--config", file); !strings.Contains(o.Stdout, "uplink: nothing to change") {
		t.Errorf("a second up:\n%s%s", o.Stdout, o.Stderr)
	}
	t.Log("\n" + succeeds(t, h, "status", "uplink").Stdout)

	pings, streams := map[string]*netnstest.Ping{}, map[string]*netnstest.Stream{}
	for name, addr := range own {
		pings[name] = h.LAN().PingTo(addr, 5*time.Millisecond)
		netnstest.Eventually(t, pings[name].Answered)
		streams[name] = h.StreamFrom(h.LAN(), addr)
		netnstest.Eventually(t, answersBy(h, addr, name))
	}
	netnstest.Eventually(t, leaves(h, "eth0"))
	for range sample(2, 20) {
		cables["eth0"].Pull()
		netnstest.Eventually(t, serves(t, h, "eth1", "degraded"))
		netnstest.Eventually(t, leaves(h, "eth1"))
		netnstest.Eventually(t, answersBy(h, own["eth0"], "eth1"))
		netnstest.Eventually(t, pings["eth0"].Answered)
		netnstest.Eventually(t, streams["eth0"].Moved)
		cables["eth1"].Pull()
		netnstest.Eventually(t, serves(t, h, "eth2", "degraded"))
		for name := range own {
			netnstest.Eventually(t, pings[name].Answered)
			netnstest.Eventually(t, streams[name].Moved)
		}
		cables["eth0"].Plug()
		netnstest.Eventually(t, serves(t, h, "eth0", "degraded"))
		netnstest.Eventually(t, answersBy(h, own["eth0"], "eth0"))
		cables["eth1"].Plug()
		netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
		netnstest.Eventually(t, answersBy(h, own["eth1"], "eth1"))
		for name := range own {
			netnstest.Eventually(t, pings[name].Answered)
			netnstest.Eventually(t, streams[name].Moved)
		}
	}
	for name := range own {
		t.Logf("%s: %s; %s", name, pings[name].Stop(), streams[name].Stop())
	}
	t.Log("\n" + succeeds(t, h, "events", "uplink").Stdout)

	t.Log("\n" + succeeds(t, h, "down", "uplink").Stdout)
	if d := diff.Diff(before, trafficOf(h)); d != "" {
		t.Errorf("down leaves something (-before +after)\n%s", d)
	}
}

// answersBy is a condition for Eventually: the router has the MAC address of that NIC for an address.
func answersBy(h *netnstest.Host, addr netip.Addr, nic string) func() error {
	return func() error {
		link, err := h.Netlink().LinkByName(nic)
		if err != nil {
			return err
		}
		has := h.LAN().Run("ip", "neighbour", "show", addr.String())
		if !strings.Contains(has, link.Attrs().HardwareAddr.String()) {
			return fmt.Errorf("%s is at %s, not at %s (%s)", addr, has, nic, link.Attrs().HardwareAddr)
		}
		return nil
	}
}

// TestRoutesKilled: a keeper that was killed leaves everything as it is, another one goes on, and down gives it all
// back.
func TestRoutesKilled(t *testing.T) {
	t.Parallel()
	h, cables, file := routesHost(t, routesFile)
	before := trafficOf(h)
	succeeds(t, h, "up", "uplink", "--config", file)
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	kept := trafficOf(h)
	pid := keeperOfBond(t, h, "uplink")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, ended(pid))
	if d := diff.Diff(kept, trafficOf(h)); d != "" {
		t.Errorf("the end of the keeper changed something (-before +after)\n%s", d)
	}
	cables["eth0"].Pull() // the kernel fails over by itself
	netnstest.Eventually(t, serves(t, h, "eth1", "degraded"))
	cables["eth0"].Plug()
	netnstest.Eventually(t, serves(t, h, "eth0", "degraded"))
	succeeds(t, h, "up", "uplink")
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	succeeds(t, h, "down", "uplink")
	if d := diff.Diff(before, trafficOf(h)); d != "" {
		t.Errorf("down leaves something (-before +after)\n%s", d)
	}
}

// differentNetworks is a group of a cable, a second network's cable and none of them with an address of its own.
const differentNetworks = `strategy = "routes"
updelay = "500ms"
[[member]]
name = "eth0"
[[member]]
name = "eth1"
`

// TestRoutesLeases: each member is leased an address in its own network; what is new leaves by the best live link; a
// carried-over default route of somebody else's is back afterwards.
func TestRoutesLeases(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl", "/var/lib/bondctl"))
	eth0 := h.Cable("eth0")
	h.CableTo(h.OtherLAN(), "eth1")
	h.LAN().DHCP()
	h.OtherLAN().DHCP()
	before := trafficOf(h)
	file := filepath.Join(t.TempDir(), "uplink.toml")
	if err := os.WriteFile(file, []byte(differentNetworks), 0o600); err != nil {
		t.Fatal(err)
	}
	succeeds(t, h, "up", "uplink", "--config", file)
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	t.Log("\n" + succeeds(t, h, "status", "uplink").Stdout)
	ping := h.Ping(5 * time.Millisecond)
	netnstest.Eventually(t, ping.Answered)
	for range sample(1, 10) {
		eth0.Pull()
		netnstest.Eventually(t, serves(t, h, "eth1", "degraded"))
		netnstest.Eventually(t, leaves(h, "eth1"))
		eth0.Plug()
		netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
		netnstest.Eventually(t, leaves(h, "eth0"))
	}
	netnstest.Eventually(t, ping.Answered)

	// In another network it is leased another address; what went over the old one ends.
	was := memberAddress(t, h, "eth0")
	stream := h.StreamFrom(h.LAN(), was)
	netnstest.Eventually(t, stream.Moved)
	eth0.Move(h.OtherLAN())
	netnstest.Eventually(t, func() error {
		for _, m := range statusOf[groupStatus](t, h, "uplink").Members {
			if m.Name == "eth0" && (len(m.Addresses) == 0 || m.Addresses[0].Addr() == was) {
				return fmt.Errorf("eth0 has %v", m.Addresses)
			}
		}
		return nil
	})
	netnstest.Eventually(t, func() error {
		if stream.Result().Err == nil {
			return errors.New("the connection over the old address hangs")
		}
		return nil
	})
	stream.Stop()
	t.Log("\n" + succeeds(t, h, "events", "uplink").Stdout)
	succeeds(t, h, "down", "uplink")
	if d := diff.Diff(before, trafficOf(h)); d != "" {
		t.Errorf("down leaves something (-before +after)\n%s", d)
	}
}

// TestRoutesTakeOver: addresses and default routes that are there already are adopted, and are theirs again after down.
func TestRoutesTakeOver(t *testing.T) {
	t.Parallel()
	h, cables, _ := routesHost(t, "")
	for i, name := range []string{"eth0", "eth1"} {
		h.Run("ip", "link", "set", name, "up")
		netnstest.Eventually(t, h.Carrier(name, true))
		h.Run("ip", "address", "add", own[name].String()+"/24", "dev", name)
		h.Run("ip", "route", "append", "default", "via", netnstest.LANAddr, "dev", name, "metric", fmt.Sprint(i))
	}
	before := trafficOf(h)
	file := filepath.Join(t.TempDir(), "uplink.toml")
	if err := os.WriteFile(file, []byte(differentNetworks), 0o600); err != nil {
		t.Fatal(err)
	}
	stream := h.StreamFrom(h.LAN(), own["eth1"])
	o := succeeds(t, h, "up", "uplink", "--config", file)
	t.Log("\n" + o.Stdout + o.Stderr)
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	cables["eth0"].Pull()
	netnstest.Eventually(t, leaves(h, "eth1"))
	netnstest.Eventually(t, serves(t, h, "eth1", "degraded"))
	cables["eth0"].Plug()
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	cables["eth1"].Pull()
	netnstest.Eventually(t, stream.Moved)
	cables["eth1"].Plug()
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	succeeds(t, h, "down", "uplink")
	netnstest.Eventually(t, stream.Moved)
	if d := diff.Diff(before, trafficOf(h)); d != "" {
		t.Errorf("down leaves something (-before +after)\n%s", d)
	}
}

// leaves is a condition for Eventually: what names no source leaves by that NIC.
func leaves(h *netnstest.Host, by string) func() error {
	return func() error {
		if got := h.Run("ip", "route", "get", "203.0.113.1"); !strings.Contains(got, "dev "+by) {
			return fmt.Errorf("what names no source leaves by %s", got)
		}
		return nil
	}
}

// memberAddress is a member's first address.
func memberAddress(t *testing.T, h *netnstest.Host, link string) netip.Addr {
	t.Helper()
	for _, m := range statusOf[groupStatus](t, h, "uplink").Members {
		if m.Name == link && len(m.Addresses) > 0 {
			return m.Addresses[0].Addr()
		}
	}
	t.Fatalf("%s has no address", link)
	return netip.Addr{}
}
