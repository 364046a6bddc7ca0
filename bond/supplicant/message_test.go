package supplicant

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// Messages as wpa_supplicant 2.10 sent them to a global monitor.
const (
	notFound   = `IFNAME=wlan0 <3>CTRL-EVENT-NETWORK-NOT-FOUND `
	connected  = `IFNAME=wlan0 <3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:01:00 completed [id=0 id_str=]`
	loss       = `IFNAME=wlan0 <3>CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:01:00 reason=3 locally_generated=1`
	handshake  = `IFNAME=wlan0 <3>CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:01:00 reason=15`
	incorrect  = `IFNAME=wlan0 <3>WPA: 4-Way Handshake failed - pre-shared key may be incorrect`
	wrongKey   = `IFNAME=wlan0 <3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="lab" auth_failures=1 duration=10 reason=WRONG_KEY`
	connFailed = `IFNAME=wlan0 <3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="lab" auth_failures=1 duration=10 reason=CONN_FAILED`
	oddName    = `IFNAME=wlan0 <3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="\"\xc3\xa9\\\e\n" auth_failures=1 duration=10 reason=WRONG_KEY`
	enabled    = `IFNAME=wlan0 <3>CTRL-EVENT-SSID-REENABLED id=0 ssid="lab"`
	authReject = `IFNAME=wlan0 <3>CTRL-EVENT-AUTH-REJECT 02:00:00:00:01:00 auth_type=0 auth_transaction=2 status_code=1`
	saeReject  = `IFNAME=wlan0 <3>CTRL-EVENT-AUTH-REJECT 02:00:00:00:01:00 auth_type=3 auth_transaction=2 status_code=1`
	scanning   = `IFNAME=wlan0 <3>CTRL-EVENT-SCAN-STARTED `
	p2pScan    = `IFNAME=p2p-dev-wlan0 <3>CTRL-EVENT-SCAN-RESULTS `
	p2pEnds    = `IFNAME=p2p-dev-wlan0 <3>CTRL-EVENT-TERMINATING `
)

// Messages as the source of wpa_supplicant 2.10 has them.
const (
	assocReject = `IFNAME=wlan0 <3>CTRL-EVENT-ASSOC-REJECT bssid=02:00:00:00:01:00 status_code=17`
	certError   = `IFNAME=wlan0 <3>CTRL-EVENT-EAP-TLS-CERT-ERROR reason=4 depth=0 subject='/CN=a server' err='certificate has expired'`
	authFailed  = `IFNAME=wlan0 <3>CTRL-EVENT-SSID-TEMP-DISABLED id=1 ssid="eap" auth_failures=1 duration=10 reason=AUTH_FAILED`
	scanBusy    = `IFNAME=wlan0 <3>CTRL-EVENT-SCAN-FAILED ret=-16 retry=1`
	scanDown    = `IFNAME=wlan0 <3>CTRL-EVENT-SCAN-FAILED ret=-100 retry=1`
)

