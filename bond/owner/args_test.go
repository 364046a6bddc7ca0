package owner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseArgs(t *testing.T) {
	dhcpcd := func(args []string) call {
		c, _ := parseDhcpcd(args)
		return c
	}
	for _, tt := range []struct {
		parse func([]string) call
		args  string // one that is the same for all words has | between them
		want  call
	}{
		{parseDhclient, "dhclient|-v|eth0", call{interfaces: []string{"eth0"}, options: map[string]string{"-v": ""}}},
		{parseDhclient, "dhclient", call{options: map[string]string{}}},
		{parseDhclient, "/sbin/dhclient|-4|-i|-pf|/run/dhclient.eth0.pid|-lf|/var/lib/dhcp/dhclient.eth0.leases|-I|-df|x|eth0|eth1", call{
			interfaces: []string{"eth0", "eth1"},
			options:    map[string]string{"-4": "", "-i": "", "-I": "", "-pf": "/run/dhclient.eth0.pid", "-lf": "/var/lib/dhcp/dhclient.eth0.leases", "-df": "x"},
		}},
		{parseDhclient, "dhclient|-6|-nw|eth0", call{interfaces: []string{"eth0"}, ipv6: true, options: map[string]string{"-6": "", "-nw": ""}}},
		{parseDhclient, "dhclient|-r|eth0", call{interfaces: []string{"eth0"}, ends: true, options: map[string]string{"-r": ""}}},
		{parseDhclient, "dhclient|-cf", call{options: map[string]string{}}},
		{parseUdhcpc, "udhcpc", call{interfaces: []string{"eth0"}, options: map[string]string{}}},
		{parseUdhcpc, "busybox|udhcpc|-bRi|wlan0|-x|hostname:box|-x0x3d:0100beef|-a500|-C", call{
			interfaces: []string{"wlan0"}, extra: []string{"hostname:box", "0x3d:0100beef"},
			options: map[string]string{"b": "", "R": "", "a": "500", "C": ""},
		}},
		{parseUdhcpc, "udhcpc|--interface=usb0|--fqdn|box|--pidfile|/run/u.pid|--quit", call{
			interfaces: []string{"usb0"}, ends: true, options: map[string]string{"F": "box", "p": "/run/u.pid", "q": ""},
		}},
		{dhcpcd, "dhcpcd: eth0 [ip4]", call{interfaces: []string{"eth0"}, options: map[string]string{"-4": ""}}},
		{dhcpcd, "dhcpcd: eth0 wlan0 [ip4] [ip6]", call{interfaces: []string{"eth0", "wlan0"}, options: map[string]string{}}},
		{dhcpcd, "dhcpcd: [manager] [ip6]", call{manager: true, ipv6: true, options: map[string]string{"-6": ""}}},
		{dhcpcd, "dhcpcd: [privileged proxy] eth0 [ip4]", call{}},
		{dhcpcd, "dhcpcd: [BPF ARP] eth0 192.0.2.146", call{}},
		{dhcpcd, "dhcpcd|-bf|/etc/my.conf|-4|eth0", call{interfaces: []string{"eth0"}, options: map[string]string{"-b": "", "-f": "/etc/my.conf", "-4": ""}}},
		{dhcpcd, "dhcpcd|-x|eth0", call{interfaces: []string{"eth0"}, ends: true, options: map[string]string{"-x": ""}}},
	} {
		got := tt.parse(strings.Split(tt.args, "|"))
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(call{})); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.args, diff)
		}
	}
}

// A dhcpcd that has lost its arguments is started again with what its title says.
func TestDhcpcdAgain(t *testing.T) {
	for title, want := range map[string]string{
		"dhcpcd: eth0 [ip4]":            "/usr/sbin/dhcpcd -4 eth0",
		"dhcpcd: [manager] [ip4] [ip6]": "/usr/sbin/dhcpcd",
		"dhcpcd: eth0 wlan0 [ip6]":      "/usr/sbin/dhcpcd -6 eth0 wlan0",
	} {
		c, ok := parseDhcpcd([]string{title})
		if got := strings.Join(c.again("/usr/sbin/dhcpcd"), " "); !ok || got != want {
			t.Errorf("%s: %q, %t; want %q", title, got, ok, want)
		}
	}
}

func FuzzParseArgs(f *testing.F) {
	f.Add("dhclient\x00-pf\x00/run/x\x00eth0")
	f.Add("busybox\x00udhcpc\x00-bRi\x00wlan0\x00-a\x00--x")
	f.Add("dhcpcd: [manager] [ip4]")
	f.Fuzz(func(t *testing.T, text string) {
		args := strings.Split(text, "\x00")
		for _, c := range []call{parseDhclient(args), parseUdhcpc(args), parseDhcpcdArgs(args)} {
			if len(c.interfaces) > len(args)+1 || len(c.extra) > len(args) {
				t.Errorf("%q: more than there are: %+v", args, c)
			}
		}
		if c, ok := parseDhcpcd(args); ok && strings.HasPrefix(args[0], dhcpcdTitle) && c.manager == (len(c.interfaces) > 0) {
			t.Errorf("%q: %+v", args, c)
		}
	})
}
