package suite

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// A trip takes an option through several values: the bond is made with the first, and changed live to
// each of the others.
type trip struct {
	key    string // in JSON, and the option's file in sysfs
	always []string
	values []value
	file   []string // below /sys/class/net; bond0/bonding/key unless given

	// reenslaves says that the kernel takes the option only while the bond has no slaves.
	reenslaves bool
}

// A value is one value of an option: what asks for it, and what the status then says.
type value struct {
	args []string
	want any // as encoding/json reads it
}

// given is a value as the option's flag takes it.
func given(name string, text string, want any) value {
	return value{[]string{"--" + name + "=" + text}, want}
}

var arp = []string{"--arp-interval", "100", "--arp-ip-target", netnstest.LANAddr}

var trips = []trip{
	{key: "primary_reselect", values: []value{
		given("primary-reselect", "better", "better"), given("primary-reselect", "failure", "failure"), {nil, "always"}}},
	{key: "miimon", values: []value{
		given("miimon", "50ms", 50.0), given("miimon", "200", 200.0), {nil, 100.0}}},
	{key: "updelay", values: []value{
		given("updelay", "1s", 1000.0), given("updelay", "300", 300.0), {nil, 0.0}}},
	{key: "downdelay", values: []value{
		given("downdelay", "200ms", 200.0), given("downdelay", "400", 400.0), {nil, 0.0}}},
	{key: "peer_notif_delay", values: []value{
		given("peer-notif-delay", "200", 200.0), given("peer-notif-delay", "5m", 300000.0), {nil, 0.0}}}, // its limit
	{key: "num_grat_arp", values: []value{
		given("num-grat-arp", "0", 0.0), given("num-grat-arp", "255", 255.0), {nil, 1.0}}},
	{key: "all_slaves_active", values: []value{
		given("all-slaves-active", "1", 1.0), {nil, 0.0}, given("all-slaves-active", "1", 1.0)}},
	{key: "resend_igmp", values: []value{
		given("resend-igmp", "0", 0.0), given("resend-igmp", "255", 255.0), {nil, 1.0}}},
	{key: "fail_over_mac", reenslaves: true, values: []value{
		given("fail-over-mac", "active", "active"), given("fail-over-mac", "follow", "follow"), given("fail-over-mac", "none", "none")}},

	{key: "arp_interval", always: []string{"--arp-ip-target", netnstest.LANAddr}, values: []value{
		given("arp-interval", "250ms", 250.0), given("arp-interval", "1000", 1000.0)}},
	{key: "arp_ip_target", always: []string{"--arp-interval", "1s"}, values: []value{
		given("arp-ip-target", "192.0.2.1", []any{"192.0.2.1"}),
		{[]string{"--arp-ip-target", "192.0.2.2", "--arp-ip-target", "198.51.100.1"}, []any{"192.0.2.2", "198.51.100.1"}},
		given("arp-ip-target", "2001:db8::1", []any{})}},
	{key: "arp_validate", always: arp, values: []value{
		given("arp-validate", "active", "active"), given("arp-validate", "backup", "backup"),
		given("arp-validate", "all", "all"), given("arp-validate", "filter", "filter"),
		given("arp-validate", "filter_active", "filter_active"), given("arp-validate", "filter_backup", "filter_backup"),
		given("arp-validate", "none", "none")}},
	{key: "arp_all_targets", always: arp, values: []value{
		given("arp-all-targets", "all", "all"), {nil, "any"}, given("arp-all-targets", "all", "all")}},
	{key: "arp_missed_max", always: arp, values: []value{
		given("arp-missed-max", "1", 1.0), given("arp-missed-max", "255", 255.0), {nil, 2.0}}},

	{key: "primary", values: []value{
		given("primary", "eth1", "eth1"), given("primary", "eth0", "eth0"), {nil, nil}}},
	{key: "address", file: []string{"bond0", "address"}, values: []value{
		given("mac", "02:00:5e:10:00:01", "02:00:5e:10:00:01"), given("mac", "02:00:5E:10:00:02", "02:00:5e:10:00:02")}},
	{key: "mtu", file: []string{"bond0", "mtu"}, values: []value{
		given("mtu", "1400", 1400.0), given("mtu", "9000", 9000.0), {nil, 1500.0}}},
	// Linux 6.1 shows these two nowhere in sysfs.
	{key: "ns_ip6_target", always: []string{"--arp-interval", "1s"}, file: []string{}, values: []value{
		given("arp-ip-target", "2001:db8::1", []any{"2001:db8::1"}),
		{[]string{"--arp-ip-target", "2001:db8::2", "--arp-ip-target", "2001:db8::3"}, []any{"2001:db8::2", "2001:db8::3"}},
		given("arp-ip-target", "192.0.2.1", []any{})}},
	{key: "prio", file: []string{}, values: []value{
		{[]string{"--member", "eth0,prio=-2147483648", "--member", "eth1,prio=2147483647"}, []any{-2147483648.0, 2147483647.0}},
		{[]string{"--member", "eth0,prio=7", "--member", "eth1"}, []any{7.0, 0.0}},
		{nil, []any{1.0, 0.0}}}},
}

