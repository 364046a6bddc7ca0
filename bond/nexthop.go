package bond

import (
	"errors"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// A NextHop is who takes on what a link sends: a gateway or, where there is none on the
// way, the one for whom it is.
type NextHop struct {
	Link string
	Own  netip.Addr // an address of the link, in whose name to ask; the zero Addr where it has none
	Addr netip.Addr
}

// Gateways are those of the default routes of an image's links, in every table, each
// once.
func (i *Image) Gateways() (gateways []NextHop) {
	for _, r := range i.Routes {
		if r.Destination.Bits() != 0 || r.Type != unix.RTN_UNICAST {
			continue
		}
		for _, index := range r.Links() {
			link, known := i.link(index)
			gateway := r.Gateway
			if r.Paths != "" {
				gateway = r.Leg(index).Gateway
			}
			if !known || !gateway.IsValid() {
				continue
			}
			g := NextHop{link.Name, r.Source, gateway}
			if !g.Own.IsValid() {
				g.Own = ownAddress(i.Addresses, index, gateway)
			}
			if !slices.ContainsFunc(gateways, func(o NextHop) bool { return o.Link == g.Link && o.Addr == g.Addr }) {
				gateways = append(gateways, g)
			}
		}
	}
	return gateways
}

// ownAddress is an address of a link by which it may ask for another one: of the same
// network, if it has one there, else the first one of the family.
func ownAddress(addrs []rtnl.Addr, link int, to netip.Addr) (own netip.Addr) {
	for _, a := range addrs {
		p := a.Prefix
		switch {
		case a.Link != link || p.Addr().Is4() != to.Is4():
		case p.Contains(to):
			return p.Addr()
		case !own.IsValid():
			own = p.Addr()
		}
	}
	return own
}

// Gateways are those of the bond's default routes.
func (h *Host) Gateways(name string) ([]NextHop, error) {
	s, err := h.observe(name, nil)
	if err != nil {
		return nil, err
	}
	return s.Image(name).Gateways(), nil
}

// Has says whether a link is among those that an image speaks of, or the bond itself.
func (i *Image) Has(link string) bool {
	return slices.ContainsFunc(i.Links, func(l linkImage) bool { return l.Name == link })
}

// HasAddress says whether one of an image's links had an address.
func (i *Image) HasAddress(addr netip.Addr) bool {
	return slices.ContainsFunc(i.Addresses, func(a rtnl.Addr) bool { return a.Prefix.Addr() == addr })
}

// IsOwn says whether an address is one of this machine's.
func (h *Host) IsOwn(addr netip.Addr) (bool, error) {
	r, err := h.kernel.RouteTo(addr)
	if errors.Is(err, unix.ENETUNREACH) {
		return false, nil
	}
	return r.Type == unix.RTN_LOCAL, err
}

// NextHopTo is the next hop on the way to an address, by the kernel's routes of now.
func (h *Host) NextHopTo(to netip.Addr) (NextHop, error) {
	r, err := h.kernel.RouteTo(to)
	if err != nil {
		return NextHop{}, err
	}
	n := NextHop{Own: r.Source, Addr: to}
	if r.Gateway.IsValid() {
		n.Addr = r.Gateway
	}
	links, err := h.kernel.Links()
	for _, l := range links {
		if l.Index == r.Link {
			n.Link = l.Name
		}
	}
	return n, err
}
