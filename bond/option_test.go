package bond

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMillis(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Millis
	}{
		{"0", 0},
		{"0s", 0},
		{"100", 100},
		{"+100", 100},
		{"100ms", 100},
		{"4s", 4000},
		{"1.5s", 1500},
		{"1m30s", 90000},
		{"2147483647", 2147483647},
		{"596h31m23.647s", 2147483647},
	} {
		t.Run(tt.text, func(t *testing.T) {
			got, err := millisUpTo(maxMillis)(tt.text)
			if err != nil || got != tt.want {
				t.Errorf("got %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}

// TestOptionLimits has each option refuse just what lies beyond the kernel's own limits
// (bond_opts in drivers/net/bonding/bond_options.c, 6.12), and name them.
func TestOptionLimits(t *testing.T) {
	for _, tt := range []struct {
		key       string
		low, high int
	}{
		{"miimon", 0, 2147483647},
		{"updelay", 0, 2147483647},
		{"downdelay", 0, 2147483647},
		{"peer_notif_delay", 0, 300000},
		{"arp_interval", 0, 2147483647},
		{"resend_igmp", 0, 255},
		{"num_grat_arp", 0, 255},
		{"all_slaves_active", 0, 1},
		{"arp_missed_max", 1, 255},
	} {
		t.Run(tt.key, func(t *testing.T) {
			var o Options
			for _, n := range []int{tt.low, tt.high} {
				if err := mustRow(tt.key).set(&o, strconv.Itoa(n)); err != nil {
					t.Errorf("%d: %v", n, err)
				}
			}
			limits := fmt.Sprintf(" from %d to %d", tt.low, tt.high)
			for _, n := range []int{tt.low - 1, tt.high + 1} {
				if err := mustRow(tt.key).set(&o, strconv.Itoa(n)); err == nil || !strings.Contains(err.Error(), limits) {
					t.Errorf("%d: error %v, want one that names the limits", n, err)
				}
			}
		})
	}
}

// FuzzMillis has every accepted time be what the text says, to the
// millisecond.
func FuzzMillis(f *testing.F) {
	for _, text := range []string{"100", "100ms", "4s", "1.5s", "-1", "0.5ms", "1us", "2147483648", "99999999999999999999", "9999999h", "", "1h1", "0x10", "1e3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ms, err := millisUpTo(maxMillis)(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: the error is more than a line: %q", text, err)
			}
			return
		}
		if ms < 0 || ms > maxMillis {
			t.Errorf("%q is %d ms", text, ms)
		}
		d, err := time.ParseDuration(text)
		if err != nil {
			d, err = time.ParseDuration(text + "ms")
		}
		if got := time.Duration(ms) * time.Millisecond; err != nil || got != d {
			t.Errorf("%q: got %s, want %s, %v", text, got, d, err)
		}
	})
}

// FuzzOption has every option's text, once it was accepted, be read back and
// accepted again: so an option goes from sysfs to a plan and to an undo.
func FuzzOption(f *testing.F) {
	for i, o := range optionTable {
		f.Add(i, o.def)
		for _, word := range o.words {
			f.Add(i, word)
		}
	}
	f.Add(0, "4s")
	f.Add(5, "192.0.2.1 192.0.2.2")
	f.Add(6, "2001:db8::1 fe80::1%eth0")
	f.Add(11, "256")
	f.Fuzz(func(t *testing.T, i int, text string) {
		if i < 0 || i >= len(optionTable) {
			return
		}
		row := optionTable[i]
		var o, again Options
		if err := row.set(&o, text); err != nil {
			if diff := cmp.Diff(Options{}, o, byValue); diff != "" {
				t.Errorf("%s %q was refused and set (-want +got):\n%s", row.key, text, diff)
			}
			return
		}
		said, known := row.text(&o)
		if !known {
			t.Errorf("%s %q was set and isn't known", row.key, text)
		}
		if err := row.set(&again, said); err != nil {
			t.Errorf("%s %q became %q: %v", row.key, text, said, err)
		}
		if diff := cmp.Diff(o, again, byValue); diff != "" {
			t.Errorf("%s %q became %q (-before +after):\n%s", row.key, text, said, diff)
		}
	})
}

// TestOptionDefaults has the documented defaults be what newWanted makes of an empty
// configuration, without Wi-Fi and with it.
func TestOptionDefaults(t *testing.T) {
	for _, tt := range []struct{ name, member string }{{"wired", "eth0"}, {"wifi", "wlan0"}} {
		t.Run(tt.name, func(t *testing.T) {
			w, err := newWanted(config(t, "member="+tt.member), State{Name: "bond0"}, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range Keys() {
				if !k.Option || k.List || k.Name == "fail_over_mac" { // auto is bondctl's word
					continue
				}
				// "0; 4s with a Wi-Fi member"
				text, withWiFi, found := strings.Cut(k.Default, "; ")
				if withWiFi, ok := strings.CutSuffix(withWiFi, " with a Wi-Fi member"); found && ok && tt.name == "wifi" {
					text = withWiFi
				}
				var want Options
				if err := mustRow(k.Name).set(&want, text); err != nil {
					t.Errorf("%s: default %q: %v", k.Name, k.Default, err)
				}
				wanted, _ := mustRow(k.Name).text(&want)
				if got, _ := mustRow(k.Name).text(&w.options); got != wanted {
					t.Errorf("%s is %s, and documented as %q", k.Name, got, k.Default)
				}
			}
		})
	}
}
