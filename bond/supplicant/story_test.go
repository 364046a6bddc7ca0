package supplicant

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStory(t *testing.T) {
	const wrong = `trouble: wrong passphrase for network "lab"`
	const absent = `trouble: no network of the configuration is in range`
	const refused = `trouble: access point 02:00:00:00:01:00 refuses the authentication (status code 1)`
	const joined = `connected: network "lab", access point 02:00:00:00:01:00`
	tests := map[string]struct {
		heard []string
		want  []string
	}{
		"nothing in range":                  {[]string{scanning, notFound, p2pScan, scanning, notFound}, []string{absent}},
		"a network appears":                 {[]string{notFound, connected, connected}, []string{absent, joined}},
		"a connection is lost":              {[]string{connected, loss, notFound, connected}, []string{joined, `disconnected: network "lab", access point 02:00:00:00:01:00: given up on this side (reason code 3)`, absent, joined}},
		"the access point sends it away":    {[]string{connected, strings.TrimSuffix(loss, " locally_generated=1")}, []string{joined, `disconnected: network "lab", access point 02:00:00:00:01:00: the access point sent it away (reason code 3)`}},
		"a reason nobody knows":             {[]string{connected, strings.Replace(handshake, "15", "77", 1)}, []string{joined, `disconnected: network "lab", access point 02:00:00:00:01:00: (reason code 77)`}},
		"a wrong passphrase":                {[]string{handshake, incorrect, wrongKey, scanning, notFound, enabled, handshake, incorrect, wrongKey}, []string{wrong}},
		"a wrong passphrase, then nobody":   {[]string{wrongKey, notFound, enabled, notFound}, []string{wrong, absent}},
		"a name that needs escapes":         {[]string{oddName}, []string{`trouble: wrong passphrase for network "\"é\\\x1b\n"`}},
		"the authentication is refused":     {[]string{authReject, authReject, connFailed, enabled, authReject, connFailed}, []string{refused}},
		"refused, then nobody":              {[]string{authReject, connFailed, notFound, enabled, notFound}, []string{refused, absent}},
		"WPA3 refuses":                      {[]string{saeReject}, []string{refused + ": the passphrase may be wrong"}},
		"it fails without a word":           {[]string{notFound, connFailed, connFailed}, []string{absent, `trouble: network "lab" can't be joined: it fails each time`}},
		"another network is the better one": {[]string{wrongKey, connected, wrongKey, scanDown}, []string{wrong, joined}},
		"too many stations":                 {[]string{assocReject}, []string{"trouble: access point 02:00:00:00:01:00 refuses the association (status code 17): it has too many stations"}},
		"a certificate":                     {[]string{certError, authFailed}, []string{`trouble: the certificate of the network's server isn't accepted: "certificate has expired"`}},
		"an identity":                       {[]string{authFailed}, []string{`trouble: network "eap" refuses the identity or its password`}},
		"a busy radio":                      {[]string{scanBusy}, nil},
		"a radio that is off":               {[]string{scanDown, scanDown}, []string{"trouble: no scan is possible: network is down"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var s story
			var got []string
			for _, text := range test.heard {
				m, ok := parse(text, "wlan0")
				if !ok {
					continue
				}
				e, news := s.hear(m)
				if m.name == "CTRL-EVENT-CONNECTED" {
					e, news = s.connect(map[string]string{"wpa_state": "COMPLETED", "ssid": "lab", "bssid": "02:00:00:00:01:00"})
				}
				if news {
					got = append(got, string(e.Kind)+": "+e.Reason)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestRoam(t *testing.T) {
	var s story
	if _, news := s.connect(map[string]string{"wpa_state": "4WAY_HANDSHAKE"}); news {
		t.Error("connected before the handshake was through")
	}
	for _, bssid := range []string{"02:00:00:00:01:00", "02:00:00:00:02:00"} {
		e, news := s.connect(map[string]string{"wpa_state": "COMPLETED", "ssid": "lab", "bssid": bssid})
		if want := `network "lab", access point ` + bssid; !news || e.Reason != want {
			t.Errorf("got %+v, %t, want %s", e, news, want)
		}
	}
}

func TestPortStory(t *testing.T) {
	const started, failure = "IFNAME=wlan0 <3>CTRL-EVENT-EAP-STARTED EAP authentication started", "IFNAME=wlan0 <3>CTRL-EVENT-EAP-FAILURE EAP authentication failed"
	const waits, refuses, in = "trouble: " + portWaits, "trouble: " + portRefuses, "connected: its port (802.1X)"
	const certificate = `trouble: the certificate of the network's server isn't accepted: "certificate has expired"`
	certError := strings.Replace(certError, "eap0", "wlan0", 1)
	for name, test := range map[string]struct {
		heard []string
		want  []string
	}{
		"nobody asks":             {nil, nil},
		"somebody asks":           {[]string{started, connected}, []string{waits, in}},
		"it refuses":              {[]string{started, failure, started, failure}, []string{waits, refuses}},
		"it refuses, and doesn't": {[]string{started, failure, started, connected}, []string{waits, refuses, in}},
		"it asks again":           {[]string{connected, started, connected, started, failure}, []string{in, refuses}},
		"a certificate":           {[]string{started, certError, failure}, []string{waits, certificate}},
	} {
		t.Run(name, func(t *testing.T) {
			s := story{wired: true}
			var got []string
			for _, text := range test.heard {
				m, _ := parse(text, "wlan0")
				e, news := s.hear(m)
				if m.name == "CTRL-EVENT-CONNECTED" {
					e, news = s.look(map[string]string{"wpa_state": "COMPLETED"})
				}
				if news {
					got = append(got, string(e.Kind)+": "+e.Reason)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for state, want := range map[string]string{"HELD": portRefuses, "AUTHENTICATING": portWaits, "AUTHENTICATED": "", "CONNECTING": ""} {
		s := story{wired: true}
		if e, _ := s.look(map[string]string{"wpa_state": "ASSOCIATED", "Supplicant PAE state": state}); e.Reason != want {
			t.Errorf("%s: %+v", state, e)
		}
	}
}
