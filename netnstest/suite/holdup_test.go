package suite

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// all is a condition for Eventually: the kernel has all that is wanted but these.
func all(t *testing.T, h *netnstest.Host, but ...string) func() error {
	return func() error {
		for _, w := range wishes {
			if got := w.has(t, h); !slices.Contains(but, w.name) && got != w.wants {
				return fmt.Errorf("%s: got %q, want %q", w.name, got, w.wants)
			}
		}
		return nil
	}
}

// TestOptionRefusedAtCreation: it costs the bond nothing but itself, though the kernel is told of all options at
// once.
func TestOptionRefusedAtCreation(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth1")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), wishesFile)
	cmd := h.Command("bondctl", "daemon")
	kernel := cmd.Supervise()
	option := wishes[0]
	kernel.Refuse(option.isAsked)
	cmd.Background()
	t.Cleanup(func() { succeeds(t, h, "down") })
	netnstest.Eventually(t, active(h, "eth0"))
	option.isToldAndHeals(t, h, kernel)
}

// TestNobodyAsksAgain: a keeper forgets the refusal of a member that can't join for another reason by now, and
// sleeps.
func TestNobodyAsksAgain(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth1")
	shell(h, "ip link add br1 type bridge")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), "member = [{name = 'eth0'}, {name = 'eth1'}]\nipv4.method = 'none'\n")
	cmd := h.Command("bondctl", "daemon")
	cmd.Supervise().Refuse(func(a netnstest.Attempt) bool {
		r := requestOf(a)
		return r.sets(unix.IFLA_MASTER) && int(nl.NativeEndian().Uint32(r.body[4:])) == link(t, h, "eth1").Index
	})
	cmd.Background()
	t.Cleanup(func() { succeeds(t, h, "down") })
	netnstest.Eventually(t, active(h, "eth0"))
	netnstest.Eventually(t, healthSays(t, h, "eth1 is pending: refused by the kernel"))
	shell(h, "ip link set eth1 master br1")
	netnstest.Eventually(t, healthSays(t, h, "eth1 is pending: held by br1"))
	netnstest.Eventually(t, idle(keeperOf(t, h)))
}

// oneRefused makes a host whose bond0 lacks all that is wished for, and the file that asks for it.
func oneRefused(t *testing.T) *netnstest.Host {
	t.Helper()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth1")
	sysctl(t, h.Namespace, "net/ipv6/conf/default/accept_ra", "0")
	up(t, h, "--member", "eth0", "--mac", "02:00:5e:00:00:98")
	sysctl(t, h.Namespace, routersMetric, "1024")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), wishesFile)
	return h
}

// TestOneRefusedUp: an up of which one thing is refused says which, and puts everything back. A sysctl is worth
// no more than a warning.
func TestOneRefusedUp(t *testing.T) {
	t.Parallel()
	h := oneRefused(t)
	netnstest.Eventually(t, running(h))
	before := takeSnapshot(t, h)
	for _, w := range wishes {
		if w.path != "" {
			continue
		}
		w.isRefused(t, h, 1)
		netnstest.Eventually(t, asBefore(t, h, before))
	}
	for _, w := range wishes {
		if w.path != "" {
			w.isRefused(t, h, 0)
			netnstest.Eventually(t, all(t, h, w.name))
		}
	}
	succeeds(t, h, "up", "--once")
	netnstest.Eventually(t, all(t, h))
}

// isRefused runs an up that is refused the wish, and is to say so and exit with the status.
func (w wish) isRefused(t *testing.T, h *netnstest.Host, status int) {
	t.Helper()
	cmd := h.Command("bondctl", "up", "--once", "--wait", "0")
	kernel := cmd.Supervise()
	kernel.Refuse(w.isAsked)
	o := run(t, cmd)
	want := w.says
	if w.name == "enslaving" {
		want = "enslave eth1 to bond0"
	}
	if o.Status != status || kernel.Refused() == 0 || !strings.Contains(o.Stderr, want) || !strings.Contains(o.Stderr, netnstest.RefusedWith.Error()) {
		t.Errorf("%s: exit status %d, want %d, and %q:\n%s", w.name, o.Status, status, want, o.Stderr)
	}
}

