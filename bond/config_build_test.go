package bond

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLayers(t *testing.T) {
	file := []Setting{
		{Key: "primary", Value: "eth0"},
		{Key: "miimon", Value: int64(50)},
		{Key: "fail_over_mac", Value: "active"},
		{Key: "member", Value: []Setting{{Key: "member.name", Value: "eth0"}, {Key: "member.prio", Value: int64(7)}}},
		{Key: "member", Value: []Setting{{Key: "member.name", Value: "wlan0"}, {Key: "member.wpa_conf", Value: "/etc/wpa.conf"}}},
		{Key: "ipv4.addresses", Value: []any{"192.0.2.10/24", "198.51.100.10/24"}},
		{Key: "ipv6.addresses", Value: "2001:db8::10/64"},
		{Key: "ipv4.gateway", Value: "192.0.2.1"},
		{Key: "ipv6.gateway", Value: "fe80::1"},
		{Key: "ipv4.method", Value: "dhcp"},
		{Key: "ipv4.dns", Value: []any{"192.0.2.53", "192.0.2.54"}},
		{Key: "ipv4.use_routes", Value: false},
		{Key: "ipv4.use_mtu", Value: true},
	}
	members := []Member{{Name: "eth0", Prio: new(int32(7))}, {Name: "wlan0", WPAConf: "/etc/wpa.conf"}}
	addresses := []netip.Prefix{
		netip.MustParsePrefix("192.0.2.10/24"), netip.MustParsePrefix("198.51.100.10/24"), netip.MustParsePrefix("2001:db8::10/64"),
	}
	gateways := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fe80::1")}
	options := Options{Miimon: new(Millis(50)), FailOverMAC: new(FailOverMACActive)}
	base := Config{Name: "bond0", Primary: "eth0", Members: members, Options: options, Addresses: addresses, Gateways: gateways,
		Method: MethodDHCP, DNS: []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("192.0.2.54")}, UseRoutes: new(false), UseMTU: true,
	}
	but := func(change func(*Config)) Config {
		c := base
		change(&c)
		return c
	}
	for _, tt := range []struct {
		name  string
		flags []Setting
		want  Config
	}{
		{"the file alone", nil, base},
		{"a value", []Setting{flag("miimon", "200ms")}, but(func(c *Config) { c.Options.Miimon = new(Millis(200)) })},
		{"back to the default", []Setting{flag("fail_over_mac", "auto")}, but(func(c *Config) { c.Options.FailOverMAC = nil })},
		{
			"the members as a whole",
			[]Setting{flag("member", "eth1"), flag("member", "eth0")},
			but(func(c *Config) { c.Members = []Member{{Name: "eth1"}, {Name: "eth0"}} }),
		},
		{
			"the addresses of both families as a whole",
			[]Setting{flag("address", "192.0.2.99/24")},
			but(func(c *Config) { c.Addresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.99/24")} }),
		},
		{
			"the gateways of both families as a whole",
			[]Setting{flag("gateway", "198.51.100.1")},
			but(func(c *Config) { c.Gateways = []netip.Addr{netip.MustParseAddr("198.51.100.1")} }),
		},
		{
			"the name servers as a whole",
			[]Setting{flag("dns", "2001:db8::53")},
			but(func(c *Config) { c.DNS = []netip.Addr{netip.MustParseAddr("2001:db8::53")} }),
		},
		{
			"a key that the file hasn't",
			[]Setting{flag("mtu", "9000")},
			but(func(c *Config) { c.MTU = 9000 }),
		},
		{
			"a mac, and the other one in its place",
			[]Setting{flag("fail_over_mac", "none"), flag("mac", "stable"), flag("mac", "02:00:5e:10:00:01")},
			but(func(c *Config) {
				c.Options.FailOverMAC = new(FailOverMACNone)
				c.MAC = HardwareAddr{2, 0, 0x5e, 0x10, 0, 1}
			}),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := NewConfig("bond0", file, tt.flags)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, byValue); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTargetsReplaced(t *testing.T) {
	file := []Setting{flag("arp_interval", "1s"), flag("arp_ip_target", []any{"192.0.2.1", "2001:db8::1"})}
	c, err := NewConfig("bond0", file, []Setting{flag("member", "eth0"), flag("arp_ip_target", "::ffff:192.0.2.2")})
	if err != nil {
		t.Fatal(err)
	}
	want := Options{ARPInterval: new(Millis(1000)), ARPIPTarget: []netip.Addr{netip.MustParseAddr("192.0.2.2")}}
	if diff := cmp.Diff(want, c.Options, byValue); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
}

func TestParseMember(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Member
	}{
		{"eth0", Member{Name: "eth0"}},
		{"eth0,prio=3", Member{Name: "eth0", Prio: new(int32(3))}},
		{"eth0,prio=-2147483648", Member{Name: "eth0", Prio: new(int32(-2147483648))}},
		{"prio=3", Member{Name: "prio=3"}},
	} {
		t.Run(tt.text, func(t *testing.T) {
			var got Member
			if err := got.parse(tt.text); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, byValue); diff != "" {
				t.Errorf("member (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzParseMember takes only names that the kernel takes, and nothing that
// could be meant otherwise.
func FuzzParseMember(f *testing.F) {
	for _, text := range []string{
		"eth0", "eth0,prio=3", "eth0,prio=-2147483649", "eth0,prio=", "eth0,wlan0", "eth0,", ",", "", "eth*,prio=1",
		"eth 0", "eth%d", "eth\xff0", "-x", "..", "eth0,prio=1,prio=2", "eth0,prio=+1", "eth0,prio=1_000",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var m, again Member
		if err := m.parse(text); err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q: the error is more than a line: %q", text, err)
			}
			return
		}
		if err := CheckName(m.Name); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if m.Prio == nil {
			if m.Name != text {
				t.Errorf("%q became %q", text, m.Name)
			}
			return
		}
		err := again.parse(m.Name + ",prio=" + strconv.Itoa(int(*m.Prio)))
		if diff := cmp.Diff(m, again, byValue); err != nil || diff != "" {
			t.Errorf("%q written anew: %v (-before +after):\n%s", text, err, diff)
		}
	})
}
