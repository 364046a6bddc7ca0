package dhcp

import (
	"encoding/binary"
	"errors"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/bondctl/bondctl/bond/lease"
)

// Bounds of what is taken from a server.
const (
	minLease = time.Minute
	maxLease = 365 * 24 * time.Hour // an infinite lease is asked for again, too
	minT1    = 10 * time.Second
	minMTU   = 576 // what every host must accept (RFC 791)
)

// Why an answer can't be used.
var (
	errNoServer  = errors.New("it names no server")
	errNoAddress = errors.New("it gives no usable address")
	errNoMask    = errors.New("it has no usable subnet mask")
	errNoTime    = errors.New("it has no lease time")
)

// ReadLease takes the lease out of a DHCPACK, as a server sent it, to a question that was
// asked at the time. It trusts it no more than [Client.Run] does.
func ReadLease(ack []byte, asked time.Time) (lease.Lease, error) {
	m, err := dhcpv4.FromBytes(ack)
	if err != nil {
		return lease.Lease{}, errMalformed
	}
	return readLease(m, asked)
}

// readLease takes the lease out of a DHCPOFFER or a DHCPACK to a question that
// was sent at the time. What can't be right is left out; without a server,
// an address, a mask or a lease time there is no lease.
func readLease(m *dhcpv4.DHCPv4, sent time.Time) (lease.Lease, error) {
	server, ok := hostAddr(m.ServerIdentifier())
	if !ok {
		return lease.Lease{}, errNoServer
	}
	addr, ok := hostAddr(m.YourIPAddr)
	if !ok {
		return lease.Lease{}, errNoAddress
	}
	bits, size := m.SubnetMask().Size()
	if bits == 0 || size != 32 {
		return lease.Lease{}, errNoMask
	}
	l := lease.Lease{
		Address: netip.PrefixFrom(addr, bits),
		Server:  server,
		DNS:     hostAddrs(m.DNS()),
		Domains: readDomains(m),
		MTU:     readMTU(m),
	}
	l.Routes = readRoutes(m, l)
	return l, setTimes(&l, m, sent)
}

// setTimes sets a lease's times. T1 and T2 are the server's if they make
// sense, and else those of RFC 2131 section 4.4.5.
func setTimes(l *lease.Lease, m *dhcpv4.DHCPv4, sent time.Time) error {
	const absent = -1
	length := m.IPAddressLeaseTime(absent)
	if length == absent {
		return errNoTime
	}
	length = min(max(length, minLease), maxLease)
	t1, t2 := m.IPAddressRenewalTime(length/2), m.IPAddressRebindingTime(length*7/8)
	if t1 < minT1 || t2 <= t1 || length <= t2 {
		t1, t2 = length/2, length*7/8
	}
	l.Obtained, l.T1, l.T2, l.Expiry = sent, sent.Add(t1), sent.Add(t2), sent.Add(length)
	return nil
}

// readRoutes follows RFC 3442: where there is option 121 the routers of option
// 3 must be ignored, even if none of its routes is taken.
func readRoutes(m *dhcpv4.DHCPv4, l lease.Lease) []lease.Route {
	classless := m.ClasslessStaticRoute()
	if classless == nil {
		for _, ip := range m.Router() {
			if router, ok := gateway(ip, l.Address); ok {
				return []lease.Route{{Destination: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Gateway: router}}
			}
		}
		return nil
	}
	var routes []lease.Route
	for _, r := range classless {
		route, ok := readRoute(r, l)
		known := slices.ContainsFunc(routes, func(k lease.Route) bool { return k.Destination == route.Destination })
		if ok && !known {
			routes = append(routes, route)
		}
	}
	return routes
}

// readRoute takes one route. A gateway of 0.0.0.0 is the link itself.
func readRoute(r *dhcpv4.Route, l lease.Lease) (lease.Route, bool) {
	to, ok := netip.AddrFromSlice(r.Dest.IP.To4())
	if !ok {
		return lease.Route{}, false
	}
	bits, _ := r.Dest.Mask.Size()
	route := lease.Route{Destination: netip.PrefixFrom(to, bits).Masked()}
	if !routable(route.Destination, l) {
		return lease.Route{}, false
	}
	if r.Router.Equal(net.IPv4zero) {
		return route, true
	}
	route.Gateway, ok = gateway(r.Router, l.Address)
	return route, ok
}

// gateway is a router's address, unless nobody else can have it beside the
// leased one.
func gateway(ip net.IP, leased netip.Prefix) (netip.Addr, bool) {
	addr, ok := hostAddr(ip)
	return addr, ok && addr != leased.Addr() && !reserved(addr, leased)
}

// reserved tells whether an address is a network's own or its broadcast address,
// which no host has (RFC 1122 section 3.2.1.3). The kernel refuses a gateway of
// the latter, and before Linux 5.14 of the former. A network of one or two
// addresses has neither (RFC 3021).
func reserved(addr netip.Addr, network netip.Prefix) bool {
	if network.Bits() >= 31 || !network.Contains(addr) {
		return false
	}
	hosts := uint32(math.MaxUint32) >> network.Bits()
	host := binary.BigEndian.Uint32(addr.AsSlice()) & hosts
	return host == 0 || host == hosts
}

// neverRouted are this network, loopback, multicast and the reserved addresses.
var neverRouted = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"),
}

// routable tells whether a server may say where the destination is: not its own
// way, on which the lease is renewed, nor the leased address. The address's own
// network, which servers name as well (RFC 3442's example does), is on the link:
// the kernel has that route by the address, and refuses a second one.
func routable(to netip.Prefix, l lease.Lease) bool {
	if to == l.Address.Masked() || to.IsSingleIP() && (to.Addr() == l.Server || to.Addr() == l.Address.Addr()) {
		return false
	}
	return !slices.ContainsFunc(neverRouted, func(p netip.Prefix) bool {
		return p.Bits() <= to.Bits() && p.Contains(to.Addr())
	})
}

func readMTU(m *dhcpv4.DHCPv4) int {
	mtu, err := dhcpv4.GetUint16(dhcpv4.OptionInterfaceMTU, m.Options)
	if err != nil || mtu < minMTU {
		return 0
	}
	return int(mtu)
}

// readDomains takes the names that are host names; some servers put several,
// or a final zero, into option 15.
func readDomains(m *dhcpv4.DHCPv4) []string {
	names := strings.Fields(strings.TrimRight(m.DomainName(), "\x00"))
	if search := m.DomainSearch(); search != nil && len(search.Labels) > 0 {
		names = search.Labels
	}
	var domains []string
	for _, name := range names {
		name = strings.TrimSuffix(name, ".")
		if lease.IsHostName(name) && !slices.Contains(domains, name) {
			domains = append(domains, name)
		}
	}
	return domains
}

// hostAddr is an address that a host of a network can have.
func hostAddr(ip net.IP) (netip.Addr, bool) {
	addr, ok := netip.AddrFromSlice(ip.To4())
	if !ok || addr.IsLoopback() {
		return netip.Addr{}, false
	}
	return addr, routable(netip.PrefixFrom(addr, 32), lease.Lease{})
}

// hostAddrs are those of the addresses that a host can have, each once.
func hostAddrs(ips []net.IP) []netip.Addr {
	var addrs []netip.Addr
	for _, ip := range ips {
		if addr, ok := hostAddr(ip); ok && !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}
