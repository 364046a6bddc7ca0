package suite

import (
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// TestSwitch makes a slave the active one, then pulls and plugs another one's cable.
func TestSwitch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		args   []string
		to     string
		reason string
		until  string // what switch says of it
		cable  string
		then   string // the active slave after that
	}{
		{"until the primary returns", []string{"--primary", "eth0"}, "eth1", "manual", "then eth0 takes over", "eth0", "eth0"},
		{"until a preferred member returns", []string{"--primary", "eth0"}, "eth2", "manual", "then eth0 takes over", "eth1", "eth0"},
		{"not until another returns", []string{"--primary", "eth0"}, "eth1", "manual", "then eth0 takes over", "eth2", "eth1"},
		{"by prio", nil, "eth1", "manual", "then eth0 takes over", "eth0", "eth0"},
		{"until it fails", []string{"--primary", "eth0", "--primary-reselect", "failure"}, "eth1", "manual", "until its link fails", "eth0", "eth1"},
		{"no faster one", []string{"--primary", "eth0", "--primary-reselect", "better"}, "eth1", "manual", "eth0 is the faster one", "eth0", "eth1"},
		{"to the primary", []string{"--primary", "eth1"}, "eth1", "primary", "as long as its link is up", "eth0", "eth1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t)
			cables, mii := map[string]*netnstest.Cable{}, map[string]string{}
			args := tt.args
			for _, name := range []string{"eth0", "eth1", "eth2"} {
				cables[name], mii[name] = h.Cable(name), "up"
				args = append(args, "--member", name)
			}
			up(t, h, args...)
			netnstest.Eventually(t, usable(h, "eth0", "eth1", "eth2"))

			o := succeeds(t, h, "switch", tt.to)
			if !strings.HasPrefix(o.Stdout, "bond0: "+tt.to+" is active; ") || !strings.Contains(o.Stdout, tt.until) {
				t.Errorf("switch printed %q, want it to say %q", o.Stdout, tt.until)
			}
			if err := settled(h, mii, tt.to); err != nil {
				t.Error(err)
			}
			if st := status(t, h); st.ActiveSlave != tt.to || st.ActiveReason != tt.reason {
				t.Errorf("status: %s active for the reason %s, want %s for %s", st.ActiveSlave, st.ActiveReason, tt.to, tt.reason)
			}

			cables[tt.cable].Pull()
			mii[tt.cable] = "down"
			netnstest.Eventually(t, func() error { return settled(h, mii, tt.to) })
			cables[tt.cable].Plug()
			mii[tt.cable] = "up"
			netnstest.Eventually(t, func() error { return settled(h, mii, tt.then) })
		})
	}
}

// TestSwitchEnds: what was chosen by hand and failed is chosen by the kernel when it is active again.
func TestSwitchEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		fail func(*testing.T, *netnstest.Host, *netnstest.Cable)
	}{
		{"its cable pulled and plugged", func(t *testing.T, h *netnstest.Host, c *netnstest.Cable) {
			c.Pull()
			netnstest.Eventually(t, active(h, "eth0"))
			c.Plug()
		}},
		{"removed and inserted", func(t *testing.T, h *netnstest.Host, c *netnstest.Cable) {
			c.Remove()
			netnstest.Eventually(t, active(h, "eth0"))
			c.Insert()
			up(t, h)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t)
			eth0 := h.Cable("eth0")
			eth1 := h.Cable("eth1")
			up(t, h, append([]string{"--primary", "eth0", "--primary-reselect", "failure"}, eth0And1...)...)
			netnstest.Eventually(t, usable(h, "eth0", "eth1"))
			succeeds(t, h, "switch", "eth1")
			tt.fail(t, h, eth1)
			netnstest.Eventually(t, usable(h, "eth0", "eth1"))

			eth0.Pull()
			netnstest.Eventually(t, active(h, "eth1"))
			eth0.Plug()
			netnstest.Eventually(t, usable(h, "eth0"))
			if st := status(t, h); st.ActiveSlave != "eth1" || st.ActiveReason != "held" {
				t.Errorf("status: %s active for the reason %s, want eth1 for held", st.ActiveSlave, st.ActiveReason)
			}
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
