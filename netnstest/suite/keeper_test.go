package suite

import (
	"strconv"
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
	killed(t, first)
	if since := status(t, h).ActiveSince; since != nil {
		t.Errorf("active_since is %v though there is no keeper", since)
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
	netnstest.Eventually(t, noted(t, h, "eth1"))
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
		netnstest.Eventually(t, keeperSees(h, "eth1"))
		eth0.Insert()
		netnstest.Eventually(t, keeperSees(h, "eth0")) // by its prio
		eth0.Remove()
	}
	netnstest.Eventually(t, keeperSees(h, "eth1")) // what comes and goes while it mends something isn't told
	release(t, h, "eth1")
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
	for miimon := 55; miimon < 60; miimon++ {
		succeeds(t, h, append(wish, strconv.Itoa(miimon))...)
	}
	linkDown(t, h, "bond0") // the keeper mends it, and what else it holds for wanted
	netnstest.Eventually(t, isUp(h, "bond0"))
	if got := status(t, h).Miimon; got != 59 {
		t.Errorf("miimon is %d, want 59 of the last up", got)
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
	write := func(text string) {
		t.Helper()
		writeFile(t, in(h, "/etc/bondctl/bond0.toml"), text+"\n[[member]]\nname = \"eth0\"\n")
	}
	miimon := func(want string) func() error { return sysfs(h, want, "bond0", "bonding", "miimon") }
	write("miimon = 100")
	keeper := h.Start("bondctl", "daemon")
	netnstest.Eventually(t, active(h, "eth0"))
	pid := keeperOf(t, h)
	write("miimon = 50")
	kill(t, pid, syscall.SIGHUP)
	netnstest.Eventually(t, miimon("50"))
	write("miimon = \"soon\"")
	kill(t, pid, syscall.SIGHUP)
	netnstest.Eventually(t, wrote(keeper, "is not a time"))
	linkDown(t, h, "bond0") // so that it looks once more
	netnstest.Eventually(t, isUp(h, "bond0"))
	if err := miimon("50")(); err != nil {
		t.Errorf("with a broken file, %v", err)
	}
	write("miimon = 60")
	kill(t, pid, syscall.SIGHUP)
	netnstest.Eventually(t, miimon("60"))
	kill(t, pid, syscall.SIGTERM)
	netnstest.Eventually(t, ended(pid))
	netnstest.Eventually(t, active(h, "eth0")) // it stays
	succeeds(t, h, "down")
}
