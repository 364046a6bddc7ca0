package bond

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bondctl/bondctl/bond/lease"
)

// A leased route that the kernel refuses is left out for a while that grows, and
// forgotten once the bond has it, or is another one.
func TestRefusedRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const index = 7
		route := Route{Destination: netip.MustParsePrefix("203.0.113.0/24"), Gateway: netip.MustParseAddr("192.0.2.9")}
		lent := lease.Lease{Routes: []lease.Route{
			{Destination: netip.MustParsePrefix("198.51.100.0/24")},
			{Destination: route.Destination, Gateway: route.Gateway},
		}}
		h := new(Host)
		look := func(index int, has ...Route) (routes int, retry time.Duration) {
			s := State{Name: "bond0", Links: []Link{{Name: "bond0", Index: index}}, Bond: &BondState{Routes: has}, Lease: &lent}
			retry = h.setRefused(&s)
			return len(s.Lease.Routes), retry
		}
		refused := func() {
			t.Helper()
			h.refuse(route.String(), index, errors.New("file exists"))
		}
		for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			refused()
			if routes, retry := look(index); routes != 1 || retry != wait {
				t.Errorf("refused: %d routes, another try in %s, want 1 and %s", routes, retry, wait)
			}
			if routes, retry := look(index); routes != 1 || retry != wait {
				t.Errorf("looked at again: %d routes, another try in %s", routes, retry)
			}
			time.Sleep(wait)
			if routes, retry := look(index); routes != 2 || retry != 0 {
				t.Errorf("the wait is over: %d routes, another try in %s", routes, retry)
			}
		}
		if why := refusedRoutes(h.refusals()); len(why) != 1 || why[0] != "route 203.0.113.0/24 via 192.0.2.9: refused by the kernel (file exists)" {
			t.Errorf("what is told: %q", why)
		}
		has := route
		has.DHCP = true
		for name, look := range map[string]func() (int, time.Duration){
			"taken":        func() (int, time.Duration) { return look(index, has) },
			"another bond": func() (int, time.Duration) { return look(index + 1) },
		} {
			refused()
			if routes, retry := look(); routes != 2 || retry != 0 || len(h.refused) > 0 {
				t.Errorf("%s: %d routes, another try in %s, %v", name, routes, retry, h.refused)
			}
		}
	})
}
