package bond

import (
	"encoding/json"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
	"github.com/bondctl/bondctl/bond/lease"
)

// member is a slave's status.
func member(name, mii string, prio int) MemberStatus {
	role := RoleBackup
	return MemberStatus{Name: name, Role: role, MIIStatus: &mii, Prio: &prio}
}

func TestReason(t *testing.T) {
	up := func(name string, prio int) MemberStatus { return member(name, "up", prio) }
	down := func(name string, prio int) MemberStatus { return member(name, "down", prio) }
	back := func(name string, prio int) MemberStatus { return member(name, "going back", prio) }
	tests := map[string]struct {
		active, primary, manual string // manual is what was chosen by hand
		members                 []MemberStatus
		want                    Reason
	}{
		"the primary":                           {"eth0", "eth0", "", []MemberStatus{up("eth0", 0), up("eth1", 0)}, ReasonPrimary},
		"the primary, alone":                    {"eth0", "eth0", "", []MemberStatus{up("eth0", 0), down("eth1", 0)}, ReasonPrimary},
		"the only link":                         {"eth1", "eth0", "", []MemberStatus{down("eth0", 1), up("eth1", 0)}, ReasonOnlyLink},
		"the only link while another waits":     {"eth1", "eth0", "", []MemberStatus{back("eth0", 1), up("eth1", 0)}, ReasonOnlyLink},
		"by hand":                               {"eth1", "eth0", "eth1", []MemberStatus{up("eth0", 1), up("eth1", 0)}, ReasonManual},
		"by hand once, and now the only link":   {"eth1", "eth0", "eth1", []MemberStatus{down("eth0", 1), up("eth1", 0)}, ReasonOnlyLink},
		"by hand, and the highest prio":         {"eth1", "eth0", "eth1", []MemberStatus{down("eth0", 3), up("eth1", 1), up("eth2", 0)}, ReasonPrio},
		"by hand among equals":                  {"eth1", "", "eth1", []MemberStatus{up("eth0", 0), up("eth1", 0)}, ReasonManual},
		"held against the primary":              {"eth1", "eth0", "", []MemberStatus{up("eth0", 0), up("eth1", 9)}, ReasonHeld},
		"held against a higher prio":            {"eth1", "", "", []MemberStatus{up("eth0", 2), up("eth1", 1)}, ReasonHeld},
		"the highest prio":                      {"eth0", "", "", []MemberStatus{up("eth0", 2), up("eth1", 1)}, ReasonPrio},
		"the highest prio of those that are up": {"eth1", "eth0", "", []MemberStatus{down("eth0", 3), up("eth1", 1), up("eth2", 0)}, ReasonPrio},
		"equal prio":                            {"eth0", "", "", []MemberStatus{up("eth0", 0), up("eth1", 0)}, ReasonUnknown},
		"prio isn't known": {"eth0", "", "", []MemberStatus{
			{Name: "eth0", MIIStatus: new("up")}, {Name: "eth1", MIIStatus: new("up")}}, ReasonUnknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			st := Status{ActiveSlave: &test.active, Primary: unlessZero(test.primary), Members: test.members}
			if got := reason(st, test.manual == test.active); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	mac := HardwareAddr{2, 0, 0, 0, 0, 1}
	two := func(change func(*Status, *State)) (Status, State) {
		st := Status{
			Name: "bond0", Mode: activeBackup, MIIStatus: "up", Address: mac,
			Options: Options{Miimon: new(Millis(100)), Updelay: new(Millis(4000)), FailOverMAC: new(FailOverMACNone)},
			Members: []MemberStatus{member("eth0", "up", 0), member("eth1", "up", 0)},
		}
		for i := range st.Members {
			st.Members[i].Address = mac
		}
		s := State{
			Name: "bond0", Links: []Link{{Name: "bond0", Up: true}},
			Bond: &BondState{Slaves: []SlaveState{{Name: "eth0"}, {Name: "eth1"}}},
		}
		change(&st, &s)
		return st, s
	}
	tests := map[string]struct {
		change func(*Status, *State)
		health Health
		reason string
	}{
		"every member works": {func(*Status, *State) {}, HealthOK, "every member works"},
		"one member":         {func(st *Status, _ *State) { st.Members = st.Members[:1] }, HealthOK, "the only member works"},
		"set down":           {func(_ *Status, s *State) { s.Links[0].Up = false }, HealthDown, "bond0 is set down"},
		"empty":              {func(_ *Status, s *State) { s.Bond.Slaves = nil }, HealthDown, "no member is in the bond"},
		"no link":            {func(st *Status, _ *State) { st.MIIStatus = "down" }, HealthDown, "no member has a link"},
		"a cable is out":     {func(st *Status, _ *State) { st.Members[1].MIIStatus = new("down") }, HealthDegraded, "eth1 has no link"},
		"Wi-Fi is blocked": {func(st *Status, _ *State) {
			st.Members[1].MIIStatus, st.Members[1].blocked = new("going down"), true
		}, HealthDegraded, "eth1 is blocked by rfkill"},
		"the only link is blocked": {func(st *Status, _ *State) {
			st.MIIStatus, st.Members[1].blocked = "down", true
		}, HealthDown, "no member has a link; eth1 is blocked by rfkill"},
		"a member waits": {func(st *Status, _ *State) { st.Members[1].MIIStatus = new("going back") }, HealthDegraded, "eth1 waits out its updelay (4000 ms)"},
		"the dock is gone": {func(st *Status, _ *State) {
			st.Members[0] = MemberStatus{Name: "usb0", Role: RoleAbsent}
		}, HealthDegraded, "usb0 is absent"},
		"a member is held elsewhere": {func(st *Status, _ *State) {
			st.Members[0] = MemberStatus{Name: "eth0", Role: RolePending, PendingReason: new("held by br0")}
		}, HealthDegraded, "eth0 is pending: held by br0"},
		"a member carries another MAC": {func(st *Status, _ *State) {
			st.Members[1].Address = HardwareAddr{2, 0, 0, 0, 0, 9}
		}, HealthDegraded, "eth1 has the MAC address 02:00:00:00:00:09 and not the bond's, so it carries nothing"},
		"nobody watches": {func(st *Status, _ *State) {
			st.Miimon = new(Millis(0))
		}, HealthDegraded, "nobody watches the links (miimon and arp_interval are 0), so it would never fail over"},
	}
	st, s := two(func(*Status, *State) {})
	troubles := []statedir.Trouble{
		{Source: statedir.SourceDHCP, Text: "no DHCP server answers"},
		{Source: statedir.SourceSupplicant, Interface: "wlan0", Text: "wrong passphrase"},
		{Source: statedir.SourceSupplicant, Interface: "eth1", Text: "wrong passphrase"},
	}
	const want = "dhcp: no DHCP server answers; wlan0: wrong passphrase"
	if h, reason := health(st, s, troubles[:2]); h != HealthDegraded || reason != want {
		t.Errorf("with troubles: %s, %s", h, reason)
	}
	st.MIIStatus = "down"
	if h, reason := health(st, s, troubles); h != HealthDown || reason != "no member has a link; eth1: wrong passphrase" {
		t.Errorf("without a link: %s, %s", h, reason)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			st, s := two(test.change)
			h, reason := health(st, s, nil)
			if diff := cmp.Diff([]string{string(test.health), test.reason}, []string{string(h), reason}); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What a keeper has noted holds for as long as it is at work, but for the lease.
func TestStatusOfKeeper(t *testing.T) {
	self, err := statefile.Self()
	if err != nil {
		t.Fatal(err)
	}
	since := time.Unix(1, 0).UTC()
	k := statedir.Keeper{
		Process: self, Active: "eth0", ActiveSince: since,
		Lent:     statedir.NewLent(lease.Lease{Address: netip.MustParsePrefix("192.0.2.7/24"), Expiry: time.Now().Add(time.Hour)}),
		Troubles: []statedir.Trouble{{Source: statedir.SourceDNS, Text: "nobody takes them"}},
	}
	k.GatewayMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	const ended = "its keeper has ended, so nothing is mended or renewed until an up starts another"
	for name, tt := range map[string]struct {
		change func(*statedir.Keeper) bool // false: there is none
		since  *time.Time
		leased bool
		reason string
	}{
		"none":           {func(*statedir.Keeper) bool { return false }, nil, false, "the only member works"},
		"at work":        {func(*statedir.Keeper) bool { return true }, &since, true, "dns: nobody takes them"},
		"before it sees": {func(k *statedir.Keeper) bool { k.Active = "eth1"; return true }, nil, true, "dns: nobody takes them"},
		"killed":         {func(k *statedir.Keeper) bool { k.Start++; return true }, nil, true, ended},
		"ended":          {func(k *statedir.Keeper) bool { k.Process = statefile.Process{}; return true }, nil, true, ended},
	} {
		t.Run(name, func(t *testing.T) {
			h := &Host{store: store{dir: t.TempDir()}}
			if k := k; tt.change(&k) {
				if err := h.store.of("bond0").WriteKeeper(k); err != nil {
					t.Fatal(err)
				}
			}
			s := State{Name: "bond0", Links: []Link{{Name: "bond0", Up: true}, device(1, "eth0")}, Bond: &BondState{
				MIIStatus: "up", ActiveSlave: "eth0", Options: Options{Miimon: new(Millis(100))},
				Slaves: []SlaveState{{Name: "eth0", MIIStatus: "up"}},
			}}
			st, err := h.statusOf(s, record{})
			if err != nil {
				t.Fatal(err)
			}
			if st.HealthReason != tt.reason || (st.Lease != nil) != tt.leased {
				t.Errorf("health %q, want %q; lease %+v", st.HealthReason, tt.reason, st.Lease)
			}
			if diff := cmp.Diff(tt.since, st.ActiveSince); diff != "" {
				t.Errorf("active since (-want +got)\n%s", diff)
			}
			if st.Lease != nil {
				text, err := json.Marshal(st.Lease)
				if err != nil || !strings.Contains(string(text), `"address":"192.0.2.7/24"`) || !strings.Contains(string(text), `"gateway_mac":"02:00:00:00:00:01"`) {
					t.Errorf("the lease is shown as %s, %v", text, err)
				}
			}
		})
	}
}

// A slave's link tells whether rfkill blocks it.
func TestBlockedSlave(t *testing.T) {
	for _, blocked := range []bool{false, true} {
		wlan0 := device(1, "wlan0")
		wlan0.WiFi, wlan0.RFKill = true, blocked
		s := State{Name: "bond0", Links: []Link{wlan0}, Bond: &BondState{Slaves: []SlaveState{{Name: "wlan0", MIIStatus: "down"}}}}
		if got := len(newStatus(s, record{}).blocked()) > 0; got != blocked {
			t.Errorf("blocked %t is shown as %t", blocked, got)
		}
	}
}

// What can be wanted depends on what the members are.
func TestSettleRefuses(t *testing.T) {
	wlan0 := device(1, "wlan0")
	wlan0.WiFi = true
	s := State{Name: "bond0", Links: []Link{wlan0}}
	tests := map[string]struct {
		flags []string
		want  string
	}{
		"follow with Wi-Fi": {
			[]string{"member=wlan0", "fail_over_mac=follow"},
			"fail_over_mac: follow changes a member's MAC address while it is up, which Wi-Fi (wlan0) can't: the link would be dead; choose active",
		},
		"mac with Wi-Fi": {
			[]string{"member=wlan0", "mac=02:00:00:00:00:09"},
			"mac: with fail_over_mac active (chosen as wlan0 is Wi-Fi) the bond carries its active slave's address; leave mac out, or choose fail_over_mac none",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newWanted(config(t, test.flags...), s, "")
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestStableMAC(t *testing.T) {
	mac := stableMAC("0123456789abcdef", "bond0")
	if mac[0]&1 != 0 || mac[0]&2 == 0 {
		t.Errorf("%s is no locally administered unicast address", mac)
	}
	if stableMAC("0123456789abcdef", "bond0").String() != mac.String() {
		t.Error("it isn't stable")
	}
	for _, other := range []HardwareAddr{stableMAC("0123456789abcdef", "bond1"), stableMAC("f", "bond0")} {
		if other.String() == mac.String() {
			t.Errorf("another bond or machine has %s, too", mac)
		}
	}
}

// Each unpredictable member is warned of by name.
func TestBetterWarns(t *testing.T) {
	wlan0, usb0 := device(1, "wlan0"), device(2, "usb0")
	wlan0.WiFi, usb0.SpeedUnknown = true, true
	s := State{Name: "bond0", Links: []Link{wlan0, usb0, device(3, "eth0")}}
	p := mustPlan(t, config(t, "member=eth0", "member=usb0", "member=wlan0", "primary=eth0", "primary_reselect=better"), s)
	want := []string{
		"primary_reselect better: the kernel takes the unknown speed of usb0 for the fastest, so without a keeper it never returns from it to a faster member",
		"primary_reselect better: the kernel takes the unknown speed of wlan0 for the fastest, so without a keeper it never returns from it to a faster member",
	}
	if diff := cmp.Diff(want, texts(p.Notes)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
