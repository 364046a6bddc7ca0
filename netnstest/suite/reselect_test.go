package suite

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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
		// veth's are 10000 Mb/s and full, so none is better. See testBetter for links that differ.
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

// monitors are the ways to notice a lost link. ARP monitoring gives a link up that wasn't heard of for a
// while, which is never long enough: an emulated machine may stop for as long as it likes. Then the
// kernel counts a failure that nobody has made, and the play begins again with a longer while.
var monitors = []struct {
	name string
	args []string
	arp  bool
}{
	{name: "miimon", args: []string{"--miimon", "100"}},
	{name: "arp", args: []string{"--arp-missed-max", "2", "--arp-ip-target", netnstest.LANAddr}, arp: true},
	{name: "ns", args: []string{"--arp-missed-max", "2", "--arp-ip-target", netnstest.LANAddr6}, arp: true},
}

// mostlyByMII are those that the short form plays by MII monitoring alone. By ARP monitoring the kernel chooses with the
// same function (bond_find_best_slave), and calls it in the same cases: the others show those, for a primary and for prio.
var mostlyByMII = []string{"better among equals", "prio failure"}

// TestReselect plays every policy, by MII and by ARP monitoring, against what the kernel's
// documentation says. (The short form: some of them by MII monitoring alone.)
func TestReselect(t *testing.T) {
	t.Parallel()
	for _, monitor := range monitors {
		for _, tt := range reselections {
			if monitor.name == "ns" && tt.name != "always" {
				continue // to the policy it is the same ARP monitoring, with another question
			}
			if slices.Contains(mostlyByMII, tt.name) && monitor.arp && !*long {
				continue
			}
			t.Run(tt.name+" by "+monitor.name, func(t *testing.T) {
				t.Parallel()
				p := newPlay(t)
				if !monitor.arp {
					p.begin(slices.Concat(monitor.args, tt.args))
					if !p.play(tt.acts) {
						t.Error("a link failed by itself")
					}
					return
				}
				for interval := 500 * time.Millisecond; ; interval *= 2 {
					p.begin(slices.Concat([]string{"--arp-interval", interval.String()}, monitor.args, tt.args))
					if p.play(tt.acts) {
						return
					}
					if interval > 10*time.Second {
						t.Fatal("links fail by themselves, however seldom they are asked for")
					}
					p.end()
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
	up     []string          // arguments of bondctl up
	mii    map[string]string // the state of each slave that is to be expected
	failed map[string]int    // how often each has lost its link, as the kernel counts
}

func newPlay(t *testing.T) *play {
	p := &play{t: t, h: netnstest.New(t), cables: map[string]*netnstest.Cable{}}
	for _, name := range []string{"eth0", "eth1", "eth2"} {
		p.cables[name] = p.h.Cable(name)
	}
	return p
}

func (p *play) begin(args []string) {
	p.t.Helper()
	p.mii, p.failed = map[string]string{}, map[string]int{}
	for name := range p.cables {
		p.mii[name], p.failed[name] = "up", 0
	}
	p.up = append(args, "--address", "192.0.2.10/24", "--address", "2001:db8::10/64")
	up(p.t, p.h, p.up...)
}

// end leaves the host as it was before begin.
func (p *play) end() {
	p.t.Helper()
	succeeds(p.t, p.h, "down")
	for name, cable := range p.cables {
		switch p.mii[name] {
		case "down":
			cable.Plug()
		case "":
			cable.Insert()
		}
	}
}

// play says whether no link has failed but those of the acts.
func (p *play) play(acts []act) bool {
	p.t.Helper()
	for _, a := range acts {
		if !p.act(a) {
			p.t.Logf("at %q a link failed by itself", a.do)
			return false
		}
	}
	return true
}

// act does something and waits for what is to come of it, or for a link that fails by itself.
func (p *play) act(a act) bool {
	p.t.Helper()
	verb, name, _ := strings.Cut(a.do, " ")
	switch cable := p.cables[name]; verb {
	case "pull":
		cable.Pull()
		p.mii[name] = "down"
		p.failed[name]++
	case "plug":
		cable.Plug()
		p.mii[name] = "up"
	case "remove":
		cable.Remove()
		delete(p.mii, name)
		delete(p.failed, name)
	case "insert":
		cable.Insert()
		up(p.t, p.h, p.up...)
		p.mii[name], p.failed[name] = "up", 0
	}
	netnstest.Eventually(p.t, func() error {
		if err := settled(p.h, p.mii, a.active); err != nil && !p.spoiled() {
			return fmt.Errorf("after %q: %w", a.do, err)
		}
		return nil
	})
	st := status(p.t, p.h)
	if p.spoiled() {
		return false
	}
	if diff := cmp.Diff([]string{a.active, a.reason}, []string{st.ActiveSlave, st.ActiveReason}); diff != "" {
		p.t.Errorf("after %q: active_slave and active_reason (-want +got):\n%s", a.do, diff)
	}
	for name := range p.mii {
		p.failed[name] = failures(p.h, name)
	}
	return true
}

// spoiled says whether a slave has lost its link more often than it was pulled, since it was in its place.
func (p *play) spoiled() bool {
	for name, failed := range p.failed {
		if failures(p.h, name) > failed {
			return true
		}
	}
	return false
}
