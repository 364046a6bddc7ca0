package bond

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// Addresses are those of a link, of global scope, that don't end by themselves. leased says
// that it has an IPv4 address beside them that does, as a DHCP client sets it. It is for a
// bond of which nothing is recorded.
func (h *Host) Addresses(name string) (lasting []netip.Prefix, leased bool, err error) {
	s, err := h.observe(name, nil)
	if err != nil {
		return nil, false, err
	}
	for _, a := range s.Image(name).Addresses {
		switch {
		case a.Scope != unix.RT_SCOPE_UNIVERSE:
		case a.Valid == rtnl.Forever:
			lasting = append(lasting, a.Prefix)
		case a.Prefix.Addr().Is4():
			leased = true
		}
	}
	return lasting, leased, nil
}
