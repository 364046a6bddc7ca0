package suite

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// TestUpSaysHealth has up say why a bond isn't ok, be there something to change or not, and
// status --check say the same in its line.
func TestUpSaysHealth(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	lacking := []string{"--once", "--member", "eth0", "--member", "eth9", "--address", "192.0.2.10/24"}
	const (
		degraded = "bond0: degraded, eth0 active (the only link): eth9 is absent\n"
		ok       = "bond0: ok, eth0 active (the only link)\n"
		absent   = "bondctl: warning: eth9 is absent; the bond does without it for now\n"
	)
	if o := succeeds(t, h, append([]string{"up"}, lacking...)...); !strings.HasSuffix(o.Stdout, "\n"+degraded) {
		t.Errorf("up ends with something else than %q:\n%s", degraded, o.Stdout)
	}
	for _, tt := range []struct {
		name string
		args []string
		want outcome
	}{
		{"nothing to change", append([]string{"up"}, lacking...), outcome{Stderr: absent, Stdout: nothingToChange + degraded}},
		{"checked", []string{"status", "--check"}, outcome{Status: 1, Stdout: degraded}},
		{"all checked", []string{"status", "--check", "--all"}, outcome{Status: 1, Stdout: degraded}},
		{"completed", []string{"completion", "--words", "--", "switch", ""}, outcome{Stdout: "eth0\nbond0\n"}},
		{"another wish", []string{"up", "--once", "--member", "eth0", "--address", "192.0.2.10/24"}, outcome{Stdout: "" +
			"set prio of eth0 in bond0: 1 -> 0\n" + ok}},
		{"nothing to change, and ok", []string{"up", "--once"}, outcome{Stdout: nothingToChange}},
		{"ok", []string{"status", "--check"}, outcome{Stdout: ok}},
	} {
		if diff := cmp.Diff(tt.want, bondctl(t, h, tt.args...)); diff != "" {
			t.Errorf("%s: bondctl %q (-want +got):\n%s", tt.name, tt.args, diff)
		}
	}
	writeFile(t, bondFile(h, "public.json"), "{")
	if o := bondctl(t, h, "status", "--check", "--all"); o.Status != 3 || "bondctl: error: "+o.Stdout != o.Stderr {
		t.Errorf("a state that can't be read: exit status %d, stdout %q, stderr %q", o.Status, o.Stdout, o.Stderr)
	}
}

// TestUpWithoutSpace has what up and down did stay done where it can't be printed, and that told.
func TestUpWithoutSpace(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	want := outcome{Status: 1, Stderr: "bondctl: error: write /dev/stdout: no space left on device\n"}
	for _, verb := range [][]string{{"up", "--once", "--member", "eth0", "--address", "192.0.2.10/24"}, {"switch", "eth0"}, {"down"}} {
		cmd := h.Command("bondctl", verb...)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &stderr
		_ = cmd.Run()
		if diff := cmp.Diff(want, outcome{Status: cmd.ProcessState.ExitCode(), Stderr: stderr.String()}); diff != "" {
			t.Errorf("bondctl %q (-want +got):\n%s", verb, diff)
		}
		if o := bondctl(t, h, "status", "--check"); (o.Status == 0) != (verb[0] != "down") {
			t.Errorf("after bondctl %q: exit status %d of status --check\n%s", verb, o.Status, o.Stdout)
		}
	}
}
