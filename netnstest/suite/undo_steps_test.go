package suite

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/netnstest"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// onStep is a bond.How's OnStep.
type onStep func(bond.Step) error

// refuseAt refuses the k-th step, as the kernel does without the privilege for it.
func refuseAt(k int) onStep {
	return atStep(k, func() error { return unix.EPERM })
}

// cancelAt gives up as the k-th step begins: that one is still made.
func cancelAt(k int, cancel context.CancelFunc) onStep {
	return atStep(k, func() error { cancel(); return nil })
}

// atStep calls f before the k-th step.
func atStep(k int, f func() error) onStep {
	return func(bond.Step) error {
		if k--; k == 0 {
			return f()
		}
		return nil
	}
}

// reconcile makes bond0 of h what the flags want, in this process.
func reconcile(ctx context.Context, h *netnstest.Host, flags []string, hook onStep) (plan bond.Plan, err error) {
	config, err := bond.NewConfig("bond0", settings(flags))
	if err != nil {
		return bond.Plan{}, err
	}
	h.Do(func() {
		var host *bond.Host
		if host, err = bond.Open(); err == nil {
			defer host.Close()
			plan, err = host.Reconcile(ctx, bond.Wanted{Config: config}, bond.How{OnStep: hook})
		}
	})
	return plan, err
}

// settings turns flags, written as key=value, into what the program makes of them. A route or a rule is
// written as route=to=ADDRESS,via=ADDRESS.
func settings(flags []string) []bond.Setting {
	var list []bond.Setting
	for _, f := range flags {
		key, value, _ := strings.Cut(f, "=")
		s := bond.Setting{Key: key, Where: f, Value: value}
		if key == "route" || key == "rule" {
			var keys []bond.Setting
			for part := range strings.SplitSeq(value, ",") {
				name, text, _ := strings.Cut(part, "=")
				keys = append(keys, bond.Setting{Key: key + "." + name, Where: f, Value: text})
			}
			s.Value = keys
		}
		list = append(list, s)
	}
	return list
}

// wantUndone checks that an error tells of a step, and that all was put back.
func wantUndone(t *testing.T, err error) {
	t.Helper()
	step, ok := errors.AsType[*bond.StepError](err)
	if !ok {
		t.Fatalf("error %v is no StepError", err)
	}
	if step.Undo != nil {
		t.Errorf("%s: not everything was put back: %v", step.Step, step.Undo)
	}
}

// threeNICs makes a host with three NICs, each with something that must be given back: eth0 is up,
// eth1 has a MAC address and an MTU of its own, eth2 is down.
func threeNICs(t *testing.T) *netnstest.Host {
	t.Helper()
	h := netnstest.New(t)
	// Without duplicate address detection a snapshot needn't wait for it.
	sysctl(t, h.Namespace, "net/ipv6/conf/default/accept_dad", "0")
	for _, name := range []string{"eth0", "eth1", "eth2"} {
		h.Cable(name)
	}
	change(t, h, "eth1", "set up", func(nl *netlink.Handle, l netlink.Link) error {
		mac := net.HardwareAddr{0x02, 0, 0x5e, 0, 0, 0x01}
		return errors.Join(nl.LinkSetHardwareAddr(l, mac), nl.LinkSetMTU(l, 1400), nl.LinkSetUp(l))
	})
	linkUp(t, h, "eth0")
	for _, name := range []string{"eth0", "eth1"} {
		// The kernel sets it a while after the carrier, and never takes it back.
		netnstest.Eventually(t, sysfs(h, "up", name, "operstate"))
	}
	return h
}

// runner is a host or a LAN.
type runner interface {
	Run(name string, args ...string) string
}

// shell runs command lines that have no quotes.
func shell(n runner, lines ...string) {
	for _, line := range lines {
		words := strings.Fields(line)
		n.Run(words[0], words[1:]...)
	}
}
