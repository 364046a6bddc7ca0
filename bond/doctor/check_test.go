package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
)

var (
	ethMAC  = bond.HardwareAddr{2, 0, 0, 0, 0, 1}
	wlanMAC = bond.HardwareAddr{2, 0, 0, 0, 0, 2}
	else4   = netip.MustParsePrefix("198.51.100.7/24")
	beside4 = netip.MustParsePrefix("192.0.2.20/24")
)

// healthy are the facts of a bond of a cable and Wi-Fi with which nothing is wrong.
func healthy() *Facts {
	config := bond.Config{
		Name: "bond0", Members: []bond.Member{{Name: "eth0"}, {Name: "wlan0", WPAConf: "/etc/wpa.conf"}},
		Primary: "eth0", Method: bond.MethodDHCP,
	}
	options := bond.Options{
		FailOverMAC: new(bond.FailOverMACActive), PrimaryReselect: new(bond.ReselectAlways), Updelay: new(bond.Millis(4000)),
		ARPMissedMax: new(2), NSIP6Target: []netip.Addr{},
	}
	status := bond.Status{
		Name: "bond0", Mode: "active-backup", Options: options, Health: bond.HealthOK, Address: ethMAC, MTU: 1500, ActiveSlave: new("eth0"),
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24")},
		Members:   []bond.MemberStatus{{Name: "eth0", Role: bond.RoleActive, Prio: new(1)}, {Name: "wlan0", Role: bond.RoleBackup, Prio: new(0)}},
	}
	member := func(name string, index int, mac bond.HardwareAddr) Member {
		return Member{
			Surveyed: bond.Surveyed{Wanted: name, Link: bond.Link{
				Name: name, Index: index, Master: "bond0", Up: true, Carrier: new(true), MAC: mac, PermMAC: mac, MinMTU: 68, MaxMTU: 9000,
			}},
			Enslaved: true, Type: unix.ARPHRD_ETHER, Received: new(5000),
		}
	}
	wlan := member("wlan0", 3, wlanMAC)
	wlan.WiFi, wlan.WPAConf, wlan.PowerSave = true, "/etc/wpa.conf", new(false)
	return &Facts{
		Name: "bond0", Config: &config, Bond: &status, Options: options,
		Members: []Member{member("eth0", 2, ethMAC), wlan},
		Others: []bond.Link{
			{Name: "lo", Index: 1, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}},
			{Name: "bond0", Index: 4, Kind: "bond", Up: true, MAC: ethMAC},
			{Name: "vlan5", Index: 5, Kind: "vlan", Lower: 4, Up: true, MAC: ethMAC},
		},
		Kernel:      Kernel{Release: "6.1.0-40-amd64", Driver: DriverLoaded},
		Credentials: &Credentials{Root: true, Effective: true, Bounding: true},
		Supplicants: []Supplicant{{PID: 100, Interfaces: []string{"wlan0"}, Ours: true}},
		MACPolicy:   &MACPolicy{File: "/usr/lib/systemd/network/99-default.link", Policy: "persistent"},
		Sysctls:     map[string]map[string]int{"all": {}, "bond0": {"rp_filter": 1}, "default": {}},
		Filters:     []Filter{{"nft", `iifname { "eth0", "bond0", "wlan0" } accept`}},
		DNS:         []NameService{{Program: "systemd-resolved", Interface: "bond0", Servers: "192.0.2.1"}},
		Online:      Online{States: map[string]string{"bond0": "unmanaged", "eth0": "unmanaged"}},
		Networks:    []Network{{"eth0", netip.MustParsePrefix("192.0.2.10/24"), netip.MustParseAddr("192.0.2.1"), ethMAC}},
	}
}

// absent has the bond not be there yet.
func absent(f *Facts) {
	f.Bond = nil
	for i := range f.Members {
		f.Members[i].Enslaved, f.Members[i].Master = false, ""
	}
}

