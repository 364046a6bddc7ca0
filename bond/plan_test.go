package bond

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// device is a link that could be a member.
func device(i int, name string) Link {
	return Link{Name: name, Index: i, MAC: HardwareAddr{2, 0, 0, 0, 0, byte(i)}, MTU: 1500, Up: i%2 == 0}
}

func config(t testing.TB, flags ...string) Config {
	t.Helper()
	return configOf(t, settingsOfFlags(flags)...)
}

func settingsOfFlags(flags []string) (settings []Setting) {
	for _, f := range flags {
		key, value, _ := strings.Cut(f, "=")
		settings = append(settings, Setting{Key: key, Where: "--" + key, Value: value})
	}
	return settings
}

func configOf(t testing.TB, settings ...Setting) Config {
	t.Helper()
	c, err := NewConfig("bond0", settings)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustPlan(t testing.TB, c Config, s State) Plan {
	t.Helper()
	p, err := NewPlan(c, s, "0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// made is the state after an up from nothing but devices.
func made(t testing.TB, c Config, devices ...Link) State {
	t.Helper()
	s := State{Name: "bond0", Links: devices}
	sim := simulate(t, s)
	p := mustPlan(t, c, s)
	sim.apply(p.Steps...)
	return sim.after(p, s)
}

// after is the state that the next look would find, journal included.
func (s *simulation) after(p Plan, was State) State {
	j := was.Before.after(p, p.Steps, nil, &was)
	j.Bond.Index = s.mustLink(s.Name).Index
	next := clone(s.State)
	next.Before = j
	return next
}

func TestPlan(t *testing.T) {
	eth0, eth1, wlan0 := device(1, "eth0"), device(2, "eth1"), device(3, "wlan0")
	wlan0.WiFi = true
	two := []string{"member=eth0", "member=eth1", "primary=eth0"}
	base := made(t, config(t, two...), eth0, eth1)

	tests := map[string]struct {
		flags []string
		state State
		want  []string
		notes []string
	}{
		"two wired members": {
			flags: append(two, "address=192.0.2.10/24", "gateway=192.0.2.1"),
			state: State{Name: "bond0", Links: []Link{eth0, eth1}},
			want: []string{
				"create bond0: mode active-backup, miimon 100, primary eth0, address 02:00:00:00:00:01",
				"enslave eth0 to bond0",
				"set prio of eth0 in bond0: 0 -> 1",
				"enslave eth1 to bond0",
				"add 192.0.2.10/24 to bond0",
				"add default route via 192.0.2.1 metric 100 over bond0",
			},
		},
		"a dock and Wi-Fi": {
			flags: []string{"member=eth0", "member=wlan0"},
			state: State{Name: "bond0", Links: []Link{eth0, wlan0}},
			want: []string{
				"create bond0: mode active-backup, miimon 100, updelay 4000, peer_notif_delay 200, fail_over_mac active, num_grat_arp 3",
				"enslave eth0 to bond0",
				"set prio of eth0 in bond0: 0 -> 1",
				"enslave wlan0 to bond0",
			},
		},
		"a member that is absent may be Wi-Fi by its name": {
			flags: []string{"member=eth0", "member=wlp2s0"},
			state: State{Name: "bond0", Links: []Link{eth0}},
			want: []string{
				"create bond0: mode active-backup, miimon 100, updelay 4000, peer_notif_delay 200, fail_over_mac active, num_grat_arp 3",
				"enslave eth0 to bond0",
				"set prio of eth0 in bond0: 0 -> 1",
			},
			notes: []string{"wlp2s0 is absent; the bond does without it for now"},
		},
		"no member is there": {
			flags: two,
			state: State{Name: "bond0"},
			want:  []string{"create bond0: mode active-backup, miimon 100"},
			notes: []string{"eth0 is absent; the bond does without it for now", "eth1 is absent; the bond does without it for now"},
		},
		"converged": {flags: two, state: base},
		"live options": {
			flags: append(two, "miimon=50", "updelay=230", "num_grat_arp=2"),
			state: base,
			want:  []string{"set on bond0: miimon 100 -> 50, updelay 0 -> 200, num_grat_arp 1 -> 2"},
			notes: []string{"updelay 230 ms is no multiple of miimon (50 ms); the kernel makes it 200 ms"},
		},
		"to ARP monitoring": {
			flags: append(two, "arp_interval=100", "arp_ip_target=192.0.2.1", "arp_ip_target=2001:db8::1", "arp_validate=filter_backup"),
			state: base,
			want:  []string{"set on bond0: miimon 100 -> 0, arp_interval 0 -> 100, arp_ip_target none -> 192.0.2.1, ns_ip6_target none -> 2001:db8::1, arp_validate none -> filter_backup"},
		},
		"fail_over_mac with members": {
			flags: append(two, "fail_over_mac=active"),
			state: base,
			want: []string{
				"release eth1 from bond0", "release eth0 from bond0",
				"set on bond0: fail_over_mac none -> active",
				"enslave eth0 to bond0", "set prio of eth0 in bond0: 0 -> 1", "enslave eth1 to bond0",
			},
			notes: []string{"fail_over_mac changes only without members: traffic over bond0 stops until they are back"},
		},
		"a member goes and another comes": {
			flags: []string{"member=eth0", "member=eth2", "primary=eth0"},
			state: withLink(base, device(4, "eth2")),
			want:  []string{"enslave eth2 to bond0", "release eth1 from bond0", "give eth1 back: up, address 02:00:00:00:00:02, mtu 1500"},
		},
		"the primary changes": {
			flags: []string{"member=eth0", "member=eth1", "primary=eth1"},
			state: base,
			want:  []string{"set on bond0: primary eth0 -> eth1"},
		},
		"the primary becomes one that is absent": {
			flags: []string{"member=eth0", "member=eth1", "member=eth9", "primary=eth9"},
			state: base,
			want:  []string{"set on bond0: primary eth0 -> none", "set prio of eth0 in bond0: 1 -> 2", "set prio of eth1 in bond0: 0 -> 1"},
			notes: []string{"eth9 is absent; the bond does without it for now"},
		},
		"somebody set it down and changed its mtu": {
			flags: two,
			state: changed(base, func(s *State) { l := bondLink(s); l.Up, l.MTU = false, 9000 }),
			want:  []string{"set bond0 up, mtu 1500"},
		},
		"somebody set a slave down": {
			flags: two,
			state: changed(base, func(s *State) { linkOf(s, "eth1").Up = false }),
			want:  []string{"set eth1 up"},
		},
		"somebody set a slave down a moment ago, perhaps to rename it": {
			flags: two,
			state: changed(base, func(s *State) { linkOf(s, "eth1").Up, linkOf(s, "eth1").resting = false, true }),
		},
		"a slave's lower device is down, and so the slave": {
			flags: two,
			state: withLink(changed(base, func(s *State) {
				vlan := linkOf(s, "eth1")
				vlan.Up, vlan.Kind, vlan.Lower = false, "vlan", 9
			}), Link{Name: "eth9", Index: 9}),
		},
		"a member by its alternative name": {
			flags: []string{"member=enp0s31f6", "member=eth1", "primary=enp0s31f6"},
			state: changed(base, func(s *State) { linkOf(s, "eth0").AltNames = []string{"enp0s31f6"} }),
		},
		"it was a port of a bridge, and had a VLAN, and somebody deleted it": {
			flags: []string{"member=eth1"},
			state: State{
				Name: "bond0", Links: []Link{eth1, {Name: "br1", Index: 9, Kind: "bridge"}},
				lost: stack{Master: "br1", Upper: []string{"bond0.5"}},
			},
			want: []string{
				"create bond0: mode active-backup, miimon 100, address 02:00:00:00:00:02", "enslave eth1 to bond0", "make bond0 a port of br1",
			},
			notes: []string{"bond0.5 went with the bond0 that was deleted: make it again"},
		},
		"a VLAN whose lower device is down": {
			flags: []string{"member=eth0.5", "member=eth1"},
			state: State{Name: "bond0", Links: []Link{
				{Name: "eth0", Index: 1}, eth1, {Name: "eth0.5", Index: 9, Kind: "vlan", Lower: 1},
			}},
			want: []string{
				"create bond0: mode active-backup, miimon 100, address 02:00:00:00:00:02", "enslave eth1 to bond0",
			},
			notes: []string{"eth0.5 is on eth0, which is down; the bond does without it for now"},
		},
		"a member that can't have the usual MTU": {
			flags: two,
			state: changed(base, func(s *State) { linkOf(s, "eth1").MaxMTU = 1280 }),
			want:  []string{"set bond0 mtu 1280"},
			notes: []string{"eth1 can't have the MTU 1500; the bond and its members get 1280"},
		},
		"metrics": {
			flags: []string{"member=eth0", "member=eth1", "primary=eth0", "address=192.0.2.10/24", "gateway=192.0.2.1", "ipv4.metric=0",
				"address=2001:db8::10/64", "gateway=2001:db8::1", "ipv6.metric=4294967295"},
			state: base,
			want: []string{
				"add 192.0.2.10/24 to bond0", "add 2001:db8::10/64 to bond0",
				"add default route via 192.0.2.1 over bond0", "add default route via 2001:db8::1 metric 4294967295 over bond0",
			},
		},
		"routers' routes": {
			flags: append(two, "ipv6.metric=7"),
			state: changed(base, func(s *State) { s.raMetric = "1024" }),
			want:  []string{"set net.ipv6.conf.bond0.ra_defrtr_metric: 1024 -> 7"},
		},
		"routers' routes, as they are": {flags: two, state: changed(base, func(s *State) { s.raMetric = "100" })},
		"rfkill set a slave down": {
			flags: two,
			state: changed(base, func(s *State) { linkOf(s, "eth1").Up, linkOf(s, "eth1").RFKill = false, true }),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := mustPlan(t, config(t, test.flags...), test.state)
			var got []string
			for _, step := range p.Steps {
				got = append(got, step.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("steps (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.notes, texts(p.Notes)); diff != "" {
				t.Errorf("notes (-want +got)\n%s", diff)
			}
		})
	}
}

func changed(s State, change func(*State)) State {
	s = clone(s)
	change(&s)
	return s
}

func withLink(s State, l Link) State {
	return changed(s, func(s *State) { s.Links = append(s.Links, l) })
}

func bondLink(s *State) *Link { return linkOf(s, s.Name) }

func linkOf(s *State, name string) *Link {
	return &s.Links[slices.IndexFunc(s.Links, func(l Link) bool { return l.Name == name })]
}

// An unplugged primary reads as none, though the kernel remembers it: that is
// no drift, and to say it again would force a switch.
func TestAbsentPrimaryIsNoDrift(t *testing.T) {
	c := config(t, "member=usb0", "member=wlan0", "primary=usb0")
	s := made(t, c, device(1, "usb0"), device(2, "wlan0"))
	sim := simulate(t, s)
	sim.release("usb0")
	sim.Links = slices.DeleteFunc(sim.Links, func(l Link) bool { return l.Name == "usb0" })
	undocked := clone(sim.State)
	undocked.Before = s.Before
	if p := mustPlan(t, c, undocked); !p.Empty() {
		t.Errorf("undocked, there is nothing to do: %s", p)
	}
	docked := withLink(undocked, device(9, "usb0"))
	want := "set on bond0: primary none -> usb0; enslave usb0 to bond0; set prio of usb0 in bond0: 0 -> 1"
	if got := mustPlan(t, c, docked).String(); got != want {
		t.Errorf("docked again:\n got %s\nwant %s", got, want)
	}
}

// What a member can't do is refused before anything changes. A keeper, whom nobody
// would read, goes on without it.
func TestMemberCant(t *testing.T) {
	for name, test := range map[string]struct {
		flags []string
		want  string
	}{
		"an MTU": {
			flags: []string{"mtu=9000"},
			want:  "mtu: eth1 can't have the MTU 9000; name one up to 2304, or leave mtu out",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, append(test.flags, "member=eth0", "member=eth1")...)
			eth0, eth1 := device(1, "eth0"), device(2, "eth1")
			eth1.MaxMTU = 2304
			s := State{Name: "bond0", Links: []Link{eth0, eth1}}
			if _, err := NewPlan(c, s, ""); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			s.patient = true
			if p, err := NewPlan(c, s, ""); err != nil || !p.enslaves("eth0") {
				t.Errorf("a keeper's plan: %s, %v", p, err)
			}
		})
	}
}

// A configuration that was filled in by hand may be wrong in ways that no file's is.
func TestPlanChecks(t *testing.T) {
	c := config(t, "member=eth0")
	c.Options.ARPValidate = new(ARPValidate("perhaps"))
	c.MTU = -1
	_, err := NewPlan(c, State{Name: "bond0", Links: []Link{device(1, "eth0")}}, "")
	wrong, ok := errors.AsType[*ConfigError](err)
	if !ok || len(wrong.Problems) != 2 {
		t.Errorf("got %v, want a problem with arp_validate and one with mtu", err)
	}
}

func TestObstacles(t *testing.T) {
	eth0, eth1 := device(1, "eth0"), device(2, "eth1")
	bond := Link{Name: "bond0", Index: 3, Kind: "bond", MAC: randomMAC, MTU: 1500}
	pristine := State{Name: "bond0", Links: []Link{eth0, eth1, bond}, Bond: &BondState{Mode: "balance-rr", Options: kernelDefaults(t)}}
	tests := map[string]struct {
		state State
		want  string
	}{
		"pristine": {state: pristine},
		"no bond": {
			changed(State{Name: "bond0", Links: []Link{eth0, {Name: "bond0", Kind: "bridge"}}}, func(*State) {}),
			"bond0 exists and is no bond (bridge)",
		},
		"another mode": {
			changed(pristine, func(s *State) { s.Bond.Mode = "802.3ad" }),
			"bond0 exists and bondctl didn't make it: it has mode 802.3ad",
		},
		"in use": {
			changed(pristine, func(s *State) {
				s.Bond.Slaves = []SlaveState{{Name: "eth7"}}
				bondLink(s).Up = true
				bondLink(s).Upper = []string{"bond0.5"}
				bondLink(s).Addresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")}
			}),
			"bond0 exists and bondctl didn't make it: it has members (eth7), it is up, it carries 192.0.2.7/24, it carries bond0.5",
		},
		"members on different networks": {
			changed(pristine, func(s *State) { carry(s, addr(1, "192.0.2.7/24"), addr(2, "198.51.100.7/24")) }),
			"it would be cut off: 198.51.100.7/24 of eth1, which is on another network than eth0",
		},
		"a member with a VLAN": {
			changed(pristine, func(s *State) { s.Links[1].Upper = []string{"eth1.5"} }),
			"eth1 carries eth1.5, which would be cut off in the bond",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := NewPlan(config(t, "member=eth0", "member=eth1"), test.state, "")
			obstacle, _ := errors.AsType[*ObstacleError](err)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("it is refused: %v", err)
			case test.want != "" && (obstacle == nil || obstacle.What != test.want || !obstacle.Force && obstacle.Mend.String() == ""):
				t.Errorf("got  %v\nwant %s, with a hint", err, test.want)
			}
		})
	}
}

func sprint(values ...any) (texts []string) {
	for _, v := range values {
		texts = append(texts, fmt.Sprint(v))
	}
	return texts
}

// TestAssociations: a wired member authenticates at each port anew, and not where it has
// no carrier.
func TestAssociations(t *testing.T) {
	c := config(t, "member=eth0", "member=eth1", "member=wlan0", "member=wlan1")
	for i := range c.Members {
		c.Members[i].WPAConf = "/etc/wpa.conf"
	}
	c.Members[3].WPAConf = ""
	eth0, eth1, wlan0, wlan1 := device(1, "eth0"), device(2, "eth1"), device(3, "wlan0"), device(4, "wlan1")
	eth0.Carrier, eth0.Changes = new(true), 7
	eth1.Carrier = new(false)
	wlan0.WiFi, wlan1.WiFi = true, true
	p, err := NewPlan(c, State{Name: "bond0", Links: []Link{eth0, eth1, wlan0, wlan1}}, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []Association{
		{Interface: "eth0", Index: 1, Config: "/etc/wpa.conf", Wired: true, Changes: 7},
		{Interface: "wlan0", Index: 3, Config: "/etc/wpa.conf"},
	}
	if diff := cmp.Diff(want, p.Associations); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
