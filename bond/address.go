package bond

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

func (b *builder) addresses(s Setting) error {
	if b.fresh("address") {
		b.config.Addresses = nil
	}
	return b.eachText(s, func(text string) error {
		p, err := parseCIDR(text)
		if err != nil {
			return err
		}
		if err := b.family(s.Key, p.Addr()); err != nil {
			return err
		}
		b.config.Addresses = append(b.config.Addresses, p)
		return nil
	})
}

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
	return !a.Is4() || network.Bits() >= 31 || a != network.Masked().Addr() && a != broadcast(network)
}

// broadcast is the last address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := range b {
		host := 8*(i+1) - p.Bits()
		b[i] |= byte(1<<min(max(host, 0), 8) - 1)
	}
	return netip.AddrFrom4(b)
}

// family refuses an IPv6 address in the ipv4 table, and the other way about.
func (b *builder) family(key string, a netip.Addr) error {
	switch table, _, found := strings.Cut(key, "."); {
	case !found:
		return nil
	case table == "ipv4" && !a.Is4():
		return fmt.Errorf("%s is an IPv6 address; it belongs below [ipv6]", a)
	case table == "ipv6" && a.Is4():
		return fmt.Errorf("%s is an IPv4 address; it belongs below [ipv4]", a)
	}
	return nil
}

func (b *builder) gateway(s Setting) error {
	if b.fresh("gateway") {
		b.config.Gateways = nil
	}
	return b.eachText(s, func(text string) error {
		a, err := netip.ParseAddr(text)
		if err != nil || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.Zone() != "" || a.Is4In6() || a == limitedBroadcast {
			return fmt.Errorf("%q is not a gateway's address; write one such as 192.0.2.1", text)
		}
		if err := b.family(s.Key, a); err != nil {
			return err
		}
		b.config.Gateways = append(b.config.Gateways, a)
		return nil
	})
}

func (b *builder) ipv4Method(s Setting) error {
	text, err := scalar(s.Value)
	if err != nil {
		return err
	}
	switch text {
	case MethodAuto, MethodDHCP, MethodStatic, MethodNone:
		b.config.Method = text
		return nil
	}
	return fmt.Errorf("%q is none of its values; it takes auto, dhcp, static or none", text)
}

// dhcp is the flag's short form of the method.
func (b *builder) dhcp(s Setting) error {
	yes, err := yesNo(s)
	switch {
	case err != nil:
		return err
	case !*yes:
		return errors.New("it takes true alone; for none write method = \"none\" below [ipv4]")
	}
	b.config.Method = MethodDHCP
	return nil
}

func (b *builder) dns(s Setting) error {
	if b.fresh("dns") {
		b.config.DNS = nil
	}
	return b.eachText(s, func(text string) error {
		a, err := netip.ParseAddr(text)
		if err != nil || a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" || a.Is4In6() || a == limitedBroadcast {
			return fmt.Errorf("%q is not a name server's address; write one such as 192.0.2.1", text)
		}
		if err := b.family(s.Key, a); err != nil {
			return err
		}
		b.config.DNS = with(b.config.DNS, a)
		return nil
	})
}

func (b *builder) useRoutes(s Setting) (err error) {
	b.config.UseRoutes, err = yesNo(s)
	return err
}

func (b *builder) useDNS(s Setting) (err error) {
	b.config.UseDNS, err = yesNo(s)
	return err
}

func (b *builder) useMTU(s Setting) error {
	yes, err := yesNo(s)
	b.config.UseMTU = value(yes)
	return err
}

func yesNo(s Setting) (*bool, error) {
	if yes, ok := s.Value.(bool); ok {
		return &yes, nil
	}
	return nil, errors.New("it takes true or false")
}
