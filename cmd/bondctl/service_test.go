package main

import (
	"math/bits"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestIsInstance(t *testing.T) {
	for name, want := range map[string]bool{
		"bond0": true, "br-lan": true, "bond0.5": true, "a_b:c@d": true,
		"bond+0": false, "сеть0": false, "bond%i": false, `bond\x2d`: false, "bond=0": false,
	} {
		if got := isInstance(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}

func TestProgramProblem(t *testing.T) {
	for path, want := range map[string]string{
		"/etc/passwd":                  "",
		"/tmp/go-build1/exe/bondctl":   "what is in /tmp is gone by then",
		"/run/bondctl":                 "what is in /run is gone by then",
		"/opt/my tools/bondctl":        "systemd would misread the path",
		"/opt/50%/bondctl":             "systemd would misread the path",
		"/nosuch/bondctl":              "no such file or directory",
		"/usr/bin/bondctl (deleted)":   "systemd would misread the path",
		"/home/u\n[Service]/bondctl":   "systemd would misread the path",
		"/var/tmp/bondctl":             "what is in /var/tmp is gone by then",
		"/usr/local/bin/\xffbondctl":   "systemd would misread the path",
		"/proc/self/fd/3":              "what is in /proc is gone by then",
		"/opt/$HOME/bondctl":           "systemd would misread the path",
		"/opt/\"quoted\"/bin/bondctl":  "systemd would misread the path",
		"/opt/back\\slash/bin/bondctl": "systemd would misread the path",
	} {
		if got := programProblem(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

// The keeper starts when resolved can be found, and before all that waits for the network.
func TestUnitOrder(t *testing.T) {
	order := map[string][]string{}
	for line := range strings.Lines(unitText) {
		if key, value, found := strings.Cut(line, "="); found && !strings.HasPrefix(line, "#") {
			order[key] = append(order[key], strings.Fields(value)...)
		}
	}
	for key, want := range map[string][]string{
		"After": {"network-pre.target", "dbus.service", "systemd-resolved.service"}, "Before": {"network.target"},
	} {
		if diff := cmp.Diff(want, order[key]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
}

// A template is known as our own, of whatever version, until somebody changes it.
func TestIsOwnUnit(t *testing.T) {
	text := unitFor("/opt/bin/bondctl")
	if !strings.Contains(text, "\nExecStart=/opt/bin/bondctl daemon %i\n") {
		t.Errorf("it doesn't start the program:\n%s", text)
	}
	older := "[Unit]\nDescription=as it was once\n"
	for _, own := range []string{text, unitMark + unitSum(older) + "\n" + older} {
		if !isOwnUnit([]byte(own)) {
			t.Errorf("this is our own:\n%s", own)
		}
	}
	for _, other := range []string{"", older, text + "# mine\n", strings.Replace(text, "RestartSec=1s", "RestartSec=9s", 1), unitMark + "\n"} {
		if isOwnUnit([]byte(other)) {
			t.Errorf("this is somebody's:\n%s", other)
		}
	}
}

// TestTransient holds the service without a template against the template.
func TestTransient(t *testing.T) {
	properties, err := transient("bondctl@office.service")
	if err != nil {
		t.Fatal(err)
	}
	signatures := map[string]string{
		"ExecStart": "a(sasb)", "ExecReload": "a(sasb)", "RestartPreventExitStatus": "(aiai)", "RestartUSec": "t",
		"StartLimitIntervalUSec": "t", "TimeoutStopUSec": "t", "CapabilityBoundingSet": "t",
		"After": "as", "Before": "as",
	}
	for _, p := range properties {
		want := signatures[p.Name]
		if want == "" {
			want = "s"
		}
		if got := p.Value.Signature().String(); got != want {
			t.Errorf("%s has signature %s, want %s", p.Name, got, want)
		}
		text, ok := p.Value.Value().(string)
		if list, isList := p.Value.Value().([]string); isList {
			text, ok = strings.Join(list, " "), true
		}
		if ok && p.Name != "Description" && p.Name != "CollectMode" &&
			!strings.Contains(unitText, "\n"+p.Name+"="+text+"\n") {
			t.Errorf("the template doesn't have %s=%s", p.Name, text)
		}
	}
	_, line, _ := strings.Cut(unitText, "\nCapabilityBoundingSet=")
	line, _, _ = strings.Cut(line, "\n")
	if n := len(strings.Fields(line)); bits.OnesCount64(capabilities()) != n || capabilities()&(1<<unix.CAP_NET_ADMIN) == 0 {
		t.Errorf("capabilities %#x, the template has %s", capabilities(), line)
	}
}
