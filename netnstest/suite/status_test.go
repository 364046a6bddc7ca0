package suite

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

// TestStatusJSON holds every key of the JSON against what was asked for. What isn't known is null.
func TestStatusJSON(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	eth1 := h.Cable("eth1")
	up(t, h, append([]string{"--primary", "eth1", "--address", "192.0.2.10/24", "--address", "2001:db8::10/64", "--member", "wlan7"}, eth0And1...)...)
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	netnstest.Eventually(t, active(h, "eth1"))

	want := map[string]any{
		"name": "bond0", "strategy": "bond", "active": "eth1", "mode": "active-backup", "active_slave": "eth1", "active_since": nil, "active_reason": "primary",
		"primary": "eth1", "primary_reselect": "always",
		// The defaults where a member is or may be Wi-Fi.
		"miimon": 100.0, "updelay": 4000.0, "downdelay": 0.0, "peer_notif_delay": 200.0, "num_grat_arp": 3.0,
		"fail_over_mac": "active", "arp_interval": 0.0, "arp_ip_target": []any{}, "ns_ip6_target": []any{},
		"arp_validate": "none", "arp_all_targets": "any", "arp_missed_max": 2.0, "all_slaves_active": 0.0, "resend_igmp": 1.0,
		"mii_status": "up", "address": eth1.MAC.String(), "addresses": []any{"192.0.2.10/24", "2001:db8::10/64"}, "mtu": 1500.0,
		"health": "degraded", "health_reason": "wlan7 is absent", "lease": nil, "trial": nil, "better": nil, "fast_failover": true, "probe": nil,
		"members": []any{
			map[string]any{
				"name": "wlan7", "kind": nil, "role": "absent", "pending_reason": "absent", "prio": 2.0, "mii_status": nil,
				"carrier": nil, "speed": nil, "duplex": nil, "driver": nil, "address": nil, "perm_hwaddr": nil,
				"link_failure_count": nil, "wifi": nil, "resting": false, "addresses": []any{},
				"gateway": nil, "metric": nil, "table": nil, "path": nil,
			},
			map[string]any{
				"name": "eth0", "kind": "wired", "role": "backup", "pending_reason": nil, "prio": 1.0, "mii_status": "up",
				"carrier": true, "speed": 10000.0, "duplex": "full", "driver": nil,
				"address": eth0.MAC.String(), "perm_hwaddr": eth0.MAC.String(), "link_failure_count": 0.0, "wifi": nil, "resting": false, "addresses": []any{},
				"gateway": nil, "metric": nil, "table": nil, "path": nil,
			},
			map[string]any{
				"name": "eth1", "kind": "wired", "role": "active", "pending_reason": nil, "prio": 0.0, "mii_status": "up",
				"carrier": true, "speed": 10000.0, "duplex": "full", "driver": nil,
				"address": eth1.MAC.String(), "perm_hwaddr": eth1.MAC.String(), "link_failure_count": 0.0, "wifi": nil, "resting": false, "addresses": []any{},
				"gateway": nil, "metric": nil, "table": nil, "path": nil,
			},
		},
	}
	if diff := cmp.Diff(want, statusOf[map[string]any](t, h, "bond0")); diff != "" {
		t.Errorf("status --json (-want +got):\n%s", diff)
	}
}

