package suite

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// recordHas is whether what bondctl has noted of bond0 for everybody has that text.
func recordHas(h *netnstest.Host, text string) error {
	noted, err := os.ReadFile(bondFile(h, "public.json"))
	if err == nil && !bytes.Contains(noted, []byte(text)) {
		err = fmt.Errorf("it isn't noted: %s", text)
	}
	return err
}

// TestDuplicateIPv6: another host has the address already.
func TestDuplicateIPv6(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.LAN().Run("ip", "address", "add", "2001:db8::50/64", "dev", "lan", "nodad")
	succeeds(t, h, "up", "--member", "eth0", "--address", "2001:db8::50/64", "--address", "192.0.2.10/24")
	t.Cleanup(func() { succeeds(t, h, "down") })
	netnstest.Eventually(t, healthSays(t, h, "2001:db8::50 isn't used, for somebody else on the network has it (DAD failed)"))
	h.LAN().Run("ip", "address", "del", "2001:db8::50/64", "dev", "lan")
	shell(h, "ip address del 2001:db8::50/64 dev bond0") // as it says; the keeper adds it again
	netnstest.Eventually(t, noTrouble(t, h))
}

// TestARPTargetElsewhere: nobody answers for an ARP target of another network.
func TestARPTargetElsewhere(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	up(t, h, "--member", "eth0", "--address", "192.0.2.10/24", "--arp-interval", "100", "--arp-ip-target", "203.0.113.1")
	netnstest.Eventually(t, healthSays(t, h, "arp_ip_target 203.0.113.1 is in none of the networks of bond0, so nobody answers for it"))
	succeeds(t, h, "down")
}

// TestTakenAway: what somebody took away where there is no keeper is missing.
func TestTakenAway(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	up(t, h, "--member", "eth0", "--address", "192.0.2.10/24", "--gateway", "192.0.2.1")
	netnstest.Eventually(t, noTrouble(t, h))
	h.Run("ip", "address", "flush", "dev", "bond0")
	netnstest.Eventually(t, healthIs(t, h, "192.0.2.10/24 is missing; the default route via 192.0.2.1 metric 100 is missing"))
	succeeds(t, h, "down")
}

// TestFullRun: while /run is full no member joins, which status says, and why. They do once there is room.
func TestFullRun(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	eth1 := h.Cable("eth1")
	eth1.Remove()
	shell(h, "mkdir -p /run/bondctl", "mount -t tmpfs -o size=512k tmpfs /run/bondctl")
	succeeds(t, h, "up", "--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24")
	t.Cleanup(func() { succeeds(t, h, "down") })
	_ = h.Command("dd", "if=/dev/zero", "of=/run/bondctl/filler", "bs=4k").Run() // it ends as there is no more space
	eth1.Insert()
	netnstest.Eventually(t, healthSays(t, h, "no space is left in /run/bondctl"))
	if got := attribute(h, "bond0", "bonding", "slaves"); got != "eth0" {
		t.Errorf("the slaves are %q though nothing could be noted of eth1", got)
	}
	h.Run("rm", "/run/bondctl/filler")
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	netnstest.Eventually(t, noTrouble(t, h))
}

// TestDryRunUnprivileged: anybody may see what would be done, be it to a bond that exists.
func TestDryRunUnprivileged(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	up(t, h, "--member", "eth0", "--address", "192.0.2.10/24", "--gateway", "192.0.2.1")
	dryRun := func(args ...string) outcome {
		cmd := h.Command("bondctl", append([]string{"up", "--dry-run"}, args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return run(t, cmd)
	}
	if o := dryRun(); o.Status != 0 || o.Stdout != nothingToChange {
		t.Errorf("exit status %d: %q\n%s", o.Status, o.Stdout, o.Stderr)
	}
	o := dryRun("--member", "eth1", "--address", "192.0.2.11/24")
	for _, step := range []string{
		"enslave eth1 to bond0\n", "release eth0 from bond0\n", "add 192.0.2.11/24 to bond0\n", "remove 192.0.2.10/24 from bond0\n",
		"remove default route via 192.0.2.1 metric 100 over bond0\n",
	} {
		if o.Status != 0 || !strings.Contains(o.Stdout, step) {
			t.Errorf("exit status %d, no %q in\n%s%s", o.Status, step, o.Stdout, o.Stderr)
		}
	}
	warns(t, o, "without privilege it isn't known what a member had before")
	succeeds(t, h, "down")
}
