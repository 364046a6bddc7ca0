package suite

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// A keeper that is killed leaves the bond as it is, and another one takes over
// without touching it. What happens then is in the history.
func TestKeeperKilled(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	wish := []string{"up", "--primary", "eth0", "--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24"}
	succeeds(t, h, wish...)
	t.Cleanup(func() { bondctl(t, h, "down") })
	first := keeperOf(t, h)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, ended(first))
	if st := statusOf[map[string]any](t, h, "bond0"); st["active_since"] != nil {
		t.Errorf("active_since is %v though there is no keeper", st["active_since"])
	}
	tap := h.Tap()
	before := links(t, h)
	succeeds(t, h, wish...)
	if second := keeperOf(t, h); second == first {
		t.Errorf("the keeper is still %d", second)
	}
	if changes := tap.Changes(); len(changes) > 0 {
		t.Errorf("the new keeper asked for changes: %v", changes)
	}
	sameLinks(t, h, before)

	eth0.Pull()
	netnstest.Eventually(t, happened(t, h, "failover eth0 eth1"))
	if st := statusOf[map[string]any](t, h, "bond0"); st["active_since"] == nil {
		t.Error("active_since is null though there is a keeper")
	}
}

// A member that comes back gets its place and its prio back; one that was
// taken out by hand, too.
func TestKeeperMembers(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	eth0.Remove()
	succeeds(t, h, "up", "--member", "eth0", "--member", "eth1")
	t.Cleanup(func() { bondctl(t, h, "down") })
	for range 5 {
		netnstest.Eventually(t, active(h, "eth1"))
		eth0.Insert()
		netnstest.Eventually(t, active(h, "eth0")) // by its prio
		eth0.Remove()
	}
	h.Run("ip", "link", "set", "eth1", "nomaster")
	netnstest.Eventually(t, happened(t, h, "leave eth1 "))
	netnstest.Eventually(t, active(h, "eth1"))
}

// The keeper follows the last up, and never an older wish.
func TestKeeperFollowsUp(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	wish := []string{"up", "--wait", "0", "--member", "eth0", "--member", "eth1", "--miimon"}
	succeeds(t, h, append(wish, "100")...)
	t.Cleanup(func() { bondctl(t, h, "down") })
	pid := keeperOf(t, h)
	for miimon := 50; miimon < 60; miimon++ {
		succeeds(t, h, append(wish, strconv.Itoa(miimon))...)
	}
	h.Run("ip", "link", "set", "bond0", "down") // the keeper mends it, and what else it holds for wanted
	netnstest.Eventually(t, active(h, "eth0"))
	if got := statusOf[map[string]any](t, h, "bond0")["miimon"]; got != 59.0 {
		t.Errorf("miimon is %v, want 59 of the last up", got)
	}
	if now := keeperOf(t, h); now != pid {
		t.Errorf("there is another keeper: %d after %d", now, pid)
	}
	succeeds(t, h, append(wish, "100", "--once")...)
	netnstest.Eventually(t, ended(pid))
}

// A file is read again on SIGHUP; a broken one leaves the old in force.
func TestDaemonReload(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	file := "/etc/bondctl/bond0.toml"
	write := func(text string) {
		t.Helper()
		var err error
		h.Do(func() { err = os.WriteFile(file, []byte(text+"\n[[member]]\nname = \"eth0\"\n"), 0o644) })
		if err != nil {
			t.Fatal(err)
		}
	}
	option := func(want float64) func() error {
		return func() error {
			if got := statusOf[map[string]any](t, h, "bond0")["miimon"]; got != want {
				return fmt.Errorf("miimon is %v, want %v", got, want)
			}
			return nil
		}
	}
	write("miimon = 100")
	h.Start("bondctl", "daemon")
	netnstest.Eventually(t, active(h, "eth0"))
	pid := keeperOf(t, h)
	write("miimon = 50")
	hangUp(t, pid)
	netnstest.Eventually(t, option(50))
	write("miimon = \"soon\"")
	hangUp(t, pid)
	write("miimon = 60")
	hangUp(t, pid)
	netnstest.Eventually(t, option(60))
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, ended(pid))
	netnstest.Eventually(t, active(h, "eth0")) // it stays
	succeeds(t, h, "down")
}

func hangUp(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// keeperOf is the process id of bond0's keeper.
func keeperOf(t *testing.T, h *netnstest.Host) int {
	t.Helper()
	pid := 0
	netnstest.Eventually(t, func() error {
		var files []string
		var text []byte
		h.Do(func() {
			files, _ = filepath.Glob("/run/bondctl/*/bond0/keeper.json")
			if len(files) == 1 {
				text, _ = os.ReadFile(files[0])
			}
		})
		var id struct{ PID int }
		err := json.Unmarshal(text, &id)
		pid = id.PID
		return err
	})
	return pid
}

// ended is a condition for Eventually: there is no such process.
func ended(pid int) func() error {
	return func() error {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
			return fmt.Errorf("process %d goes on", pid)
		}
		return nil
	}
}

// happened is a condition for Eventually: bond0's history has an event, given
// as its kind, from and to.
func happened(t *testing.T, h *netnstest.Host, want string) func() error {
	return func() error {
		o := succeeds(t, h, "events", "--json")
		for line := range strings.Lines(o.Stdout) {
			var e struct{ Event, From, To string }
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				return err
			}
			if fmt.Sprintf("%s %s %s", e.Event, e.From, e.To) == want {
				return nil
			}
		}
		return fmt.Errorf("no event %q in\n%s", want, o.Stdout)
	}
}
