package manager

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	testMarks = `, ENV{BONDCTL_MEMBER}="bond0", ENV{NM_UNMANAGED}="1", ENV{ID_NET_MANAGED_BY}="bondctl"` + "\n"
	testHead  = "# Written by bondctl for bond0; bondctl down removes it.\n" + ruleHead
	testEnd   = "LABEL=\"bondctl_end\"\n"
)

func TestRule(t *testing.T) {
	tests := map[string]struct {
		members []Match
		want    string // without head, marks and end
	}{
		"a name":         {[]Match{{Name: "eth0"}}, ""},
		"wi-fi":          {[]Match{{Name: "eth0"}, {Kind: "wifi"}}, `ENV{DEVTYPE}=="wlan"`},
		"wired on a bus": {[]Match{{Kind: "wired", Bus: "usb"}}, `ENV{DEVTYPE}!="wlan", SUBSYSTEMS!="net", TEST=="/sys/bus/usb/devices/%b"`},
		"two":            {[]Match{{Driver: "cdc_ether"}, {Driver: "r8152"}}, `ENV{.BONDCTL_DRIVER}=="cdc_ether"` + "\n" + `ENV{.BONDCTL_DRIVER}=="r8152"`},
		"names": {[]Match{{Name: "en*"}}, `ENV{.BONDCTL_NAME}=="en*"` + "\n" + `ENV{ID_NET_NAME_ONBOARD}=="en*"` + "\n" +
			`ENV{ID_NET_NAME_SLOT}=="en*"` + "\n" + `ENV{ID_NET_NAME_PATH}=="en*"`},
		"an address": {[]Match{{MAC: "02:00:00:00:00:0A", Kind: "wifi"}}, `ENV{DEVTYPE}=="wlan", ATTR{address}=="02:00:00:00:00:0a"` + "\n" +
			`ENV{DEVTYPE}=="wlan", ATTR{bonding_slave/perm_hwaddr}=="02:00:00:00:00:0a"` + "\n" +
			`ENV{DEVTYPE}=="wlan", ATTR{phy80211/macaddress}=="02:00:00:00:00:0a"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want := tt.want
			if want != "" {
				want = testHead + strings.ReplaceAll(want, "\n", testMarks) + testMarks + testEnd
			}
			got, err := rule("bond0", tt.members)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What udev would take for something else isn't written.
func TestRuleRefuses(t *testing.T) {
	for _, m := range []Match{
		{Driver: `x", RUN+="/bin/sh`}, {Bus: "$env{X}"}, {Bus: "../../dev"}, {Name: "e%k*"}, {Name: "e*|*"}, {Kind: "tun"}, {MAC: "none"}, {Driver: "a\nb"},
	} {
		if text, err := rule("bond0", []Match{m}); err == nil || text != "" {
			t.Errorf("%+v: %q, %v", m, text, err)
		}
	}
	if _, err := rule(`b"d`, []Match{{Kind: "wifi"}}); err == nil {
		t.Error("a bond with a quote in its name has a rule")
	}
}

func FuzzRule(f *testing.F) {
	f.Add("bond0", "e*", "wifi", "02:00:00:00:00:01", "x", "usb")
	f.Add(`"`, "a*\n", "wired", "", `a"b`, "\\")
	f.Fuzz(func(t *testing.T, bond, name, kind, mac, driver, bus string) {
		text, err := rule(bond, []Match{{Name: name, Kind: kind, MAC: mac, Driver: driver, Bus: bus}})
		if err != nil || text == "" {
			return
		}
		for line := range strings.Lines(strings.TrimPrefix(text[strings.Index(text, "\n")+1:], ruleHead)) {
			if strings.Contains(line, "RUN") && !strings.Contains(bond+name+driver+bus, "RUN") || strings.Count(line, `"`)%2 != 0 || !strings.HasSuffix(line, "\"\n") {
				t.Errorf("a line of the rule is %q", line)
			}
		}
	})
}

// tempRoot has the package look into a folder of the test's.
func tempRoot(t *testing.T) string {
	t.Helper()
	old := root
	root = t.TempDir()
	t.Cleanup(func() { root = old })
	return root
}

func TestWriteRule(t *testing.T) {
	dir := tempRoot(t)
	run, etc := filepath.Join(dir, "run/udev/rules.d/84-bondctl-bond0.rules"), filepath.Join(dir, "etc/udev/rules.d/84-bondctl-bond0.rules")
	h := Handover{Bond: "bond0", Members: []Match{{Bus: "usb"}}}
	have := func(want ...string) {
		t.Helper()
		for _, path := range []string{run, etc} {
			_, err := os.Stat(path)
			if is, should := err == nil, len(want) > 0 && want[0] == path; is != should {
				t.Errorf("%s is there: %t", path, is)
			}
		}
	}
	for _, step := range []struct {
		do   func() error
		want []string
	}{
		{func() error { return h.writeRule(t.Context()) }, []string{run}},
		{func() error { h.Lasting = true; return h.writeRule(t.Context()) }, []string{etc}},
		{func() error { h.Members = []Match{{Name: "eth0"}}; return h.writeRule(t.Context()) }, nil},
		{func() error { return h.removeRule(t.Context()) }, nil},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		have(step.want...)
	}
}

// What was cut short before udev had taken its marks off is done by the next one.
func TestRemoveRuleCutShort(t *testing.T) {
	dir := tempRoot(t)
	t.Setenv("PATH", dir) // there is no udevadm
	h := Handover{Bond: "bond0", Members: []Match{{Bus: "usb"}}, Lasting: true}
	if err := h.writeRule(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(dir, "run/udev/control"), ""); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.removeRule(t.Context()); err == nil {
			t.Error("udev isn't told")
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "run/udev/rules.d/84-bondctl-bond0.rules"))
	if err != nil || strings.Contains(string(text), "ENV") {
		t.Errorf("the rule is %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "etc/udev/rules.d/84-bondctl-bond0.rules")); err == nil {
		t.Error("the lasting rule is there")
	}
}
