package suite

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestAlternativeName: a member is found by an alternative name, and shown by its own.
func TestAlternativeName(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eA")
	h.Cable("eB")
	const long = "enp0s20f0u1u2u3i1" // longer than a name can be
	shell(h, "ip link property add dev eA altname "+long)
	wish := []string{"--member", long, "--member", "eB", "--primary", long}
	tap := h.Tap()
	up(t, h, wish...)
	netnstest.Eventually(t, running(h))
	rolesAre(t, h, "eA active", "eB backup")
	if st := status(t, h); st.Primary != "eA" || st.ActiveReason != "primary" {
		t.Errorf("the primary is %q, and eA active as %s", st.Primary, st.ActiveReason)
	}
	unchanged(t, h, tap, wish...)
	fails(t, h, 2, []string{"eA, which is a member already"}, "up", "--once", "--member", "eA", "--member", long)
	succeeds(t, h, "switch", "eB")
	if o := succeeds(t, h, "switch", long); !strings.Contains(o.Stdout, "eA") {
		t.Errorf("switch says %q", o.Stdout)
	}
	netnstest.Eventually(t, active(h, "eA"))
	succeeds(t, h, "down")
}

// TestRenamed: somebody can rename a member under a keeper. The kernel renames only what is down, and the
// keeper sets up what has been down for a while.
func TestRenamed(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	succeeds(t, h, "up", "--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24")
	t.Cleanup(func() { succeeds(t, h, "down") })
	keeper := keeperOf(t, h)
	linkDown(t, h, "eth1")
	netnstest.Eventually(t, isUp(h, "eth1"))
	netnstest.Eventually(t, idle(keeper))
	netnstest.Eventually(t, func() (err error) {
		seen := downs(t, h)
		linkDown(t, h, "eth1")
		netnstest.Eventually(t, func() error { // the keeper has looked
			if now := downs(t, h); now == seen {
				return fmt.Errorf("eth1 went down %d times", now)
			}
			return nil
		})
		change(t, h, "eth1", "rename", func(nl *netlink.Handle, l netlink.Link) error {
			if err = nl.LinkSetName(l, "lan1"); errors.Is(err, unix.EBUSY) {
				return nil // it was so slow that the time was over
			}
			return err
		})
		return err
	})
	rolesAre(t, h, "eth0 active", "eth1 absent")
	shell(h, "ip link set lan1 down", "ip link set lan1 name eth1")
	rolesAre(t, h, "eth0 active", "eth1 backup")
}

// downs is how often a keeper has noted that a link went down.
func downs(t *testing.T, h *netnstest.Host) int {
	t.Helper()
	return strings.Count(readFile(t, bondFile(h, "history.jsonl")), `"link_down"`)
}

// healthIs is a condition for Eventually: it is bond0's only reason not to be well.
func healthIs(t *testing.T, h *netnstest.Host, want string) func() error {
	return says(t, h, func(st bondStatus) error {
		if st.Health != "degraded" || st.HealthReason != want {
			return fmt.Errorf("the health is %s: %q, want %q", st.Health, st.HealthReason, want)
		}
		return nil
	})
}
