package bond

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bondctl/bondctl/sysfs"
)

// problems are what NewConfig says of flags, written as key=value.
func problems(t *testing.T, flags ...Setting) []string {
	t.Helper()
	_, err := NewConfig("bond0", flags)
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*ConfigError](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	var said []string
	for _, p := range e.Problems {
		said = append(said, p.String())
	}
	return said
}

func flag(key string, value any) Setting {
	return Setting{Key: key, Where: "flags", Value: value}
}

// TestProblems is about which problems are told together; cmd/bondctl has the
// words of each.
func TestProblems(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags []Setting
		want  []string
	}{
		{"none", []Setting{flag("member", "eth0")}, nil},
		{
			"a contradiction beside a bad value",
			[]Setting{flag("member", "eth0"), flag("mtu", "9"), flag("primary", "eth1")},
			[]string{
				`flags: mtu: "9" is not a whole number from 68 to 65535`,
				"flags: primary: eth1 is not among the members (eth0); name one of them, or make it one",
			},
		},
		{
			"what follows from a bad member is not told",
			[]Setting{flag("member", "eth 0"), flag("primary", "eth0")},
			[]string{`flags: member: invalid interface name "eth 0": contains white space`},
		},
		{
			"what follows from a bad monitor is not told",
			[]Setting{flag("member", "eth0"), flag("arp_interval", "often"), flag("arp_ip_target", "192.0.2.1")},
			[]string{`flags: arp_interval: "often" is not a time from 0 to 2147483647 ms; write a duration such as 100ms or 4s, or a number of milliseconds`},
		},
		{
			"what follows from a bad address is not told",
			[]Setting{flag("member", "eth0"), flag("address", "192.0.2.300/24"), flag("gateway", "192.0.2.1")},
			[]string{`flags: address: "192.0.2.300/24" is not an address with its prefix length; write one such as 192.0.2.10/24`},
		},
		{
			"what follows from a misspelt key is not told",
			[]Setting{flag("members", "eth0"), flag("miimon", int64(0))},
			[]string{
				"flags: members: unknown key; did you mean member?",
				"flags: miimon: 0 switches monitoring off, and the bond would never fail over; name a time such as 100ms, or use arp_interval",
			},
		},
		{
			"each gateway in its place",
			[]Setting{
				flag("member", "eth0"),
				{Key: "gateway", Where: "f:1", Value: "192.0.2.1"}, {Key: "ipv6.gateway", Where: "f:2", Value: "2001:db8::1"},
				{Key: "ipv4.addresses", Where: "f:3", Value: []any{"198.51.100.1/24", "198.51.100.1/25"}}, {Key: "address", Where: "f:4", Value: "192.0.2.7/32"},
			},
			[]string{
				"f:3: ipv4.addresses: 198.51.100.1 is there twice; name it once",
				"f:1: gateway: 192.0.2.1 is in none of the bond's networks, so it can't be reached; give the bond an address beside it with ipv4.addresses",
				"f:2: ipv6.gateway: 2001:db8::1 is in none of the bond's networks, so it can't be reached; give the bond an address beside it with ipv6.addresses",
			},
		},
		{
			"each of a list",
			[]Setting{flag("member", "eth0"), flag("arp_interval", "1s"), flag("arp_ip_target", []any{"a", "192.0.2.1", "b"})},
			[]string{
				`flags: arp_ip_target: "a" is not an IP address; write one such as 192.0.2.1 or 2001:db8::1`,
				`flags: arp_ip_target: "b" is not an IP address; write one such as 192.0.2.1 or 2001:db8::1`,
			},
		},
		{
			"each key of a member in its place",
			[]Setting{{Key: "member", Where: "f:1", Value: []Setting{
				{Key: "member.name", Where: "f:2", Value: ""},
				{Key: "member.prio", Where: "f:3", Value: "high"},
			}}},
			[]string{
				"f:2: member.name: the name is empty; write that of an interface, such as eth0",
				`f:3: member.prio: "high" is not a whole number from -2147483648 to 2147483647`,
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, problems(t, tt.flags...)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckName(t *testing.T) {
	for _, tt := range []struct {
		name, ifname string
		reason       string // "" for a good one
	}{
		{"usual", "eth0", ""},
		{"letters of another alphabet", "сеть0", ""},
		{"dash inside", "br-lan", ""},
		{"vlan", "eth0.5", ""},
		{"at sign", "veth0@if2", ""},

		{"too long", "enx0011223344556", "longer than 15 bytes"},
		{"of every interface", "all", "used by the kernel itself"},
		{"of none", "default", "used by the kernel itself"},
		{"of a file beside them", "bonding_masters", "used by the kernel itself"},
		{"flag", "-eth0", "looks like a flag"},
		{"template", "eth%d", "contains a percent sign or a comma"},
		{"list", "eth0,eth1", "contains a percent sign or a comma"},
		{"escape", "eth\x1b", "contains characters that can't be printed"},
		{"not utf-8", "eth\xff", "contains characters that can't be printed"},
		{"right to left", "eth\u202e0", "contains characters that can't be printed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reason := ""
			if e, ok := errors.AsType[*sysfs.NameError](CheckName(tt.ifname)); ok {
				reason = e.Reason
			}
			if diff := cmp.Diff(tt.reason, reason); diff != "" {
				t.Errorf("reason (-want +got):\n%s", diff)
			}
		})
	}
}

// passedThroughJSON is how a configuration comes back from a bond's record.
func passedThroughJSON(t *testing.T, c Config) Config {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back Config
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return back
}

// byValue has cmp compare addresses by ==: their fields are their own.
var byValue = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func TestConfigJSON(t *testing.T) {
	c, err := NewConfig("bond0", []Setting{
		flag("member", "eth0,prio=-3"), flag("member", "wlan0"), flag("primary", "eth0"),
		flag("mac", "02:00:5e:10:00:01"), flag("mtu", "1400"), flag("fail_over_mac", "none"),
		flag("arp_interval", "1s"), flag("arp_ip_target", "192.0.2.1"), flag("arp_ip_target", "2001:db8::1"),
		flag("address", "192.0.2.10/24"), flag("ipv4.method", "static"), flag("gateway", "192.0.2.1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, passedThroughJSON(t, c), byValue); diff != "" {
		t.Errorf("through JSON (-before +after):\n%s", diff)
	}
}
