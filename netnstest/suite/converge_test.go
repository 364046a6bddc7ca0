package suite

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// converging is a bond on which much can go astray.
var converging = []string{
	"--primary", "eth1", "--member", "eth0", "--member", "eth1", "--updelay", "200", "--mtu", "1400",
	"--mac", "02:00:5e:10:00:01", "--address", "192.0.2.10/24", "--gateway", netnstest.LANAddr,
}

// newConverging makes a host with three NICs, of which two are for that bond.
func newConverging(t *testing.T) *netnstest.Host {
	t.Helper()
	h := netnstest.New(t)
	for _, name := range []string{"eth0", "eth1", "eth2"} {
		h.Cable(name)
	}
	h.Run("ip", "link", "set", "eth0", "up", "mtu", "1300")
	return h
}

// TestConverge: whatever somebody else changes, up sets it right, and the up after that finds
// nothing to change.
func TestConverge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, change string }{
		{"bond set down", "ip link set bond0 down"},
		{"bond deleted", "ip link delete bond0"},
		{"slave set down", "ip link set eth0 down"},
		{"active slave released", "ip link set eth1 nomaster"},
		{"stranger enslaved", "ip link set eth2 master bond0"},
		{"another mode", "ip link set eth0 nomaster; ip link set eth1 nomaster; ip link set bond0 down; ip link set bond0 type bond mode balance-rr"},
		{"another mtu", "ip link set bond0 mtu 1450"},
		{"another mac", "ip link set bond0 address 02:00:5e:10:00:02"},
		{"another miimon", "ip link set bond0 type bond miimon 50"},
		{"arp monitoring", "ip link set bond0 type bond arp_interval 100 arp_ip_target 192.0.2.1"},
		{"another primary", "ip link set bond0 type bond primary eth0"},
		{"another prio", "ip link set eth0 type bond_slave prio 9"},
		{"another num_grat_arp", "echo 3 >/sys/class/net/bond0/bonding/num_grat_arp"},
		{"address removed", "ip address delete 192.0.2.10/24 dev bond0"},
		{"route removed", "ip route delete default"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newConverging(t)
			tap := h.Tap()
			before := links(t, h)
			up(t, h, converging...)
			want := settledStatus(t, h)

			h.Run("sh", "-e", "-c", tt.change)
			if o := up(t, h); o.changedNothing() {
				t.Error("up found nothing to change")
			}
			if diff := cmp.Diff(want, settledStatus(t, h)); diff != "" {
				t.Errorf("status (-before the change +after up):\n%s", diff)
			}
			unchanged(t, h, tap)
			succeeds(t, h, "down")
			sameLinks(t, h, before)
		})
	}
}

// settledStatus is what the status says once both members can be used, but for what counts.
func settledStatus(t *testing.T, h *netnstest.Host) map[string]any {
	t.Helper()
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	netnstest.Eventually(t, active(h, "eth1"))
	st := statusOf[map[string]any](t, h, "bond0")
	for _, m := range st["members"].([]any) {
		delete(m.(map[string]any), "link_failure_count")
	}
	return st
}

// TestConcurrent runs up several times at once. One does the work, the others find it done.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	h := newConverging(t)
	tap := h.Tap()
	before := links(t, h)
	outcomes := make([]outcome, 4)
	var wg sync.WaitGroup
	for i := range outcomes {
		wg.Go(func() { outcomes[i] = bondctl(t, h, append([]string{"up", "--once"}, converging...)...) })
	}
	wg.Wait()
	worked := 0
	for _, o := range outcomes {
		if o.Status != 0 {
			t.Errorf("exit status %d\n%s", o.Status, o.Stderr)
		}
		if !o.changedNothing() {
			worked++
		}
	}
	if worked != 1 {
		t.Errorf("%d of %d changed something, want one: %+v", worked, len(outcomes), outcomes)
	}
	unchanged(t, h, tap, converging...)
	succeeds(t, h, "down")
	sameLinks(t, h, before)
}

// TestInterrupted: an up that is told to end while another one is at work has changed nothing.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	h := newConverging(t)
	up(t, h, converging...)
	lock := takeLock(t, h)
	before := links(t, h)

	cmd := h.Command("bondctl", append([]string{"up", "--once", "--miimon", "50"}, converging...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, opened(cmd.Process.Pid, lock))
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if got := cmd.ProcessState.ExitCode(); got != 1 {
		t.Errorf("exit status %d, want 1", got)
	}
	if want := "another bondctl is at work on bond0"; !strings.Contains(stderr.String(), want) {
		t.Errorf("stderr doesn't say %q:\n%s", want, &stderr)
	}
	sameLinks(t, h, before)
}

// takeLock takes bond0's apply lock until the test ends, as a bondctl that is at work does, and
// returns the file's path.
func takeLock(t *testing.T, h *netnstest.Host) string {
	t.Helper()
	var files []string
	var lock *os.File
	var err error
	h.Do(func() {
		if files, err = filepath.Glob("/run/bondctl/*/bond0/lock"); len(files) == 1 {
			lock, err = os.Open(files[0])
		}
	})
	if lock == nil {
		t.Fatalf("locks %v, %v; want one", files, err)
	}
	t.Cleanup(func() { lock.Close() })
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return lock.Name()
}

// opened is a condition for Eventually: the process has the file open.
func opened(pid int, file string) func() error {
	return func() error {
		fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil {
			return err
		}
		for _, fd := range fds {
			if target, err := os.Readlink(fd); err == nil && target == file {
				return nil
			}
		}
		return fmt.Errorf("%s isn't open", file)
	}
}

// TestKilledProgram kills the program itself, at a line of what it says. TestKilled goes step by step.
func TestKilledProgram(t *testing.T) {
	t.Parallel()
	h := newConverging(t)
	tap := h.Tap()
	before := links(t, h)
	for _, line := range []int{1, 3, 5} {
		killAtLine(t, h, line)
		up(t, h, converging...)
		settledStatus(t, h)
		unchanged(t, h, tap, converging...)
		succeeds(t, h, "down")
		sameLinks(t, h, before)
	}
}

// killAtLine starts an up and kills it once it has said its n-th step, wherever it is by then.
func killAtLine(t *testing.T, h *netnstest.Host, n int) {
	t.Helper()
	cmd := h.Command("bondctl", append([]string{"--verbose", "up", "--once"}, converging...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(stderr)
	for range n {
		if !said.Scan() {
			t.Fatalf("up has fewer than %d steps", n)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
}
