package suite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// An act is something that happens to a member, and who is the active slave then, and why.
type act struct {
	do     string // "pull eth1", "plug eth1", "remove eth1", "insert eth1"
	active string // "" is none
	reason string // active_reason of bondctl status
}

// The primary in these tests is neither the first member nor the one with the highest prio, so that
// it is told apart from both. The members' prio falls in their order: eth0 2, eth1 1, eth2 0.
var (
	withPrimary = []string{"--primary", "eth1", "--member", "eth0", "--member", "eth1", "--member", "eth2"}
	withPrio    = []string{"--member", "eth0,prio=-10", "--member", "eth1,prio=30", "--member", "eth2,prio=20"}
)

// What is expected is what Documentation/networking/bonding.rst says of primary_reselect and prio,
// sentence by sentence.
var reselections = []struct {
	name string
	args []string
	acts []act
}{
	{
		// "The primary slave becomes the active slave whenever it comes back up." Without it, prio
		// decides: "A higher number means higher priority."
		name: "always",
		args: append([]string{"--primary-reselect", "always"}, withPrimary...),
		acts: []act{
			{"", "eth1", "primary"},
			{"pull eth1", "eth0", "prio"},
			{"plug eth1", "eth1", "primary"},
			{"pull eth0", "eth1", "primary"},
			{"pull eth1", "eth2", "only_link"},
			{"plug eth0", "eth0", "prio"},
			{"plug eth1", "eth1", "primary"},
			{"remove eth1", "eth0", "prio"},
			{"insert eth1", "eth1", "primary"},
			{"pull eth2", "eth1", "primary"},
			{"pull eth0", "eth1", "primary"},
			{"pull eth1", "", ""},
			{"plug eth2", "eth2", "only_link"}, // "the first slave to recover is made the active slave"
			{"plug eth1", "eth1", "primary"},
		},
	}, {
		// "The primary slave becomes the active slave only if the current active slave fails and the
		// primary slave is up." That setting "is ignored in two cases": with no slave active "the
		// first slave to recover is made the active slave", and "when initially enslaved, the primary
		// slave is always made the active slave".
		name: "failure",
		args: append([]string{"--primary-reselect", "failure"}, withPrimary...),
		acts: failureActs,
	}, {
		// "The primary slave becomes the active slave when it comes back up, if the speed and duplex
		// of the primary slave is better than the speed and duplex of the current active slave." A
		// veth's are 10000 Mb/s and full, so none is better. See TestBetter for links that differ.
		name: "better among equals",
		args: append([]string{"--primary-reselect", "better"}, withPrimary...),
		acts: failureActs,
	}, {
		// No primary: prio alone decides, and returns as primary_reselect says.
		name: "prio always",
		args: append([]string{"--primary-reselect", "always"}, withPrio...),
		acts: []act{
			{"", "eth1", "prio"},
			{"pull eth1", "eth2", "prio"},
			{"plug eth1", "eth1", "prio"},
			{"pull eth2", "eth1", "prio"},
			{"pull eth1", "eth0", "only_link"},
			{"plug eth2", "eth2", "prio"},
			{"plug eth1", "eth1", "prio"},
			{"remove eth1", "eth2", "prio"},
			{"insert eth1", "eth1", "prio"},
			{"pull eth0", "eth1", "prio"},
			{"pull eth2", "eth1", "only_link"},
			{"pull eth1", "", ""},
			{"plug eth0", "eth0", "only_link"},
			{"plug eth2", "eth2", "prio"},
		},
	}, {
		// "This option also follows the primary_reselect rules." The exception for a primary that is
		// initially enslaved isn't one for prio: the first member that is enslaved stays.
		name: "prio failure",
		args: append([]string{"--primary-reselect", "failure"}, withPrio...),
		acts: []act{
			{"", "eth0", "held"},
			{"pull eth0", "eth1", "prio"},
			{"plug eth0", "eth1", "prio"},
			{"pull eth1", "eth2", "prio"},
			{"plug eth1", "eth2", "held"},
			{"pull eth2", "eth1", "prio"},
			{"plug eth2", "eth1", "prio"},
			{"pull eth1", "eth2", "prio"},
			{"pull eth2", "eth0", "only_link"},
			{"plug eth1", "eth0", "held"},
			{"plug eth2", "eth0", "held"},
			{"pull eth0", "eth1", "prio"},
		},
	},
}

