package main

import (
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/known"
	"github.com/bondctl/bondctl/bond/supplicant"
)

func TestSecurity(t *testing.T) {
	psk, sae, both, eap := supplicant.AccessPoint{PSK: true}, supplicant.AccessPoint{SAE: true}, supplicant.AccessPoint{PSK: true, SAE: true}, supplicant.AccessPoint{EAP: true}
	var free supplicant.AccessPoint
	for name, c := range map[string]struct {
		points []supplicant.AccessPoint
		open   bool
		want   known.Security
		err    string
	}{
		"out of range":               {nil, false, known.WPA, ""},
		"open and out of range":      {nil, true, known.Open, ""},
		"wpa2":                       {[]supplicant.AccessPoint{psk}, false, known.WPA, ""},
		"wpa3":                       {[]supplicant.AccessPoint{sae}, false, known.SAE, ""},
		"either":                     {[]supplicant.AccessPoint{both}, false, known.WPA, ""},
		"wpa2 here, and wpa3 there":  {[]supplicant.AccessPoint{psk, sae}, false, known.WPA, ""},
		"open":                       {[]supplicant.AccessPoint{free}, true, known.Open, ""},
		"encrypted":                  {[]supplicant.AccessPoint{free, {OWE: true}}, true, known.OWE, ""},
		"802.1x":                     {[]supplicant.AccessPoint{eap}, false, "", "join lab: it wants more than a passphrase (802.1x)"},
		"open, and isn't":            {[]supplicant.AccessPoint{psk}, true, "", "join lab: it wants a passphrase; leave --open out"},
		"with a passphrase, for all": {[]supplicant.AccessPoint{free}, false, "", "join lab: it has no passphrase; --open joins it all the same"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := security("lab", c.points, c.open)
			said := ""
			if err != nil {
				said = err.Error()
			}
			if got != c.want || said != c.err {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestVisible(t *testing.T) {
	at := func(last byte, ssid string, signal int) supplicant.AccessPoint {
		return supplicant.AccessPoint{SSID: []byte(ssid), BSSID: net.HardwareAddr{2, 0, 0, 0, 0, last}, Frequency: 2412, Signal: signal, PSK: true}
	}
	points := []supplicant.AccessPoint{at(1, "lab", -70), at(2, "lab", -40), at(3, "", -10), at(4, "a\xff", -50)}
	got := visible("wlan0", points, []supplicant.Network{{SSID: []byte("lab")}, {SSID: []byte("lab"), Current: true}})
	want := []visibleNetwork{
		{"wlan0", "lab", "6c6162", "wpa2", -40, "02:00:00:00:00:02", 2412, 2, true, true},
		{"wlan0", "a\ufffd", "61ff", "wpa2", -50, "02:00:00:00:00:04", 2412, 1, false, false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFirstLine(t *testing.T) {
	for text, want := range map[string]string{"secret\n": "secret", "sec ret \r\nmore\n": "sec ret ", "secret": "secret", "": "", "\n": ""} {
		if got, err := firstLine(strings.NewReader(text)); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}
