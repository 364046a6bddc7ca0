package bond

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// IPv6 works where the bond itself has a default route, and an address that is known to
// be free.
func TestHasIPv6(t *testing.T) {
	const bond, other = 7, 8
	address := func(link int, text string, flags uint32) rtnl.Addr {
		a := rtnl.NewAddr(netip.MustParsePrefix(text))
		a.Link, a.Flags = link, flags
		if a.Prefix.Addr().IsLinkLocalUnicast() {
			a.Scope = unix.RT_SCOPE_LINK
		}
		return a
	}
	route := func(link int, text string, change func(*rtnl.Route)) rtnl.Route {
		r := rtnl.NewRoute(netip.MustParsePrefix(text), netip.MustParseAddr("fe80::1"))
		r.Link = link
		if change != nil {
			change(&r)
		}
		return r
	}
	global, way := address(bond, "2001:db8::7/64", 0), route(bond, "::/0", nil)
	tests := map[string]struct {
		addr  rtnl.Addr
		route rtnl.Route
		want  bool
	}{
		"both":                        {global, way, true},
		"an address alone":            {global, route(bond, "2001:db8:1::/48", nil), false},
		"the way of another link":     {global, route(other, "::/0", nil), false},
		"a way that leads nowhere":    {global, route(bond, "::/0", func(r *rtnl.Route) { r.Type = unix.RTN_UNREACHABLE }), false},
		"a way of another table":      {global, route(bond, "::/0", func(r *rtnl.Route) { r.Table = 1000 }), false},
		"link-local alone":            {address(bond, "fe80::7/64", 0), way, false},
		"another link's address":      {address(other, "2001:db8::7/64", 0), way, false},
		"an address that isn't known": {address(bond, "2001:db8::7/64", unix.IFA_F_TENTATIVE), way, false},
		"somebody else's address":     {address(bond, "2001:db8::7/64", unix.IFA_F_DADFAILED), way, false},
		"IPv4":                        {address(bond, "192.0.2.7/24", 0), route(bond, "0.0.0.0/0", nil), false},
	}
	for name, tt := range tests {
		s := State{Name: "bond0", Links: []Link{{Name: "bond0", Index: bond}}}
		s.addrs, s.routes = []rtnl.Addr{tt.addr}, []rtnl.Route{tt.route}
		if got := s.leavesByIPv6(); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestIPv4Optional(t *testing.T) {
	v4, v6 := netip.MustParsePrefix("192.0.2.10/24"), netip.MustParsePrefix("2001:db8::10/64")
	for _, tt := range []struct {
		config Config
		want   bool
	}{
		{Config{}, true},
		{Config{Method: MethodAuto}, true},
		{Config{Addresses: []netip.Prefix{v6}}, true},
		{Config{Addresses: []netip.Prefix{v4}}, false},
		{Config{Method: MethodDHCP}, false},
		{Config{Method: MethodNone}, false},
	} {
		if got := tt.config.IPv4Optional(); got != tt.want {
			t.Errorf("%+v: %t", tt.config, got)
		}
	}
}
