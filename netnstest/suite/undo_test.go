package suite

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/netnstest"
	"golang.org/x/sys/unix"
)

// transition is a bond's way from one configuration to another.
type transition struct {
	name string
	// inUse are commands after which members are in use, as they are again when all is over.
	inUse []string
	// prepare are commands that come first.
	prepare []string
	// from is the configuration that the bond has, as flags of up; nil: there is none.
	from []string
	// between are commands that come after from.
	between []string
	to      []string
}

var transitions = []transition{
	{
		name: "no bond to bond",
		to: []string{
			"member=eth0", "member=eth1,prio=-7", "member=eth2,prio=100", "primary=eth2", "mtu=1450",
			"updelay=200", "num_grat_arp=3", "primary_reselect=failure", "all_slaves_active=1",
			"address=192.0.2.10/24", "address=2001:db8::10/64", "gateway=192.0.2.1", "gateway=2001:db8::1",
		},
	},
	{
		name: "options, addresses, mac and mtu",
		from: []string{"member=eth0", "member=eth1", "member=eth2", "updelay=400", "address=192.0.2.10/24", "gateway=192.0.2.1"},
		to: []string{
			"member=eth0,prio=1", "member=eth1,prio=5", "member=eth2", "primary=eth1", "primary_reselect=better",
			"miimon=50", "updelay=100", "downdelay=150", "peer_notif_delay=50", "num_grat_arp=9", "resend_igmp=7",
			"all_slaves_active=1", "mac=02:00:5e:00:00:99", "mtu=1300",
			"address=192.0.2.11/24", "address=2001:db8::11/64", "gateway=192.0.2.254",
		},
	},
	{
		name: "miimon to arp_interval",
		from: []string{"member=eth0", "member=eth1", "updelay=200", "downdelay=300", "peer_notif_delay=100", "address=192.0.2.10/24"},
		to: []string{
			"member=eth0", "member=eth1", "arp_interval=200", "arp_ip_target=192.0.2.1", "arp_ip_target=2001:db8::1",
			"arp_validate=active", "arp_all_targets=all", "arp_missed_max=5", "address=192.0.2.10/24", "address=198.51.100.1/24",
		},
	},
	{
		name: "arp_interval to miimon",
		from: []string{
			"member=eth0", "member=eth1", "arp_interval=200", "arp_ip_target=192.0.2.1", "arp_ip_target=192.0.2.2",
			"arp_ip_target=2001:db8::1", "arp_validate=all", "arp_missed_max=9", "address=192.0.2.10/24",
		},
		to: []string{
			"member=eth0", "member=eth1", "updelay=200", "downdelay=300", "peer_notif_delay=100",
			"address=192.0.2.10/24", "address=198.51.100.1/24",
		},
	},
	{
		name: "a member for another",
		from: []string{"member=eth0", "member=eth1", "primary=eth0", "address=192.0.2.10/24"},
		to:   []string{"member=eth2", "member=eth1,prio=9", "primary=eth2", "address=192.0.2.10/24", "gateway=192.0.2.1"},
	},
	{
		name: "the only member for another",
		from: []string{"member=eth1", "address=192.0.2.10/24"},
		to:   []string{"member=eth0", "address=192.0.2.11/24"},
	},
	{
		name: "fail_over_mac none to active",
		from: []string{"member=eth0", "member=eth1", "member=eth2", "primary=eth1", "address=192.0.2.10/24", "gateway=192.0.2.1"},
		to:   []string{"member=eth0", "member=eth1", "member=eth2", "primary=eth1", "fail_over_mac=active", "address=192.0.2.10/24"},
	},
	{
		name: "fail_over_mac active to none",
		from: []string{"member=eth0", "member=eth1", "fail_over_mac=active", "mtu=1400", "address=192.0.2.10/24"},
		to:   []string{"member=eth0", "member=eth1", "fail_over_mac=none", "mac=02:00:5e:00:00:99", "mtu=1500", "address=192.0.2.10/24"},
	},
	{
		name:    "the module's bond0",
		prepare: []string{"ip link add bond0 type bond"},
		to: []string{
			"member=eth0", "member=eth1", "primary=eth1", "num_grat_arp=3", "resend_igmp=5", "fail_over_mac=active",
			"updelay=300", "mtu=1450", "address=192.0.2.10/24",
		},
	},
	{
		name:    "no policy to policy",
		prepare: []string{"ip rule add from 192.0.2.10 lookup 100 pref 1000 iif lo"},
		from:    []string{"member=eth0", "address=192.0.2.10/24"},
		to: []string{
			"member=eth0", "address=192.0.2.10/24", "address=2001:db8::10/64", "ipv6.method=static",
			"route=to=198.51.100.0/24,via=192.0.2.7", "route=to=0.0.0.0/0,via=192.0.2.1,table=100,source=192.0.2.10",
			"route=to=2001:db8:1::/48,via=fe80::1", "rule=from=192.0.2.10,table=100", "rule=fwmark=1,table=100",
		},
	},
	{
		name:    "policy to other policy, without IPv6",
		prepare: []string{"ip rule add from 192.0.2.10 lookup 100 pref 1000 iif lo"},
		from: []string{
			"member=eth0", "address=192.0.2.10/24", "address=192.0.2.11/24", "address=2001:db8::10/64",
			"route=to=0.0.0.0/0,via=192.0.2.1,table=100,source=192.0.2.10", "route=to=2001:db8:1::/48,via=fe80::1",
			"rule=from=192.0.2.10,table=100", "rule=iif=bond0,table=100", "rule=to=198.51.100.0/24,table=100",
		},
		to: []string{
			"member=eth0", "address=192.0.2.10/24", "address=192.0.2.11/24", "ipv6.method=none",
			"route=to=0.0.0.0/0,via=192.0.2.1,table=100,source=192.0.2.11", "rule=to=198.51.100.0/24,table=101",
			"rule=from=192.0.2.10,table=100,fwmark=7",
		},
	},
	{
		name:  "members in use",
		inUse: slices.Concat(busyEth0, []string{"ip address add 192.0.2.12/24 dev eth1"}),
		to:    []string{"member=eth1", "member=eth0", "primary=eth1"},
	},
	{
		name:  "members in use, fail_over_mac active",
		inUse: busyEth0,
		to:    []string{"member=eth1", "member=eth0", "primary=eth1", "fail_over_mac=active"},
	},
	{
		name:  "a member in use joins a bond",
		inUse: busyEth0,
		from:  []string{"member=eth1", "address=192.0.2.50/24"},
		to:    []string{"member=eth1", "member=eth0", "address=192.0.2.50/24", "address=192.0.2.10/24", "address=192.0.2.11/24"},
	},
	{
		name:  "a member that was in use leaves the bond",
		inUse: busyEth0,
		from:  []string{"member=eth0", "member=eth1"},
		to:    []string{"member=eth1", "address=192.0.2.50/24"},
	},
	{
		name:    "a slave chosen by hand",
		from:    []string{"member=eth0", "member=eth1", "fail_over_mac=active", "address=192.0.2.10/24"},
		between: []string{"bondctl switch eth1"},
		to: []string{
			"member=eth0", "member=eth1", "fail_over_mac=active", "primary_reselect=failure",
			"address=192.0.2.10/24", "address=192.0.2.11/24",
		},
	},
}

