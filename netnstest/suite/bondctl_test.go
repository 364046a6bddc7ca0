package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// eth0And1 asks for a bond of two.
var eth0And1 = []string{"--member", "eth0", "--member", "eth1"}

// nothingToChange is what up says of a bond0 that is as wanted. How it fares follows where it
// isn't ok, be it that a link is still coming up.
const nothingToChange = "bond0: nothing to change\n"

func (o outcome) changedNothing() bool { return strings.HasPrefix(o.Stdout, nothingToChange) }

// unchanged runs up again, which must find nothing to change and ask the kernel for no change.
func unchanged(t *testing.T, h *netnstest.Host, tap *netnstest.Tap, args ...string) {
	t.Helper()
	tap.Changes()
	o := up(t, h, args...)
	if changes := tap.Changes(); len(changes) > 0 {
		t.Errorf("the same up %s again asked the kernel for %v", args, changes)
	}
	if !o.changedNothing() {
		t.Errorf("the same up %s again printed %q, want %q", args, o.Stdout, nothingToChange)
	}
}

// warns checks that an up which succeeded has warned of each of the texts.
func warns(t *testing.T, o outcome, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(o.Stderr, "bondctl: warning: "+text) {
			t.Errorf("no warning that begins with %q:\n%s", text, o.Stderr)
		}
	}
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
	before, options := links(t, h), linkOptions(t, h)
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
	if diff := cmp.Diff(options, linkOptions(t, h)); diff != "" {
		t.Errorf("options of the bonds (-before +after):\n%s", diff)
	}
}

// in is the path to a file of the host's for this process.
func in(h *netnstest.Host, path string) string { return filepath.Join(h.Root(), path) }

// bondFile is in's path to what bondctl keeps of bond0 under that name.
func bondFile(h *netnstest.Host, name string) string { return fileOf(h, "bond0", name) }

// fileOf is a file that bondctl keeps of a bond, or of a group.
func fileOf(h *netnstest.Host, bond, name string) string {
	path := in(h, "/run/bondctl/*/"+bond+"/"+name)
	if files, _ := filepath.Glob(path); len(files) == 1 {
		return files[0]
	}
	return path
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bondStatus is the part of bondctl status --json that most tests look at.
type bondStatus struct {
	Name         string         `json:"name"`
	Mode         string         `json:"mode"`
	ActiveSlave  string         `json:"active_slave"`
	ActiveSince  *time.Time     `json:"active_since"`
	ActiveReason string         `json:"active_reason"`
	Primary      string         `json:"primary"`
	Miimon       int            `json:"miimon"`
	MIIStatus    string         `json:"mii_status"`
	Address      string         `json:"address"`
	Addresses    []string       `json:"addresses"`
	MTU          int            `json:"mtu"`
	Health       string         `json:"health"`
	HealthReason string         `json:"health_reason"`
	Better       *string        `json:"better"`
	Lease        *leaseStatus   `json:"lease"`
	Members      []memberStatus `json:"members"`
}

type memberStatus struct {
	Name          string         `json:"name"`
	Kind          string         `json:"kind"`
	Role          string         `json:"role"`
	PendingReason string         `json:"pending_reason"`
	MIIStatus     string         `json:"mii_status"`
	Speed         int            `json:"speed"`
	Prio          int            `json:"prio"`
	Resting       bool           `json:"resting"`
	Addresses     []netip.Prefix `json:"addresses"`
	Path          *struct {
		State string   `json:"state"`
		RTT   *float64 `json:"rtt_ms"`
		Loss  *int     `json:"loss"`
	} `json:"path"`
	WiFi *struct {
		SSIDHex string `json:"ssid_hex"`
	} `json:"wifi"`
}

type leaseStatus struct {
	Address    string    `json:"address"`
	Expiry     time.Time `json:"expiry"`
	GatewayMAC string    `json:"gateway_mac"`
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
