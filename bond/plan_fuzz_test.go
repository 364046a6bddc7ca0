package bond

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// FuzzPlan walks from one random wish to the next and holds each plan to what
// design.md promises: the kernel would take every step, a second plan is empty,
// and what fails at any step leaves every link as it was.
func FuzzPlan(f *testing.F) {
	for seed := range uint64(400) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		state := State{Name: "bond0", ipv6: map[string]setting6{acceptRA: {"1", "1"}, disableIPv6: {"0", "0"}}}
		for i, name := range []string{"eth0", "eth1", "wlan0", "usb0"} {
			if random.IntN(4) > 0 {
				l := device(i+1, name)
				l.WiFi = name == "wlan0"
				l.MTU = 1400 + 100*random.IntN(3)
				state.Links = append(state.Links, l)
			}
		}
		if random.IntN(4) == 0 {
			state.Links = append(state.Links, Link{Name: "bond0", Index: 50, Kind: "bond", MAC: randomMAC, MTU: 1500})
			state.Bond = &BondState{Mode: "balance-rr", Options: kernelDefaults(t)}
		}
		carrySomething(random, &state)
		foreign := slices.Clone(state.rules)
		for range 4 {
			c := randomConfig(t, random)
			c.TakeOver = true
			recount(&state)
			p, err := NewPlan(c, state, "0123456789abcdef")
			if _, impossible := errors.AsType[*ConfigError](err); impossible {
				continue // mac with a bond that follows Wi-Fi
			}
			if err != nil {
				t.Fatal(err)
			}
			checkUndo(t, p, state)
			sim := simulate(t, state)
			sim.strict = true
			sim.apply(p.Steps...)
			if rest := state.rest(p); rest != nil {
				sim.apply(NewRestore(*rest, sim.State).Steps...)
			}
			for _, rule := range foreign {
				if _, there := rule.In(sim.rules); !there {
					t.Fatalf("%s, which isn't ours, is gone by %s", rule, p)
				}
			}
			next := sim.after(p, state)
			recount(&next)
			if again := mustPlan(t, c, next); !again.Empty() {
				t.Fatalf("%+v\nfirst:  %s\nsecond: %s", c, p, again)
			}
			state = next
			if i := slices.IndexFunc(state.addrs, func(a rtnl.Addr) bool { return a.Prefix.Addr().Is6() }); i >= 0 && random.IntN(4) == 0 {
				sim.delAddress(state.addrs[i]) // somebody takes it away
				state.traffic = sim.traffic
			}
			for i := range state.addrs {
				if random.IntN(2) == 0 {
					state.addrs[i].Flags &^= unix.IFA_F_TENTATIVE // found free meanwhile
				}
			}
		}
	})
}

// checkUndo fails a plan at each step in turn.
func checkUndo(t *testing.T, p Plan, s State) {
	t.Helper()
	for k := range p.Steps {
		sim := simulate(t, s)
		sim.apply(p.Steps[:k+1]...)
		sim.apply(NewRestore(*s.undoing(p), sim.State).Steps...)
		if diff := diffStates(&s, &sim.State); diff != "" {
			t.Fatalf("%s\nundone after step %d (-before +after)\n%s", p, k, diff)
		}
	}
}

// diffStates are the differences that an undo must not leave.
func diffStates(was, is *State) string {
	diff := cmp.Diff(was.settings(), is.settings())
	if was.Bond != nil && is.Bond != nil {
		diff += cmp.Diff(was.Bond.Options, is.Bond.Options, compareAddrs)
	}
	return diff
}

// randomConfig is a configuration that NewConfig takes.
func randomConfig(t testing.TB, r *rand.Rand) Config {
	t.Helper()
	names := []string{"eth0", "eth1", "wlan0", "usb0"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:1+r.IntN(len(names))]
	var flags []string
	for _, name := range names {
		if r.IntN(4) == 0 {
			name += fmt.Sprintf(",prio=%d", r.IntN(7)-3)
		}
		flags = append(flags, "member="+name)
	}
	maybe := func(flag ...string) {
		if r.IntN(2) == 0 {
			flags = append(flags, flag[r.IntN(len(flag))])
		}
	}
	maybe("primary=" + names[0])
	if r.IntN(3) == 0 {
		flags = append(flags, fmt.Sprintf("arp_interval=%d", 1+r.IntN(300)), "arp_ip_target=192.0.2.1")
		maybe("arp_ip_target=2001:db8::1")
		maybe("arp_validate=active", "arp_validate=filter")
		maybe("arp_all_targets=all")
		maybe("arp_missed_max=5")
	} else {
		maybe(fmt.Sprintf("miimon=%d", 1+r.IntN(300)))
		maybe(fmt.Sprintf("updelay=%d", r.IntN(5000)))
		maybe(fmt.Sprintf("downdelay=%d", r.IntN(500)))
		maybe(fmt.Sprintf("peer_notif_delay=%d", r.IntN(500)))
	}
	maybe("primary_reselect=better", "primary_reselect=failure")
	maybe("fail_over_mac=none", "fail_over_mac=active")
	maybe("num_grat_arp=7")
	maybe("all_slaves_active=1")
	maybe("mtu=1400", "mtu=9000")
	maybe("address=192.0.2.10/24", "address=192.0.2.11/24")
	if !slices.Contains(flags, "fail_over_mac=active") {
		maybe("mac=02:11:22:33:44:55", "mac=stable")
	}
	return configOf(t, append(settingsOfFlags(flags), randomPolicy(r, flags)...)...)
}
