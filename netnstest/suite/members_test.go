package suite

import (
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

func TestAbsentPrimary(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	args := append([]string{"--primary", "eth1", "--primary-reselect", "failure"}, eth0And1...)

	warns(t, up(t, h, args...), "eth1 is absent")
	rolesAre(t, h, "eth0 active", "eth1 absent")
	st := status(t, h)
	if st.Primary != "eth1" || st.Health != "degraded" {
		t.Errorf("primary %q and health %s, want eth1 and degraded", st.Primary, st.Health)
	}
	warns(t, up(t, h, args...), "eth1 is absent")

	// "When initially enslaved, the primary slave is always made the active slave", says the
	// kernel's documentation, whatever primary_reselect is.
	h.Cable("eth1")
	up(t, h, args...)
	netnstest.Eventually(t, active(h, "eth1"))
	rolesAre(t, h, "eth0 backup", "eth1 active")
	if got := attribute(h, "bond0", "bonding", "primary"); got != "eth1" {
		t.Errorf("the kernel's primary is %q, want eth1", got)
	}
}

// TestRemovedMember: a NIC that was taken out and put back is another one by the same name.
func TestRemovedMember(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	tap := h.Tap()
	args := append([]string{"--primary", "eth0"}, eth0And1...)
	up(t, h, args...)
	netnstest.Eventually(t, active(h, "eth0"))

	eth0.Remove()
	netnstest.Eventually(t, active(h, "eth1"))
	rolesAre(t, h, "eth0 absent", "eth1 active")
	// The kernel shows no primary now, but remembers it. To say it again would be in vain.
	unchanged(t, h, tap, args...)

	eth0.Insert()
	rolesAre(t, h, "eth0 pending", "eth1 active")
	up(t, h) // what was last wanted
	netnstest.Eventually(t, active(h, "eth0"))
	rolesAre(t, h, "eth0 active", "eth1 backup")
	unchanged(t, h, tap, args...)
}

func TestNoMemberPresent(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	// Without --wait 0: there is nobody to wait for.
	o := succeeds(t, h, append([]string{"up", "--once"}, eth0And1...)...)
	warns(t, o, "eth0 is absent", "eth1 is absent")
	if st := status(t, h); st.Health != "down" || st.ActiveSlave != "" {
		t.Errorf("health %s, active slave %q; want down and none", st.Health, st.ActiveSlave)
	}
	h.Cable("eth1")
	up(t, h)
	netnstest.Eventually(t, active(h, "eth1"))
	rolesAre(t, h, "eth0 absent", "eth1 active")
}

// TestWait: up waits for an active slave, but not for ever.
func TestWait(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	eth0.Pull()
	args := []string{"--once", "--member", "eth0"}
	o := succeeds(t, h, append([]string{"up", "--wait", "300ms"}, args...)...)
	warns(t, o, "bond0 has no active slave after 300ms")
	rolesAre(t, h, "eth0 backup")

	eth0.Plug()
	succeeds(t, h, append([]string{"up", "--wait", "20s"}, args...)...)
	if err := active(h, "eth0")(); err != nil {
		t.Errorf("up has waited, but %v", err)
	}
}

func TestHeldMember(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	h.Run("ip", "link", "add", "br0", "type", "bridge")
	h.Run("ip", "link", "set", "eth1", "master", "br0")

	warns(t, up(t, h, eth0And1...), "eth1 is held by br0")
	rolesAre(t, h, "eth0 active", "eth1 pending")
	if got := status(t, h).member(t, "eth1").PendingReason; got != "held by br0" {
		t.Errorf("pending_reason is %q, want held by br0", got)
	}
	if link(t, h, "eth1").Master != link(t, h, "br0").Index {
		t.Error("eth1 isn't in br0 any more")
	}

	release(t, h, "eth1")
	up(t, h)
	rolesAre(t, h, "eth0 active", "eth1 backup")
}

// testBlockedWiFi: the kernel refuses a member that rfkill blocks, and when it sets a member down
// because it was blocked, it doesn't set it up again.
func testBlockedWiFi(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.Cable("eth0")
	m.Radio()
	args := []string{"--member", "eth0", "--member", "wlan0"}
	block(t, m, "1")
	warns(t, up(t, m.Host, args...), "wlan0 is blocked by rfkill")
	rolesAre(t, m.Host, "eth0 active", "wlan0 pending")

	block(t, m, "0")
	up(t, m.Host, args...)
	rolesAre(t, m.Host, "eth0 active", "wlan0 backup")

	block(t, m, "1")
	up(t, m.Host, args...)
	block(t, m, "0")
	up(t, m.Host, args...)
	if !link(t, m.Host, "wlan0").Up {
		t.Error("wlan0 is still down after it was unblocked, and up")
	}
}

// TestSetDownMember: a slave that somebody has set down is dead until it is up again.
func TestSetDownMember(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	up(t, h, eth0And1...)
	netnstest.Eventually(t, active(h, "eth0"))
	linkDown(t, h, "eth0")
	netnstest.Eventually(t, active(h, "eth1"))
	up(t, h)
	netnstest.Eventually(t, active(h, "eth0"))
}

// TestRefusedMember: what stands upon a member and can't be made anew would be cut off in the bond.
func TestRefusedMember(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		make    string
		reasons []string
	}{
		{"a VLAN upon a VLAN", "ip link add link eth1 name five type vlan id 5; ip link add link five name six type vlan id 6", []string{"eth1 carries five", "hint:"}},
		{"a VLAN in a bridge", "ip link add link eth1 name five type vlan id 5; ip link add br5 type bridge; ip link set five master br5", []string{"eth1 carries five", "hint:"}},
		{"MACsec", "ip link add link eth1 name secret type macsec", []string{"eth1 carries secret", "hint:"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t)
			h.Cable("eth0")
			h.Cable("eth1")
			h.Run("sh", "-e", "-c", tt.make)
			fails(t, h, 1, tt.reasons, append([]string{"up", "--once"}, eth0And1...)...)
		})
	}
}

