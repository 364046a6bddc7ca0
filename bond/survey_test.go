package bond

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// TestSurvey: members that are wanted, present or not, and slaves that aren't wanted; what goes
// over them; and the rest.
func TestSurvey(t *testing.T) {
	s := State{
		Name: "bond0", Bond: &BondState{Options: Options{Miimon: new(Millis(50))}, Slaves: []SlaveState{{Name: "eth0"}, {Name: "eth2"}}},
		Links: []Link{
			{Name: "lo", Index: 1}, {Name: "eth0", Index: 2, Master: "bond0"}, {Name: "eth1", Index: 3, Master: "br0"},
			{Name: "eth2", Index: 4, Master: "bond0"}, {Name: "bond0", Index: 5, Kind: "bond"},
		},
	}
	s.routes = []rtnl.Route{
		{Link: 2, Destination: netip.MustParsePrefix("198.51.100.0/24"), Table: 254},
		{Link: 2, Destination: netip.MustParsePrefix("ff00::/8"), Table: 255},
		{Link: 5, Destination: netip.MustParsePrefix("0.0.0.0/0"), Table: 254},
	}
	c := Config{Name: "bond0", Members: []Member{{Name: "eth0"}, {Name: "eth1"}, {Name: "wlan0", WPAConf: "/etc/wpa.conf"}}}
	type member struct {
		Name, Wanted, WPAConf, Pending string
		Over                           []string
	}
	var got []member
	v := s.survey(c, "")
	for _, m := range v.Members {
		got = append(got, member{m.Name, m.Wanted, m.WPAConf, m.Pending, m.Over})
	}
	want := []member{
		{"eth0", "eth0", "", "", []string{"route 198.51.100.0/24"}},
		{"eth1", "eth1", "", "held by br0", nil},
		{"", "wlan0", "/etc/wpa.conf", "absent", nil},
		{"eth2", "", "", "", nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	var others []string
	for _, l := range v.Others {
		others = append(others, l.Name)
	}
	if diff := cmp.Diff([]string{"lo", "bond0"}, others); diff != "" {
		t.Errorf("others (-want +got):\n%s", diff)
	}
	if *v.Options.Miimon != 50 {
		t.Errorf("miimon is %d, not the bond's", *v.Options.Miimon)
	}
	s.Bond, s.Links = nil, s.Links[:1]
	if v = s.survey(c, ""); value(v.Options.Miimon) != 100 || value(v.Options.FailOverMAC) != FailOverMACActive {
		t.Errorf("without a bond the options are %+v", v.Options)
	}
}