// TestOptions takes every option through its values.
func TestOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range trips {
		t.Run(tt.key, func(t *testing.T) {
			t.Parallel()
			tt.run(t)
		})
	}
}

func (tt trip) run(t *testing.T) {
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	tap := h.Tap()
	before := links(t, h)

	var made linkState
	for i, v := range tt.values {
		args := slices.Concat(tt.always, v.args)
		if !slices.Contains(args, "--member") {
			args = append(args, "--member", "eth0", "--member", "eth1")
		}
		tap.Changes()
		up(t, h, args...)
		if len(tap.Changes()) == 0 {
			t.Errorf("up %s changed nothing", v.args)
		}
		tt.check(t, h, v)

		if i == 0 {
			made = link(t, h, "bond0")
			mark(t, h)
		} else if index := link(t, h, "bond0").Index; index != made.Index {
			t.Errorf("up %s made the bond anew: its ifindex was %d and is %d", v.args, made.Index, index)
		} else if stayed := marked(h); stayed == tt.reenslaves {
			t.Errorf("up %s: the slaves stayed enslaved: %t, want %t", v.args, stayed, !tt.reenslaves)
		}
		unchanged(t, h, tap, args...)
	}
	succeeds(t, h, "down")
	sameLinks(t, h, before)
}

// check compares what bondctl status and the kernel say of an option.
func (tt trip) check(t *testing.T, h *netnstest.Host, v value) {
	t.Helper()
	st := statusOf[map[string]any](t, h, "bond0")
	got, known := st[tt.key]
	if tt.key == "prio" {
		got, known = prios(st), true
	}
	if diff := cmp.Diff(v.want, got); diff != "" || !known {
		t.Errorf("up %s: %s in status (-want +got):\n%s", v.args, tt.key, diff)
	}
	if tt.file == nil {
		tt.file = []string{"bond0", "bonding", tt.key}
	}
	// The file of a word has its number, too: "better 1".
	if text := attribute(h, tt.file...); len(tt.file) > 0 && text != words(v.want) && !strings.HasPrefix(text, words(v.want)+" ") {
		t.Errorf("up %s: %s is %q, want %s", v.args, strings.Join(tt.file, "/"), text, words(v.want))
	}
}

// words writes a value of JSON as sysfs does.
func words(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		var list []string
		for _, item := range v {
			list = append(list, words(item))
		}
		return strings.Join(list, " ")
	}
	return fmt.Sprint(v)
}

func prios(st map[string]any) []any {
	var list []any
	for _, m := range st["members"].([]any) {
		list = append(list, m.(map[string]any)["prio"])
	}
	return list
}

// TestStableMAC: an address that is derived from the machine's id is the same each time, and another
// one for each bond.
func TestStableMAC(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	tap := h.Tap()
	args := []string{"--mac", "stable", "--member", "eth0"}
	up(t, h, args...)
	first := link(t, h, "bond0").MAC
	unchanged(t, h, tap, args...)
	if got := link(t, h, "eth0").MAC; got != first {
		t.Errorf("eth0 has MAC %s, the bond %s", got, first)
	}
	succeeds(t, h, "down")

	up(t, h, args...)
	if again := link(t, h, "bond0").MAC; again != first {
		t.Errorf("bond0 came back with MAC %s, and had %s", again, first)
	}
	up(t, h, "bond1", "--mac", "stable", "--member", "eth1")
	if other := link(t, h, "bond1").MAC; other == first {
		t.Errorf("bond1 has the MAC of bond0, %s", other)
	}
}
