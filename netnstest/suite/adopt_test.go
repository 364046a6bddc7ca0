package suite

import (
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// TestAdopt: an empty bond is taken over as it is, for the bonding module makes one by itself when
// it is loaded.
func TestAdopt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		make []string
	}{
		{"as the module makes it", []string{"ip", "link", "add", "bond0", "type", "bond"}},
		{"active-backup", []string{"ip", "link", "add", "bond0", "type", "bond", "mode", "active-backup", "miimon", "50"}},
		{"through sysfs", []string{"sh", "-c", "echo +bond0 >/sys/class/net/bonding_masters"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t)
			h.Cable("eth0")
			h.Run(tt.make[0], tt.make[1:]...)
			adopts(t, h)
		})
	}
}

// TestAdoptModulesOwn lets the module make bond0.
func TestAdoptModulesOwn(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.Cable("eth0")
	// Unloading takes away every bond there is: no test that runs in parallel may have begun.
	m.Run("modprobe", "--remove", "bonding")
	t.Cleanup(func() {
		m.Run("modprobe", "--remove", "bonding")
		m.Run("modprobe", "bonding", "max_bonds=0")
	})
	m.Run("modprobe", "bonding", "max_bonds=1")
	adopts(t, m.Host)
}

// TestLoadsModule: up loads the module without a bond0 of its own.
func TestLoadsModule(t *testing.T) {
	m := netnstest.NewMachine(t, netnstest.Private("/etc/modprobe.d")) // where the lab says max_bonds=0
	m.Cable("eth0")
	m.Run("modprobe", "--remove", "bonding")
	up(t, m.Host, "bond1", "--member", "eth0")
	if _, err := m.Netlink().LinkByName("bond0"); err == nil {
		t.Error("up bond1 brought a bond0 about")
	}
	netnstest.Eventually(t, sysfs(m.Host, "eth0", "bond1", "bonding", "active_slave"))
}

// adopts brings up bond0, which is there and empty, and takes it away again.
func adopts(t *testing.T, h *netnstest.Host) {
	t.Helper()
	before := link(t, h, "bond0")
	up(t, h, "--member", "eth0")
	netnstest.Eventually(t, active(h, "eth0"))
	if after := link(t, h, "bond0"); after.Index != before.Index {
		t.Errorf("bond0 was made anew: its ifindex was %d and is %d", before.Index, after.Index)
	}
	st := status(t, h)
	if st.Mode != "active-backup" || st.Health != "ok" {
		t.Errorf("bond0 has mode %s and is %s, want active-backup and ok", st.Mode, st.Health)
	}
	succeeds(t, h, "down")
	if _, err := h.Netlink().LinkByName("bond0"); err == nil {
		t.Error("bond0 is still there after down")
	}
}

// TestRefuseForeign: a bond0 that somebody uses, or that is no bond, is left alone.
func TestRefuseForeign(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		make    string
		reasons []string // that are named
	}{
		{"with a member", "ip link add bond0 type bond; ip link set eth1 master bond0", []string{"eth1", "bondctl status bond0 "}},
		{"up", "ip link add bond0 up type bond", []string{"up"}},
		{"of mode 802.3ad", "ip link add bond0 type bond mode 802.3ad", []string{"802.3ad"}},
		{"with an address", "ip link add bond0 type bond; ip address add 198.51.100.1/24 dev bond0", []string{"198.51.100.1/24"}},
		{"in a bridge", "ip link add br0 type bridge; ip link add bond0 type bond; ip link set bond0 master br0", []string{"br0"}},
		{"under a VLAN", "ip link add bond0 type bond; ip link add link bond0 name vlan5 type vlan id 5", []string{"vlan5"}},
		{"all at once", "ip link add bond0 up type bond mode balance-xor; ip link set eth1 master bond0; ip address add 198.51.100.1/24 dev bond0",
			[]string{"balance-xor", "eth1", "up", "198.51.100.1/24"}},
		{"a bridge", "ip link add bond0 type bridge", []string{"no bond", "bridge", "another name"}},
		{"a NIC", "ip link set eth1 name bond0", []string{"no bond", "another name"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t)
			h.Cable("eth0")
			h.Cable("eth1")
			h.Run("sh", "-e", "-c", tt.make)
			fails(t, h, 1, tt.reasons, "up", "--once", "--member", "eth0", "--address", "192.0.2.10/24")
		})
	}
}
