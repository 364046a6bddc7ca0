package suite

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/bond/owner"
	"github.com/bondctl/bondctl/netnstest"
)

// A clientCase is a DHCP client of eth0, as people run it.
type clientCase struct {
	name    string
	program string
	args    []string
	files   map[string]string // that it reads, in folders that are the machine's own
}

// dhclientFiles keep dhclient's script from changing the guest's resolv.conf.
func dhclientFiles(conf string) map[string]string {
	return map[string]string{
		"/etc/dhcp/dhclient.conf":                conf,
		"/etc/dhcp/dhclient-enter-hooks.d/nodns": "make_resolv_conf() { :; }\n",
	}
}

const udhcpcScript = `#!/bin/sh
case $1 in
bound|renew) ip address replace $ip/$mask dev $interface; ip route replace default via $router ;;
deconfig) ip -4 address flush dev $interface; ip link set $interface up ;;
esac
`

var clientCases = []clientCase{
	{
		name: "dhclient", program: "dhclient", args: []string{"eth0"},
		files: dhclientFiles("send host-name = gethostname();\nrequest subnet-mask, routers, domain-name-servers;\n"),
	},
	{
		name: "dhclient as ifup starts it", program: "dhclient",
		args: strings.Fields("-4 -v -i -pf /run/dhclient.eth0.pid -lf /var/lib/dhcp/dhclient.eth0.leases -I " +
			"-df /var/lib/dhcp/dhclient6.eth0.leases eth0"),
		files: dhclientFiles("send host-name = gethostname();\n"),
	},
	{
		name: "dhclient with a name of its own", program: "dhclient", args: []string{"-lf", "/run/x.leases", "-pf", "/run/x.pid", "eth0"},
		files: dhclientFiles("interface \"eth0\" { send dhcp-client-identifier \"bob\"; send host-name \"override\"; }\n"),
	},
	{
		name: "dhcpcd", program: "dhcpcd", args: []string{"-4", "eth0"},
		files: map[string]string{"/etc/dhcpcd/conf": "duid\npersistent\noption classless_static_routes\nnohook resolv.conf\n"},
	},
	{
		name: "dhcpcd of all interfaces", program: "dhcpcd", args: []string{"-4"},
		files: map[string]string{"/etc/dhcpcd/conf": "clientid\npersistent\nhostname\nnodev\nallowinterfaces eth0\nnohook resolv.conf\n"},
	},
	{
		name: "udhcpc", program: "busybox",
		args:  []string{"udhcpc", "-i", "eth0", "-b", "-R", "-s", "/run/udhcpc.script", "-p", "/run/udhcpc.pid", "-x", "hostname:box"},
		files: map[string]string{"/run/udhcpc.script": udhcpcScript},
	},
	{
		name: "udhcpc without an identifier", program: "busybox",
		args:  []string{"udhcpc", "-C", "-ieth0", "-b", "-s/run/udhcpc.script", "-p/run/udhcpc.pid"},
		files: map[string]string{"/run/udhcpc.script": udhcpcScript},
	},
}

