package supplicant

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answering is a client of a socket that has these answers; any other question is answered
// by OK. It returns what it was asked.
func answering(t *testing.T, answers map[string]string) (Client, func() []string) {
	t.Helper()
	dir := t.TempDir()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: control(dir), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	asked := make(chan string, 1000)
	go func() {
		for text := make([]byte, longestMessage); ; {
			n, from, err := conn.ReadFrom(text)
			if err != nil {
				return
			}
			question := strings.TrimPrefix(string(text[:n]), "IFNAME=wlan0 ")
			asked <- question
			answer, ok := answers[question]
			if !ok {
				answer = "OK\n"
			}
			_, _ = conn.WriteTo([]byte(answer), from)
		}
	}()
	return Client{Interface: "wlan0", Dir: dir}, func() (all []string) {
		for len(asked) > 0 {
			all = append(all, <-asked)
		}
		return all
	}
}

const listHead = "network id / ssid / bssid / flags\n"

func TestNetworks(t *testing.T) {
	c, _ := answering(t, map[string]string{
		"LIST_NETWORKS":           listHead + "0\tlab\tany\t[CURRENT]\n2\tCaf\\xc3\\xa9\\n\tany\t[DISABLED]\n",
		"LIST_NETWORKS LAST_ID=2": listHead + "7\told\tany\t[TEMP-DISABLED]\n",
		"LIST_NETWORKS LAST_ID=7": listHead,
		"GET_NETWORK 0 key_mgmt":  "WPA-PSK SAE", "GET_NETWORK 0 priority": "0",
		"GET_NETWORK 2 key_mgmt": "NONE", "GET_NETWORK 2 priority": "-3",
		"GET_NETWORK 7 key_mgmt": "FAIL\n", "GET_NETWORK 7 priority": "FAIL\n",
	})
	got, err := c.Networks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Network{
		{ID: 0, SSID: []byte("lab"), KeyMgmt: "WPA-PSK SAE", Current: true},
		{ID: 2, SSID: []byte("Café\n"), KeyMgmt: "NONE", Priority: -3, Disabled: true},
		{ID: 7, SSID: []byte("old"), KeyMgmt: "FAIL\n", Failing: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNotRunning(t *testing.T) {
	c := Client{Interface: "wlan0", Dir: filepath.Join(t.TempDir(), "none")}
	if _, err := c.Networks(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("networks: %v", err)
	}
	if _, err := c.Scan(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("scan: %v", err)
	}
}

// A network that isn't taken is gone again.
func TestJoinRefused(t *testing.T) {
	c, asked := answering(t, map[string]string{"LIST_NETWORKS": listHead, "ADD_NETWORK": "4\n", "SET_NETWORK 4 key_mgmt SAE": "FAIL\n", "STATUS": "wpa_state=SCANNING\n"})
	err := c.Join(t.Context(), Joining{SSID: []byte("lab"), Settings: []Setting{{"ssid", "6c6162"}, {"disabled", "1"}, {"key_mgmt", "SAE"}, {"psk", "x"}}})
	if err == nil || err.Error() != "wpa_supplicant refuses to take the key_mgmt of the network" {
		t.Errorf("got %v", err)
	}
	want := []string{"LIST_NETWORKS", "ADD_NETWORK", "SET_NETWORK 4 ssid 6c6162", "SET_NETWORK 4 key_mgmt SAE", "REMOVE_NETWORK 4", "STATUS", "REASSOCIATE"}
	if diff := cmp.Diff(want, asked()); diff != "" {
		t.Errorf("asked (-want +got)\n%s", diff)
	}
	err = c.Join(t.Context(), Joining{SSID: []byte("a\n")})
	if _, ok := errors.AsType[*JoinError](err); !ok || err.Error() != `join "a\n": it isn't known` {
		t.Errorf("got %v", err)
	}
}

// What a client that was killed has left goes, and another's stays.
func TestLeftMonitors(t *testing.T) {
	c, _ := answering(t, nil)
	dead, alive, keepers := filepath.Join(c.Dir, "client.999999999"), filepath.Join(c.Dir, "client.1"), filepath.Join(c.Dir, "monitor.1")
	for _, path := range []string{dead, alive, keepers} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := c.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.close()
	left, _ := filepath.Glob(filepath.Join(c.Dir, "*.*"))
	if diff := cmp.Diff([]string{alive, keepers}, left); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAccessPoint(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 1, 0}
	for flags, want := range map[string]string{
		"[WPA2-PSK-CCMP][ESS]":                        "wpa2",
		"[WPA-PSK-TKIP][WPA2-PSK-CCMP][WPS][ESS]":     "wpa2",
		"[WPA2-PSK+SAE-CCMP][SAE-H2E][ESS]":           "wpa2/wpa3",
		"[WPA2-PSK+PSK-SHA256+SAE-CCMP-preauth][ESS]": "wpa2/wpa3",
		"[RSN-SAE-CCMP][SAE-PK][ESS]":                 "wpa3",
		"[WPA2-FT/PSK-CCMP][ESS]":                     "wpa2",
		"[WPA2-EAP-CCMP][ESS]":                        "802.1x",
		"[WPA2-EAP-SUITE-B-192-GCMP-256][ESS]":        "802.1x",
		"[WPA2-OWE-CCMP][ESS]":                        "owe",
		"[OWE-TRANS][ESS]":                            "owe",
		"[WEP][ESS]":                                  "wep",
		"[ESS]":                                       "open",
		"":                                            "open",
	} {
		a, err := accessPoint(map[string]string{"bssid": mac.String(), "freq": "2412", "level": "-40", "ssid": "lab", "flags": flags})
		if err != nil || a.Security() != want || a.Open() != (want == "open" || want == "owe") {
			t.Errorf("%s: %+v, %v: %s, want %s", flags, a, err, a.Security(), want)
		}
	}
	if _, err := accessPoint(map[string]string{"bssid": "x"}); err == nil {
		t.Error("there is an access point without an address")
	}
}

func FuzzAccessPoint(f *testing.F) {
	f.Add("id=0\nbssid=02:00:00:00:01:00\nfreq=2412\nlevel=-30\nflags=[WPA2-PSK-CCMP][ESS]\nssid=\\x00\\x00\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		a, err := accessPoint(status(text))
		if err == nil && (len(a.BSSID) == 0 || a.Security() == "") {
			t.Errorf("%q: %+v", text, a)
		}
	})
}
