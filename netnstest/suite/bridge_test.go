package suite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/vishvananda/netlink"
)

// join makes bond0 a port of a bridge.
func join(t *testing.T, h *netnstest.Host, bridge string) {
	t.Helper()
	change(t, h, "bond0", "join "+bridge+" with", func(nl *netlink.Handle, l netlink.Link) error {
		master, err := nl.LinkByName(bridge)
		if err != nil {
			return err
		}
		return nl.LinkSetMaster(l, master)
	})
}

// portOf is a condition for Eventually: bond0 is a port of that bridge.
func portOf(h *netnstest.Host, bridge string) func() error {
	return func() error {
		master, err := os.Readlink(filepath.Join(h.Sys(), "class", "net", "bond0", "master"))
		if err == nil && filepath.Base(master) != bridge {
			err = fmt.Errorf("bond0 is a port of %s", master)
		}
		return err
	}
}

const inBridge = "bond0 is a port of br1; its address belongs there"

// TestBondInBridge: a bond in somebody's bridge can have no address that works, which is said. When somebody
// deletes it, the keeper's new one is in the bridge again, and what stood on it is told of.
func TestBondInBridge(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eA")
	shell(h, "ip link add br1 type bridge")
	linkUp(t, h, "br1")
	succeeds(t, h, "up", "--member", "eA", "--address", "10.77.0.50/24")
	t.Cleanup(func() { succeeds(t, h, "down") })
	join(t, h, "br1")
	netnstest.Eventually(t, healthSays(t, h, inBridge))

	shell(h, "ip link add link bond0 name bond0.7 type vlan id 7", "ip link set bond0.7 up", "ip address add 203.0.113.7/24 dev bond0.7",
		"ip link add link bond0 name bond0.5 type vlan id 5", "ip link add link bond0.5 name bond0.5.6 type vlan id 6")
	const gone = "bond0.5 went with the bond0 that was deleted; make it again"
	netnstest.Eventually(t, func() error {
		if recordHas(h, `"name": "bond0.5"`) == nil {
			return errors.New("the keeper hasn't seen yet that something stands upon bond0.5, which so can't be made anew")
		}
		return recordHas(h, `"bond0.5"`)
	})
	netnstest.Eventually(t, func() error { return recordHas(h, "203.0.113.7") })
	deleteLink(t, h, "bond0")
	netnstest.Eventually(t, portOf(h, "br1"))
	netnstest.Eventually(t, healthSays(t, h, gone))
	wantCarried(t, h, []string{": bond0.7@bond0:", "203.0.113.7/24 scope global bond0.7"}, nil) // it is made anew
	netnstest.Eventually(t, healthSays(t, h, inBridge))
	shell(h, "ip link add link bond0 name bond0.5 type vlan id 5")
	netnstest.Eventually(t, healthIs(t, h, inBridge))
	netnstest.Eventually(t, func() error {
		if recordHas(h, `"lost"`) == nil {
			return errors.New("the keeper hasn't seen bond0.5 yet")
		}
		return nil
	})
	wontGoDown(t, h, "bond0 carries ")
	deleteLink(t, h, "bond0.5") // on purpose
	deleteLink(t, h, "bond0.7")
	wontGoDown(t, h, "bond0 is a port of br1, which would lose it")
	release(t, h, "bond0")
	netnstest.Eventually(t, noTrouble(t, h))
}

// wontGoDown checks that down refuses, and says why.
func wontGoDown(t *testing.T, h *netnstest.Host, why string) {
	t.Helper()
	o := bondctl(t, h, "down")
	if o.Status != 1 || !strings.Contains(o.Stderr, "bondctl: error: "+why) || !strings.Contains(o.Stderr, "hint: bondctl status bond0 ") {
		t.Errorf("down: exit status %d, want 1 as %s:\n%s%s", o.Status, why, o.Stdout, o.Stderr)
	}
	if st := status(t, h); st.ActiveSlave == "" {
		t.Error("bond0 has no active slave any more")
	}
}

// TestLeaseInBridge: no DHCP server is asked on a bond that is a port, and what was lent goes.
func TestLeaseInBridge(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eA")
	server := h.LAN().DHCP()
	shell(h, "ip link add br1 type bridge")
	succeeds(t, h, "up", "--dhcp", "--member", "eA")
	t.Cleanup(func() { succeeds(t, h, "down") })
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	join(t, h, "br1")
	netnstest.Eventually(t, healthIs(t, h, inBridge))
	netnstest.Eventually(t, says(t, h, func(st bondStatus) error {
		if len(st.Addresses) > 0 {
			return fmt.Errorf("it has %v", st.Addresses)
		}
		return nil
	}))
	asked := questions(server, "DHCP")
	killed(t, keeperOf(t, h)) // the next one, too
	succeeds(t, h, "up")
	netnstest.Eventually(t, idle(keeperOf(t, h)))
	if got := questions(server, "DHCP"); got != asked {
		t.Errorf("the server was asked %d times", got-asked)
	}
	release(t, h, "bond0")
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
}
