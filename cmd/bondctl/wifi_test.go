package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

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

// A passphrase isn't shown on the terminal where it is typed, which shows again what is
// typed once that is over, be it by an interruption.
func TestReadPassword(t *testing.T) {
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	fd := int(theirs.Fd())
	echoes := func() bool {
		state, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		return state.Lflag&unix.ECHO != 0
	}
	ctx, cancel := context.WithCancel(t.Context())
	for _, end := range []func(){func() { _, _ = ours.WriteString("sec ret\n") }, cancel} {
		read := make(chan string)
		go func() {
			key, err := readPassword(ctx, fd)
			read <- fmt.Sprint(string(key), err)
		}()
		for echoes() {
			time.Sleep(time.Millisecond)
		}
		end()
		if got := <-read; got != "sec ret<nil>" && got != "context canceled" {
			t.Errorf("got %q", got)
		}
		if !echoes() {
			t.Error("the terminal doesn't show what is typed any more")
		}
	}
}
