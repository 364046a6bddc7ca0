package suite

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// TestKilled kills the program at each of its changes to the kernel and to files: up in each of the
// transitions, and down. Whoever comes then has only the files to go by: a down gives back what was there
// before the first bond, and an up gets as far as one that was never disturbed. (The short form: one of them comes, at
// one of the changes.)
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, tr := range transitions {
		if tr.prepare != nil {
			continue // the bond isn't bondctl's until it has noted so
		}
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			kills{inUse: tr.inUse, begin: tr.begin, args: upArgs(tr.to), end: tr.end}.run(t)
		})
	}
	t.Run("down", func(t *testing.T) {
		t.Parallel()
		up := transitions[0]
		kills{begin: up.end, args: []string{"down"}, end: up.end}.run(t)
	})
	t.Run("down of members that were in use", func(t *testing.T) {
		t.Parallel()
		up := transition{to: []string{"member=eth0", "member=eth1"}}
		kills{inUse: busyEth0, begin: up.end, args: []string{"down"}, end: up.end}.run(t)
	})
}

// upArgs are the arguments of an up with these flags, written as key=value.
func upArgs(flags []string) []string {
	args := []string{"up", "--once", "--wait", "0"}
	for _, f := range flags {
		key, value, _ := strings.Cut(f, "=")
		args = append(args, "--"+strings.ReplaceAll(key, "_", "-")+"="+value)
	}
	return args
}

// kills are those of bondctl with these arguments, on a host where begin came before; end is an up after
// which the bond is as it is when nobody was killed.
type kills struct {
	inUse      []string
	begin, end func(*testing.T, *netnstest.Host)
	args       []string
}

func (k kills) run(t *testing.T) {
	h := threeNICs(t)
	shell(h, k.inUse...)
	before := takeSnapshot(t, h)
	down := func() {
		t.Helper()
		succeeds(t, h, "down")
		netnstest.Eventually(t, asBefore(t, h, before))
	}
	k.begin(t, h)
	changes := k.kill(t, h, 0).Made()
	k.end(t, h)
	want := bonded(t, h)
	down()
	atChanges(t, changes, func(at int) bool {
		// Who comes then differs from run to run, too, unless both have their turn.
		comes := []string{"down", "up"}
		if !*long {
			comes = comes[rand.IntN(2):][:1]
			t.Logf("then comes %s", comes[0])
		}
		killed := false
		for _, verb := range comes {
			k.begin(t, h)
			killed = k.kill(t, h, at).Killed() || killed
			if verb == "up" {
				k.end(t, h)
				if diff := cmp.Diff(want, bonded(t, h)); diff != "" {
					t.Errorf("up again: links (-want +got):\n%s", diff)
				}
			}
			down()
		}
		return killed
	})
}

// kill runs the program, which is to be killed at a change.
func (k kills) kill(t *testing.T, h *netnstest.Host, at int) *netnstest.Supervisor {
	t.Helper()
	cmd := h.Command("bondctl", k.args...)
	killer := cmd.Supervise()
	killer.KillAt(at)
	if o := run(t, cmd); o.Status != 0 && !killer.Killed() {
		t.Fatalf("bondctl %s: exit status %d\n%s%s", strings.Join(k.args, " "), o.Status, o.Stdout, o.Stderr)
	}
	netnstest.Eventually(t, decided(h)) // an up that took something over had a guardian
	return killer
}

// atChanges calls f with each change, from the first one, until f doesn't kill any more; or with one of so
// many, which differs from run to run.
func atChanges(t *testing.T, changes int, f func(at int) (killed bool)) {
	t.Helper()
	at := 1
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("killed at change %d of %d", at, changes)
		}
	})
	if *long {
		for f(at) {
			at++
		}
		t.Logf("%d points, %d without a kill", at-1, changes)
		return
	}
	at = 1 + rand.IntN(changes)
	t.Logf("point %d of %d", at, changes)
	f(at)
}

// bonded are the links of a host once bond0 runs. One that monitors by ARP may never do so here.
func bonded(t *testing.T, h *netnstest.Host) []linkState {
	t.Helper()
	if attribute(h, "bond0", "bonding", "arp_interval") == "0" {
		netnstest.Eventually(t, running(h))
	}
	return unnumbered(links(t, h))
}

// unnumbered is what links are that may have been made anew: a link has any ifindex, and any master.
func unnumbered(list []linkState) []linkState {
	for i := range list {
		list[i].Index, list[i].Master = 0, min(list[i].Master, 1)
	}
	return list
}
