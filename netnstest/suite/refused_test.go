package suite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// refused are command lines of each kind that can't be meant. They are given
// with interfaces that are there, so that each would change something if it
// were let pass; cmd/bondctl has the words in which each of many more is refused.
var refused = []string{
	"",
	"frobnicate",
	"--member eth0 up",
	"up bond0 eth0",
	"up --member eth0 -- bond0 --once",
	"up bond%d --member eth0",
	"up --member eth0,eth1",
	"up --member eth0 --member eth1 --member eth0",
	"up --member eth0 --member bond0",
	"up --member eth0,prio=high",
	"up --member eth[01]",
	"up --member eth0 --primary eth1",
	"up --member eth0 --frobnicate",
	"up --member eth0 --once=true",
	"up --member eth0 --wait forever",
	"up --member eth0 --miimon 0",
	"up --member eth0 --miimon 0.5ms",
	"up --member eth0 --miimon 100 --arp-interval 100 --arp-ip-target 192.0.2.1",
	"up --member eth0 --arp-interval 100",
	"up --member eth0 --arp-interval 100 --arp-ip-target 192.0.2.1 --updelay 100",
	"up --member eth0 --num-grat-arp 256",
	"up --member eth0 --primary-reselect sometimes",
	"up --member eth0 --fail-over-mac active --mac 02:00:5e:10:00:01",
	"up --member eth0 --mac 01:00:5e:00:00:01",
	"up --member eth0 --mtu 67",
	"up --member eth0 --address 192.0.2.10",
	"up --member eth0 --address 192.0.2.10/24 --gateway 198.51.100.1",
	"up --member eth0 --dhcp --once",
	"up --member eth0 --save --wait soon",
	"up --config nosuch.toml",
	"up --config FILE",
	"up --config FILE --member eth0",
	"down bond0 eth0",
	"down --frobnicate",
	"switch",
	"switch bond0 eth0 eth1",
	"status --all bond0",
	"status --frobnicate",
}

const refusedFile = `
miimon = "soon"

[[member]]
name = "eth0"
`

// TestRefused has none of them ask the kernel for a change, neither where there
// is no bond yet nor where there is one.
func TestRefused(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	file := filepath.Join(t.TempDir(), "bond0.toml")
	if err := os.WriteFile(file, []byte(refusedFile), 0o600); err != nil {
		t.Fatal(err)
	}
	tap := h.Tap()
	refuseAll(t, h, tap, file, sample(4, 1))
	up(t, h, "--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24")
	if len(tap.Changes()) == 0 {
		t.Fatal("the tap saw nothing of an up")
	}
	refuseAll(t, h, tap, file, 1)
}

// refuseAll tries every line, or each one of so many.
func refuseAll(t *testing.T, h *netnstest.Host, tap *netnstest.Tap, file string, step int) {
	t.Helper()
	before := links(t, h)
	for i, line := range refused {
		if i%step != 0 {
			continue
		}
		o := bondctl(t, h, strings.Fields(strings.ReplaceAll(line, "FILE", file))...)
		if o.Status != 2 || o.Stdout != "" || !strings.HasPrefix(o.Stderr, "bondctl: error: ") {
			t.Errorf("bondctl %s: exit status %d, stdout %q, stderr %q", line, o.Status, o.Stdout, o.Stderr)
		}
		if changes := tap.Changes(); len(changes) > 0 {
			t.Errorf("bondctl %s asked for changes: %v", line, changes)
		}
	}
	sameLinks(t, h, before)
}

// TestDownWithoutBond says so, and neither changes anything nor fails.
func TestDownWithoutBond(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	tap := h.Tap()
	o := bondctl(t, h, "down")
	if o.Status != 0 || o.Stdout != "bond0: no such bond, nothing to do\n" || o.Stderr != "" {
		t.Errorf("exit status %d, stdout %q, stderr %q", o.Status, o.Stdout, o.Stderr)
	}
	if changes := tap.Changes(); len(changes) > 0 {
		t.Errorf("asked for changes: %v", changes)
	}
}
