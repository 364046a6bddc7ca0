package bond

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	hardware := func(i int, name, driver, bus string) Link {
		l := device(i, name)
		l.PermMAC, l.Hardware, l.Driver, l.Bus = l.MAC, true, driver, bus
		return l
	}
	station := func(i int, name string) Link {
		l := hardware(i, name, "iwlwifi", "pci")
		l.WiFi = true
		return l
	}
	ap := station(5, "wlan9")
	ap.Hardware = false
	bridge := Link{Name: "br0", Index: 9, Kind: "bridge"}
	laptop := []Link{
		hardware(1, "eth0", "e1000e", "pci"), hardware(2, "usb1", "cdc_ether", "usb"), hardware(3, "usb0", "r8152", "usb"),
		station(4, "wlan0"), ap, bridge, {Name: "eth7", Index: 10, Kind: "veth"},
	}
	mac := laptop[2].MAC
	tests := map[string]struct {
		members []Member
		want    []string // interface or entry, prio, why pending
	}{
		"names":                        {[]Member{{Name: "eth0"}, {Name: "wlan0"}}, []string{"eth0 1", "wlan0 0"}},
		"any interface, by its name":   {[]Member{{Name: "eth7"}}, []string{"eth7 0"}},
		"hardware alone, by a pattern": {[]Member{{Name: "eth*"}}, []string{"eth0 0"}},
		"several rank by name":         {[]Member{{Bus: "usb"}, {Name: "wlan0"}}, []string{"usb0 2", "usb1 1", "wlan0 0"}},
		"kinds":                        {[]Member{{Kind: "wired"}, {Kind: "wifi"}}, []string{"eth0 3", "usb0 2", "usb1 1", "wlan0 0"}},
		"driver":                       {[]Member{{Driver: "r8152"}}, []string{"usb0 0"}},
		"permanent MAC":                {[]Member{{MAC: mac}}, []string{"usb0 0"}},
		"combined":                     {[]Member{{Name: "usb*", Driver: "cdc_ether"}}, []string{"usb1 0"}},
		"a name comes before patterns": {
			[]Member{{Kind: "wired"}, {Name: "eth0"}}, []string{"usb0 2", "usb1 1", "eth0 0"}},
		"the first pattern comes first": {
			[]Member{{Bus: "usb"}, {Kind: "wired"}}, []string{"usb0 2", "usb1 1", "eth0 0"}},
		"nothing matches": {
			[]Member{{Driver: "igc", Kind: "wired"}, {Kind: "wifi"}}, []string{"kind=wired driver=igc 1 absent", "wlan0 0"}},
		"a prio is written": {[]Member{{Bus: "usb", Prio: new(int32(-5))}, {Kind: "wifi"}}, []string{"usb0 -5", "usb1 -5", "wlan0 0"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// The kernel lists by ifindex.
			s := State{Name: "bond0", Links: laptop}
			var got []string
			for _, m := range s.expand(Config{Members: test.members}) {
				text := m.name + " " + m.prio
				if m.pending != "" {
					text += " " + m.pending
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A keeper doesn't let one member that is in use stop the others.
func TestCautious(t *testing.T) {
	eth0, eth1 := device(1, "eth0"), device(2, "eth1")
	eth1.Addresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")}
	s := State{Name: "bond0", Links: []Link{eth0, eth1}, patient: true}
	p := mustPlan(t, config(t, "member=eth0", "member=eth1"), s)
	want := "eth1 is in use, as it carries the address 192.0.2.7/24; the bond does without it for now"
	if len(p.Notes) != 1 || p.Notes[0].String() != want {
		t.Errorf("notes: %q", p.Notes)
	}
	if p.Members != 1 {
		t.Errorf("%d members join: %s", p.Members, p)
	}
}

// What may be Wi-Fi decides fail_over_mac before anything is there.
func TestMayBeWiFi(t *testing.T) {
	for member, want := range map[*Member]bool{
		{Name: "eth0"}:                        false,
		{Name: "wlan0"}:                       true,
		{Name: "wlp2s0"}:                      true,
		{Name: "wl*"}:                         true,
		{Name: "eth*"}:                        false,
		{Name: "*"}:                           true,
		{Kind: "wired"}:                       false,
		{Kind: "wifi"}:                        true,
		{Bus: "usb"}:                          true,
		{MAC: HardwareAddr{2, 0, 0, 0, 0, 1}}: true,
		{Bus: "usb", Kind: "wired"}:           false,
	} {
		if got := member.mayBeWiFi(); got != want {
			t.Errorf("%s: %t, want %t", member, got, want)
		}
	}
}
