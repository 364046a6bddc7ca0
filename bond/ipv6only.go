package bond

import (
	"cmp"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// IPv4Optional says whether IPv6 alone would do: an IPv4 address is to be leased where
// there is one, and nobody has asked for one by name.
func (c Config) IPv4Optional() bool {
	return c.WantsDHCP() && cmp.Or(c.Method, MethodAuto) == MethodAuto
}

// leavesByIPv6 says whether the bond has a way out by IPv6, and an address for it: one that
// was found free (RFC 4862 section 5.4).
func (s *State) leavesByIPv6() bool {
	const unusable = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED
	bond, present := s.link(s.Name)
	if !present {
		return false
	}
	leaves := slices.ContainsFunc(s.routes, func(r rtnl.Route) bool {
		return r.Destination == netip.PrefixFrom(netip.IPv6Unspecified(), 0) &&
			r.Type == unix.RTN_UNICAST && r.Table == unix.RT_TABLE_MAIN && r.Over(bond.Index)
	})
	return leaves && slices.ContainsFunc(s.addrsOf(bond.Index), func(a rtnl.Addr) bool {
		return a.Prefix.Addr().Is6() && a.Scope == unix.RT_SCOPE_UNIVERSE && a.Flags&unusable == 0
	})
}