func TestParse(t *testing.T) {
	type fields = map[string]string
	tests := map[string]struct {
		text string
		want *message
	}{
		"without fields":        {notFound, &message{name: "CTRL-EVENT-NETWORK-NOT-FOUND"}},
		"with words":            {authReject, &message{"CTRL-EVENT-AUTH-REJECT", fields{"auth_type": "0", "auth_transaction": "2", "status_code": "1"}, "02:00:00:00:01:00"}},
		"a quotation":           {certError, &message{"CTRL-EVENT-EAP-TLS-CERT-ERROR", fields{"reason": "4", "depth": "0", "subject": "/CN=a server", "err": "certificate has expired"}, ""}},
		"quotes in a quotation": {oddName, &message{"CTRL-EVENT-SSID-TEMP-DISABLED", fields{"id": "0", "ssid": `\"\xc3\xa9\\\e\n`, "auth_failures": "1", "duration": "10", "reason": "WRONG_KEY"}, ""}},
		"a name like a field":   {strings.Replace(wrongKey, "lab", "x id=7 reason=NONE", 1), &message{"CTRL-EVENT-SSID-TEMP-DISABLED", fields{"id": "0", "ssid": "x id=7 reason=NONE", "auth_failures": "1", "duration": "10", "reason": "WRONG_KEY"}, ""}},
		"another interface":     {text: p2pScan},
		"no interface":          {text: "<3>CTRL-EVENT-CONNECTED "},
		"no event":              {text: incorrect},
		"no level":              {text: "IFNAME=wlan0 CTRL-EVENT-CONNECTED"},
		"an answer":             {text: "OK\n"},
		"nothing":               {},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := parse(test.text, "wlan0")
			if ok != (test.want != nil) {
				t.Fatalf("got %+v, %t", got, ok)
			}
			if !ok {
				return
			}
			if test.want.fields == nil {
				test.want.fields = fields{}
			}
			if diff := cmp.Diff(*test.want, got, cmp.AllowUnexported(message{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestSSID(t *testing.T) {
	for encoded, want := range map[string]string{
		`lab`:                 `"lab"`,
		`\"\xc3\xa9\\\e\n`:    `"\"é\\\x1b\n"`,
		`\\e`:                 `"\\e"`,
		`\xff`:                `"\xff"`,
		`it's`:                `"it's"`,
		`\u0041 isn't theirs`: `"A isn't theirs"`,
		`\`:                   `"\\"`,
		"raw\n":               `"raw\n"`,
		``:                    `""`,
	} {
		if got := ssid(encoded); got != want {
			t.Errorf("%q: got %s, want %s", encoded, got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	got := status("bssid=02:00:00:00:01:00\nfreq=2412\nssid=a=b\nwpa_state=COMPLETED\nodd\n")
	want := map[string]string{"bssid": "02:00:00:00:01:00", "freq": "2412", "ssid": "a=b", "wpa_state": "COMPLETED"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("STATUS (-want +got)\n%s", diff)
	}
	listed := networks("network id / ssid / bssid / flags\n0\tlab\tany\t[TEMP-DISABLED]\n1\ttwo words\tany\t[CURRENT]\nodd\n")
	if diff := cmp.Diff([]network{{"0", "lab", "[TEMP-DISABLED]"}, {"1", "two words", "[CURRENT]"}}, listed, cmp.AllowUnexported(network{})); diff != "" {
		t.Errorf("LIST_NETWORKS (-want +got)\n%s", diff)
	}
}

// Whatever is received, what comes out can be printed on one line, and a name
// can't pass for a field after it.
func FuzzMessages(f *testing.F) {
	for _, text := range []string{
		notFound, connected, loss, handshake, incorrect, wrongKey, connFailed, oddName, enabled, authReject,
		saeReject, scanning, p2pScan, p2pEnds, assocReject, certError, authFailed, scanBusy, scanDown,
	} {
		f.Add(text, "lab")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		s := story{}
		for range 2 {
			if m, ok := parse(text, "wlan0"); ok {
				e, _ := s.hear(m)
				printed(t, e.Reason)
			}
			e, _ := s.connect(status("wpa_state=COMPLETED\nssid=" + name + "\n" + text))
			printed(t, e.Reason)
		}
		printed(t, printable(text))
		printed(t, ssid(name))
		for _, n := range networks(text) {
			printed(t, ssid(n.ssid))
		}
		why, _ := complaint(text)
		printed(t, why)
		escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
		if m, _ := parse(strings.Replace(wrongKey, "lab", escaped, 1), "wlan0"); m.fields["reason"] != "WRONG_KEY" || m.fields["ssid"] != escaped {
			t.Errorf("a network %q gives %v", name, m.fields)
		}
	})
}

func printed(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("not UTF-8: %q", text)
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			t.Errorf("not printable: %q", text)
		}
	}
}
