package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// outcome is what came of a run of bondctl.
type outcome struct {
	Status         int
	Stdout, Stderr string
}

// bondctl runs the program under test, whatever its exit status will be.
func bondctl(t *testing.T, h *netnstest.Host, args ...string) outcome {
	t.Helper()
	return run(t, h.Command("bondctl", args...))
}

func run(t *testing.T, cmd *netnstest.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("%s: %v", strings.Join(cmd.Args, " "), err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// up runs bondctl up, which must succeed. It doesn't wait for an active slave: the tests say
// themselves what they wait for.
func up(t *testing.T, h *netnstest.Host, args ...string) outcome {
	t.Helper()
	return succeeds(t, h, append([]string{"up", "--once", "--wait", "0"}, args...)...)
}

// succeeds runs bondctl, which must exit with 0.
func succeeds(t *testing.T, h *netnstest.Host, args ...string) outcome {
	t.Helper()
	o := bondctl(t, h, args...)
	if o.Status != 0 {
		t.Fatalf("bondctl %s: exit status %d\n%s%s", strings.Join(args, " "), o.Status, o.Stdout, o.Stderr)
	}
	return o
}

// fails runs bondctl, which must exit with the status, name each of the reasons in its error or
// hint, and change nothing.
func fails(t *testing.T, h *netnstest.Host, status int, reasons []string, args ...string) {
	t.Helper()
	before, options := links(t, h), bonds(t, h)
	o := bondctl(t, h, args...)
	if o.Status != status {
		t.Errorf("bondctl %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), o.Status, status, o.Stdout, o.Stderr)
	}
	for _, reason := range reasons {
		if !strings.Contains(o.Stderr, reason) {
			t.Errorf("bondctl %s: stderr doesn't say %q:\n%s", strings.Join(args, " "), reason, o.Stderr)
		}
	}
	sameLinks(t, h, before)
	if diff := cmp.Diff(options, bonds(t, h)); diff != "" {
		t.Errorf("options of the bonds (-before +after):\n%s", diff)
	}
}

// bonds are the options of each bond of a host, as the ip program reads them.
func bonds(t *testing.T, h *netnstest.Host) map[string]any {
	t.Helper()
	var list []struct {
		Name string `json:"ifname"`
		Info struct {
			Options any `json:"info_data"`
		} `json:"linkinfo"`
	}
	if out := h.Run("ip", "-details", "-json", "link", "show", "type", "bond"); strings.TrimSpace(out) != "" {
		if err := json.Unmarshal([]byte(out), &list); err != nil {
			t.Fatalf("ip link show: %v\n%s", err, out)
		}
	}
	options := map[string]any{}
	for _, l := range list {
		options[l.Name] = l.Info.Options
	}
	return options
}

// bondStatus is the part of bondctl status --json that most tests look at.
type bondStatus struct {
	Name         string         `json:"name"`
	Mode         string         `json:"mode"`
	ActiveSlave  string         `json:"active_slave"`
	ActiveReason string         `json:"active_reason"`
	Primary      string         `json:"primary"`
	MIIStatus    string         `json:"mii_status"`
	Address      string         `json:"address"`
	Addresses    []string       `json:"addresses"`
	Health       string         `json:"health"`
	HealthReason string         `json:"health_reason"`
	Members      []memberStatus `json:"members"`
}

type memberStatus struct {
	Name          string `json:"name"`
	Kind          string `json:"kind"`
	Role          string `json:"role"`
	PendingReason string `json:"pending_reason"`
	MIIStatus     string `json:"mii_status"`
	Speed         int    `json:"speed"`
}

// status reads bondctl status --json of bond0.
func status(t *testing.T, h *netnstest.Host) bondStatus {
	t.Helper()
	return statusOf[bondStatus](t, h, "bond0")
}

// statusOf reads bondctl status --json of a bond into a value of the caller's choice.
func statusOf[T any](t *testing.T, h *netnstest.Host, bond string) T {
	t.Helper()
	var st T
	o := succeeds(t, h, "status", "--json", bond)
	if err := json.Unmarshal([]byte(o.Stdout), &st); err != nil {
		t.Fatalf("bondctl status --json %s: %v\n%s", bond, err, o.Stdout)
	}
	return st
}

// roles are the members' parts in the bond, as "eth0 active".
func (st bondStatus) roles() []string {
	var roles []string
	for _, m := range st.Members {
		roles = append(roles, m.Name+" "+m.Role)
	}
	return roles
}

// member finds a member by its name.
func (st bondStatus) member(t *testing.T, name string) memberStatus {
	t.Helper()
	for _, m := range st.Members {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no member %s in the status of %s: %v", name, st.Name, st.roles())
	return memberStatus{}
}
