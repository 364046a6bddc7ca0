package suite

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/vishvananda/netlink"
)

// A member that the kernel refuses costs the others nothing: it waits, and is
// tried again at growing intervals.
func TestKeeperRefusedMember(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth9")
	// What another namespace has upon it bondctl can't see, but the kernel refuses it.
	shell(h, "ip netns add away", "ip link add link eth9 name macvlan9 netns away type macvlan")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), "member = [{name = 'eth0'}, {name = 'eth9'}]\n")
	h.Start("bondctl", "daemon")
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, active(h, "eth0"))
	release(t, h, "eth0")
	netnstest.Eventually(t, active(h, "eth0"))

	netnstest.Eventually(t, healthSays(t, h, "eth9 is pending: refused by the kernel"))
	tap := h.Tap()
	for range 2 { // tries: down and into the bond, out of it
		netnstest.Eventually(t, func() error {
			if len(tap.Changes()) == 0 {
				return errors.New("it isn't tried again")
			}
			return nil
		})
	}
	if out := succeeds(t, h, "events").Stdout; strings.Count(out, "leave eth0 ") > 1 {
		t.Errorf("eth0 works, and left more than the once that it was taken out:\n%s", out)
	}
	netnstest.Eventually(t, active(h, "eth0"))
	shell(h, "ip -netns away link delete macvlan9", "ip netns delete away")
	netnstest.Eventually(t, usable(h, "eth9"))
}

// A keeper whose first look fails goes on trying.
func TestKeeperFirstLookFails(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Run("ip", "link", "add", "bond0", "type", "bridge")
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), "[[member]]\nname = \"eth0\"\n")
	keeper := h.Start("bondctl", "daemon")
	netnstest.Eventually(t, wrote(keeper, "no bond"))
	pid := keeperOf(t, h)
	deleteLink(t, h, "bond0")
	netnstest.Eventually(t, active(h, "eth0"))
	if now := keeperOf(t, h); now != pid {
		t.Errorf("there is another keeper: %d after %d", now, pid)
	}
	kill(t, pid, syscall.SIGTERM)
	netnstest.Eventually(t, ended(pid))
	succeeds(t, h, "down")
}

// Of several ups at once every one succeeds, and one keeper is left.
func TestUpsAtOnce(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	t.Cleanup(func() { bondctl(t, h, "down") })
	var ups sync.WaitGroup
	outcomes := make([]outcome, 4)
	for i := range outcomes {
		ups.Go(func() { outcomes[i] = bondctl(t, h, "up", "--member", "eth0", "--member", "eth1") })
	}
	ups.Wait()
	for _, o := range outcomes {
		if o.Status != 0 {
			t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
		}
	}
	netnstest.Eventually(t, active(h, "eth0"))
	if out := readFile(t, bondFile(h, "keeper.json")); strings.Count(out, "pid") != 1 {
		t.Errorf("keepers: %s", out)
	}
}

// What doesn't work is told even if nothing has ever worked, and holds up nothing
// else.
func TestKeeperTroubleAtFirst(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
	file := filepath.Join(t.TempDir(), "bond0.toml")
	const text = "member = [{name = 'eth0'}]\nipv4.method = 'dhcp'\nipv6.addresses = ['fd88::50/64']\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	h.Start("bondctl", "daemon", "--config", file)
	t.Cleanup(func() { succeeds(t, h, "down") })
	netnstest.Eventually(t, active(h, "eth0"))
	netnstest.Eventually(t, healthSays(t, h, "fd88::50/64"))
	netnstest.Eventually(t, healthSays(t, h, "dhcp: no DHCP server answers"))
}

// Nobody but root can pass for a keeper, or keep one from starting.
func TestKeeperLockIsRoots(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	succeeds(t, h, "up", "--member", "eth0")
	t.Cleanup(func() { bondctl(t, h, "down") })
	files, err := os.ReadDir(filepath.Dir(bondFile(h, "keeper.json")))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		want := fs.FileMode(0o600)
		if slices.Contains([]string{"public.json", "keeper.json", "history.jsonl"}, file.Name()) {
			want = 0o644
		}
		if info, err := file.Info(); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v, want %v", file.Name(), info.Mode(), err, want)
		}
	}
}

