package probe

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	router   = netip.MustParseAddr("fe80::1")
	allNodes = netip.MustParseAddr("ff02::1")
	prefix1  = netip.MustParsePrefix("2001:db8:0:1::/64")
	prefix2  = netip.MustParsePrefix("2001:db8:0:2::/64")
	compared = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})
)

const (
	onLinkFlag     = 0x80
	autonomousFlag = 0x40
)

// prefixOption is the option of a prefix with its lifetimes in seconds.
func prefixOption(p netip.Prefix, flags byte, valid, preferred uint32) []byte {
	b := []byte{optionPrefix, 4, byte(p.Bits()), flags}
	b = binary.BigEndian.AppendUint32(b, valid)
	b = binary.BigEndian.AppendUint32(b, preferred)
	b = append(b, 0, 0, 0, 0)
	return append(b, p.Addr().AsSlice()...)
}

// advertised is a message with a lifetime of half an hour and those options.
func advertised(options ...[]byte) icmp6 {
	message := []byte{0: typeAdvertisement, 4: 64, 6: 0x07, 7: 0x08, 15: 0}
	return icmp6{from: router, to: allNodes, message: append(message, bytes.Join(options, nil)...)}
}

func TestParseAdvertisement(t *testing.T) {
	usual := prefixOption(prefix1, onLinkFlag|autonomousFlag, 86400, 14400)
	tests := map[string]struct {
		options [][]byte
		want    []netip.Prefix
	}{
		"no options":      {nil, nil},
		"one":             {[][]byte{usual}, []netip.Prefix{prefix1}},
		"two":             {[][]byte{prefixOption(prefix2, autonomousFlag, 10, 10), usual}, []netip.Prefix{prefix2, prefix1}},
		"twice":           {[][]byte{usual, usual}, []netip.Prefix{prefix1}},
		"for ever":        {[][]byte{prefixOption(prefix1, autonomousFlag, 0xffffffff, 0xffffffff)}, []netip.Prefix{prefix1}},
		"deprecated":      {[][]byte{prefixOption(prefix1, autonomousFlag, 10, 0)}, []netip.Prefix{prefix1}},
		"not autonomous":  {[][]byte{prefixOption(prefix1, onLinkFlag, 10, 10)}, nil},
		"withdrawn":       {[][]byte{prefixOption(prefix1, autonomousFlag, 0, 0)}, nil},
		"more than valid": {[][]byte{prefixOption(prefix1, autonomousFlag, 10, 11)}, nil},
		"link-local":      {[][]byte{prefixOption(netip.MustParsePrefix("fe80::/64"), autonomousFlag, 10, 10)}, nil},
		"multicast":       {[][]byte{prefixOption(netip.MustParsePrefix("ff02::/16"), autonomousFlag, 10, 10)}, nil},
		"too long":        {[][]byte{set(2, 129)(bytes.Clone(usual))}, nil},
		"bits behind it":  {[][]byte{set(31, 1)(bytes.Clone(usual))}, []netip.Prefix{prefix1}},
		"after others": {[][]byte{
			{optionSource, 1, 2, 0, 0, 0, 0, 1},
			{31, 2, 0, 0, 0, 0, 0, 9, 2, 0xff, 0xff, 0, 0, 0, 0, 0}, // a search list that isn't ASCII
			{250, 1, 0, 0, 0, 0, 0, 0},
			{optionPrefix, 1, 64, autonomousFlag, 0, 0, 0, 9}, // no prefix in it
			usual,
		}, []netip.Prefix{prefix1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, ok := parseAdvertisement(append(advertised(test.options...).marshal(), 0, 0)) // with padding
			want := Advertisement{Router: router, Lifetime: 30 * time.Minute, Prefixes: test.want}
			if diff := cmp.Diff(want, a, compared); !ok || diff != "" {
				t.Errorf("%t (-want +got)\n%s", ok, diff)
			}
		})
	}
}

// dnsmasq 2.90 sent this, with an MTU and its MAC; a kernel made an address of it.
const fromDnsmasq = "6c0cfb2000403afffe80000000000000000046fffe5e4694ff020000000000000000000000000001" +
	"86009cb7400007080000000000000000" +
	"030440c0ffffffffffffffff0000000020010db8000000000000000000000000" +
	"05010000000005dc01010200465e4694"

func TestParseAdvertisementFromDnsmasq(t *testing.T) {
	packet, err := hex.DecodeString(fromDnsmasq)
	if err != nil {
		t.Fatal(err)
	}
	a, ok := parseAdvertisement(packet)
	want := Advertisement{
		Router:   netip.MustParseAddr("fe80::46ff:fe5e:4694"),
		Lifetime: 30 * time.Minute,
		Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8::/64")},
	}
	if diff := cmp.Diff(want, a, compared); !ok || diff != "" {
		t.Errorf("%t (-want +got)\n%s", ok, diff)
	}
}

