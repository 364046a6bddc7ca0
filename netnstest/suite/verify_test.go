package suite

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// lonely is a host whose eth0 is in use, over which the LAN's router is the gateway of IPv4 and IPv6. What
// eth1's cable leads to is the test's choice.
func lonely(t *testing.T, eth1 func(h *netnstest.Host) *netnstest.LAN) *netnstest.Host {
	t.Helper()
	h := netnstest.New(t)
	sysctl(t, h.Namespace, "net/ipv6/conf/default/accept_dad", "0")
	h.Cable("eth0")
	h.CableTo(eth1(h), "eth1")
	linkUp(t, h, "eth0", "eth1")
	shell(h, "ip address add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0")
	for _, nic := range []string{"eth0", "eth1"} {
		netnstest.Eventually(t, h.Carrier(nic, true))
		netnstest.Eventually(t, func() error {
			if out := h.Run("ip", "-6", "address", "show", "dev", nic, "scope", "link"); !strings.Contains(out, "fe80:") {
				return fmt.Errorf("%s has no link-local address yet", nic)
			}
			return nil
		})
	}
	return h
}

func sameLAN(h *netnstest.Host) *netnstest.LAN   { return h.LAN() }
func blackHole(h *netnstest.Host) *netnstest.LAN { return h.OtherLAN() }

// drops has a LAN's switch drop some of what comes by the cable of that NIC: see tc-flower(8).
func drops(lan *netnstest.LAN, nic, what string) {
	port := "p-" + nic
	lan.Run("tc", "qdisc", "replace", "dev", port, "clsact")
	lan.Run("tc", strings.Fields("filter add dev "+port+" ingress "+what+" action drop")...)
}

// passes ends that.
func passes(lan *netnstest.LAN, nic string) { lan.Run("tc", "qdisc", "del", "dev", "p-"+nic, "clsact") }

// eth1First prefers eth1, which takes everything over.
var eth1First = []string{"--primary", "eth1", "--member", "eth1", "--member", "eth0"}

func upArgsOf(flags ...string) []string {
	return append(append([]string{"up", "--once", "--wait", "0"}, eth1First...), flags...)
}

// TestVerify: an up whose bond leads nowhere is put back, and the stream over the member goes on; one whose
// gateway answers stays.
func TestVerify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		before []string
		env    string
		silent string
	}{
		{name: "arp", silent: "gateway 192.0.2.1 of eth0"},
		{name: "neighbour discovery", before: []string{
			"ip route del default", "ip address add 2001:db8::10/64 dev eth0", "ip -6 route add default via 2001:db8::1 dev eth0",
		}, silent: "gateway 2001:db8::1 of eth0"},
		{name: "the peer of an SSH session", before: []string{"ip route del default"}, env: "SSH_CONNECTION=192.0.2.1 50022 192.0.2.10 22",
			silent: "192.0.2.1, from where you are logged in"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := lonely(t, blackHole)
			shell(h, tt.before...)
			before := takeSnapshot(t, h)
			stream := h.Stream()
			netnstest.Eventually(t, stream.Moved)
			cmd := h.Command("bondctl", upArgsOf("--verify", "1s")...)
			cmd.Env = append(os.Environ(), tt.env)
			o := run(t, cmd)
			if o.Status != 1 || !strings.Contains(o.Stderr, tt.silent+" answered before, and not through bond0 within") {
				t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
			}
			netnstest.Eventually(t, asBefore(t, h, before))
			netnstest.Eventually(t, stream.Moved)
			if r := stream.Stop(); r.Err != nil {
				t.Error(r)
			}
		})
	}
	for _, tt := range []struct {
		name, drops, silent string
		others              []string // what isn't to be said
		flags               []string
	}{
		{"ARP is dropped", "protocol arp matchall", "gateway 192.0.2.1 of eth0 answered before", []string{"2001:db8::1", "by ping"}, nil},
		{"IPv4 is dropped", "protocol ip matchall", "gateway 192.0.2.1 of eth0 (by ping) answered before", []string{"192.0.2.1 of eth0 answered", "2001:db8::1"}, nil},
		{"IPv4 is dropped by who is active after a while", "protocol ip matchall", "gateway 192.0.2.1 of eth0 (by ping) answered before", nil, []string{"--updelay", "1s"}},
		{"IPv6 is dropped", "protocol ipv6 matchall", "gateway 2001:db8::1 of eth0 answered before", []string{"192.0.2.1", "by ping"}, nil},
		{"IPv6 is dropped but for neighbour discovery", "protocol ipv6 flower ip_proto icmpv6 type 128", "gateway 2001:db8::1 of eth0 (by ping) answered before",
			[]string{"192.0.2.1", "2001:db8::1 of eth0 answered"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := lonely(t, sameLAN)
			shell(h, "ip address add 2001:db8::10/64 dev eth0", "ip -6 route add default via 2001:db8::1 dev eth0")
			drops(h.LAN(), "eth1", tt.drops)
			before := takeSnapshot(t, h)
			stream := h.Stream()
			netnstest.Eventually(t, stream.Moved)
			o := bondctl(t, h, upArgsOf(append(tt.flags, "--verify", "2s")...)...)
			if o.Status != 1 || !strings.Contains(o.Stderr, tt.silent) {
				t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
			}
			for _, text := range tt.others {
				if strings.Contains(o.Stderr, text) {
					t.Errorf("it says %q:\n%s", text, o.Stderr)
				}
			}
			netnstest.Eventually(t, asBefore(t, h, before))
			netnstest.Eventually(t, stream.Moved)
			if r := stream.Stop(); r.Err != nil {
				t.Error(r)
			}
		})
	}
	t.Run("kept", func(t *testing.T) {
		t.Parallel()
		h := lonely(t, sameLAN)
		shell(h, "ip address add 2001:db8::10/64 dev eth0", "ip -6 route add default via 2001:db8::1 dev eth0")
		before := takeSnapshot(t, h)
		o := succeeds(t, h, upArgsOf()...)
		t.Log(o.Stdout)
		if f, there, err := trialOf(h); there || err != nil {
			t.Errorf("something is still on trial: %+v, %v", f, err)
		}
		succeeds(t, h, "down")
		netnstest.Eventually(t, asBefore(t, h, before))
	})
}

