package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
)

// Wi-Fi members without a wpa_conf are found by whatever they are given.
func TestLackWPA(t *testing.T) {
	wlan0, eth0 := bond.Link{Name: "wlan0", WiFi: true}, bond.Link{Name: "eth0"}
	mac := bond.HardwareAddr{2, 0, 0, 0, 0, 1}
	for name, tt := range map[string]struct {
		member bond.Member
		links  []bond.Link
		lacks  bool
	}{
		"a name":               {bond.Member{Name: "wlan0"}, []bond.Link{wlan0}, true},
		"another name":         {bond.Member{Name: "wlp2s0"}, []bond.Link{wlan0}, true},
		"its names":            {bond.Member{Name: "wl*"}, []bond.Link{wlan0}, true},
		"its address":          {bond.Member{MAC: mac}, []bond.Link{wlan0}, true},
		"its driver":           {bond.Member{Driver: "iwlwifi"}, []bond.Link{wlan0}, true},
		"its kind":             {bond.Member{Kind: bond.KindWiFi}, []bond.Link{wlan0}, true},
		"its kind, absent":     {bond.Member{Kind: bond.KindWiFi}, nil, true},
		"absent":               {bond.Member{Name: "wlan0"}, nil, false},
		"a file":               {bond.Member{Name: "wlan0", WPAConf: "/etc/x"}, []bond.Link{wlan0}, false},
		"wired":                {bond.Member{Name: "eth0"}, []bond.Link{eth0}, false},
		"a bus with each kind": {bond.Member{Bus: "pci"}, []bond.Link{wlan0, eth0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			found := []bond.Surveyed{{Link: bond.Link{Name: "wlan9", WiFi: true}, Wanted: "another"}}
			for _, l := range tt.links {
				found = append(found, bond.Surveyed{Link: l, Wanted: tt.member.String()})
			}
			if tt.links == nil {
				found = append(found, bond.Surveyed{Wanted: tt.member.String()})
			}
			lacking, links := lackWPA([]bond.Member{{Name: "eth9", WPAConf: "x"}, tt.member}, found)
			var want []int
			var wantLinks, gotLinks []string
			for _, l := range links {
				gotLinks = append(gotLinks, l.Name)
			}
			if tt.lacks {
				want = []int{1}
				for _, l := range tt.links {
					wantLinks = append(wantLinks, l.Name)
				}
			}
			if diff := cmp.Diff(want, lacking) + cmp.Diff(wantLinks, gotLinks); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
