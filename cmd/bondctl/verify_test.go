package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond"
)

func TestSSHPeer(t *testing.T) {
	for value, want := range map[string]string{
		"192.0.2.7 50022 192.0.2.10 22":           "192.0.2.7",
		"2001:db8::7 50022 2001:db8::10 22":       "2001:db8::7",
		"fe80::7%eth0 50022 fe80::10%eth0 22":     "fe80::7",
		"::ffff:192.0.2.7 1 ::ffff:192.0.2.10 22": "192.0.2.7",
		"":                                          "",
		"192.0.2.7":                                 "",
		"192.0.2.7 50022 192.0.2.10":                "",
		"192.0.2.7 50022 192.0.2.10 22 ":            "",
		"192.0.2.7  50022 192.0.2.10 22":            "",
		"192.0.2.7 50022 192.0.2.10 22 23":          "",
		"192.0.2.7 0 192.0.2.10 22":                 "",
		"192.0.2.7 65536 192.0.2.10 22":             "",
		"192.0.2.7 -1 192.0.2.10 22":                "",
		"192.0.2.7 50022 localhost 22":              "",
		"192.0.2.7/24 50022 192.0.2.10 22":          "",
		"192.0.2.7;reboot 50022 192.0.2.10 22":      "",
		"UNKNOWN 65535 UNKNOWN 65535":               "",
		"127.0.0.1 50022 127.0.0.1 22":              "",
		"0.0.0.0 50022 192.0.2.10 22":               "",
		"224.0.0.1 50022 192.0.2.10 22":             "",
		"192.0.2.7 50022 192.0.2.10 22\nPATH=/tmp/": "",
	} {
		got, ok := sshPeer(value)
		if ok != (want != "") || ok && got != netip.MustParseAddr(want) {
			t.Errorf("%q: %v, %t, want %q", value, got, ok, want)
		}
	}
}

func TestVerifyTimes(t *testing.T) {
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
		if active, answers := verifyTimes(tt.limit, tt.st); active != tt.active || answers != tt.answers {
			t.Errorf("%s: %s and %s, want %s and %s", tt.name, active, answers, tt.active, tt.answers)
		}
	}
}

func TestOnTrial(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		name    string
		flags   trialFlags
		takes   bool
		verify  time.Duration
		onTrial bool
	}{
		{"nothing is taken over", trialFlags{verify: 10 * s}, false, 0, false},
		{"something is", trialFlags{verify: 10 * s}, true, 10 * s, true},
		{"something is, unverified", trialFlags{verify: 0, asked: true}, true, 0, true},
		{"asked for", trialFlags{verify: 3 * s, asked: true}, false, 3 * s, true},
		{"switched off", trialFlags{verify: 0, asked: true}, false, 0, false},
		{"to be confirmed", trialFlags{verify: 10 * s, confirm: 60 * s}, false, 0, true},
	} {
		if verify, onTrial := tt.flags.of(tt.takes); verify != tt.verify || onTrial != tt.onTrial {
			t.Errorf("%s: %s, %t", tt.name, verify, onTrial)
		}
	}
}

// A member that joined is asked through the bond, and one that didn't over itself.
func TestThrough(t *testing.T) {
	up := "up"
	st := bond.Status{Name: "bond0", Members: []bond.MemberStatus{{Name: "eth0", MIIStatus: &up}, {Name: "wlan0"}}}
	for link, want := range map[string]string{"eth0": "bond0", "wlan0": "wlan0", "bond0": "bond0", "eth9": "eth9"} {
		if got := through(st, link); got != want {
			t.Errorf("%s: %s", link, got)
		}
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
