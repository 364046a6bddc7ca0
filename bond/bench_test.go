package bond

import (
	"fmt"
	"testing"
)

// BenchmarkPlan plans every bond of a machine that has many, each with two members of its own: when
// all are to be made, and when all are as wanted. What one bond costs is in ns/bond. Each plan is given
// the links of all, and looks through them a few times: so it grows a little with their number.
func BenchmarkPlan(b *testing.B) {
	for _, bonds := range []int{1, 16, 256} {
		configs, fresh, converged := fleet(b, bonds)
		for _, bench := range []struct {
			name   string
			states []State
			empty  bool
		}{
			{"make", fresh, false},
			{"converged", converged, true},
		} {
			b.Run(fmt.Sprintf("%s/bonds=%d", bench.name, bonds), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					for i, c := range configs {
						if p, err := newPlan(c, bench.states[i], ""); err != nil || p.Empty() != bench.empty {
							b.Fatalf("%s: steps %v", c.Name, p.Steps)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(bonds), "ns/bond")
			})
		}
	}
}

// fleet is a machine with many bonds: what is wanted of each, and what each one's look would find
// before any was made, and after all were.
func fleet(tb testing.TB, bonds int) (configs []Config, fresh, converged []State) {
	tb.Helper()
	var devices, links []Link
	for i := range bonds {
		a, b := fmt.Sprintf("eth%d", 2*i), fmt.Sprintf("eth%d", 2*i+1)
		c := config(tb, "member="+a, "member="+b, "primary="+a, fmt.Sprintf("address=10.%d.%d.1/24", i/256, i%256))
		c.Name = fmt.Sprintf("bond%d", i)
		configs = append(configs, c)

		members := []Link{device(2*i+1, a), device(2*i+2, b)}
		devices = append(devices, members...)
		state := State{Name: c.Name, Links: members}
		sim := simulate(tb, state)
		p := mustPlan(tb, c, state)
		sim.apply(p.Steps...)
		state = sim.after(p, state)
		links = append(links, state.Links...)
		converged = append(converged, state)
	}
	for i, c := range configs {
		fresh = append(fresh, State{Name: c.Name, Links: devices})
		converged[i].Links = links
	}
	return configs, fresh, converged
}