// TestVerifyOwnAddress: an up by which the address would go over which its user is logged in is put back,
// though it takes nothing over and its environment doesn't say so, as under sudo; without a session it isn't.
func TestVerifyOwnAddress(t *testing.T) {
	t.Parallel()
	h := lonely(t, sameLAN)
	succeeds(t, h, upArgsOf()...)
	before := takeSnapshot(t, h)
	other := upArgsOf("--address", "192.0.2.50/24", "--gateway", "192.0.2.1")
	cmd := h.Command("sh", "-c", `env --unset SSH_CONNECTION bondctl "$@"; exit $?`, "sh")
	cmd.Args = append(cmd.Args, other...)
	cmd.Env = append(os.Environ(), "SSH_CONNECTION=192.0.2.1 50022 192.0.2.10 22")
	o := run(t, cmd)
	if o.Status != 1 || !strings.Contains(o.Stderr, "192.0.2.10, by which you are logged in, would be gone") {
		t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
	}
	netnstest.Eventually(t, asBefore(t, h, before))
	succeeds(t, h, other...)
	succeeds(t, h, "down")
}

// TestVerifyLeftOut: to leave out the member that brought the address, whose cable is out, would take that from
// the bond, and so is put back.
func TestVerifyLeftOut(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	linkUp(t, h, "eth0", "eth1")
	shell(h, "ip address add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0")
	succeeds(t, h, append([]string{"up", "--once"}, eth0And1...)...)
	eth0.Pull()
	netnstest.Eventually(t, active(h, "eth1"))
	before := takeSnapshot(t, h)
	o := run(t, h.Command("bondctl", "up", "--once", "--verify", "1s", "--member", "eth1"))
	if o.Status != 1 || !strings.Contains(o.Stderr, "gateway 192.0.2.1 of bond0 answered before") {
		t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
	}
	netnstest.Eventually(t, asBefore(t, h, before))
}

// TestSwitchBack: a switch to where the gateway doesn't answer is taken back, and what was chosen before with it.
func TestSwitchBack(t *testing.T) {
	t.Parallel()
	h := lonely(t, blackHole)
	succeeds(t, h, "up", "--once", "--wait", "0", "--verify", "0", "--member", "eth0", "--member", "eth1")
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	before := takeSnapshot(t, h)
	fails(t, h, 1, []string{"gateway 192.0.2.1 of bond0 answered before, and not over eth1 within 1s"}, "switch", "--verify", "1s", "eth1")
	netnstest.Eventually(t, active(h, "eth0"))
	netnstest.Eventually(t, asBefore(t, h, before))
	succeeds(t, h, "switch", "--verify", "0", "eth1")
	succeeds(t, h, "switch", "eth0") // nobody answered before
	succeeds(t, h, "down")
}

