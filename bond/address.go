package bond

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

func parseCIDR(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			return p, fmt.Errorf("%s has no prefix length; write it with one, such as %s/%d", a, a, usualBits(a))
		}
		return p, fmt.Errorf("%q is not an address with its prefix length; write one such as 192.0.2.10/24", text)
	}
	a := p.Addr()
	switch {
	case a.Is4In6():
		return p, fmt.Errorf("%s is an IPv4 address written as IPv6; write it as IPv4", text)
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a == limitedBroadcast:
		return p, fmt.Errorf("%s is not the address of one host on a network; write one such as 192.0.2.10/24", text)
	case p.Bits() == 0:
		return p, fmt.Errorf("%s makes the whole internet the bond's own network; write the network's prefix length, such as %s/%d", text, a, usualBits(a))
	case !isHost(a, p):
		return p, fmt.Errorf("%s is its network's own or its broadcast address; write the host's", text)
	}
	return p, nil
}

// usualBits is the prefix length of most local networks.
func usualBits(a netip.Addr) int {
	if a.Is4() {
		return 24
	}
	return 64
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// isHost says whether an address in a network is neither the network's own nor
// its broadcast address. IPv6 has none, nor has a link of two (RFC 3021).
func isHost(a netip.Addr, network netip.Prefix) bool {
	return !a.Is4() || network.Bits() >= 31 || a != network.Masked().Addr() && a != rtnl.Broadcast(network)
}

// parseHost makes the parser of one host's address. loopback says whether that host
// may be this one.
func parseHost(whose string, loopback bool) func(string) (netip.Addr, error) {
	return func(text string) (netip.Addr, error) {
		a, err := netip.ParseAddr(text)
		if err != nil || a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" || a.Is4In6() || a == limitedBroadcast || a.IsLoopback() && !loopback {
			return a, fmt.Errorf("%q is not %s address; write one such as 192.0.2.1", text, whose)
		}
		return a, nil
	}
}

var (
	parseGateway = parseHost("a gateway's", false)
	parseServer  = parseHost("a name server's", true)
)

// checkFamily refuses an IPv6 address in the table ipv4, and an IPv4 address in the
// table ipv6. The top level takes both.
func checkFamily(table string, a netip.Addr) error {
	switch {
	case table == "ipv4" && !a.Is4():
		return fmt.Errorf("%s is an IPv6 address; it belongs below [ipv6]", a)
	case table == "ipv6" && a.Is4():
		return fmt.Errorf("%s is an IPv4 address; it belongs below [ipv4]", a)
	}
	return nil
}

// parseDHCP reads true as the method dhcp.
func parseDHCP(text string) (string, error) {
	yes, err := parseBool(text)
	if err == nil && !yes {
		err = errors.New("it takes true alone; for none write method = \"none\" below [ipv4]")
	}
	return MethodDHCP, err
}
