package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/bond"
)

// TestCheckLine has one line for whatever bonds there are, with the worst first.
func TestCheckLine(t *testing.T) {
	fares := func(name string, h bond.Health, why string, active ...string) bond.Status {
		st := bond.Status{Name: name, Mode: "active-backup", Health: h, HealthReason: why}
		for _, a := range active {
			st.Active, st.ActiveSlave, st.ActiveReason = &a, &a, new(bond.ReasonOnlyLink)
		}
		return st
	}
	well := fares("bond0", bond.HealthOK, "every member works", "eth0")
	lacking := fares("bond1", bond.HealthDegraded, "wlan0 is absent", "eth1")
	down := fares("bond2", bond.HealthDown, "no member has a link")
	for _, tt := range []struct {
		name    string
		list    []bond.Status
		missing []string
		status  exitError
		want    string
	}{
		{"none", nil, nil, 0, "no bonds"},
		{"ok", []bond.Status{well}, nil, 0, "bond0: ok, eth0 active (the only link)"},
		{"degraded", []bond.Status{lacking}, nil, checkDegraded, "bond1: degraded, eth1 active (the only link): wlan0 is absent"},
		{"down", []bond.Status{down}, nil, checkDown, "bond2: down, no active slave: no member has a link"},
		{"missing", nil, []string{"bond3"}, checkDown, "bond3: configured, but there is no such bond"},
		{"worst first", []bond.Status{well, lacking, down}, nil, checkDown,
			"bond2: down, no active slave: no member has a link; bond1 degraded, bond0 ok"},
		{"missing first", []bond.Status{well, down}, []string{"bond3"}, checkDown,
			"bond3: configured, but there is no such bond; bond2 down, bond0 ok"},
		{"a stranger's words", []bond.Status{fares("bond\x1b0", bond.HealthDown, "a\nb")}, nil, checkDown,
			`bond\x1b0: down, no active slave: a\nb`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			verdicts := verdictsOf(tt.list, tt.missing)
			if got := checkLine(verdicts); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if len(verdicts) > 0 && verdicts[0].status != tt.status {
				t.Errorf("exit status %d, want %d", verdicts[0].status, tt.status)
			}
		})
	}
}

// TestCheckSaysWhy has status --check say on stdout alone, in one line or in JSON, why
// there is nothing to check. What went wrong is told from what was found by its status.
func TestCheckSaysWhy(t *testing.T) {
	for _, tt := range []struct {
		name, args, want string
	}{
		{"surplus argument", "status --check testbond0 nope0", `"nope0" is one argument too many; write bondctl status [NAME]`},
		{"unknown flag before it", "status --frobnicate --check", "unknown flag --frobnicate of status"},
		{"unknown flag behind it", "status -check --frobnicate", "unknown flag --frobnicate of status"},
		{"no value", "status --check --netns", "--netns wants a value, as in --netns NAME"},
		{"watch", "status --watch --check testbond0", "--watch and --check exclude each other, as a watch has no end; leave one of them out"},
		{"all and one", "status --all --check testbond0", "--all and a bond's name exclude each other; leave one of them out"},
		{"bad name", "status --check test/bond", `invalid interface name "test/bond": contains a slash, a colon or a zero byte`},
		{"no such bond", "status --check testbond0", "testbond0: no such bond"},
		{"no such namespace", "status --check --netns no-such-namespace",
			"enter network namespace no-such-namespace: open /run/netns/no-such-namespace: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr := failedCheck(t, tt.args)
			if stdout != tt.want+"\n" {
				t.Errorf("stdout %q, want %q in a line", stdout, tt.want)
			}
			if !strings.HasPrefix(stderr, "bondctl: error: "+tt.want+"\n") {
				t.Errorf("stderr %q, want %q", stderr, tt.want)
			}
		})
		t.Run(tt.name+" as JSON", func(t *testing.T) {
			stdout, _ := failedCheck(t, strings.Replace(tt.args, "status", "status --json", 1))
			var got map[string]string
			if err := json.Unmarshal([]byte(stdout), &got); err != nil || len(got) != 1 || got["error"] != tt.want {
				t.Errorf("stdout %q, %v, want an object whose error is %q", stdout, err, tt.want)
			}
		})
	}
}

func failedCheck(t *testing.T, args string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if status := run(t.Context(), strings.Fields(args), &out, &err); status != checkFailed {
		t.Errorf("exit status %d, want %d", status, checkFailed)
	}
	return out.String(), err.String()
}

// TestNotACheck has --check be a flag of status alone.
func TestNotACheck(t *testing.T) {
	for _, args := range []string{"status -- --check", "up --dry-run status --check", "stat --check"} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), strings.Fields(args), &stdout, &stderr)
		if status != exitUsage || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), "bondctl: error: ") {
			t.Errorf("%s: exit status %d, want %d; stdout %q, stderr %q", args, status, exitUsage, &stdout, &stderr)
		}
	}
}