// A reader that has gone cuts nothing short.
func TestUpWithoutReader(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	h.Run("sh", "-c", "bondctl --verbose up --once --member eth0 --member eth1 --address 192.0.2.10/24 2>&1 | true")
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	if o := up(t, h, "--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24"); !o.changedNothing() {
		t.Errorf("it was cut short, for there was more to do:\n%s", o.Stdout)
	}
	h.Run("sh", "-c", "bondctl events --follow | true") // which ends, though nothing happens
	succeeds(t, h, "down")
}

// A hang-up of the terminal, as when the SSH session ran over a member, cuts
// nothing short either.
func TestUpHangUp(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	cmd := h.Command("bondctl", "--verbose", "up", "--once", "--member", "eth0", "--member", "eth1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stderr); lines.Scan(); { // a line before each step
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("up was cut short: %v", err)
	}
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	succeeds(t, h, "down")
}

// What others put on the bond survives a change of its addresses, done or
// undone, though the kernel drops it with the last address.
func TestAddressesOfOthersStay(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	two := []string{"--member", "eth0", "--member", "eth1"}
	up(t, h, append(two, "--address", "192.0.2.10/24", "--gateway", "192.0.2.1")...)
	addAddress(t, h, "192.0.2.50/24", "bond0")
	h.Run("ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.1")
	stays := func(what string) {
		t.Helper()
		if out := h.Run("ip", "route"); !strings.Contains(out, "198.51.100.0/24 via 192.0.2.1") || !strings.Contains(out, "default via 192.0.2.1") {
			t.Errorf("%s: routes are lost:\n%s", what, out)
		}
		if out := h.Run("ip", "address", "show", "dev", "bond0"); !strings.Contains(out, "192.0.2.50/24") {
			t.Errorf("%s: an address is lost:\n%s", what, out)
		}
	}
	h.Run("sysctl", "-qw", "net.ipv6.conf.bond0.disable_ipv6=1")
	fails(t, h, 1, []string{"2001:db8::20/64"}, append([]string{"up", "--once", "--wait", "0", "--address", "192.0.2.20/24", "--gateway", "192.0.2.1", "--address", "2001:db8::20/64"}, two...)...)
	stays("undone")
	up(t, h, append(two, "--address", "192.0.2.20/24", "--gateway", "192.0.2.1")...)
	stays("done")
	if out := h.Run("ip", "address", "show", "dev", "bond0"); strings.Contains(out, "192.0.2.10/24") {
		t.Errorf("the old address is still there:\n%s", out)
	}
	succeeds(t, h, "down")
}

// The keeper mends what goes: an address, a route. What is mended is bondctl's
// still, and is taken away by the next wish.
func TestKeeperMends(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	wish := []string{"up", "--member", "eth0", "--address", "192.0.2.10/24"}
	succeeds(t, h, append(wish, "--address", "2001:db8::10/64", "--gateway", "192.0.2.1")...)
	t.Cleanup(func() { bondctl(t, h, "down") })
	const mended = "2001:db8::10/64"
	has := func() error {
		if got := link(t, h, "bond0").Addresses; !slices.Contains(got, mended) {
			return fmt.Errorf("the addresses are %v", got)
		}
		return nil
	}
	for range 2 {
		h.Run("ip", "route", "del", "default")
		netnstest.Eventually(t, defaultRoute(h, "192.0.2.1"))
		change(t, h, "bond0", "delete "+mended+" from", func(nl *netlink.Handle, l netlink.Link) error {
			a, err := netlink.ParseAddr(mended)
			if err != nil {
				return err
			}
			return nl.AddrDel(l, a)
		})
		netnstest.Eventually(t, has)
	}
	succeeds(t, h, wish...)
	if err := has(); err == nil {
		t.Errorf("%s stays though it is no longer wanted", mended)
	}
}
