package suite

import (
	"encoding/json"
	"fmt"
	"syscall"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	diff "github.com/google/go-cmp/cmp"
)

// TestRoutesDrill has a drill make each member of a group active in turn. Everything is as before then, whom somebody
// has chosen by hand too, and also where the drill is killed.
func TestRoutesDrill(t *testing.T) {
	t.Parallel()
	h, _, file := routesHost(t, routesFile)
	succeeds(t, h, "up", "uplink", "--config", file)
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	succeeds(t, h, "switch", "uplink", "eth2")
	netnstest.Eventually(t, leaves(h, "eth2"))
	before := trafficOf(h)
	t.Log("\n" + succeeds(t, h, "drill", "uplink").Stdout)
	asBefore := func() error {
		if d := diff.Diff(before, trafficOf(h)); d != "" {
			return fmt.Errorf("not as before (-before +after)\n%s", d)
		}
		return nil
	}
	netnstest.Eventually(t, asBefore)
	var all []struct {
		From, To, By string
		BackBy       string `json:"back_by"`
		Lost         *int
	}
	if err := json.Unmarshal([]byte(succeeds(t, h, "drill", "uplink", "--json").Stdout), &all); err != nil {
		t.Fatal(err)
	}
	var went []string
	for _, f := range all {
		went = append(went, fmt.Sprintf("%s by %s to %s, back by %s", f.From, f.By, f.To, f.BackBy))
		if f.Lost == nil {
			t.Errorf("%+v: it isn't known what was lost", f)
		}
	}
	want := []string{"eth2 by switch to eth0, back by hand", "eth0 by switch to eth1, back by hand", "eth1 by switch to eth0, back by hand"}
	if d := diff.Diff(want, went); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	netnstest.Eventually(t, asBefore)

	fails(t, h, 1, []string{"without --cut"}, "drill", "uplink", "--cut")
	p := h.Command("bondctl", "drill", "uplink", "--rate", "1").Background()
	netnstest.Eventually(t, func() error {
		if trafficOf(h) == before {
			return fmt.Errorf("the drill hasn't begun: %s", p.Output())
		}
		return nil
	})
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, asBefore)
	succeeds(t, h, "down", "uplink")
}
