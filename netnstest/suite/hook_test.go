package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// The hooks of /etc/bondctl/hooks.d are told of what the history has, and
// nobody waits for them.
func TestHooks(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	const dir = "/etc/bondctl/hooks.d"
	add := func(name, script string) {
		t.Helper()
		h.Do(func() {
			writeFile(t, filepath.Join(dir, name), "#!/bin/sh\n"+script+"\n")
			if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		})
	}
	told := func(want string) func() error {
		return func() error {
			text := h.Run("sh", "-c", "cat /run/told || true")
			if !strings.Contains(text, want+"\n") {
				return fmt.Errorf("the hook wasn't told %q, but\n%s", want, text)
			}
			return nil
		}
	}
	h.Run("mkdir", dir)
	add("10-tell", `echo "$BONDCTL_SEQ $BONDCTL_BOND $BONDCTL_EVENT $BONDCTL_FROM $BONDCTL_TO $BONDCTL_REASON" >> /run/told`)
	add("20-foreign", "touch /run/foreign")
	h.Run("chown", "65534", dir+"/20-foreign")

	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	h.Do(func() {
		writeFile(t, "/etc/bondctl/bond0.toml", "primary = \"eth0\"\n[[member]]\nname = \"eth0\"\n[[member]]\nname = \"eth1\"\n")
	})
	keeper := h.Start("bondctl", "daemon")
	netnstest.Eventually(t, active(h, "eth0"))
	netnstest.Eventually(t, noted(t, h, "eth0"))
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	pid := keeperOf(t, h)
	eth0.Pull()
	netnstest.Eventually(t, happened(t, h, "failover eth0 eth1"))
	seq := 0
	for i, line := range strings.Split(strings.TrimSpace(succeeds(t, h, "events", "--json").Stdout), "\n") {
		if strings.Contains(line, `"failover"`) && strings.Contains(line, `"from":"eth0"`) {
			seq = i + 1
		}
	}
	netnstest.Eventually(t, told(strconv.Itoa(seq)+" bond0 failover eth0 eth1 only_link"))

	// One that hangs delays no failover, and not the end of the keeper.
	add("30-hangs", "touch /run/hangs; exec sleep 600")
	eth0.Plug()
	netnstest.Eventually(t, noted(t, h, "eth0"))
	netnstest.Eventually(t, func() error {
		_, err := h.Command("test", "-e", "/run/hangs").Output()
		return err
	})
	eth0.Pull()
	netnstest.Eventually(t, noted(t, h, "eth1"))
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, ended(pid))
	if err := keeper.Wait(); err != nil {
		t.Errorf("the keeper ended with %v", err)
	}
	out := keeper.Output()
	if !strings.Contains(out, "30-hangs: it was ended, for the keeper ends") {
		t.Errorf("the hook that hangs wasn't ended:\n%s", out)
	}
	refusal := dir + "/20-foreign belongs to user 65534 and not to root; mend it with: chown root:root " + dir + "/20-foreign"
	if strings.Count(out, refusal) != 1 {
		t.Errorf("the log doesn't say once that %s:\n%s", refusal, out)
	}
	if _, err := h.Command("test", "-e", "/run/foreign").Output(); err == nil {
		t.Error("a hook that isn't root's was run")
	}
	succeeds(t, h, "down")
}
