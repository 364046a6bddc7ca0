package reach

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond"
)

func TestTimes(t *testing.T) {
	wired, wifi := "wired", "wifi"
	status := func(updelay bond.Millis, kinds ...*string) bond.Status {
		st := bond.Status{Options: bond.Options{Updelay: &updelay}}
		for _, kind := range kinds {
			st.Members = append(st.Members, bond.MemberStatus{Kind: kind})
		}
		return st
	}
	for _, tt := range []struct {
		name            string
		st              bond.Status
		limit           time.Duration
		active, answers time.Duration
	}{
		{"wired", status(0, &wired, &wired), 10 * time.Second, 10 * time.Second, 10 * time.Second},
		{"updelay", status(4000, &wired), 10 * time.Second, 10 * time.Second, 14 * time.Second},
		{"Wi-Fi", status(4000, &wired, &wifi), 10 * time.Second, 30 * time.Second, 30 * time.Second},
		{"Wi-Fi, and longer asked for", status(4000, &wifi), time.Minute, 30 * time.Second, 64 * time.Second},
		{"absent", status(0, nil), time.Second, 10 * time.Second, time.Second},
	} {
		if active, answers := Times(tt.limit, tt.st); active != tt.active || answers != tt.answers {
			t.Errorf("%s: %s and %s, want %s and %s", tt.name, active, answers, tt.active, tt.answers)
		}
	}
}

// A member that joined is asked through the bond, and one that didn't over itself or the bond.
func TestThrough(t *testing.T) {
	up := "up"
	st := bond.Status{Name: "bond0", Members: []bond.MemberStatus{{Name: "eth0", MIIStatus: &up}, {Name: "wlan0"}}}
	over := func(links ...string) (hops []bond.NextHop) {
		for _, link := range links {
			hops = append(hops, bond.NextHop{Link: link})
		}
		return hops
	}
	for link, want := range map[string][]bond.NextHop{"eth0": over("bond0"), "wlan0": over("wlan0", "bond0"), "bond0": over("bond0"), "eth9": over("eth9", "bond0")} {
		if got := Through(nil, st)(bond.NextHop{Link: link}); !slices.Equal(got, want) {
			t.Errorf("%s: %v", link, got)
		}
	}
}

// Who is silent as a neighbour isn't named again for a ping, and each other one is.
func TestErr(t *testing.T) {
	gateway := func(addr string) Questions {
		return Of(nil, []bond.NextHop{{Link: "eth0", Addr: netip.MustParseAddr(addr)}}, netip.Addr{}, nil)
	}
	one, two := gateway("192.0.2.1"), gateway("2001:db8::1")
	for _, tt := range []struct {
		silent Questions
		want   string
	}{
		{one, "gateway 192.0.2.1 of eth0"},
		{one[:1], "gateway 192.0.2.1 of eth0"},
		{one[1:], "gateway 192.0.2.1 of eth0 (by ping)"},
		{slices.Concat(one, two[1:]), "gateway 192.0.2.1 of eth0; gateway 2001:db8::1 of eth0 (by ping)"},
	} {
		err := tt.silent.Err("through bond0", time.Second)
		if want := tt.want + " answered before, and not through bond0 within 1s"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := (Questions{}).Err("through bond0", time.Second); err != nil {
		t.Error(err)
	}
}

// What the bond hasn't got any more is no address to ask by.
func TestMoved(t *testing.T) {
	st := bond.Status{Name: "bond0", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24")}}
	for _, tt := range []struct {
		link, own string
		want      bool
	}{
		{"bond0", "192.0.2.10", false},
		{"bond0", "192.0.2.50", true},
		{"eth0", "192.0.2.50", false},
		{"bond0", "fe80::1", false},
		{"bond0", "", false},
	} {
		own, _ := netip.ParseAddr(tt.own)
		if got := moved(bond.NextHop{Link: tt.link, Own: own}, st); got != tt.want {
			t.Errorf("%s of %s: %t", tt.own, tt.link, got)
		}
	}
}