// TestReloadBack: a file under which the gateway doesn't answer any more isn't followed, and status says so. One
// under which it does is.
func TestReloadBack(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.CableTo(h.OtherLAN(), "eth1")
	linkUp(t, h, "eth0", "eth1")
	reload := func(members ...string) {
		t.Helper()
		text := "miimon = 50\n"
		for _, name := range members {
			text += "[[member]]\nname = \"" + name + "\"\n"
		}
		writeFile(t, in(h, "/etc/bondctl/bond0.toml"), text+"[ipv4]\naddresses = [\"192.0.2.10/24\"]\ngateway = \"192.0.2.1\"\n")
		if len(members) == 1 {
			return
		}
		kill(t, keeperOf(t, h), syscall.SIGHUP)
	}
	reload("eth0")
	h.Start("bondctl", "daemon")
	netnstest.Eventually(t, usable(h, "eth0"))
	netnstest.Eventually(t, defaultRoute(h, "192.0.2.1")) // the last that it is given
	stream := h.Stream()

	reload("eth1", "eth0")
	netnstest.Eventually(t, healthSays(t, h, "configuration: the one before stays in force: gateway 192.0.2.1 of bond0 answered before, and not through bond0 within 10s"))
	rolesAre(t, h, "eth0 active")
	netnstest.Eventually(t, stream.Moved)
	drops(h.LAN(), "eth0", "protocol ip matchall")
	drops(h.LAN(), "eth0", "protocol arp matchall")
	reload("eth1", "eth0") // nobody answered before
	rolesAre(t, h, "eth1 active", "eth0 backup")
	passes(h.LAN(), "eth0")
	reload("eth0", "eth1")
	rolesAre(t, h, "eth0 active", "eth1 backup")
	netnstest.Eventually(t, noTrouble(t, h))
	netnstest.Eventually(t, stream.Moved)
	if r := stream.Stop(); r.Err != nil {
		t.Error(r)
	}
	succeeds(t, h, "down")
}

// named is how a host's bond and its routes are, without the number that a bond made anew has another of.
func named(h *netnstest.Host) []string {
	return strings.Split(h.Run("sh", "-c", "ip -brief link; ip -brief address; ip route show table all; ip -6 route show table all; ip rule; cat /proc/net/bonding/bond0;"+
		"grep -s . /proc/sys/net/ipv4/conf/*/* /proc/sys/net/ipv6/conf/*/* || true"), "\n")
}

// TestDownBack: a down after which the gateway wouldn't answer any more is put back, keeper and all, and the
// stream goes on; likewise where down is killed.
func TestDownBack(t *testing.T) {
	t.Parallel()
	const silent = "gateway 192.0.2.1 of bond0 (by ping) answered before, and not without bond0 within 1s"
	for _, tt := range []struct {
		name string
		once []string
	}{{"with a keeper", nil}, {"without one", []string{"--once"}}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := lonely(t, sameLAN)
			shell(h, "ip address add 2001:db8::10/64 dev eth0", "ip -6 route add default via 2001:db8::1 dev eth0")
			first := takeSnapshot(t, h)
			stream := h.Stream()
			succeeds(t, h, slices.Concat([]string{"up"}, eth1First, tt.once)...)
			netnstest.Eventually(t, usable(h, "eth0", "eth1"))
			sysctl(t, h.Namespace, "net/ipv4/conf/bond0/rp_filter", "2")
			before := named(h)
			drops(h.LAN(), "eth0", "protocol ip matchall")
			o := bondctl(t, h, "down", "--verify", "1s")
			if o.Status != 1 || !strings.Contains(o.Stderr, "bond0 was put back at ") || !strings.Contains(o.Stderr, silent) {
				t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
			}
			netnstest.Eventually(t, active(h, "eth1"))
			netnstest.Eventually(t, stream.Moved)
			if tt.once == nil {
				keeperOf(t, h)
			}
			netnstest.Eventually(t, func() error {
				if diff := cmp.Diff(before, named(h)); diff != "" {
					return fmt.Errorf("not as before (-before +after):\n%s", diff)
				}
				return nil
			})
			passes(h.LAN(), "eth0")
			succeeds(t, h, "down")
			netnstest.Eventually(t, asBefore(t, h, first))
			if r := stream.Stop(); r.Err != nil {
				t.Error(r)
			} else {
				t.Log(r)
			}
		})
	}
}