// clientHost is a machine with two cables, of which the client has an address lent for eth0.
func clientHost(t *testing.T, tt clientCase) (h *netnstest.Host, eth0 *netnstest.Cable, server *netnstest.Process, address netip.Addr) {
	t.Helper()
	h = netnstest.New(t, netnstest.Private("/etc/dhcp", "/var/lib/dhcp", "/etc/dhcpcd", "/var/lib/dhcpcd"))
	for path, text := range tt.files {
		writeFile(t, in(h, path), text)
		if err := os.Chmod(in(h, path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := tt.files["/etc/dhcpcd/conf"]; ok {
		h.Run("mount", "--bind", "/etc/dhcpcd/conf", "/etc/dhcpcd.conf")
	}
	server = h.LAN().DHCP()
	eth0 = h.Cable("eth0")
	h.Cable("eth1")
	linkUp(t, h, "eth0")
	t.Cleanup(func() { endClients(t, h) })
	if out, err := h.Command(tt.program, tt.args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", tt.name, err, out)
	}
	netnstest.Eventually(t, func() (err error) {
		address, err = addressOf(h, "eth0")
		return err
	})
	return h, eth0, server, address
}

// addressOf is the IPv4 address of a link.
func addressOf(h *netnstest.Host, link string) (netip.Addr, error) {
	words := strings.Fields(h.Run("ip", "-4", "-oneline", "address", "show", "dev", link))
	if len(words) < 4 {
		return netip.Addr{}, fmt.Errorf("%s has no address", link)
	}
	p, err := netip.ParsePrefix(words[3])
	return p.Addr(), err
}

// clientsOf are the DHCP clients that hold eth0.
func clientsOf(t *testing.T, h *netnstest.Host) (found []owner.Client) {
	t.Helper()
	h.Do(func() {
		var err error
		if found, err = owner.Find([]string{"eth0"}); err != nil {
			t.Error(err)
		}
	})
	return found
}

func endClients(t *testing.T, h *netnstest.Host) {
	t.Helper()
	for _, c := range clientsOf(t, h) {
		if err := c.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	}
}

// TestDHCPClient has up take the lease of a real DHCP client over: that is stopped without a
// word to the server, the keeper asks for the same address by INIT-REBOOT as who the client
// was, no connection is lost, and down starts the client again, which has the address still.
func TestDHCPClient(t *testing.T) {
	t.Parallel()
	for _, tt := range clientCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, _, server, address := clientHost(t, tt)
			before := clientsOf(t, h)
			if len(before) != 1 {
				t.Fatalf("found %v, want one client", before)
			}
			requests := questions(server, "DHCPREQUEST")
			stream := h.Stream()
			o := succeeds(t, h, append([]string{"up"}, eth0And1...)...)
			for _, want := range []string{"stop " + before[0].String() + ", which holds eth0", "; its lease of " + address.String() + " goes on\n"} {
				if !strings.Contains(o.Stdout, want) {
					t.Errorf("up doesn't say %q:\n%s%s", want, o.Stdout, o.Stderr)
				}
			}
			netnstest.Eventually(t, leased(t, h, address.String()))
			netnstest.Eventually(t, func() error {
				if questions(server, "DHCPREQUEST") == requests {
					return errors.New("the keeper hasn't asked yet")
				}
				return nil
			})
			if found := clientsOf(t, h); len(found) > 0 {
				t.Errorf("there is still %v", found)
			}
			netnstest.Eventually(t, stream.Moved)
			requests = questions(server, "DHCPREQUEST")
			o = succeeds(t, h, "down")
			if want := "start " + before[0].Program + " again on eth0"; !strings.Contains(o.Stdout, want) || o.Stderr != "" {
				t.Errorf("down doesn't say %q:\n%s%s", want, o.Stdout, o.Stderr)
			}
			netnstest.Eventually(t, func() error {
				if questions(server, "DHCPREQUEST") == requests {
					return errors.New("the client hasn't asked yet")
				}
				return nil
			})
			netnstest.Eventually(t, runsOnce(t, h, address))
			netnstest.Eventually(t, sameClient(t, h, before[0]))
			keepsLease(t, server)
			if r := stream.Stop(); r.Err != nil && before[0].Program != owner.Udhcpc { // whose script takes the address off
				t.Error(r)
			} else {
				t.Log(r)
			}
		})
	}
}

// sameClient is a condition for Eventually: a client runs again as it did. One that goes to the background is another
// process from then on.
func sameClient(t *testing.T, h *netnstest.Host, was owner.Client) func() error {
	return func() error {
		now := clientsOf(t, h)
		if len(now) != 1 {
			return fmt.Errorf("found %v, want one client", now)
		}
		is := now[0]
		if is.PID == was.PID || strings.Join(is.Args, " ") != strings.Join(was.Args, " ") || is.Dir != was.Dir ||
			strings.Join(is.Env, " ") != strings.Join(was.Env, " ") {
			return fmt.Errorf("it runs as %+v, and ran as %+v", is, was)
		}
		return nil
	}
}

// runsOnce is a condition for Eventually: one client holds eth0, which has the address.
func runsOnce(t *testing.T, h *netnstest.Host, address netip.Addr) func() error {
	return func() error {
		if found := clientsOf(t, h); len(found) != 1 {
			return fmt.Errorf("found %v, want one client", found)
		}
		got, err := addressOf(h, "eth0")
		if err == nil && got != address {
			err = fmt.Errorf("eth0 has %s, and had %s", got, address)
		}
		return err
	}
}

// keepsLease checks that nobody has given the lease back, or been refused it.
func keepsLease(t *testing.T, server *netnstest.Process) {
	t.Helper()
	if text := server.Output(); strings.Contains(text, "DHCPRELEASE") || strings.Contains(text, "DHCPNAK") || strings.Contains(text, "DHCPDECLINE") {
		t.Errorf("a lease was given back or refused:\n%s", text)
	}
}