// TestStatusScreen: at most 80 columns, and no control characters where no terminal is.
func TestStatusScreen(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("interface-name1")
	args := []string{"--member", "eth0", "--member", "interface-name1", "--member", "interface-name2", "--mac", "02:00:5e:10:00:01"}
	for i := range 9 {
		args = append(args, "--address", fmt.Sprintf("2001:db8:aaaa:bbbb:cccc:dddd:eeee:%d/64", i+1))
	}
	up(t, h, args...)
	netnstest.Eventually(t, usable(h, "eth0", "interface-name1"))
	o := succeeds(t, h, "status")
	for line := range strings.Lines(o.Stdout) {
		line = strings.TrimSuffix(line, "\n")
		if width := utf8.RuneCountInString(line); width > 80 {
			t.Errorf("%d columns: %s", width, line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("control characters: %q", line)
		}
	}
	for _, said := range []string{
		"bond0: degraded, eth0 active (highest prio)", "interface-name2 is absent", "active-backup", "02:00:5e:10:00:01",
		"2001:db8:aaaa:bbbb:cccc:dddd:eeee:9/64", "10000 Mb/s",
	} {
		if !strings.Contains(o.Stdout, said) {
			t.Errorf("status doesn't say %q:\n%s", said, o.Stdout)
		}
	}
}

// TestStatusCheck goes through the exit statuses of status --check.
func TestStatusCheck(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	eth1 := h.Cable("eth1")
	check := func(want int, when string, args ...string) {
		t.Helper()
		o := bondctl(t, h, append([]string{"status", "--check"}, args...)...)
		if o.Status != want {
			t.Errorf("%s: exit status %d, want %d\n%s%s", when, o.Status, want, o.Stdout, o.Stderr)
		}
	}
	check(3, "no such bond")
	check(3, "a surplus argument", "bond0", "bond1")
	check(3, "an unknown flag", "--nosuch")
	up(t, h, eth0And1...)
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	check(0, "every member works")
	check(0, "every member works", "--json")
	eth1.Pull()
	netnstest.Eventually(t, sysfs(h, "down", "eth1", "bonding_slave", "mii_status"))
	check(1, "one member has no link")
	eth0.Pull()
	netnstest.Eventually(t, active(h, ""))
	check(2, "no member has a link")
	check(2, "the worst of all bonds", "--all")
	deleteLink(t, h, "bond0")
	check(2, "wanted and missing")
	succeeds(t, h, "down")
	check(3, "no such bond any more")
	if o := bondctl(t, h, "status"); o.Status != 1 {
		t.Errorf("status without --check of no bond: exit status %d, want 1", o.Status)
	}
}

// TestStatusModes shows bonds that bondctl didn't make, of every mode.
func TestStatusModes(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	modes := []string{"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}
	for i, mode := range modes {
		bond, eth := fmt.Sprintf("team%d", i), fmt.Sprintf("eth%d", i)
		h.Cable(eth)
		master := netlink.NewLinkBond(netlink.LinkAttrs{Name: bond})
		master.Mode, master.Miimon = netlink.StringToBondMode(mode), 100
		if err := h.Netlink().LinkAdd(master); err != nil {
			t.Fatalf("make %s: %v", bond, err)
		}
		change(t, h, eth, "enslave", func(nl *netlink.Handle, l netlink.Link) error { return nl.LinkSetMaster(l, master) })
		linkUp(t, h, bond)
		netnstest.Eventually(t, usable(h, eth))
	}
	var got []bondStatus
	if err := json.Unmarshal([]byte(succeeds(t, h, "status", "--all", "--json").Stdout), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(modes) {
		t.Fatalf("%d bonds are shown, want %d", len(got), len(modes))
	}
	screen := succeeds(t, h, "status", "--all").Stdout
	for i, st := range got {
		if st.Mode != modes[i] || st.Health != "ok" || len(st.Members) != 1 || st.Members[0].Speed != 10000 {
			t.Errorf("team%d of mode %s is shown as %+v", i, modes[i], st)
		}
		if !strings.Contains(screen, fmt.Sprintf("team%d: ok", i)) || !strings.Contains(screen, modes[i]) {
			t.Errorf("team%d of mode %s isn't on the screen:\n%s", i, modes[i], screen)
		}
	}
}

// TestStatusWatch: a failover shows without being asked for.
func TestStatusWatch(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	up(t, h, eth0And1...)
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	p := h.Start("bondctl", "status", "--watch", "--json")
	shows := func(want string) func() error {
		return func() error {
			latest, err := latestStatus(p.Output())
			if err != nil || latest.ActiveSlave != want {
				return fmt.Errorf("status --watch shows %q active, %w; want %q", latest.ActiveSlave, err, want)
			}
			return nil
		}
	}
	netnstest.Eventually(t, shows("eth0"))
	eth0.Pull()
	netnstest.Eventually(t, shows("eth1"))
	eth0.Plug()
	netnstest.Eventually(t, shows("eth0"))
	deleteLink(t, h, "bond0")
	netnstest.Eventually(t, shows("")) // null
}

// latestStatus is the last of several JSON values that is whole.
func latestStatus(text string) (bondStatus, error) {
	d := json.NewDecoder(strings.NewReader(text))
	var latest bondStatus
	for n := 0; ; n++ {
		var st bondStatus
		if err := d.Decode(&st); err != nil {
			if n > 0 {
				err = nil
			}
			return latest, err
		}
		latest = st
	}
}

// TestUnprivileged: everybody may look, and is told what it takes to do more.
func TestUnprivileged(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	up(t, h, eth0And1...)
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	// Nobody can get at the folder of the programs under test.
	h.Run("install", "-m", "755", netnstest.Program("bondctl"), "/run/bondctl-for-all")
	nobody := func(args ...string) outcome {
		t.Helper()
		return run(t, h.Command("setpriv", append([]string{"--reuid", "65534", "--regid", "65534", "--clear-groups", "/run/bondctl-for-all"}, args...)...))
	}
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"status", "--all"}, {"status", "--check"}} {
		got, want := nobody(args...), succeeds(t, h, args...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-root +nobody):\n%s", args, diff)
		}
	}
	before := links(t, h)
	for _, args := range [][]string{
		append([]string{"up", "--once", "--miimon", "50"}, eth0And1...),
		append([]string{"up", "--once", "bond1"}, "--member", "eth7"),
		{"down"},
		{"switch", "eth1"},
	} {
		o := nobody(args...)
		if o.Status != 1 || !strings.Contains(o.Stderr, "bondctl: error: ") || !strings.Contains(o.Stderr, "bondctl: hint: ") || !strings.Contains(o.Stderr, "sudo") {
			t.Errorf("%v: exit status %d, want 1 and a hint\n%s", args, o.Status, o.Stderr)
		}
	}
	sameLinks(t, h, before)
}
