package suite

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// preference is an order that neither the alphabet nor the age of the links would give.
var preference = []string{"eth0", "wlan1", "wlan0"}

// TestOrder has a keeper hold three members in order. In every order each is lost, and in every order
// each returns: the active slave is the first in the order of those that are there.
func TestOrder(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name          string
		lose, restore func(*netnstest.Cable)
		gone          bool // a lost member is no slave any more
	}{
		{"carrier", (*netnstest.Cable).Pull, (*netnstest.Cable).Plug, false},
		{"device", (*netnstest.Cable).Remove, (*netnstest.Cable).Insert, true},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t)
			cables, mii := map[string]*netnstest.Cable{}, map[string]string{}
			// The names make bondctl reckon with Wi-Fi, which would wait 4 s before it returned.
			args := []string{"up", "--updelay", "0", "--address", "192.0.2.10/24"}
			for _, name := range preference {
				args = append(args, "--member", name)
			}
			for _, name := range slices.Sorted(slices.Values(preference)) {
				cables[name], mii[name] = h.Cable(name), "up"
			}
			succeeds(t, h, args...)
			t.Cleanup(func() { succeeds(t, h, "down") })

			var story []string
			check := func(what string) {
				t.Helper()
				story = append(story, what)
				netnstest.Eventually(t, func() error {
					if err := settled(h, mii, firstUp(mii)); err != nil {
						return fmt.Errorf("after %s: %w", strings.Join(story[max(0, len(story)-6):], ", "), err)
					}
					return nil
				})
			}
			check("up")
			for _, o := range lossesAndReturns() {
				for _, name := range o.lost {
					way.lose(cables[name])
					mii[name] = "down"
					if way.gone {
						delete(mii, name)
					}
					check(name + " lost")
				}
				for _, name := range o.back {
					way.restore(cables[name])
					mii[name] = "up"
					check(name + " back")
				}
			}
			t.Logf("%d losses and returns", len(story)-1)
		})
	}
}

// firstUp is the member that is to be active: the first in the order that is up; none if it is "".
func firstUp(mii map[string]string) string {
	for _, name := range preference {
		if mii[name] == "up" {
			return name
		}
	}
	return ""
}

// lossAndReturn is an order in which all members are lost, and one in which they come back.
type lossAndReturn struct{ lost, back []string }

// lossesAndReturns pairs each order of loss with each order of return, or in the short form with one
// of them, all different.
func lossesAndReturns() (all []lossAndReturn) {
	orders := permutations(preference)
	for i, lost := range orders {
		if !*long {
			all = append(all, lossAndReturn{lost, orders[(i+1)%len(orders)]})
			continue
		}
		for _, back := range orders {
			all = append(all, lossAndReturn{lost, back})
		}
	}
	return all
}

// permutations are the orders in which a list can be.
func permutations(list []string) [][]string {
	if len(list) == 0 {
		return [][]string{nil}
	}
	var all [][]string
	for i, first := range list {
		for _, rest := range permutations(slices.Delete(slices.Clone(list), i, i+1)) {
			all = append(all, append([]string{first}, rest...))
		}
	}
	return all
}
