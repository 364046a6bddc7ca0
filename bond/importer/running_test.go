package importer

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
)

func TestRunning(t *testing.T) {
	millis := func(n bond.Millis) *bond.Millis { return &n }
	slave := func(name string, prio int) bond.SlaveState { return bond.SlaveState{Name: name, Prio: &prio} }
	state := func(mode string, slaves ...bond.SlaveState) bond.State {
		o := bond.Options{Miimon: millis(100), Updelay: millis(0), Downdelay: millis(200), NumGratARP: new(1), FailOverMAC: new(bond.FailOverMACNone)}
		return bond.State{
			Name: "bond0", Bond: &bond.BondState{Mode: mode, Primary: "eth0", Options: o, Slaves: slaves},
			Links: []bond.Link{
				{Name: "bond0", MTU: 1400, MAC: bond.HardwareAddr{2, 0, 0x5e, 0x10, 0, 1}, Upper: []string{"bond0.5"}}, {Name: "wlan0", WiFi: true},
			},
		}
	}
	for _, tt := range []struct {
		name    string
		running Bond
		want    string
		left    string
	}{
		{"two cables", Bond{State: state("active-backup", slave("eth0", 0), slave("eth1", 0)), Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24")}},
			`primary = "eth0"
miimon = "100ms"
downdelay = "200ms"
mac = "02:00:5e:10:00:01"
mtu = 1400

[[member]]
name = "eth0"

[[member]]
name = "eth1"

[ipv4]
addresses = ["192.0.2.10/24"]
`, "bond0.5"},
		{"Wi-Fi, prios and a lease", Bond{State: state("active-backup", slave("wlan0", -1), slave("eth0", 7)), Leased: true},
			`primary = "eth0"
miimon = "100ms"
updelay = "0s"
downdelay = "200ms"
fail_over_mac = "none"
num_grat_arp = 1
mac = "02:00:5e:10:00:01"
mtu = 1400

[[member]]
name = "eth0"
prio = 7

[[member]]
name = "wlan0"
prio = -1

[ipv4]
method = "dhcp"
`, "bond0.5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Running(tt.running)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(r.TOML)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(r.Left) != 1 || r.Left[0].Text != tt.left {
				t.Errorf("left: %v", r.Left)
			}
		})
	}
	if _, err := Running(Bond{State: state("802.3ad", slave("eth0", 0))}); err == nil || !strings.Contains(err.Error(), "bond0 runs with mode 802.3ad") {
		t.Errorf("802.3ad: %v", err)
	}
	if _, err := Running(Bond{State: bond.State{Name: "bond0"}}); err == nil || !strings.Contains(err.Error(), "no such bond") {
		t.Errorf("none: %v", err)
	}
}
