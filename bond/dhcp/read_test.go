package dhcp

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"github.com/bondctl/bondctl/bond/lease"
)

var (
	sentAt   = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	anywhere = netip.MustParsePrefix("0.0.0.0/0")
	compared = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})
)

// option is an option of raw bytes.
func option(code dhcpv4.OptionCode, value ...byte) dhcpv4.Option {
	return dhcpv4.OptGeneric(code, value)
}

func TestReadLease(t *testing.T) {
	router := lease.Route{Destination: anywhere, Gateway: serverAddr}
	tests := map[string]struct {
		options []dhcpv4.Option
		want    func(*lease.Lease) // what differs from a plain hour's lease
	}{
		"plain": {want: func(*lease.Lease) {}},
		"everything": {
			options: []dhcpv4.Option{
				dhcpv4.OptDNS(net.IPv4(192, 0, 2, 53), net.IPv4(192, 0, 2, 54)),
				dhcpv4.OptDomainName("lan.example"),
				option(dhcpv4.OptionInterfaceMTU, 0x05, 0x78),
				dhcpv4.OptRenewTimeValue(10 * time.Minute),
				dhcpv4.OptRebindingTimeValue(20 * time.Minute),
			},
			want: func(l *lease.Lease) {
				l.DNS = []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("192.0.2.54")}
				l.Domains, l.MTU = []string{"lan.example"}, 1400
				l.T1, l.T2 = sentAt.Add(10*time.Minute), sentAt.Add(20*time.Minute)
			},
		},
		"no router": {
			options: []dhcpv4.Option{option(dhcpv4.OptionRouter, 0, 0, 0, 0)},
			want:    func(l *lease.Lease) { l.Routes = nil },
		},
		"routers that can't be": {
			options: []dhcpv4.Option{dhcpv4.OptRouter(net.IPv4(192, 0, 2, 255), net.IPv4(192, 0, 2, 0), net.IPv4(192, 0, 2, 100),
				net.IPv4(192, 0, 2, 9))},
			want: func(l *lease.Lease) {
				l.Routes = []lease.Route{{Destination: anywhere, Gateway: netip.MustParseAddr("192.0.2.9")}}
			},
		},
		"a router of another network's": {
			options: []dhcpv4.Option{dhcpv4.OptRouter(net.IPv4(192, 0, 3, 255))},
			want: func(l *lease.Lease) {
				l.Routes = []lease.Route{{Destination: anywhere, Gateway: netip.MustParseAddr("192.0.3.255")}}
			},
		},
		"a network of four": {
			options: []dhcpv4.Option{dhcpv4.OptSubnetMask(net.CIDRMask(30, 32)), dhcpv4.OptRouter(net.IPv4(192, 0, 2, 103))},
			want:    func(l *lease.Lease) { l.Address, l.Routes = netip.PrefixFrom(leasedAddr, 30), nil },
		},
		"a network of two has no broadcast address": {
			options: []dhcpv4.Option{dhcpv4.OptSubnetMask(net.CIDRMask(31, 32)), dhcpv4.OptRouter(net.IPv4(192, 0, 2, 101))},
			want: func(l *lease.Lease) {
				l.Address = netip.PrefixFrom(leasedAddr, 31)
				l.Routes = []lease.Route{{Destination: anywhere, Gateway: netip.MustParseAddr("192.0.2.101")}}
			},
		},
		"a network of one has its router elsewhere": {
			options: []dhcpv4.Option{dhcpv4.OptSubnetMask(net.CIDRMask(32, 32)), dhcpv4.OptRouter(net.IPv4(192, 0, 2, 255))},
			want: func(l *lease.Lease) {
				l.Address = netip.PrefixFrom(leasedAddr, 32)
				l.Routes = []lease.Route{{Destination: anywhere, Gateway: netip.MustParseAddr("192.0.2.255")}}
			},
		},
		"classless routes win over the router": {
			options: []dhcpv4.Option{option(dhcpv4.OptionClasslessStaticRoute,
				0, 192, 0, 2, 9,
				24, 198, 51, 100, 0, 0, 0, 0,
				24, 198, 51, 100, 192, 0, 2, 9)}, // again
			want: func(l *lease.Lease) {
				l.Routes = []lease.Route{
					{Destination: anywhere, Gateway: netip.MustParseAddr("192.0.2.9")},
					{Destination: netip.MustParsePrefix("198.51.100.0/24")},
				}
			},
		},
		"classless routes that may not be": {
			options: []dhcpv4.Option{option(dhcpv4.OptionClasslessStaticRoute,
				8, 127, 192, 0, 2, 9,
				32, 127, 0, 0, 53, 192, 0, 2, 9,
				4, 224, 192, 0, 2, 9,
				32, 255, 255, 255, 255, 192, 0, 2, 9,
				32, 192, 0, 2, 1, 192, 0, 2, 9, // the server
				32, 192, 0, 2, 100, 192, 0, 2, 9, // the leased address
				24, 192, 0, 2, 192, 0, 2, 9, // its network
				24, 192, 0, 2, 0, 0, 0, 0,
				16, 198, 18, 224, 0, 0, 1, // by a multicast address
				16, 198, 18, 192, 0, 2, 255, // by the broadcast address
				16, 198, 18, 192, 0, 2, 0, // by the network's own
				16, 198, 18, 192, 0, 2, 100)}, // by itself
			want: func(l *lease.Lease) { l.Routes = nil },
		},
		"classless routes that are malformed": {
			options: []dhcpv4.Option{option(dhcpv4.OptionClasslessStaticRoute, 33, 1, 2, 3, 4, 5, 6, 7, 8)},
			want:    func(*lease.Lease) {},
		},
		"bits beyond the mask": {
			options: []dhcpv4.Option{option(dhcpv4.OptionClasslessStaticRoute, 12, 172, 31, 192, 0, 2, 9)},
			want: func(l *lease.Lease) {
				l.Routes = []lease.Route{{Destination: netip.MustParsePrefix("172.16.0.0/12"), Gateway: netip.MustParseAddr("192.0.2.9")}}
			},
		},
		"name servers that can't be": {
			options: []dhcpv4.Option{dhcpv4.OptDNS(net.IPv4bcast, net.IPv4(127, 0, 0, 1), net.IPv4zero, net.IPv4(224, 0, 0, 251))},
			want:    func(*lease.Lease) {},
		},
		"a domain with a line of its own": {
			options: []dhcpv4.Option{dhcpv4.OptDomainName("a.example\nnameserver 192.0.2.66 \x1b[2J -b- a..b")},
			want:    func(l *lease.Lease) { l.Domains = []string{"a.example", "nameserver", "192.0.2.66"} },
		},
		"a search list wins over the domain": {
			options: []dhcpv4.Option{
				dhcpv4.OptDomainName("lan.example"),
				dhcpv4.OptDomainSearch(&rfc1035label.Labels{Labels: []string{"a.example", "b\n.example", "A.Example"}}),
			},
			want: func(l *lease.Lease) { l.Domains = []string{"a.example", "A.Example"} },
		},
		"an MTU too small": {
			options: []dhcpv4.Option{option(dhcpv4.OptionInterfaceMTU, 0, 68)},
			want:    func(*lease.Lease) {},
		},
		"no time": {
			options: []dhcpv4.Option{dhcpv4.OptIPAddressLeaseTime(0)},
			want:    func(l *lease.Lease) { *l = lasting(*l, 30*time.Second, 52500*time.Millisecond, time.Minute) },
		},
		"for ever": {
			options: []dhcpv4.Option{option(dhcpv4.OptionIPAddressLeaseTime, 255, 255, 255, 255)},
			want:    func(l *lease.Lease) { *l = lasting(*l, maxLease/2, maxLease*7/8, maxLease) },
		},
		"times without sense": {
			options: []dhcpv4.Option{dhcpv4.OptRenewTimeValue(0), dhcpv4.OptRebindingTimeValue(2 * time.Hour)},
			want:    func(*lease.Lease) {},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := lasting(lease.Lease{
				Address: netip.PrefixFrom(leasedAddr, 24), Routes: []lease.Route{router}, Server: serverAddr,
			}, 30*time.Minute, 52*time.Minute+30*time.Second, time.Hour)
			test.want(&want)
			got, err := readLease(reply(&dhcpv4.DHCPv4{}, dhcpv4.MessageTypeAck, test.options...), sentAt)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, compared); diff != "" {
				t.Errorf("lease (-want +got)\n%s", diff)
			}
		})
	}
}

