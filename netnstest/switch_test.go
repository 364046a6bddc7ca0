package netnstest_test

import (
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

func TestSwitch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		args  []string
		until string // what switch says of it
		act   string // what comes then
		then  string // the active slave after that
	}{
		{"until the primary is back", []string{"--primary", "eth0"}, "eth0 takes over again", "plug", "eth0"},
		{"by prio", nil, "eth0 takes over again", "plug", "eth0"},
		{"until it fails", []string{"--primary", "eth0", "--primary-reselect", "failure"}, "until its link fails", "plug", "eth1"},
		{"to the primary", []string{"--primary", "eth1"}, "as long as its link is up", "plug", "eth1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t)
			eth0 := h.Cable("eth0")
			h.Cable("eth1")
			up(t, h, append(tt.args, eth0And1...)...)
			netnstest.Eventually(t, usable(h, "eth0", "eth1"))

			o := succeeds(t, h, "switch", "eth1")
			if !strings.HasPrefix(o.Stdout, "bond0: eth1 is active; ") || !strings.Contains(o.Stdout, tt.until) {
				t.Errorf("switch printed %q, want it to say %q", o.Stdout, tt.until)
			}
			if got := attribute(h, "bond0", "bonding", "active_slave"); got != "eth1" {
				t.Errorf("active slave %s, want eth1", got)
			}
			want := "manual"
			if tt.name == "to the primary" {
				want = "primary"
			}
			if st := status(t, h); st.ActiveSlave != "eth1" || st.ActiveReason != want {
				t.Errorf("status: %s active for the reason %s, want eth1 for %s", st.ActiveSlave, st.ActiveReason, want)
			}

			eth0.Pull()
			netnstest.Eventually(t, func() error {
				return settled(h, map[string]string{"eth0": "down", "eth1": "up"}, "eth1")
			})
			eth0.Plug()
			netnstest.Eventually(t, func() error {
				return settled(h, map[string]string{"eth0": "up", "eth1": "up"}, tt.then)
			})
		})
	}
}

// TestSwitchNamed: the bond's name may come first.
func TestSwitchNamed(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	up(t, h, append([]string{"bond1"}, eth0And1...)...)
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	succeeds(t, h, "switch", "bond1", "eth1")
	if got := attribute(h, "bond1", "bonding", "active_slave"); got != "eth1" {
		t.Errorf("active slave %s, want eth1", got)
	}
	fails(t, h, 1, []string{"bond0", "no such bond"}, "switch", "eth0")
}

// TestSwitchRefused: the kernel would answer each of these with "invalid argument".
func TestSwitchRefused(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	eth1 := h.Cable("eth1")
	h.Cable("eth2")
	up(t, h, append([]string{"--primary", "eth0", "--updelay", "1h"}, eth0And1...)...)
	netnstest.Eventually(t, active(h, "eth0"))

	fails(t, h, 1, []string{"eth2 is no member of bond0", "eth0, eth1", "hint: "}, "switch", "eth2")
	fails(t, h, 1, []string{"nosuch is no member of bond0"}, "switch", "nosuch")
	eth1.Pull()
	netnstest.Eventually(t, sysfs(h, "down", "eth1", "bonding_slave", "mii_status"))
	fails(t, h, 1, []string{"eth1 has no link", "hint: "}, "switch", "eth1")
	eth1.Plug()
	netnstest.Eventually(t, sysfs(h, "going back", "eth1", "bonding_slave", "mii_status"))
	fails(t, h, 1, []string{"updelay (3600000 ms) is still running"}, "switch", "eth1")
	if got := attribute(h, "bond0", "bonding", "active_slave"); got != "eth0" {
		t.Errorf("active slave %s, want eth0", got)
	}

	h.Run("ip", "link", "add", "bond1", "type", "bond", "mode", "802.3ad")
	h.Run("ip", "link", "set", "eth2", "master", "bond1")
	fails(t, h, 1, []string{"bond1 has mode 802.3ad"}, "switch", "bond1", "eth2")
}