// checkRows have facts with which checks fire, and such as are close to that. Each says what a
// healthy bond's facts are changed by, and what is found then.
var checkRows = []struct {
	name   string
	change func(*Facts)
	want   []string // check, severity, member
}{
	{"healthy", func(*Facts) {}, nil},

	{"no driver", func(f *Facts) { f.Kernel.Driver = DriverMissing }, []string{"driver fails"}},
	{"no modules", func(f *Facts) { f.Kernel.Driver = DriverNoFolder }, []string{"driver fails"}},
	{"a driver to load", func(f *Facts) { f.Kernel.Driver = DriverModule }, nil},
	{"a driver that isn't known", func(f *Facts) { f.Kernel = Kernel{} }, nil},

	{"root in a container", func(f *Facts) { f.Credentials.Effective = false }, []string{"capability fails"}},
	{"nobody may have the capability", func(f *Facts) { *f.Credentials = Credentials{} }, []string{"capability fails"}},
	{"a user", func(f *Facts) { *f.Credentials = Credentials{Bounding: true} }, nil},

	{"arp_missed_max of 5.10", func(f *Facts) {
		absent(f)
		f.Config.Options.ARPMissedMax, f.Kernel.Release = new(3), "5.10.0"
	}, []string{"kernel-options warns"}},
	{"IPv6 targets of a driver without", func(f *Facts) {
		f.Config.Options.NSIP6Target, f.Bond.NSIP6Target = []netip.Addr{netip.MustParseAddr("2001:db8::1")}, nil
	}, []string{"kernel-options fails"}},
	{"an order of 5.15", func(f *Facts) { absent(f); f.Config.Primary, f.Kernel.Release = "", "5.15.0-91" }, []string{"kernel-options warns"}},
	{"a primary of 5.15", func(f *Facts) { absent(f); f.Kernel.Release = "5.15.0-91" }, nil},
	{"arp_missed_max of 6.1", func(f *Facts) { f.Config.Options.ARPMissedMax = new(3) }, nil},

	{"the driver's bond beside it", func(f *Facts) { f.Pristine = []string{"bond9"} }, []string{"module-bond warns"}},
	{"the driver's bond that is wanted", func(f *Facts) { absent(f); f.Pristine = []string{"bond0"} }, nil},

	{"an up would refuse", func(f *Facts) { f.Obstacle = &Obstacle{"eth0 carries eth0.5", "..."} }, []string{"obstacle fails"}},

	{"an owner", func(f *Facts) { absent(f); f.Holds = []Hold{{"NetworkManager", "eth0", "...", []string{"..."}}} }, []string{"owner fails eth0"}},
	{"an owner of a slave", func(f *Facts) { f.Holds = []Hold{{"NetworkManager", "eth0", "...", nil}} }, []string{"owner warns eth0"}},

	{"a client on a slave", func(f *Facts) { f.Clients = []Client{{Program: "dhclient", PID: 9, Interface: "eth0"}} }, []string{"dhcp-client warns eth0"}},
	{"a client that can't let go", func(f *Facts) {
		absent(f)
		f.Clients = []Client{{Program: "dhcpcd", PID: 9, Interface: "eth0", Obstacle: "..."}}
	}, []string{"dhcp-client fails eth0"}},
	{"a client that an up stops", func(f *Facts) { absent(f); f.Clients = []Client{{Program: "dhclient", PID: 9, Interface: "eth0"}} }, nil},

	{"an address on a slave", func(f *Facts) { f.Members[0].Addresses = []netip.Prefix{else4} }, []string{"member-traffic warns eth0"}},
	{"a route over a slave", func(f *Facts) { f.Members[1].Over = []string{"default route"} }, []string{"member-traffic warns wlan0"}},
	{"an address on what isn't enslaved", func(f *Facts) { absent(f); f.Members[0].Addresses = []netip.Prefix{else4} }, nil},
	{"a link-local address", func(f *Facts) { f.Members[0].Addresses = []netip.Prefix{netip.MustParsePrefix("fe80::1/64")} }, nil},

	{"rfkill", func(f *Facts) { f.Members[1].RFKill = "soft" }, []string{"rfkill warns wlan0"}},
	{"rfkill of the only member", func(f *Facts) { f.Members = f.Members[1:]; f.Members[0].RFKill = "hard" }, []string{"rfkill fails wlan0"}},

	{"no wpa_supplicant", func(f *Facts) { f.NoSupplicant, f.Supplicants = true, nil }, []string{"supplicant fails wlan0"}},
	{"nobody needs one", func(f *Facts) { f.NoSupplicant, f.Members[1].WPAConf = true, "" }, nil},
	{"another wpa_supplicant", func(f *Facts) {
		f.Supplicants = append(f.Supplicants, Supplicant{PID: 9, Interfaces: []string{"wlan0"}})
	}, []string{"supplicant fails wlan0"}},
	{"two that aren't ours", func(f *Facts) {
		f.Members[1].WPAConf = ""
		f.Supplicants = []Supplicant{{PID: 8, Interfaces: []string{"wlan0"}}, {PID: 9, Interfaces: []string{"wlan0"}}}
	}, []string{"supplicant fails wlan0"}},
	{"iwd beside it", func(f *Facts) { f.IWD = true }, []string{"supplicant fails wlan0"}},
	{"iwd alone", func(f *Facts) { f.IWD, f.Members[1].WPAConf, f.Supplicants = true, "", nil }, nil},
	{"one that isn't ours, and is to be", func(f *Facts) { f.Members[1].WPAConf, f.Supplicants[0].Ours = "", false }, nil},
	{"one that is left over", func(f *Facts) { f.Supplicants[0].Interfaces = []string{"wlan0", "wlan7"} }, []string{"supplicant warns"}},

	{"a member with another MAC address", func(f *Facts) { f.Options.FailOverMAC = new(bond.FailOverMACNone) }, []string{"mac-fixed fails wlan0"}},
	{"another MAC address in another mode", func(f *Facts) { f.Options.FailOverMAC, f.Bond.Mode = new(bond.FailOverMACNone), "balance-alb" }, nil},
	{"InfiniBand", func(f *Facts) {
		absent(f)
		f.Options.FailOverMAC, f.Members[0].Type = new(bond.FailOverMACNone), unix.ARPHRD_INFINIBAND
	}, []string{"mac-fixed fails eth0"}},
	{"InfiniBand with active", func(f *Facts) { absent(f); f.Members[0].Type = unix.ARPHRD_INFINIBAND }, nil},

	{"random MAC addresses", func(f *Facts) {
		f.Randomizers = []Randomizer{{Program: "wpa_supplicant", Interface: "wlan0", Mend: "..."}}
	}, []string{"mac-randomization warns wlan0"}},
	{"random MAC addresses with none", func(f *Facts) {
		f.Options.FailOverMAC, f.Randomizers = new(bond.FailOverMACNone), []Randomizer{{Program: "iwd", Mend: "..."}}
	}, []string{"mac-randomization fails wlan0"}},
	{"random MAC addresses of a scan", func(f *Facts) {
		f.Randomizers = []Randomizer{{Program: "NetworkManager", Interface: "wlan0", Scan: true, Mend: "..."}}
	}, nil},
	{"random MAC addresses of a scan with none", func(f *Facts) {
		f.Options.FailOverMAC, f.Members[1].MAC = new(bond.FailOverMACNone), ethMAC
		f.Randomizers = []Randomizer{{Program: "NetworkManager", Interface: "wlan0", Scan: true, Mend: "..."}}
	}, []string{"mac-randomization warns wlan0"}},
	{"random MAC addresses of others", func(f *Facts) { f.Randomizers = []Randomizer{{Program: "wpa_supplicant", Interface: "wlan7"}} }, nil},

	{"udev's MAC address", func(f *Facts) {
		f.Options.FailOverMAC, f.Bond.Address = new(bond.FailOverMACNone), bond.HardwareAddr{6, 0, 0, 0, 0, 6}
		f.Members[0].MAC, f.Members[1].MAC = f.Bond.Address, f.Bond.Address
	}, []string{"mac-policy warns"}},
	{"no member to take an address from", func(f *Facts) {
		absent(f)
		f.Options.FailOverMAC, f.Members = new(bond.FailOverMACNone), []Member{{Surveyed: bond.Surveyed{Wanted: "eth0"}}}
	}, []string{"mac-policy warns"}},
	{"an address that is asked for", func(f *Facts) {
		absent(f)
		f.Config.MACStable = true
		f.Options.FailOverMAC, f.Members = new(bond.FailOverMACNone), []Member{{Surveyed: bond.Surveyed{Wanted: "eth0"}}}
	}, nil},
	{"Debian's policy", func(f *Facts) {
		absent(f)
		f.MACPolicy.Policy, f.Options.FailOverMAC, f.Members = "none", new(bond.FailOverMACNone), []Member{{Surveyed: bond.Surveyed{Wanted: "eth0"}}}
	}, nil},

	{"two members with one MAC address", func(f *Facts) { f.Members[1].PermMAC = ethMAC }, []string{"same-mac warns wlan0"}},
	{"somebody else with the bond's", func(f *Facts) {
		f.Others = append(f.Others, bond.Link{Name: "eth7", Up: true, MAC: ethMAC})
	}, []string{"same-mac warns"}},
	{"somebody else with it who is down", func(f *Facts) {
		f.Others = append(f.Others, bond.Link{Name: "eth7", MAC: ethMAC})
	}, nil},

	{"an MTU that is too great", func(f *Facts) { f.Config.MTU, f.Members[1].MaxMTU = 9000, 2304 }, []string{"mtu fails wlan0"}},
	{"an MTU that is too small", func(f *Facts) { f.Config.MTU, f.Members[0].MinMTU = 1280, 1500 }, []string{"mtu fails eth0"}},
	{"the greatest MTU", func(f *Facts) { f.Config.MTU = 9000 }, nil},
	{"no limit", func(f *Facts) { f.Config.MTU, f.Members[0].MaxMTU, f.Members[1].MaxMTU = 65535, 0, 0 }, nil},

	{"never a frame", func(f *Facts) { f.Members[1].Received = new(0) }, []string{"half-dead warns wlan0"}},
	{"no frame now", func(f *Facts) { f.Members[1].Deaf = true }, []string{"half-dead warns wlan0"}},
	{"no frame to Wi-Fi with the bond's address", func(f *Facts) {
		f.Options.FailOverMAC, f.Members[1].MAC, f.Members[1].Deaf = new(bond.FailOverMACNone), ethMAC, true
	}, nil},
	{"no frame to the active slave", func(f *Facts) { f.Members[0].Deaf = true }, []string{"half-dead warns eth0"}},
	{"no frame without a link", func(f *Facts) { f.Members[1].Received, f.Members[1].Carrier = new(0), new(false) }, nil},
	{"a quiet network", func(f *Facts) { f.Members[0].Received, f.Members[1].Received = new(5), new(0) }, nil},
	{"a counter that isn't known", func(f *Facts) { f.Members[1].Received = nil }, nil},

	{"another network behind the other", func(f *Facts) {
		f.Networks = append(f.Networks, Network{"wlan0", else4, netip.MustParseAddr("198.51.100.1"), wlanMAC})
	}, []string{"networks-differ warns wlan0"}},
	{"the same, by another gateway", func(f *Facts) {
		f.Networks = append(f.Networks, Network{"wlan0", beside4, netip.MustParseAddr("192.0.2.1"), wlanMAC})
	}, []string{"networks-differ warns wlan0"}},
	{"the same", func(f *Facts) {
		f.Networks = append(f.Networks, Network{"wlan0", beside4, netip.MustParseAddr("192.0.2.1"), ethMAC})
	}, nil},
	{"a gateway that isn't known", func(f *Facts) {
		f.Networks = append(f.Networks, Network{"wlan0", beside4, netip.MustParseAddr("192.0.2.1"), nil})
	}, nil},
	{"members on two networks", func(f *Facts) {
		absent(f)
		f.Members[0].Addresses, f.Members[1].Addresses = []netip.Prefix{else4}, []netip.Prefix{beside4}
	}, []string{"networks-differ warns wlan0"}},
	{"members on one network", func(f *Facts) {
		absent(f)
		f.Members[0].Addresses, f.Members[1].Addresses = []netip.Prefix{beside4}, []netip.Prefix{beside4}
	}, nil},

	{"a spanning tree", func(f *Facts) { f.Members[0].Forwards = 30 * time.Second }, []string{"updelay warns eth0"}},
	{"a spanning tree, with ARP monitoring", func(f *Facts) {
		f.Members[0].Forwards, f.Options.ARPInterval = 30*time.Second, new(bond.Millis(100))
	}, nil},
	{"a fast spanning tree", func(f *Facts) { f.Members[0].Forwards = 3 * time.Second }, nil},

	{"better, with Wi-Fi", func(f *Facts) { f.Options.PrimaryReselect = new(bond.ReselectBetter) }, []string{"better-speed warns wlan0"}},
	{"better, with a dock", func(f *Facts) {
		f.Members[1].WiFi, f.Members[1].SpeedUnknown = false, true
		f.Options.PrimaryReselect = new(bond.ReselectBetter)
	}, []string{"better-speed warns wlan0"}},
	{"better, with cables", func(f *Facts) { f.Options.PrimaryReselect, f.Members[1].WiFi = new(bond.ReselectBetter), false }, nil},

	{"a radio that sleeps", func(f *Facts) { f.Members[1].PowerSave = new(true) }, []string{"power-save notes wlan0"}},
	{"a radio that sleeps, with ARP monitoring", func(f *Facts) {
		f.Members[1].PowerSave, f.Options.ARPInterval = new(true), new(bond.Millis(100))
	}, []string{"power-save warns wlan0"}},
	{"a radio that doesn't tell", func(f *Facts) { f.Members[1].PowerSave = nil }, nil},

	{"rp_filter, and a neighbour", func(f *Facts) {
		f.Others = append(f.Others, bond.Link{Name: "eth7", Up: true, Addresses: []netip.Prefix{beside4}})
	}, []string{"rp-filter warns"}},
	{"rp_filter, and a slave with an address", func(f *Facts) { f.Members[1].Addresses = []netip.Prefix{beside4} }, []string{"member-traffic warns wlan0", "rp-filter warns"}},
	{"loose rp_filter, and a neighbour", func(f *Facts) {
		f.Sysctls["all"]["rp_filter"] = 2
		f.Others = append(f.Others, bond.Link{Name: "eth7", Up: true, Addresses: []netip.Prefix{beside4}})
	}, nil},
	{"rp_filter, and another network", func(f *Facts) {
		f.Others = append(f.Others, bond.Link{Name: "eth7", Up: true, Addresses: []netip.Prefix{else4}})
	}, nil},

	{"no answer to ARP", func(f *Facts) { f.Sysctls["all"]["arp_ignore"] = 8 }, []string{"arp-settings fails"}},
	{"no answer to ARP on a new bond", func(f *Facts) { absent(f); f.Sysctls["default"]["arp_ignore"] = 8 }, []string{"arp-settings fails"}},
	{"arp_ignore 3", func(f *Facts) { f.Sysctls["bond0"]["arp_ignore"] = 3 }, []string{"arp-settings warns"}},
	{"arp_ignore 1", func(f *Facts) { f.Sysctls["bond0"]["arp_ignore"] = 1 }, nil},
	{"arp_filter, and a neighbour", func(f *Facts) {
		f.Sysctls["bond0"] = map[string]int{"arp_filter": 1}
		f.Others = append(f.Others, bond.Link{Name: "eth7", Up: true, Addresses: []netip.Prefix{beside4}})
	}, []string{"arp-settings warns"}},
	{"arp_filter alone", func(f *Facts) { f.Sysctls["bond0"]["arp_filter"] = 1 }, nil},

	{"a rule that names a member", func(f *Facts) { f.Filters = []Filter{{"nft", `iifname "eth0" accept`}} }, []string{"firewall warns eth0"}},
	{"a rule for each", func(f *Facts) {
		f.Filters = []Filter{{"iptables-save", "-A INPUT -i eth0 -j ACCEPT\n-A INPUT -i bond0 -j ACCEPT\n"}}
	}, nil},

	{"a member's name servers", func(f *Facts) { f.DNS[0].Interface = "eth0" }, []string{"dns warns eth0"}},
	{"those of what isn't enslaved", func(f *Facts) { absent(f); f.DNS[0].Interface = "eth0" }, nil},

	{"a service on a member", func(f *Facts) { f.Services = []Service{{"dnsmasq", "eth0", "/etc/dnsmasq.conf", "interface=eth0"}} }, []string{"services warns eth0"}},
	{"a service on the bond", func(f *Facts) { f.Services = []Service{{"dnsmasq", "bond0", "/etc/dnsmasq.conf", "interface=bond0"}} }, nil},

	{"networkd waits for what it doesn't manage", func(f *Facts) { f.Online.Networkd = "systemd-networkd-wait-online.service" }, []string{"wait-online warns"}},
	{"networkd waits for a member", func(f *Facts) { f.Online.Networkd = "systemd-networkd-wait-online@eth0.service" }, []string{"wait-online warns eth0"}},
	{"networkd can't have a slave", func(f *Facts) {
		f.Online.Networkd, f.Online.States["eth0"] = "systemd-networkd-wait-online.service", "configuring"
	}, []string{"wait-online warns eth0"}},
	{"networkd waits for what it manages", func(f *Facts) {
		f.Online.Networkd, f.Online.States["bond0"] = "systemd-networkd-wait-online.service", "configured"
	}, nil},
	{"NetworkManager waits for a slave", func(f *Facts) { f.Online.NetworkManager, f.Online.Managed = true, []string{"eth0"} }, []string{"wait-online warns eth0"}},
	{"NetworkManager doesn't", func(f *Facts) { f.Online.NetworkManager = true }, nil},
	{"nobody waits for the bond", func(f *Facts) { f.Online.Kept, f.Online.Waits = true, []string{"postfix.service"} }, []string{"wait-online warns"}},
	{"somebody does", func(f *Facts) {
		f.Online.Kept, f.Online.Awaited, f.Online.Waits = true, true, []string{"postfix.service"}
	}, nil},
	{"nobody has to", func(f *Facts) { f.Online.Kept = true }, nil},

	{"degraded", func(f *Facts) { f.Bond.Health, f.Bond.HealthReason = bond.HealthDegraded, "eth0 has no link" }, []string{"health warns"}},
	{"down", func(f *Facts) { f.Bond.Health, f.Bond.HealthReason = bond.HealthDown, "no member has a link" }, []string{"health fails"}},
	{"no bond yet", absent, nil},
	{"nothing at all", func(f *Facts) { *f = Facts{Name: "bond0"} }, nil},
	{"the worst first", func(f *Facts) { f.Members[1].PowerSave, f.Sysctls["all"]["arp_ignore"] = new(true), 8 }, []string{"arp-settings fails", "power-save notes wlan0"}},
}