// Wherever up or down is killed, the next down has the client run again, once, with its
// address.
func TestDHCPClientKilled(t *testing.T) {
	t.Parallel()
	up := append([]string{"up", "--wait", "0"}, eth0And1...)
	for _, verb := range []string{"up", "down"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			h, _, server, address := clientHost(t, clientCases[0])
			k := kills{args: up}
			begin := func() {}
			if verb == "down" {
				k.args = []string{"down"}
				begin = func() { succeeds(t, h, up...) }
			}
			begin()
			changes := k.kill(t, h, 0).Made()
			succeeds(t, h, "down")
			netnstest.Eventually(t, runsOnce(t, h, address))
			atChanges(t, changes, func(at int) bool {
				begin()
				killer := k.kill(t, h, at)
				succeeds(t, h, "down")
				netnstest.Eventually(t, runsOnce(t, h, address))
				return killer.Killed()
			})
			keepsLease(t, server)
		})
	}
}

// An up that fails has the client run again, and nobody is stopped for one that is refused.
func TestDHCPClientRefused(t *testing.T) {
	t.Parallel()
	h, _, server, address := clientHost(t, clientCases[0])
	was := clientsOf(t, h)[0]
	cmd := h.Command("bondctl", append([]string{"up"}, eth0And1...)...)
	cmd.Supervise().Refuse(func(a netnstest.Attempt) bool { return a.Request != nil })
	if o := run(t, cmd); o.Status != 1 || !strings.Contains(o.Stdout, "start dhclient again on eth0") {
		t.Errorf("up that fails: %+v", o)
	}
	netnstest.Eventually(t, runsOnce(t, h, address))
	if is := clientsOf(t, h)[0]; is.Process == was.Process {
		t.Error("it wasn't stopped")
	}
	keepsLease(t, server)
	for _, name := range []string{"clients.json", "keeper.json", "journal.json", "public.json"} {
		if _, err := os.Stat(bondFile(h, name)); err == nil {
			t.Errorf("%s is left", name)
		}
	}
	if text := readFile(t, bondFile(h, "lease.json")); strings.Contains(text, address.String()) {
		t.Errorf("the lease is still the bond's:\n%s", text)
	}
	netnstest.Eventually(t, inBackground(t, h))
	was = clientsOf(t, h)[0]
	fails(t, h, 1, []string{address.String() + " of eth0 is lent by DHCP", "leave --once out"}, append([]string{"up", "--once"}, eth0And1...)...)
	if is := clientsOf(t, h); len(is) != 1 || is[0].Process != was.Process {
		t.Errorf("found %v, and there was %v", is, was)
	}
}

// inBackground is a condition for Eventually: the client has gone to the background, as another process, and says so
// in its PID file.
func inBackground(t *testing.T, h *netnstest.Host) func() error {
	return func() error {
		all := clientsOf(t, h)
		for _, c := range all {
			if text, err := os.ReadFile(in(h, c.PIDFile)); err != nil || strings.TrimSpace(string(text)) != strconv.Itoa(c.PID) {
				return fmt.Errorf("%s is in the foreground yet: %q, %w", c, text, err)
			}
		}
		if len(all) == 0 {
			return errors.New("no client runs")
		}
		return nil
	}
}

// A client that serves another interface as well isn't stopped, and dry-run says of one
// what becomes of it, and does nothing.
func TestDHCPClientOfOthers(t *testing.T) {
	t.Parallel()
	tt := clientCases[0]
	tt.args = []string{"eth0", "eth1"}
	h, _, _, _ := clientHost(t, tt)
	netnstest.Eventually(t, func() error { _, err := addressOf(h, "eth1"); return err })
	was := clientsOf(t, h)[0]
	fails(t, h, 1, []string{"holds eth0, and eth1 as well, which would lose its lease"}, "up", "--member", "eth0")
	o := succeeds(t, h, append([]string{"up", "--dry-run"}, eth0And1...)...)
	if !strings.Contains(o.Stdout, "stop "+was.String()+", which holds ") || !strings.Contains(o.Stderr, "isn't renewed: a bond has one") {
		t.Errorf("dry-run says\n%s%s", o.Stdout, o.Stderr)
	}
	if is := clientsOf(t, h); len(is) != 1 || is[0].Process != was.Process {
		t.Errorf("found %v, and there was %v", is, was)
	}
}

