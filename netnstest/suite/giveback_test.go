package suite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// vlanOn makes a host with eA and eB, and the VLAN eA.324.
func vlanOn(t *testing.T) *netnstest.Host {
	t.Helper()
	h := netnstest.New(t)
	h.Cable("eA")
	h.Cable("eB")
	linkUp(t, h, "eA")
	shell(h, "ip link add link eA name eA.324 type vlan id 324", "ip link set eA.324 up")
	return h
}

// What the kernel says of eA.324, and what it doesn't.
const networkIsDown = "network is down: it stands on eA, which is down; ip link set eA up"

// TestGiveBackRefused: what the kernel won't let a member have back is a warning, and keeps neither down
// nor up from their work.
func TestGiveBackRefused(t *testing.T) {
	t.Parallel()
	h := vlanOn(t)
	giveBack := fmt.Sprintf("give eA.324 back: up, address %s, mtu 1500: ", link(t, h, "eA.324").MAC)
	both := []string{"--member", "eA.324", "--member", "eB"}
	up(t, h, both...)
	linkDown(t, h, "eA")
	warns(t, succeeds(t, h, "down"), giveBack+networkIsDown)
	if o := succeeds(t, h, "down"); !strings.Contains(o.Stdout, "nothing to do") || o.Stderr != "" {
		t.Errorf("down once more says %q and %q", o.Stdout, o.Stderr)
	}

	warns(t, up(t, h, both...), "eA.324 is on eA, which is down; the bond does without it for now")
	linkUp(t, h, "eA")
	up(t, h, both...)
	netnstest.Eventually(t, usable(h, "eA.324", "eB"))
	linkUp(t, h, "eA.324")

	// A member that is let go is tried again.
	linkDown(t, h, "eA")
	for range 2 {
		warns(t, up(t, h, "--member", "eB"), giveBack+"refused by the kernel ("+networkIsDown+")")
	}
	if err := healthSays(t, h, "network is down")(); err != nil {
		t.Error(err)
	}
	linkUp(t, h, "eA")
	if o := up(t, h, "--member", "eB"); strings.Contains(o.Stderr, "eA.324") {
		t.Errorf("with eA up, which sets its VLANs up, up says %q", o.Stderr)
	}
	if err := isUp(h, "eA.324")(); err != nil {
		t.Error(err)
	}
}

// TestVLANWaits: a VLAN whose lower device is down is pending, and joins once that is up.
func TestVLANWaits(t *testing.T) {
	t.Parallel()
	h := vlanOn(t)
	linkDown(t, h, "eA")
	warns(t, succeeds(t, h, "up", "--wait", "0", "--member", "eA.324", "--member", "eB"), "eA.324 is on eA, which is down")
	t.Cleanup(func() { succeeds(t, h, "down") })
	rolesAre(t, h, "eA.324 pending", "eB active")
	linkUp(t, h, "eA")
	rolesAre(t, h, "eA.324 active", "eB backup")
}