func TestChecks(t *testing.T) {
	fired := map[string]bool{}
	for _, tt := range checkRows {
		f := healthy()
		tt.change(f)
		var got []string
		for _, finding := range f.Examine().Findings {
			text := fmt.Sprintf("%s %s", finding.Check, finding.Severity)
			if finding.Member != nil {
				text += " " + *finding.Member
			}
			got = append(got, text)
			if finding.Seen == "" || finding.Why == "" || finding.Mend == "" && finding.Check != "owner" {
				t.Errorf("%s: %s says not all: %+v", tt.name, finding.Check, finding)
			}
			fired[finding.Check] = true
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	for _, c := range checks {
		if !fired[c.name] {
			t.Errorf("no row has %s fire", c.name)
		}
	}
}

// TestUnknown: what couldn't be seen is said, and is no finding.
func TestUnknown(t *testing.T) {
	f := healthy()
	f.Filters = nil
	f.unknown(fmt.Errorf("nft can't list its rules"), "firewall")
	f.unknown(nil, "dns")
	r := f.Examine()
	if len(r.Findings) != 0 {
		t.Errorf("findings: %+v", r.Findings)
	}
	if diff := cmp.Diff([]Unknown{{"firewall", "nft can't list its rules"}}, r.Unknown); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(r.Checks, "firewall") || r.Examined != ExaminedBond {
		t.Errorf("checks %v of a %s", r.Checks, r.Examined)
	}
}

// TestBefore: an up makes the checks of the machine alone.
func TestBefore(t *testing.T) {
	f := healthy()
	f.Bond.Health, f.Kernel.Driver = bond.HealthDown, DriverMissing
	var got []string
	for _, finding := range f.Before().Findings {
		got = append(got, finding.Check)
	}
	if diff := cmp.Diff([]string{"driver"}, got); diff != "" {
		t.Error(diff)
	}
}