// TestChangeMembers takes a member out of the bond and others in, while it works.
func TestChangeMembers(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	for _, name := range []string{"eth0", "eth1", "eth2", "eth3"} {
		h.Cable(name)
	}
	tap := h.Tap()
	h.Run("ip", "link", "set", "eth2", "up", "mtu", "1300")
	before := links(t, h)
	eth2 := link(t, h, "eth2")

	members := func(names ...string) []string {
		args := []string{"--primary", "eth1", "--mac", "02:00:5e:10:00:01"}
		for _, name := range names {
			args = append(args, "--member", name)
		}
		return args
	}
	up(t, h, members("eth0", "eth1", "eth2")...)
	netnstest.Eventually(t, active(h, "eth1"))
	mark(t, h)

	up(t, h, members("eth0", "eth1")...)
	rolesAre(t, h, "eth0 backup", "eth1 active")
	if diff := cmp.Diff(eth2, link(t, h, "eth2")); diff != "" {
		t.Errorf("eth2 (-as it was found +released):\n%s", diff)
	}
	unchanged(t, h, tap, members("eth0", "eth1")...)

	up(t, h, members("eth3", "eth0", "eth1", "eth2")...)
	rolesAre(t, h, "eth3 backup", "eth0 backup", "eth1 active", "eth2 backup")
	if !marked(h) {
		t.Error("eth0 and eth1 haven't been in the bond all the time")
	}
	unchanged(t, h, tap, members("eth3", "eth0", "eth1", "eth2")...)

	succeeds(t, h, "down")
	sameLinks(t, h, before)
}

func TestSeveralBonds(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	for _, name := range []string{"eth0", "eth1", "eth2", "eth3"} {
		h.Cable(name)
	}
	tap := h.Tap()
	before := links(t, h)
	up(t, h, eth0And1...)
	up(t, h, "bond1", "--member", "eth2", "--member", "eth3", "--miimon", "50")
	unchanged(t, h, tap, eth0And1...)

	o := up(t, h, "bond2", "--member", "eth0")
	warns(t, o, "eth0 is held by bond0")
	succeeds(t, h, "down", "bond2")

	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	netnstest.Eventually(t, active(h, "eth0"))
	bond0 := statusOf[map[string]any](t, h, "bond0")
	succeeds(t, h, "down", "bond1")
	if diff := cmp.Diff(bond0, statusOf[map[string]any](t, h, "bond0")); diff != "" {
		t.Errorf("bond0 (-before +after bond1 was taken away):\n%s", diff)
	}
	succeeds(t, h, "down", "bond0")
	sameLinks(t, h, before)
}