// TestOneRefusedAtStart: a keeper that is refused one thing as it starts does the rest, says so, and does
// that, too, once it can be done.
func TestOneRefusedAtStart(t *testing.T) {
	t.Parallel()
	for _, w := range wishes {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			h := oneRefused(t)
			cmd := h.Command("bondctl", "daemon", "--config", "/etc/bondctl/bond0.toml")
			kernel := cmd.Supervise()
			kernel.Refuse(w.isAsked)
			cmd.Background()
			w.isToldAndHeals(t, h, kernel)
		})
	}
}

// isToldAndHeals waits until the kernel has all but the wish, and health says why, and then lets it.
func (w wish) isToldAndHeals(t *testing.T, h *netnstest.Host, kernel *netnstest.Supervisor) {
	t.Helper()
	netnstest.Eventually(t, all(t, h, w.name, w.needed))
	netnstest.Eventually(t, says(t, h, func(st bondStatus) error {
		if st.Health != "degraded" || !strings.Contains(st.HealthReason, w.says) || !strings.Contains(st.HealthReason, netnstest.RefusedWith.Error()) {
			return fmt.Errorf("%s is refused: health is %s: %s", w.name, st.Health, st.HealthReason)
		}
		return nil
	}))
	if got := w.has(t, h); got == w.wants {
		t.Errorf("%s was refused, and is there: %s", w.name, got)
	}
	kernel.Refuse(nil)
	netnstest.Eventually(t, all(t, h))
	netnstest.Eventually(t, noTrouble(t, h))
}

// TestOneRefusedLater: the same of a keeper that has done all before. Somebody takes two things away, and
// one of them is refused.
func TestOneRefusedLater(t *testing.T) {
	t.Parallel()
	h := oneRefused(t)
	cmd := h.Command("bondctl", "daemon", "--config", "/etc/bondctl/bond0.toml")
	kernel := cmd.Supervise()
	cmd.Background()
	netnstest.Eventually(t, all(t, h))
	netnstest.Eventually(t, noTrouble(t, h))
	for i, w := range wishes {
		other := wishes[(i+5)%len(wishes)]
		kernel.Refuse(w.isAsked)
		w.undo(t, h)
		other.undo(t, h)
		w.isToldAndHeals(t, h, kernel)
	}
}

// TestLeasedRouteRefused: a route of a server's costs nothing but itself, neither the address nor an up its success.
func TestLeasedRouteRefused(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.LAN().DHCP("--dhcp-option=option:classless-static-route,203.0.113.0/24,192.0.2.66,0.0.0.0/0,192.0.2.1")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), "member = [{name = 'eth0'}]\n")
	routeOfServer := func(a netnstest.Attempt) bool {
		r := requestOf(a)
		return r.kind == unix.RTM_NEWROUTE && r.body[1] == 24
	}
	cmd := h.Command("bondctl", "daemon")
	keeper := cmd.Supervise()
	keeper.Refuse(routeOfServer)
	cmd.Background()
	t.Cleanup(func() { succeeds(t, h, "down") })
	netnstest.Eventually(t, active(h, "eth0"))
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	netnstest.Eventually(t, defaultRoute(h, netnstest.LANAddr))
	const refused = "route 203.0.113.0/24 via 192.0.2.66 metric 100: refused by the kernel (input/output error)"
	netnstest.Eventually(t, healthSays(t, h, refused))

	up := h.Command("bondctl", "up")
	up.Supervise().Refuse(routeOfServer)
	if o := run(t, up); o.Status != 0 {
		t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
	} else {
		warns(t, o, refused)
	}
	keeper.Refuse(nil)
	netnstest.Eventually(t, noTrouble(t, h))
}
