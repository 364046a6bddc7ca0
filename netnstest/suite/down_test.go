package suite

import (
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// TestDown: every member is given back as it was found.
func TestDown(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"none", "active", "follow"} {
		t.Run("fail_over_mac "+mode, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t)
			eth0 := h.Cable("eth0")
			h.Cable("eth1")
			h.Cable("eth2")
			h.Run("ip", "link", "set", "eth0", "up", "address", "02:00:5e:10:00:0a", "mtu", "1300")
			h.Run("ip", "link", "set", "eth1", "address", "02:00:5e:10:00:0b", "mtu", "1600")
			linkUp(t, h, "eth2")
			before := links(t, h)

			up(t, h, "--fail-over-mac", mode, "--mtu", "1400", "--address", "192.0.2.10/24", "--gateway", netnstest.LANAddr,
				"--member", "eth0", "--member", "eth1", "--member", "eth2")
			netnstest.Eventually(t, usable(h, "eth0", "eth1", "eth2"))
			eth0.Pull() // so that fail_over_mac has its effect on the addresses
			netnstest.Eventually(t, active(h, "eth1"))
			eth0.Plug()

			o := succeeds(t, h, "down")
			sameLinks(t, h, before)
			if !strings.Contains(o.Stdout, "delete bond0") {
				t.Errorf("down doesn't say what it did:\n%s", o.Stdout)
			}
			o = succeeds(t, h, "down")
			if want := "bond0: no such bond, nothing to do\n"; o.Stdout != want {
				t.Errorf("a second down printed %q, want %q", o.Stdout, want)
			}
		})
	}
}

// TestDownForeign: bondctl doesn't know how the members of a bond were that it didn't make.
func TestDownForeign(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Run("ip", "link", "add", "bond0", "type", "bond", "mode", "active-backup")
	h.Run("ip", "link", "set", "eth0", "master", "bond0")
	fails(t, h, 1, []string{"bond0", "eth0", "bondctl status bond0 "}, "down")
	succeeds(t, h, "down", "--force")
	if _, err := h.Netlink().LinkByName("bond0"); err == nil {
		t.Error("bond0 is still there after down --force")
	}
	if eth0 := link(t, h, "eth0"); eth0.Master != 0 {
		t.Errorf("eth0 still has a master: %+v", eth0)
	}
}

// TestDownNoBond: a link of that name which is no bond isn't bondctl's.
func TestDownNoBond(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Run("ip", "link", "add", "bond0", "type", "bridge")
	before := links(t, h)
	succeeds(t, h, "down", "--force")
	sameLinks(t, h, before)
}

// TestDownAfterDeletion: somebody has deleted the bond by hand. The kernel gave the members their MAC
// and MTU then, and left them down.
func TestDownAfterDeletion(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	h.Run("ip", "link", "set", "eth0", "up", "mtu", "1300")
	before := links(t, h)
	up(t, h, eth0And1...)
	deleteLink(t, h, "bond0")
	succeeds(t, h, "down")
	sameLinks(t, h, before)
}

// TestDownReplacedMember: what was noted of a NIC that is gone isn't meant for the one that came by
// its name.
func TestDownReplacedMember(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	h.Run("ip", "link", "set", "eth0", "up", "mtu", "1300")
	up(t, h, eth0And1...)
	eth0.Remove()
	eth0.Insert()
	h.Run("ip", "link", "set", "eth0", "mtu", "1350")
	before := link(t, h, "eth0")
	up(t, h)
	succeeds(t, h, "down")
	if after := link(t, h, "eth0"); after.MTU != before.MTU || after.Up != before.Up {
		t.Errorf("eth0 was given back as %+v, want %+v", after, before)
	}
}