// busyEth0 are commands after which eth0 carries something of each kind.
var busyEth0 = []string{
	"ip address add 192.0.2.10/24 dev eth0", "ip address add 192.0.2.11/24 dev eth0 label eth0:second",
	"ip route add default via 192.0.2.1 dev eth0 metric 100", "ip route add default via 192.0.2.1 dev eth0 table 1001",
	"ip rule add iif eth0 lookup 1001 priority 900", "ip neighbour add 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent",
	"ip -6 address add 2001:db8::10/64 dev eth0", "ip -6 route add default via 2001:db8::1 dev eth0 metric 512",
	"ip link add link eth0 name office type vlan id 5", "ip link set office up", "ip address add 203.0.113.5/24 dev office",
}

// TestUndo stops each transition at each of its steps, in the two ways in which one can't be made:
// it is refused, or the caller has given up.
func TestUndo(t *testing.T) {
	t.Parallel()
	for _, tr := range transitions {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			h := tr.host(t)
			before := takeSnapshot(t, h)
			for step := 1; ; step++ {
				_, err := reconcile(t.Context(), h, tr.to, refuseAt(step))
				if !errors.Is(err, unix.EPERM) {
					t.Fatalf("step %d refused: error %v, want %v", step, err, unix.EPERM)
				}
				wantUndone(t, err)
				netnstest.Eventually(t, asBefore(t, h, before))

				ctx, cancel := context.WithCancel(t.Context())
				plan, err := reconcile(ctx, h, tr.to, cancelAt(step, cancel))
				cancel()
				if err == nil {
					// It was the last one: nothing was left that could be cancelled.
					if len(plan.Steps) != step {
						t.Errorf("%d steps were stopped, but the plan has %d: %v", step, len(plan.Steps), plan.Steps)
					}
					break
				}
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("cancelled at step %d: error %v, want %v", step, err, context.Canceled)
				}
				wantUndone(t, err)
				netnstest.Eventually(t, asBefore(t, h, before))
			}
			tr.end(t, h)
		})
	}
}

