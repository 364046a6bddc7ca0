package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
		file := in(h, filepath.Join(dir, name))
		writeFile(t, file, "#!/bin/sh\n"+script+"\n")
		if err := os.Chmod(file, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	told := func(want string) func() error {
		return func() error {
			text, err := os.ReadFile(in(h, "/run/told"))
			if !strings.Contains(string(text), want+"\n") {
				return fmt.Errorf("the hook wasn't told %q, but (%w)\n%s", want, err, text)
			}
			return nil
		}
	}
	add("10-tell", `echo "$BONDCTL_SEQ $BONDCTL_BOND $BONDCTL_EVENT $BONDCTL_FROM $BONDCTL_TO $BONDCTL_REASON" >> /run/told`)
	add("20-foreign", "touch /run/foreign")
	if err := os.Chown(in(h, dir+"/20-foreign"), 65534, -1); err != nil {
		t.Fatal(err)
	}

	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), "primary = \"eth0\"\n[[member]]\nname = \"eth0\"\n[[member]]\nname = \"eth1\"\n")
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
	add("30-hangs", "echo $$ >/run/hangs; exec sleep 600")
	eth0.Plug()
	netnstest.Eventually(t, noted(t, h, "eth0"))
	hanging := 0
	netnstest.Eventually(t, func() (err error) {
		text, _ := os.ReadFile(in(h, "/run/hangs"))
		hanging, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err
	})
	eth0.Pull()
	netnstest.Eventually(t, noted(t, h, "eth1"))
	kill(t, pid, syscall.SIGTERM)
	netnstest.Eventually(t, ended(pid))
	netnstest.Eventually(t, ended(hanging))
	if err := keeper.Wait(); err != nil {
		t.Errorf("the keeper ended with %v", err)
	}
	out := keeper.Output()
	// For the keeper ends or, on a slow machine, for it takes too long.
	if !regexp.MustCompile(`30-hangs: it .*was ended`).MatchString(out) {
		t.Errorf("the hook that hangs wasn't ended:\n%s", out)
	}
	refusal := dir + "/20-foreign belongs to user 65534 and not to root; mend it with: chown root:root " + dir + "/20-foreign"
	if strings.Count(out, refusal) != 1 {
		t.Errorf("the log doesn't say once that %s:\n%s", refusal, out)
	}
	if _, err := os.Stat(in(h, "/run/foreign")); err == nil {
		t.Error("a hook that isn't root's was run")
	}
	succeeds(t, h, "down")
}