func lasting(l lease.Lease, t1, t2, length time.Duration) lease.Lease {
	l.Obtained, l.T1, l.T2, l.Expiry = sentAt, sentAt.Add(t1), sentAt.Add(t2), sentAt.Add(length)
	return l
}

func TestReadLeaseRefused(t *testing.T) {
	mask := func(value ...byte) func(*dhcpv4.DHCPv4) {
		return func(m *dhcpv4.DHCPv4) { m.UpdateOption(option(dhcpv4.OptionSubnetMask, value...)) }
	}
	address := func(a, b, c, d byte) func(*dhcpv4.DHCPv4) {
		return func(m *dhcpv4.DHCPv4) { m.YourIPAddr = net.IPv4(a, b, c, d) }
	}
	without := func(code dhcpv4.OptionCode) func(*dhcpv4.DHCPv4) {
		return func(m *dhcpv4.DHCPv4) { m.DeleteOption(code) }
	}
	tests := map[string]struct {
		change func(*dhcpv4.DHCPv4)
		want   error
	}{
		"no server":           {without(dhcpv4.OptionServerIdentifier), errNoServer},
		"no address":          {address(0, 0, 0, 0), errNoAddress},
		"loopback":            {address(127, 0, 0, 1), errNoAddress},
		"multicast":           {address(224, 0, 0, 1), errNoAddress},
		"broadcast":           {address(255, 255, 255, 255), errNoAddress},
		"no mask":             {without(dhcpv4.OptionSubnetMask), errNoMask},
		"a mask of all":       {mask(0, 0, 0, 0), errNoMask},
		"a mask with holes":   {mask(255, 0, 255, 0), errNoMask},
		"a mask of two bytes": {mask(255, 255), errNoMask},
		"no lease time":       {without(dhcpv4.OptionIPAddressLeaseTime), errNoTime},
		"half a lease time": {func(m *dhcpv4.DHCPv4) {
			m.UpdateOption(option(dhcpv4.OptionIPAddressLeaseTime, 1, 2))
		}, errNoTime},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := reply(&dhcpv4.DHCPv4{}, dhcpv4.MessageTypeAck)
			test.change(m)
			if _, err := readLease(m, sentAt); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestHostName(t *testing.T) {
	tests := map[string]bool{
		"example": true, "a.b-c.example": true, "xn--bcher-kva.example": true, "3com.example": true,
		strings.Repeat("a", 63): true, strings.Repeat("a", 64): false,
		strings.Repeat("a.", 127) + "a": false,
		"":                              false, ".": false, "a..b": false, "-a": false, "a-": false, "a_b": false, "a b": false,
		"a\n": false, "bücher.example": false,
	}
	for name, want := range tests {
		if got := lease.IsHostName(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}

func TestNewClientID(t *testing.T) {
	id := NewClientID([]byte("seed"), "bond0")
	if len(id) != 1+4+2+16 || id[0] != 255 {
		t.Errorf("identifier %x isn't as in RFC 4361", id)
	}
	if diff := cmp.Diff(id, NewClientID([]byte("seed"), "bond0")); diff != "" {
		t.Errorf("the same twice (-first +second)\n%s", diff)
	}
	for name, other := range map[string][]byte{
		"machine": NewClientID([]byte("other"), "bond0"), "interface": NewClientID([]byte("seed"), "bond1"),
	} {
		if cmp.Equal(id, other) {
			t.Errorf("another %s has the same identifier", name)
		}
	}
}

// FuzzJudge asserts that what is taken from a server is within bounds, whatever
// it says.
func FuzzJudge(f *testing.F) {
	q := question{message: (&Client{}).discover(netip.Addr{}), answer: dhcpv4.MessageTypeAck}
	q.message.TransactionID = dhcpv4.TransactionID{}
	q.message.ClientHWAddr = firstMAC
	for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeAck, dhcpv4.MessageTypeNak} {
		f.Add(reply(q.message, kind).ToBytes())
		f.Add(reply(q.message, kind, dhcpv4.OptDomainName("lan.example"), dhcpv4.OptMessage("no"),
			option(dhcpv4.OptionDNSDomainSearchList, 1, 'a', 0xc0, 0, 2, 'b', 'c', 0),
			option(dhcpv4.OptionClasslessStaticRoute, 0, 192, 0, 2, 9, 24, 198, 51, 100, 0, 0, 0, 0)).ToBytes())
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		lease, err := q.judge(message, sentAt)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("an error that can't be printed: %q", err)
			}
			return
		}
		checkLease(t, lease.Lease)
	})
}

func checkLease(t *testing.T, l lease.Lease) {
	if l.T1.Sub(l.Obtained) < minT1 || !l.T1.Before(l.T2) || !l.T2.Before(l.Expiry) || l.Expiry.Sub(l.Obtained) > maxLease {
		t.Errorf("times %s, %s, %s after %s", l.T1, l.T2, l.Expiry, l.Obtained)
	}
	if !l.Address.IsValid() || l.Address.Bits() == 0 || l.MTU != 0 && l.MTU < minMTU {
		t.Errorf("address %s, MTU %d", l.Address, l.MTU)
	}
	for _, r := range l.Routes {
		if r.Destination != r.Destination.Masked() || !routable(r.Destination, l) ||
			r.Gateway == l.Address.Addr() || r.Gateway.IsValid() && reserved(r.Gateway, l.Address) {
			t.Errorf("route to %s by %s", r.Destination, r.Gateway)
		}
	}
	for _, d := range l.Domains {
		if !lease.IsHostName(d) {
			t.Errorf("domain %q", d)
		}
	}
}
