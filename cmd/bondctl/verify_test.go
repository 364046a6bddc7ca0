package main

import (
	"net/netip"
	"testing"
	"time"
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