func TestParseAdvertisementInvalid(t *testing.T) {
	usual := prefixOption(prefix1, autonomousFlag, 86400, 14400)
	// of is a packet whose checksum is right.
	of := func(change func(*icmp6)) []byte {
		m := advertised(usual)
		change(&m)
		return m.marshal()
	}
	plain := func() []byte { return advertised(usual).marshal() }
	tests := map[string]struct {
		packet  []byte
		foreign bool // the filter doesn't let it through
	}{
		"nothing":             {nil, true},
		"a header alone":      {plain()[:ipv6HeaderLen], true},
		"cut":                 {plain()[:len(plain())-1], false},
		"IPv4":                {set(0, 0x45)(plain()), false},
		"UDP":                 {set(6, 17)(plain()), true},
		"a fragment":          {set(6, 44)(plain()), true},
		"from elsewhere":      {set(7, 254)(plain()), false},
		"no payload":          {set(5, 0)(plain()), false},
		"wrong checksum":      {set(42, plain()[42]^1)(plain()), false},
		"another packet's":    {set(23, 2)(plain()), false}, // the router's address is summed too
		"a solicitation":      {of(func(m *icmp6) { m.message[0] = typeSolicitation }), true},
		"code":                {of(func(m *icmp6) { m.message[1] = 1 }), false},
		"global router":       {of(func(m *icmp6) { m.from = netip.MustParseAddr("2001:db8::1") }), false},
		"no router":           {of(func(m *icmp6) { m.from = netip.IPv6Unspecified() }), false},
		"IPv4's link-local":   {of(func(m *icmp6) { m.from = netip.MustParseAddr("::ffff:169.254.0.1") }), false},
		"short":               {of(func(m *icmp6) { m.message = m.message[:15] }), false},
		"half an option":      {of(func(m *icmp6) { m.message = append(m.message, 1) }), false},
		"option too long":     {of(func(m *icmp6) { m.message[17] = 5 }), false},
		"option of no length": {of(func(m *icmp6) { m.message[17] = 0 }), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if a, ok := parseAdvertisement(test.packet); ok {
				t.Errorf("%+v", a)
			}
			if passes(t, advertisements, test.packet) == test.foreign {
				t.Error("the filter is wrong about it")
			}
		})
	}
}

func TestMerge(t *testing.T) {
	other := netip.MustParseAddr("fe80::2")
	var heard []Advertisement
	for _, a := range []Advertisement{
		{router, time.Hour, []netip.Prefix{prefix1}},
		{other, time.Hour, nil},
		{router, time.Minute, []netip.Prefix{prefix2, prefix1}},
	} {
		heard = merge(heard, a)
	}
	want := []Advertisement{{router, time.Minute, []netip.Prefix{prefix1, prefix2}}, {other, time.Hour, nil}}
	if diff := cmp.Diff(want, heard, compared); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLinkLocal(t *testing.T) {
	// As Linux 6.1 writes it.
	const table = `00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000050 0a 40 00 80    bond0
fe80000000000000020000fffe000001 02 40 20 80     eth0
fe80000000000000020000fffe000002 0a 40 20 c0    bond0
fe80000000000000020000fffe000003 0a 40 20 88    bond0
fe80000000000000020000fffe000004 0a 40 20 a0    bond0
fe80000000000000020000fffe000005 0b 40 20 c4    bond1
`
	tests := map[string]struct {
		table string
		index int
		want  string
	}{
		"the only one":                  {table, 2, "fe80::200:ff:fe00:1"},
		"tentative and doubled are not": {table, 10, "fe80::200:ff:fe00:4"},
		"optimistic isn't":              {table, 11, "invalid IP"},
		"another scope":                 {table, 1, "invalid IP"},
		"none":                          {table, 3, "invalid IP"},
		"malformed":                     {"\nfe80 02 40\nfe80::1 02 40 20 80 eth0\nfe80 02 40 20 zz eth0\n", 2, "invalid IP"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if addr, err := linkLocal(strings.NewReader(test.table), test.index); err != nil || addr.String() != test.want {
				t.Errorf("got %s, %v, want %s", addr, err, test.want)
			}
		})
	}
}

func TestSolicitation(t *testing.T) {
	tests := map[string]struct {
		from netip.Addr
		want []byte
	}{
		"with an address": {router, []byte{0: typeSolicitation, 8: optionSource, 9: 1, 10: 0x02, 15: 0x50}},
		"without":         {netip.Addr{}, []byte{0: typeSolicitation, 7: 0}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m, ok := parseICMP6(solicitation(test.from, ownMAC).marshal())
			if !ok {
				t.Fatal("it is no message of neighbour discovery")
			}
			clear(m.message[2:4]) // the checksum, which is right
			if m.from.IsUnspecified() == test.from.IsValid() || !bytes.Equal(m.message, test.want) {
				t.Errorf("from %s %x, want %x", m.from, m.message, test.want)
			}
		})
	}
}

// What an advertisement yields is well formed, and none survives a change of one
// of its bytes: the checksum covers them.
func FuzzParseAdvertisement(f *testing.F) {
	f.Add(advertised(prefixOption(prefix1, autonomousFlag, 86400, 14400)).message, uint16(20), byte(1))
	f.Add(advertised().message, uint16(0), byte(0x80))
	f.Add([]byte{}, uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, message []byte, at uint16, change byte) {
		if len(message) < 4 || len(message) > 1500 {
			return
		}
		packet := icmp6{from: router, to: allNodes, message: message}.marshal()
		a, ok := parseAdvertisement(packet)
		if !ok {
			return
		}
		if a.Router != router || a.Lifetime < 0 || a.Lifetime > 0xffff*time.Second {
			t.Errorf("%+v", a)
		}
		for _, p := range a.Prefixes {
			if !p.IsValid() || p != p.Masked() {
				t.Errorf("%s", p)
			}
		}
		packet[ipv6HeaderLen+int(at)%len(message)] ^= change
		if _, ok := parseAdvertisement(packet); ok && change != 0 {
			t.Errorf("byte %d changed by %#x is valid", at, change)
		}
	})
}

// Raw packets are refused or understood, whatever they are.
func FuzzPacket(f *testing.F) {
	f.Add(advertised(prefixOption(prefix1, autonomousFlag, 86400, 14400)).marshal())
	real, _ := hex.DecodeString(fromDnsmasq)
	f.Add(real)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		if a, ok := parseAdvertisement(packet); ok && (packet[7] != onLink || !linkLocals.Contains(a.Router)) {
			t.Errorf("%x is %+v", packet, a)
		}
	})
}