// TestDHCPClientByMAC: a client without an identifier is known by its hardware address, which
// the keeper goes on to say, whichever member is active: so the address stays.
func TestDHCPClientByMAC(t *testing.T) {
	t.Parallel()
	h, eth0, server, address := clientHost(t, clientCases[0])
	succeeds(t, h, append([]string{"up", "--fail-over-mac", "active"}, eth0And1...)...)
	netnstest.Eventually(t, leased(t, h, address.String()))
	eth0.Pull()
	netnstest.Eventually(t, active(h, "eth1"))
	requests := questions(server, "DHCPREQUEST")
	killed(t, keeperOf(t, h)) // the next one asks at its start, as this one would when it is time
	succeeds(t, h, "up")
	netnstest.Eventually(t, func() error {
		if questions(server, "DHCPREQUEST") == requests {
			return errors.New("the keeper hasn't asked yet")
		}
		return nil
	})
	netnstest.Eventually(t, leased(t, h, address.String()))
	if attribute(h, "bond0", "address") == eth0.MAC.String() {
		t.Error("the bond has eth0's address, and was to have eth1's")
	}
	eth0.Plug()
	succeeds(t, h, "down")
	netnstest.Eventually(t, runsOnce(t, h, address))
	keepsLease(t, server)
}

// hostname and client_id go before what the client said.
func TestDHCPClientNamed(t *testing.T) {
	t.Parallel()
	h, _, server, _ := clientHost(t, clientCases[0])
	succeeds(t, h, append([]string{"up", "--hostname", "another", "--client-id", "00:62:6f:6e:64"}, eth0And1...)...)
	netnstest.Eventually(t, wrote(server, "client provides name: another"))
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	succeeds(t, h, append([]string{"up", "--hostname", ""}, eth0And1...)...)
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	succeeds(t, h, "down")
}

// A client whose interface is gone is started by a down once that is back.
func TestDHCPClientGone(t *testing.T) {
	t.Parallel()
	h, _, server, address := clientHost(t, clientCases[0])
	succeeds(t, h, append([]string{"up"}, eth0And1...)...)
	netnstest.Eventually(t, leased(t, h, address.String()))
	h.Run("ip", "link", "delete", "eth0")
	fails(t, h, 1, []string{"eth0 isn't there, which had " + address.String()}, "down")
	o := succeeds(t, h, "down", "--force")
	warns(t, o, "dhclient isn't started again, as there is no eth0; bondctl down does it once that is back")
	if found := clientsOf(t, h); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	h.Cable("eth0")
	linkUp(t, h, "eth0")
	succeeds(t, h, "down")
	netnstest.Eventually(t, runsOnce(t, h, address))
	keepsLease(t, server)
}

// TestDHCPClientOfUnit: a client that a unit of ifupdown's has started goes back to that
// unit's control group; another service's is left to that.
func TestDHCPClientOfUnit(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl", "/usr/local/bin", "/etc/dhcp"))
	for path, text := range clientCases[0].files {
		writeFile(t, in(h, path), text)
	}
	server := h.LAN().DHCP()
	h.Cable("eth0")
	h.Cable("eth1")
	h.Run("install", "-m", "755", netnstest.Program("bondctl"), installed)
	s := h.Systemd()
	busAnswers(t, s)
	writeFile(t, in(s.Host, "/run/systemd/system/networking.service"),
		"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/sbin/dhclient -pf /run/x.pid eth0\n")
	writeFile(t, in(s.Host, "/run/systemd/system/other.service"), "[Service]\nExecStart=/sbin/dhclient -d -pf /run/y.pid eth1\n")
	s.Run("mkdir", "-p", "/var/lib/dhcp")
	s.Run("systemctl", "daemon-reload")
	s.Run("systemctl", "start", "networking.service", "other.service")
	netnstest.Eventually(t, func() error { _, err := addressOf(s.Host, "eth1"); return err })
	address, err := addressOf(s.Host, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	fails(t, s.Host, 1, []string{"of other.service holds eth1"}, append([]string{"up"}, eth0And1...)...)
	// Like a login there, and unlike what the test starts, it is in the container's cgroup namespace.
	inside := func(args ...string) outcome {
		t.Helper()
		o := run(t, s.Command("nsenter", append([]string{"--cgroup=/proc/1/ns/cgroup", installed}, args...)...))
		if o.Status != 0 {
			t.Fatalf("bondctl %v: %+v", args, o)
		}
		return o
	}
	o := inside("up", "--member", "eth0")
	if !strings.Contains(o.Stdout, " of networking.service, which holds eth0; its lease of "+address.String()+" goes on") {
		t.Errorf("up says\n%s%s", o.Stdout, o.Stderr)
	}
	netnstest.Eventually(t, leased(t, s.Host, address.String()))
	inside("down")
	netnstest.Eventually(t, func() error {
		out, err := s.Command("sh", "-c", "cat /proc/$(cat /run/x.pid)/cgroup").CombinedOutput()
		if err == nil && !strings.Contains(string(out), "/system.slice/networking.service") {
			err = fmt.Errorf("its control group is %s", out)
		}
		return err
	})
	keepsLease(t, server)
}