// host makes a host that is where the transition begins.
func (tr transition) host(t *testing.T) *netnstest.Host {
	t.Helper()
	h := threeNICs(t)
	shell(h, tr.inUse...)
	tr.begin(t, h)
	return h
}

// begin brings a host without a bond to where the transition begins.
func (tr transition) begin(t *testing.T, h *netnstest.Host) {
	t.Helper()
	shell(h, tr.prepare...)
	if tr.from != nil {
		if _, err := reconcile(t.Context(), h, tr.from, nil); err != nil {
			t.Fatalf("make the bond at first: %v", err)
		}
		netnstest.Eventually(t, running(h))
	}
	shell(h, tr.between...)
}

// end brings the host to the transition's end, where a second up has nothing to do.
func (tr transition) end(t *testing.T, h *netnstest.Host) {
	t.Helper()
	if _, err := reconcile(t.Context(), h, tr.to, nil); err != nil {
		t.Fatal(err)
	}
	plan, err := reconcile(t.Context(), h, tr.to, nil)
	if err != nil || !plan.Empty() {
		t.Errorf("up once more: steps %v, error %v, want nothing to change", plan.Steps, err)
	}
}

// TestUndoLaterRound: somebody else changes the bond while up is at work, and a step of the round
// that would mend it is refused. The first round went well, and must be undone as well.
func TestUndoLaterRound(t *testing.T) {
	t.Parallel()
	from := []string{"member=eth0", "address=192.0.2.10/24"}
	tr := transition{from: from, to: append(from, "member=eth1", "num_grat_arp=5", "address=192.0.2.11/24")}
	h := tr.host(t)
	before := takeSnapshot(t, h)
	meddled := false
	_, err := reconcile(t.Context(), h, tr.to, func(s bond.Step) error {
		if meddled {
			return unix.EPERM
		}
		if last := strings.HasPrefix(s.String(), "add 192.0.2.11/24"); !last {
			return nil
		}
		meddled = true
		return os.WriteFile("/sys/class/net/bond0/bonding/num_grat_arp", []byte("1"), 0)
	})
	if !errors.Is(err, unix.EPERM) {
		t.Fatalf("error %v, want %v", err, unix.EPERM)
	}
	wantUndone(t, err)
	netnstest.Eventually(t, asBefore(t, h, before))
}

// TestUndoOption: somebody sets the bond up that is being adopted, and so the kernel refuses the mode,
// the first of many options in one message.
func TestUndoOption(t *testing.T) {
	t.Parallel()
	h := threeNICs(t)
	shell(h, "ip link add bond0 type bond")
	before := takeSnapshot(t, h)
	to := []string{"member=eth0", "member=eth1", "primary=eth1", "num_grat_arp=3", "address=192.0.2.10/24"}
	_, err := reconcile(t.Context(), h, to, atStep(1, func() error {
		return exec.Command("ip", "link", "set", "bond0", "up").Run()
	}))
	if !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "because the bond is up") {
		t.Fatalf("error %v, want %v and the kernel's reason", err, unix.EBUSY)
	}
	wantUndone(t, err)
	netnstest.Eventually(t, asBefore(t, h, before))
}

// TestUndoRefused takes away the privilege half way: then the kernel refuses to undo as well. The
// error says so, and down gives everything back once it may.
func TestUndoRefused(t *testing.T) {
	t.Parallel()
	h := threeNICs(t)
	before := takeSnapshot(t, h)
	to := []string{"member=eth0", "member=eth1", "member=eth2", "mtu=1450", "address=192.0.2.10/24"}
	_, err := reconcile(t.Context(), h, to, atStep(3, dropNetAdmin))
	if !errors.Is(err, unix.EPERM) {
		t.Fatalf("error %v, want %v", err, unix.EPERM)
	}
	step, ok := errors.AsType[*bond.StepError](err)
	if !ok || step.Undo == nil {
		t.Errorf("error %v doesn't tell that not everything could be put back", err)
	}
	succeeds(t, h, "down")
	netnstest.Eventually(t, asBefore(t, h, before))
}

// dropNetAdmin takes CAP_NET_ADMIN from the calling thread, which ends with Namespace.Do.
func dropNetAdmin() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return err
	}
	sets[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	return unix.Capset(&header, &sets[0])
}