var failureActs = []act{
	{"", "eth1", "primary"},
	{"pull eth1", "eth0", "prio"},
	{"plug eth1", "eth0", "held"},
	{"pull eth2", "eth0", "held"},
	{"plug eth2", "eth0", "held"},
	{"pull eth0", "eth1", "primary"},
	{"plug eth0", "eth1", "primary"},
	{"remove eth1", "eth0", "prio"},
	{"insert eth1", "eth1", "primary"},
	{"pull eth2", "eth1", "primary"},
	{"pull eth0", "eth1", "primary"},
	{"pull eth1", "", ""},
	{"plug eth2", "eth2", "only_link"},
	{"plug eth1", "eth2", "held"},
	{"pull eth2", "eth1", "primary"},
}

// monitors are the ways to notice a lost link. ARP monitoring gives a backup slave up one arp_interval
// after the active one, for what it hears are the active slave's questions. That must be longer than
// an emulated machine may stop for, or both are lost at once.
var monitors = []struct {
	name string
	args []string
}{
	{"miimon", []string{"--miimon", "100"}},
	{"arp", []string{"--arp-interval", "500", "--arp-missed-max", "2", "--arp-ip-target", netnstest.LANAddr}},
	{"ns", []string{"--arp-interval", "500", "--arp-missed-max", "2", "--arp-ip-target", netnstest.LANAddr6}},
}

// TestReselect plays every policy, by MII and by ARP monitoring, against what the kernel's
// documentation says.
func TestReselect(t *testing.T) {
	t.Parallel()
	for _, monitor := range monitors {
		for _, tt := range reselections {
			if monitor.name == "ns" && tt.name != "always" {
				continue // to the policy it is the same ARP monitoring, with another question
			}
			t.Run(tt.name+" by "+monitor.name, func(t *testing.T) {
				t.Parallel()
				p := newPlay(t, append(monitor.args, tt.args...))
				for _, a := range tt.acts {
					p.act(a)
				}
			})
		}
	}
}

// play is a bond of three members to which things happen.
type play struct {
	t      *testing.T
	h      *netnstest.Host
	cables map[string]*netnstest.Cable
	mii    map[string]string // the state of each slave that is to be expected
	up     []string          // arguments of bondctl up
}

func newPlay(t *testing.T, args []string) *play {
	p := &play{t: t, h: netnstest.New(t), cables: map[string]*netnstest.Cable{}, mii: map[string]string{}}
	for _, name := range []string{"eth0", "eth1", "eth2"} {
		p.cables[name] = p.h.Cable(name)
		p.mii[name] = "up"
	}
	p.up = append(args, "--address", "192.0.2.10/24", "--address", "2001:db8::10/64")
	up(t, p.h, p.up...)
	return p
}

// act does something and waits for what is to come of it.
func (p *play) act(a act) {
	p.t.Helper()
	verb, name, _ := strings.Cut(a.do, " ")
	switch cable := p.cables[name]; verb {
	case "pull":
		cable.Pull()
		p.mii[name] = "down"
	case "plug":
		cable.Plug()
		p.mii[name] = "up"
	case "remove":
		cable.Remove()
		delete(p.mii, name)
	case "insert":
		cable.Insert()
		up(p.t, p.h, p.up...)
		p.mii[name] = "up"
	}
	netnstest.Eventually(p.t, func() error {
		if err := settled(p.h, p.mii, a.active); err != nil {
			return fmt.Errorf("after %q: %w", a.do, err)
		}
		return nil
	})
	st := status(p.t, p.h)
	if diff := cmp.Diff([]string{a.active, a.reason}, []string{st.ActiveSlave, st.ActiveReason}); diff != "" {
		p.t.Errorf("after %q: active_slave and active_reason (-want +got):\n%s", a.do, diff)
	}
}
