package supplicant

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What wpa_supplicant 2.10 wrote, and what is made of it.
func TestComplaint(t *testing.T) {
	const begin, end = "Successfully initialized wpa_supplicant\n", ": CTRL-EVENT-DSCP-POLICY clear_all\n"
	const refused = "Failed to read or parse configuration '/tmp/x.conf'.\n"
	tests := map[string]struct {
		output string
		why    string
		config bool
	}{
		"nothing":         {begin, "", false},
		"unknown field":   {begin + "Line 5: unknown network field 'foo'.\nLine 6: failed to parse network block.\n" + refused + end, "line 5: unknown network field 'foo'.", true},
		"unknown line":    {begin + "Line 1: unknown global field 'nonsense'.\nLine 1: Invalid configuration line 'nonsense'.\n" + refused + end, "line 1: unknown global field 'nonsense'.", true},
		"a passphrase":    {begin + "Line 3: Invalid passphrase length 5 (expected: 8..63) 'short\"'.\nLine 3: failed to parse psk '\"short\"'.\n" + refused + end, "line 3: Invalid passphrase length 5 (expected: 8..63)", true},
		"a bare one":      {"Line 3: failed to parse psk 'it's secret'.\n", "line 3: failed to parse psk", true},
		"an open block":   {begin + "Line 2: network block was not terminated properly.\n" + refused + end, "line 2: network block was not terminated properly.", true},
		"no such file":    {begin + "Failed to open config file '/tmp/x.conf', error: No such file or directory\n" + refused + end, "Failed to open config file", true},
		"no interface":    {begin + "Could not read interface wlan9 flags: No such device\nwlan9: Failed to initialize driver interface\nwlan9: CTRL-EVENT-DSCP-POLICY clear_all\n", "Could not read interface wlan9 flags: No such device", false},
		"foreign bytes":   {"Line 1: unknown global field '\x1b[2J\xff'.", `line 1: unknown global field '\x1b[2J\xff'.`, true},
		"not its own end": {"Line 2: unknown global field 'x", "line 2: unknown global field", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			why, config := complaint(test.output)
			if why != test.why || config != test.config {
				t.Errorf("got %q, %t; want %q, %t", why, config, test.why, test.config)
			}
		})
	}
}

func TestInterfaces(t *testing.T) {
	for line, want := range map[string][]string{
		"wpa_supplicant -B -i wlan0 -c /x":                        {"wlan0"},
		"wpa_supplicant -Biwlan0 -c/x":                            {"wlan0"},
		"wpa_supplicant -c/etc/wpa_supplicant/-iwlan1 -s -iwlan0": {"wlan0"},
		"wpa_supplicant -c -iwlan1 -Dnl80211,wext":                nil,
		"wpa_supplicant -iwlan0 -c/x -N -i wlan1 -c /y":           {"wlan0", "wlan1"},
		"wpa_supplicant -u -s -O DIR=/run/wpa_supplicant -i":      {""},
		"wpa_supplicant -- -iwlan0":                               nil,
		"wpa_supplicant":                                          nil,
	} {
		if diff := cmp.Diff(want, interfaces(strings.Fields(line))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", line, diff)
		}
	}
}

func TestUnit(t *testing.T) {
	for text, want := range map[string]string{
		"0::/system.slice/wpa_supplicant.service\n":                                    "wpa_supplicant.service",
		"1:name=systemd:/old.service\n0::/system.slice/system-wpa/wpa@wlan0.service\n": "wpa@wlan0.service",
		"0::/user.slice/user-1000.slice/session-2.scope\n":                             "session-2.scope",
		"0::/\n": "",
		"":       "",
	} {
		if got := unitOf([]byte(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// What keeps it from starting is said, and once.
func TestCantStart(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "x.conf")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		s    Supplicant
		want string
	}{
		"no program":        {Supplicant{Config: config, Dir: filepath.Join(dir, "a"), path: []string{dir}}, "wpa_supplicant isn't installed: it isn't in " + dir},
		"no configuration":  {Supplicant{Config: filepath.Join(dir, "none"), Dir: filepath.Join(dir, "b")}, "read the configuration: open " + dir + "/none: no such file or directory"},
		"no folder for it":  {Supplicant{Config: config, Dir: filepath.Join(dir, "no", "c")}, "mkdir " + dir + "/no/c: no such file or directory"},
		"a file":            {Supplicant{Config: config, Dir: file}, file + " isn't a folder"},
		"a long folder":     {Supplicant{Config: config, Dir: "/" + strings.Repeat("x", 91)}, "/" + strings.Repeat("x", 91) + " is too long for sockets"},
		"a relative folder": {Supplicant{Config: "x.conf", Dir: filepath.Join(dir, "d")}, `"` + dir + `/d" and "x.conf" must be absolute`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.s.Interface = "wlan0"
			var got []Event
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // of tries
				defer cancel()
				test.s.Run(ctx, func(e Event) { got = append(got, e) })
			})
			if diff := cmp.Diff([]Event{{Kind: Trouble, Reason: test.want}}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if err := Stop(t.Context(), test.s.Dir); name != "a file" && err != nil {
				t.Error(err)
			}
		})
	}
}

// Stopping what never ran is no error, and a folder of somebody else's is left.
func TestStopNothing(t *testing.T) {
	dir := t.TempDir()
	if err := Stop(t.Context(), filepath.Join(dir, "none")); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "theirs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Stop(t.Context(), dir); err == nil {
		t.Error("a folder that isn't empty could be removed")
	}
}
