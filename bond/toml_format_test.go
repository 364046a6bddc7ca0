package bond

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readBack reads what FormatTOML wrote.
func readBack(t *testing.T, name string, text []byte) Config {
	t.Helper()
	settings, err := ParseTOML("written.toml", text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	c, err := NewConfig(name, settings)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return c
}

func TestFormatTOML(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags []Setting
		want  string
	}{
		{"least", []Setting{flag("member", "eth0")}, `[[member]]
name = "eth0"
`},
		{"what is no default", []Setting{
			flag("member", "eth0,prio=-3"), flag("member", "wlan0"), flag("primary", "eth0"), flag("primary_reselect", "failure"),
			flag("miimon", "100"), flag("updelay", "4s"), flag("downdelay", "0"), flag("num_grat_arp", "0"), flag("fail_over_mac", "none"),
			flag("mac", "02:00:5e:10:00:01"), flag("mtu", "1400"),
			flag("address", "2001:db8::10/64"), flag("address", "192.0.2.10/24"), flag("gateway", "fe80::1"), flag("gateway", "192.0.2.1"),
		}, `primary = "eth0"
miimon = "100ms"
updelay = "4s"
downdelay = "0s"
primary_reselect = "failure"
fail_over_mac = "none"
num_grat_arp = 0
mac = "02:00:5e:10:00:01"
mtu = 1400

[[member]]
name = "eth0"
prio = -3

[[member]]
name = "wlan0"

[ipv4]
addresses = ["192.0.2.10/24"]
gateway = "192.0.2.1"

[ipv6]
addresses = ["2001:db8::10/64"]
gateway = "fe80::1"
`},
		{"patterns and targets", []Setting{
			{Key: "member", Value: []Setting{
				flag("member.kind", "wifi"), flag("member.mac", "02:00:5e:10:00:02"), flag("member.driver", `a"\b`), flag("member.bus", "usb"),
			}},
			flag("arp_interval", "1s"), flag("arp_ip_target", "2001:db8::1"), flag("arp_ip_target", "192.0.2.1"), flag("arp_validate", "all"),
			flag("mac", "stable"), flag("ipv4.method", "none"),
		}, `arp_interval = "1s"
arp_ip_target = ["192.0.2.1", "2001:db8::1"]
arp_validate = "all"
mac = "stable"

[[member]]
kind = "wifi"
mac = "02:00:5e:10:00:02"
driver = "a\"\\b"
bus = "usb"

[ipv4]
method = "none"
`},
		{"a lease and who associates", []Setting{
			{Key: "member", Value: []Setting{flag("member.kind", "wifi"), flag("member.wpa_conf", "/etc/wpa.conf")}},
			{Key: "dhcp", Value: true}, {Key: "dns", Value: []any{"2001:db8::53", "192.0.2.53"}},
			{Key: "ipv4.use_routes", Value: true}, {Key: "ipv4.use_dns", Value: false}, {Key: "ipv4.use_mtu", Value: true},
			{Key: "hostname", Value: ""}, {Key: "client_id", Value: "none"},
		}, `dns = ["2001:db8::53", "192.0.2.53"]
hostname = ""
client_id = "none"

[[member]]
kind = "wifi"
wpa_conf = "/etc/wpa.conf"

[ipv4]
method = "dhcp"
use_routes = true
use_dns = false
use_mtu = true
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := NewConfig("bond0", tt.flags)
			if err != nil {
				t.Fatal(err)
			}
			text := FormatTOML(c)
			if diff := cmp.Diff(tt.want, string(text)); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c, readBack(t, "bond0", text), byValue); diff != "" {
				t.Errorf("read back (-before +after):\n%s", diff)
			}
		})
	}
}

// FuzzFormatTOML writes each configuration that a file can make, and reads it back.
func FuzzFormatTOML(f *testing.F) {
	addFiles(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		settings, err := ParseTOML("bond0.toml", text)
		if err != nil {
			return
		}
		c, err := NewConfig("bond0", settings)
		if err != nil {
			return
		}
		if err := c.Check(); err != nil {
			t.Errorf("refused once it was accepted: %v", err)
		}
		written := FormatTOML(c)
		if diff := cmp.Diff(c, readBack(t, "bond0", written), byValue); diff != "" {
			t.Errorf("read back (-before +after):\n%s\n%s", diff, written)
		}
	})
}
