package keeper

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// TestLeaseOnIPv6OnlyNetwork: while IPv6 alone would do, silence is no trouble, and nobody
// is told that servers are asked; what else is wrong is. Once it doesn't, all that counts
// again, and servers are asked at once.
func TestLeaseOnIPv6OnlyNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := at(t, statedir.Lent{})
		n.goes(1, 1, 0)
		n.expect(t, "asks for nothing")
		n.asking("")
		n.expect(t, "any address is asked for")
		n.ipv6Only = true
		n.goes(1, 1, 0)
		n.expect(t, "nobody is asked")
		n.events <- dhcp.Event{Kind: dhcp.Silent, Reason: dhcp.ErrSilent}
		n.expect(t)
		n.events <- dhcp.Event{Kind: dhcp.Silent, Reason: errors.New("network is down")}
		n.expect(t, `trouble "network is down"`)
		n.events <- dhcp.Event{Kind: dhcp.Silent, Reason: dhcp.ErrSilent}
		n.expect(t, `trouble ""`)
		n.ipv6Only = false
		n.goes(1, 1, 0)
		n.expect(t, "any address is asked for", `trouble "no DHCP server answers"`, "asks whether nothing holds")
		n.ipv6Only = true
		n.goes(1, 1, 0)
		n.expect(t, "nobody is asked", `trouble ""`)
		n.events <- dhcp.Event{Kind: dhcp.Waived, Reason: errors.New("IPv6 alone")}
		n.goes(2, 1, 0)
		n.expect(t, "asks whether nothing holds")
		n.lends(dhcp.Bound, "192.0.2.7/24")
		n.expect(t, `lent 192.0.2.7/24 by ""`, " lease none -> 192.0.2.7/24: from 192.0.2.1 (1000 ms)",
			"asks for 192.0.2.1", `lent 192.0.2.7/24 by "02:00:00:00:00:01"`)
		n.ipv6Only = false
		n.goes(2, 1, 0)
		n.expect(t)
	})
}
