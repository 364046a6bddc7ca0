package owner

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/lease"
)

// Files in testdata are those of Debian 12's dhclient 4.4.3-P1 and dhcpcd 9.4.1, with leases
// from dnsmasq 2.90.
func fixture(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	asked     = time.Date(2026, 11, 27, 0, 46, 49, 0, time.UTC)
	fullLease = lease.Lease{
		Address: netip.MustParsePrefix("192.0.2.148/24"), Server: netip.MustParseAddr("192.0.2.1"),
		Routes: []lease.Route{
			{Destination: netip.MustParsePrefix("198.51.100.0/24"), Gateway: netip.MustParseAddr("192.0.2.5")},
			{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1")},
		},
		DNS: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Domains: []string{"a.example", "b.example"}, MTU: 1400,
		Obtained: asked, T1: asked.Add(30 * time.Minute), T2: asked.Add(52*time.Minute + 30*time.Second), Expiry: asked.Add(time.Hour),
	}
)

func TestDhclientLeases(t *testing.T) {
	d, err := parseDhclientLeases(fixture(t, "duid.leases"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]lease.Lease{"eth0": fullLease}, d.leases, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := hex.EncodeToString(d.duid); got != "00010001329b8f797a1edcfa587a" {
		t.Errorf("the DUID is %s", got)
	}
	// What dnsmasq knew that client by.
	mac, _ := net.ParseMAC("7a:1e:dc:fa:58:7a")
	if got := hex.EncodeToString(rfc4361(mac, d.duid)); got != "ffdcfa587a00010001329b8f797a1edcfa587a" {
		t.Errorf("the identifier is %s", got)
	}
}

// What a file may have beside that: the last lease of an interface is the one, what can't be
// used is none, and one that is about to be written isn't there yet.
func TestDhclientLeasesOdd(t *testing.T) {
	one := func(iface, address, more string) string {
		return fmt.Sprintf("lease {\n  interface %q;\n  fixed-address %s;\n  option subnet-mask 255.255.255.0;\n  option dhcp-lease-time 3600;\n"+
			"  option dhcp-server-identifier 192.0.2.1;\n%s}\n", iface, address, more)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":           {"", ""},
		"the last":          {one("eth0", "192.0.2.7", "") + one("eth0", "192.0.2.8", ""), "eth0 192.0.2.8/24"},
		"of two interfaces": {one("eth0", "192.0.2.7", "") + one("eth1", "192.0.2.8", ""), "eth0 192.0.2.7/24 eth1 192.0.2.8/24"},
		"cut short":         {one("eth0", "192.0.2.7", "") + strings.TrimSuffix(one("eth0", "192.0.2.8", ""), "}\n"), "eth0 192.0.2.7/24"},
		"an epoch":          {one("eth0", "192.0.2.7", "  expire epoch 1795743794; # Fri Nov 27 01:43:14 2026\n"), "eth0 192.0.2.7/24"},
		"no address":        {one("eth0", "::1", ""), ""},
		"an identifier":     {one("eth0", "192.0.2.7", "  option dhcp-client-identifier \"\\001\\002\";\n"), "eth0 192.0.2.7/24 0102"},
		"and in hex":        {one("eth0", "192.0.2.7", "  option dhcp-client-identifier 1:2:a;\n"), "eth0 192.0.2.7/24 01020a"},
		"an IPv6 lease":     {"lease6 {\n  interface \"eth0\";\n ia-na 1:2 { starts 1; iaaddr 2001:db8::1 { preferred-life 1; } }\n}\n" + one("eth0", "192.0.2.7", ""), "eth0 192.0.2.7/24"},
	} {
		d, err := parseDhclientLeases(tt.text)
		var got []string
		for _, iface := range []string{"eth0", "eth1"} {
			if l, ok := d.leases[iface]; ok {
				got = append(got, iface, l.Address.String())
			}
			if id := d.ids[iface]; id != nil {
				got = append(got, hex.EncodeToString(id))
			}
		}
		if text := strings.Join(got, " "); err != nil || text != tt.want {
			t.Errorf("%s: %q, %v; want %q", name, text, err, tt.want)
		}
	}
}

func TestDhclientConf(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want dhclientConf
	}{
		"Debian's":       {fixture(t, "dhclient.conf"), dhclientConf{ownName: true}},
		"nothing":        {"", dhclientConf{}},
		"bytes":          {"send dhcp-client-identifier 1:0:a0:24:ab:fb:9c;", dhclientConf{clientID: []byte{1, 0, 0xa0, 0x24, 0xab, 0xfb, 0x9c}}},
		"the hardware":   {"send dhcp-client-identifier = hardware;", dhclientConf{byMAC: true}},
		"a text":         {"send dhcp-client-identifier \"bob\"; send host-name \"a\\\"b\";", dhclientConf{clientID: []byte("bob"), hostname: `a"b`}},
		"of the link":    {"send host-name \"all\";\ninterface \"eth0\" {\n  send host-name \"mine\"; # for it\n}\n", dhclientConf{hostname: "mine"}},
		"of another":     {"interface \"eth1\" { send host-name \"theirs\"; }", dhclientConf{}},
		"an expression":  {"send dhcp-client-identifier = concat(01, hardware);", dhclientConf{}},
		"in a condition": {"send host-name = pick-first-value(gethostname(), \"ISC\");", dhclientConf{ownName: true}},
	} {
		got, err := parseDhclientConf(tt.text, "eth0")
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(dhclientConf{})); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
}

func TestDhcpcdConf(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want dhcpcdConf
	}{
		"Debian's":      {fixture(t, "dhcpcd.conf"), dhcpcdConf{duid: true}},
		"an IAID":       {"duid\niaid 7\n", dhcpcdConf{duid: true, iaid: "7"}},
		"an identifier": {"duid\nclientid \"box\"\nhostname\n", dhcpcdConf{clientID: true, id: "box", ownName: true}},
		"of the link":   {"hostname\ninterface eth1\nhostname theirs\ninterface eth0\nhostname mine # so\nssid home\nhostname no\n", dhcpcdConf{hostname: "mine"}},
	} {
		if diff := cmp.Diff(tt.want, parseDhcpcdConf(tt.text, "eth0"), cmp.AllowUnexported(dhcpcdConf{})); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestDhcpcdLease(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, at time.Time) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if l := dhcpcdLease(dir, "eth0"); l != nil {
		t.Errorf("without a file there is %v", l)
	}
	write("eth0.lease", fixture(t, "eth0.lease"), asked)
	want := fullLease
	want.Address = netip.MustParsePrefix("192.0.2.152/24")
	if l := dhcpcdLease(dir, "eth0"); l == nil || fmt.Sprint(l.Address, l.Routes, l.DNS, l.Domains, l.MTU, l.Expiry.UTC()) != fmt.Sprint(want.Address, want.Routes, want.DNS, want.Domains, want.MTU, want.Expiry) {
		t.Errorf("got %+v, want %+v", l, want)
	}
	// Over Wi-Fi the newest one is of the network of now.
	write("wlan0-home.lease", fixture(t, "eth0.lease"), asked)
	write("wlan0-office.lease", fixture(t, "eth0.lease"), asked.Add(time.Hour))
	write("wlan0-broken.lease", "nothing", asked.Add(2*time.Hour))
	if l := dhcpcdLease(dir, "wlan0"); l == nil || !l.Obtained.Equal(asked.Add(time.Hour)) {
		t.Errorf("over Wi-Fi: %+v", l)
	}
}

func TestUdhcpcIdentity(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	for args, want := range map[string]lease.Identity{
		"udhcpc":                              {ClientID: []byte{1, 2, 0, 0, 0, 0, 1}},
		"udhcpc -C":                           {},
		"udhcpc -x hostname:box":              {ClientID: []byte{1, 2, 0, 0, 0, 0, 1}, Hostname: "box"},
		"udhcpc -F name -x 0x3d:01:00:be:ef":  {ClientID: []byte{1, 0, 0xbe, 0xef}, Hostname: "name"},
		"busybox udhcpc -C -x 0x3d:0100beef":  {ClientID: []byte{1, 0, 0xbe, 0xef}},
		"udhcpc -C -x 61:\"abc\" -x 14:\"d\"": {ClientID: []byte("abc")},
		"udhcpc -x 0x3d:nohex":                {ClientID: []byte{1, 2, 0, 0, 0, 0, 1}},
	} {
		if diff := cmp.Diff(want, ofUdhcpc(parseUdhcpc(strings.Fields(args)), mac)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", args, diff)
		}
	}
}

func TestDefaultGateway(t *testing.T) {
	const text = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth1	00000000	010210AC	0003	0	0	0	00000000	0	0	0
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`
	for iface, want := range map[string]string{"eth0": "192.0.2.1", "eth1": "172.16.2.1", "eth2": "invalid IP"} {
		if got := defaultGateway(text, iface); got.String() != want {
			t.Errorf("%s: %s, want %s", iface, got, want)
		}
	}
}

func TestUnits(t *testing.T) {
	for cgroup, want := range map[string]string{
		"0::/system.slice/networking.service\n":                     "networking.service",
		"12:pids:/x\n0::/user.slice/user-0.slice/session-3.scope\n": "session-3.scope",
		"1:name=systemd:/system.slice/dhcpcd.service\n0::/\n":       "dhcpcd.service",
		"0::/\n": "", "": "", "0::/lxc/box\n": "",
	} {
		c := Client{Cgroup: cgroupOf(cgroup)}
		if got := c.Unit(); got != want {
			t.Errorf("%q: %q, want %q", cgroup, got, want)
		}
	}
}

func TestObstacle(t *testing.T) {
	eth0 := []Link{{Interface: "eth0"}}
	for name, tt := range map[string]struct {
		client Client
		want   string
	}{
		"nobody's":       {Client{Program: Dhclient, Links: eth0}, ""},
		"a login's":      {Client{Program: Dhclient, Links: eth0, Cgroup: "/user.slice/session-3.scope"}, ""},
		"ifupdown's":     {Client{Program: Dhclient, Links: eth0, Cgroup: "/system.slice/networking.service"}, ""},
		"a hotplugged":   {Client{Program: Dhclient, Links: eth0, Cgroup: "/system.slice/system-ifup.slice/ifup@eth0.service"}, ""},
		"NetworkManager": {Client{Program: Dhclient, Links: eth0, Cgroup: "/system.slice/NetworkManager.service"}, "of NetworkManager.service holds eth0"},
		"a service":      {Client{Program: Dhcpcd, Links: eth0, Cgroup: "/system.slice/dhcpcd.service"}, "of dhcpcd.service holds eth0"},
		"of others, too": {Client{Program: Dhclient, Links: eth0, Others: []string{"eth2"}}, "and eth2 as well"},
	} {
		if got := tt.client.Obstacle(); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func FuzzISC(f *testing.F) {
	for _, name := range []string{"duid.leases", "text.leases", "hw.leases", "dhclient.conf"} {
		f.Add(fixture(f, name))
	}
	f.Add(`a "\0012\q` + "\n# c\n{ ; } = ( b:c )")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseISC(text)
		if err == nil {
			for _, s := range all {
				if s.words == nil && s.block == nil && !strings.Contains(text, "{") {
					t.Errorf("an empty statement in %q", text)
				}
			}
		}
		d, _ := parseDhclientLeases(text)
		for iface, l := range d.leases {
			if iface == "" || !l.Address.Addr().Is4() || !l.Obtained.Before(l.T1) || !l.T1.Before(l.T2) || !l.T2.Before(l.Expiry) {
				t.Errorf("%q: %+v", iface, l)
			}
		}
		_, _ = parseDhclientConf(text, "eth0")
	})
}

func FuzzDhcpcdConf(f *testing.F) {
	f.Add(fixture(f, "dhcpcd.conf"))
	f.Add("clientid 01:02\niaid 1")
	f.Fuzz(func(t *testing.T, text string) {
		if c := parseDhcpcdConf(text, "eth0"); c.duid && c.clientID {
			t.Errorf("both: %+v", c)
		}
	})
}

func TestIAID(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 1, 2, 3, 4}
	for iaid, want := range map[string]string{"": "01020304", "7": "00000007", "abcd": "61626364", "-1": "01020304"} {
		if got := hex.EncodeToString(rfc4361(dhcpcdConf{iaid: iaid}.iaidOr(mac), []byte{9})); got != "ff"+want+"09" {
			t.Errorf("%q: %s", iaid, got)
		}
	}
}
