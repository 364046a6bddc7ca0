package manager

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/lease"
	"github.com/bondctl/bondctl/bond/owner"
)

// networkdLeaseText is a file below /run/systemd/netif/leases, as systemd 252 wrote it in the
// lab; the last lines are of another server.
const networkdLeaseText = `# This is private data. Do not parse.
ADDRESS=192.0.2.105
NETMASK=255.255.255.0
ROUTER=192.0.2.1
SERVER_ADDRESS=192.0.2.1
NEXT_SERVER=192.0.2.1
BROADCAST=192.0.2.255
T1=1800
T2=3150
LIFETIME=3600
DNS=192.0.2.1
HOSTNAME=vm
CLIENTID=ff56504d9800020000ab11dede0fabf5e9fca3
DOMAINNAME=lan.example
MTU=1400
`

func TestParseNetworkdLease(t *testing.T) {
	router := []lease.Route{{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1")}}
	whole := lease.Lease{
		Address: netip.MustParsePrefix("192.0.2.105/24"), Server: netip.MustParseAddr("192.0.2.1"),
		Routes: router, DNS: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Domains: []string{"lan.example"}, MTU: 1400,
	}
	classless := whole
	classless.Routes = []lease.Route{
		{Destination: netip.MustParsePrefix("198.51.100.0/24")},
		{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.9")},
	}
	classless.Domains = []string{"a.example", "b.example"}
	tests := map[string]struct {
		text string
		want lease.Lease
	}{
		"as it is": {networkdLeaseText, whole},
		"with option 121": {
			networkdLeaseText + "CLASSLESS_ROUTES=198.51.100.0/24,0.0.0.0 0.0.0.0/0,192.0.2.9 x,y\nDOMAIN_SEARCH_LIST=a.example b.example. -\n", classless,
		},
	}
	same := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, who, err := parseNetworkdLease(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if t1, t2, end := got.T1.Sub(got.Obtained), got.T2.Sub(got.Obtained), got.Expiry.Sub(got.Obtained); t1 != 30*time.Minute || t2 != 3150*time.Second || end != time.Hour {
				t.Errorf("it ends after %v, %v and %v", t1, t2, end)
			}
			got.Obtained, got.T1, got.T2, got.Expiry = time.Time{}, time.Time{}, time.Time{}, time.Time{}
			if diff := cmp.Diff(tt.want, got, same, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if len(who.ClientID) != 19 || who.ClientID[0] != 255 {
				t.Errorf("client identifier %x", who.ClientID)
			}
		})
	}
	for _, text := range []string{"", "ADDRESS=192.0.2.1\n", strings.Replace(networkdLeaseText, "LIFETIME=3600", "LIFETIME=0", 1), strings.Replace(networkdLeaseText, "255.255.255.0", "255.0.255.0", 1)} {
		if l, _, err := parseNetworkdLease(text); err == nil {
			t.Errorf("%q is the lease %+v", text, l)
		}
	}
}

func FuzzParseNetworkdLease(f *testing.F) {
	f.Add(networkdLeaseText)
	f.Add("ADDRESS=::1\nNETMASK=255.255.255.255\nLIFETIME=4294967295\nT1=5\nT2=1\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, _, err := parseNetworkdLease(text)
		if err != nil {
			return
		}
		if !l.Address.Addr().Is4() || !l.Address.IsValid() || l.T1.Before(l.Obtained) || l.T2.Before(l.T1) || l.Expiry.Before(l.T2) {
			t.Errorf("%+v", l)
		}
	})
}

func TestNetworkdHostname(t *testing.T) {
	dir := tempRoot(t)
	own, _ := os.Hostname()
	if own == "localhost" || !lease.IsHostName(own) {
		own = ""
	}
	const file = "/etc/systemd/network/20-dock.network"
	for _, tt := range []struct{ network, more, want string }{
		{"[Match]\nName=eth0\n[Network]\nDHCP=yes\nHostname=no\n", "", own},
		{"[DHCPv4]\nHostname=box\n", "", "box"},
		{"[DHCPv4]\nHostname = box\n", "[DHCP]\nHostname=other\n", "other"},
		{"[DHCPv4]\nSendHostname=no\nHostname=box\n", "", ""},
		{"[DHCPv4]\nHostname=\"; x\n", "", ""},
	} {
		for path, text := range map[string]string{file: tt.network, file + ".d/x.conf": tt.more} {
			if err := writeFile(filepath.Join(dir, path), text); err != nil {
				t.Fatal(err)
			}
		}
		if got := networkdHostname(file); got != tt.want {
			t.Errorf("%q with %q: %q, want %q", tt.network, tt.more, got, tt.want)
		}
	}
}

func TestNetworkdFile(t *testing.T) {
	dir := tempRoot(t)
	path := filepath.Join(dir, "run/systemd/netif/links/7")
	for text, want := range map[string]string{
		"ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/a.network\n":  "/etc/systemd/network/a.network",
		"ADMIN_STATE=configuring\nNETWORK_FILE=/etc/systemd/network/a.network\n": "/etc/systemd/network/a.network",
		"ADMIN_STATE=failed\nNETWORK_FILE=/etc/systemd/network/a.network\n":      "/etc/systemd/network/a.network",
		"ADMIN_STATE=unmanaged\nNETWORK_FILE=/etc/systemd/network/a.network\n":   "",
		"ADMIN_STATE=pending\n": "",
		"":                      "",
	} {
		if err := writeFile(path, text); err != nil {
			t.Fatal(err)
		}
		if got, err := networkdFile(7); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	if got, err := networkdFile(8); err != nil || got != "" {
		t.Errorf("a link that it doesn't know: %q, %v", got, err)
	}
}

func TestNetworkdFiles(t *testing.T) {
	dir := tempRoot(t)
	h := Handover{Manager: Networkd, Bond: "bond0", Members: []Match{{Name: "eth0"}, {MAC: "02:00:00:00:00:0A"}, {Kind: "wifi"}}}
	match := func(what string) string {
		return "# Written by bondctl for bond0; bondctl down removes it.\n[Match]\n" + what + "\n\n[Link]\nUnmanaged=yes\n"
	}
	conf := "# Written by bondctl for bond0; bondctl down removes it.\n[Network]\nManageForeignRoutingPolicyRules=no\n"
	all := map[string]string{
		"systemd/network/00-bondctl-bond0.network":         match("Name=bond0 eth0"),
		"systemd/network/00-bondctl.mac-bond0.network":     match("PermanentMACAddress=02:00:00:00:00:0a"),
		"systemd/network/00-bondctl.pattern-bond0.network": match("Property=BONDCTL_MEMBER=bond0"),
		"systemd/networkd.conf.d/50-bondctl-bond0.conf":    conf,
	}
	for _, step := range []struct {
		do   func() error
		dir  string
		want map[string]string
	}{
		{h.writeNetworkd, "run", all},
		{func() error { h.Lasting = true; return h.writeNetworkd() }, "etc", all},
		{func() error { h.Members = nil; return h.writeNetworkd() }, "etc", map[string]string{
			"systemd/network/00-bondctl-bond0.network": match("Name=bond0"), "systemd/networkd.conf.d/50-bondctl-bond0.conf": conf,
		}},
		{h.removeNetworkd, "etc", nil},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for path, text := range step.want {
			want[step.dir+"/"+path] = text
		}
		if diff := cmp.Diff(want, filesBelow(t, dir)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	h.Members = []Match{{Name: "eth[0]"}}
	if err := h.writeNetworkd(); err == nil {
		t.Error("a name that is a pattern to networkd was written")
	}
}

// filesBelow has the text of each file below a folder.
func filesBelow(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		found[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(found, "run/bondctl/lock") // stays
	return found
}

func TestNetworkdLines(t *testing.T) {
	h := Handover{
		Manager: Networkd, Bond: "bond0", Members: []Match{{Name: "eth0"}},
		Holds: []Hold{{Link: owner.Link{Interface: "eth0"}, Manager: Networkd, Restore: "/run/systemd/network/10-netplan-eth0.network"}},
	}
	want := []string{
		`mkdir -p /etc/systemd/network && printf '%s\n' '[Match]' 'Name=bond0 eth0' '[Link]' Unmanaged=yes >/etc/systemd/network/00-bondctl-bond0.network`,
		`mkdir -p /etc/systemd/networkd.conf.d && printf '%s\n' '[Network]' ManageForeignRoutingPolicyRules=no >/etc/systemd/networkd.conf.d/50-bondctl-bond0.conf`,
		`systemctl restart systemd-networkd`,
		`# for good, take the members out of /etc/netplan/*.yaml, and: netplan apply`,
	}
	if diff := cmp.Diff(want, h.Lines()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	h.Members = append(h.Members, Match{Bus: "usb"})
	if lines := h.Lines(); !strings.Contains(lines[0], `'SUBSYSTEMS!="net", TEST=="/sys/bus/usb/devices/%b", ENV{BONDCTL_MEMBER}="bond0"`) || !strings.HasPrefix(lines[1], "udevadm ") {
		t.Errorf("with a pattern the lines are\n%s", strings.Join(lines, "\n"))
	}
}
