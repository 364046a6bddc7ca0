package suite

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/lease"
	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"
)

// hostileDHCP is a DHCP server that does what it is told, however wrong that is.
type hostileDHCP struct {
	conn net.PacketConn
	self netip.Addr

	mu     sync.Mutex
	answer answer
	asked  map[dhcpv4.MessageType]int
}

// An answer is what a server sends upon a question, as it goes onto the wire.
type answer func(s *hostileDHCP, question *dhcpv4.DHCPv4) [][]byte

// startHostileDHCP starts such a server on a LAN, which must have no other.
func startHostileDHCP(t *testing.T, lan *netnstest.LAN, a answer) *hostileDHCP {
	t.Helper()
	s := &hostileDHCP{self: lan.Addr.Addr(), answer: a, asked: map[dhcpv4.MessageType]int{}}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = unix.BindToDevice(int(fd), "lan") }) // broadcasts leave by it
	}}
	var err error
	lan.Do(func() { s.conn, err = config.ListenPacket(context.Background(), "udp4", ":67") })
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(s.serve)
	t.Cleanup(func() { s.conn.Close(); serving.Wait() })
	return s
}

func (s *hostileDHCP) serve() {
	buffer := make([]byte, 1500)
	for {
		n, _, err := s.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		question, err := dhcpv4.FromBytes(buffer[:n])
		if err != nil {
			continue
		}
		s.mu.Lock()
		s.asked[question.MessageType()]++
		messages := s.answer(s, question)
		s.mu.Unlock()
		for _, m := range messages {
			_, _ = s.conn.WriteTo(m, &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort})
		}
	}
}

// does has the server answer in another way from now on.
func (s *hostileDHCP) does(a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = a
}

// questions is how many of these kinds it was sent, or of all kinds if there are none.
func (s *hostileDHCP) questions(kinds ...dhcpv4.MessageType) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for kind, count := range s.asked {
		if len(kinds) == 0 || slices.Contains(kinds, kind) {
			n += count
		}
	}
	return n
}

// silent says nothing at all.
func silent(*hostileDHCP, *dhcpv4.DHCPv4) [][]byte { return nil }

// lends leases the network's address .150 for an hour, with these changes to what it says.
func lends(changes ...dhcpv4.Modifier) answer {
	return func(s *hostileDHCP, q *dhcpv4.DHCPv4) [][]byte {
		kind := dhcpv4.MessageTypeAck
		switch q.MessageType() {
		case dhcpv4.MessageTypeDiscover:
			kind = dhcpv4.MessageTypeOffer
		case dhcpv4.MessageTypeRequest:
		default:
			return nil
		}
		return [][]byte{s.reply(q, kind, changes...).ToBytes()}
	}
}

// naks offers, and then refuses the very thing, with a message.
func naks(message string) answer {
	return func(s *hostileDHCP, q *dhcpv4.DHCPv4) [][]byte {
		if q.MessageType() == dhcpv4.MessageTypeDiscover {
			return lends()(s, q)
		}
		refusal := s.reply(q, dhcpv4.MessageTypeNak, option(dhcpv4.OptionMessage, []byte(message)...))
		return [][]byte{refusal.ToBytes()}
	}
}

// mangles sends what lends would, with its bytes changed.
func mangles(change func(message []byte) []byte) answer {
	return func(s *hostileDHCP, q *dhcpv4.DHCPv4) (messages [][]byte) {
		for _, m := range lends()(s, q) {
			messages = append(messages, change(m))
		}
		return messages
	}
}

func (s *hostileDHCP) reply(q *dhcpv4.DHCPv4, kind dhcpv4.MessageType, changes ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	self := s.self.As4()
	leased := self
	leased[3] = 150
	usual := []dhcpv4.Modifier{
		dhcpv4.WithMessageType(kind),
		dhcpv4.WithYourIP(net.IP(leased[:])),
		dhcpv4.WithServerIP(net.IP(self[:])),
		option(dhcpv4.OptionServerIdentifier, self[:]...),
		option(dhcpv4.OptionSubnetMask, 255, 255, 255, 0),
		option(dhcpv4.OptionRouter, self[:]...),
		dhcpv4.WithLeaseTime(3600),
	}
	m, err := dhcpv4.NewReplyFromRequest(q, append(usual, changes...)...)
	if err != nil {
		panic(err) // a question has all that it takes
	}
	return m
}

// option sets an option to any bytes.
func option(code dhcpv4.OptionCode, value ...byte) dhcpv4.Modifier {
	return dhcpv4.WithGeneric(code, value)
}

// Where things are in a DHCP message: the options begin behind a header of 236 bytes and a cookie of 4
// (RFC 2131 section 3).
const optionsAt = 240

// hostile are ways in which a server can be wrong, and whether there is a lease nevertheless.
var hostile = map[string]struct {
	answer answer
	leases bool
}{
	"silent":           {answer: silent},
	"NAK storm":        {answer: naks("no\n\x1b[2J")},
	"header only":      {answer: mangles(func(m []byte) []byte { return m[:100] })},
	"no options":       {answer: mangles(func(m []byte) []byte { return m[:optionsAt] })},
	"cut off":          {answer: mangles(func(m []byte) []byte { return m[:optionsAt+7] })},
	"garbage":          {answer: mangles(func(m []byte) []byte { return append(m[:optionsAt], "\xff\x00garbage\x01\xfe\x35"...) })},
	"length too large": {answer: mangles(func(m []byte) []byte { return append(m[:optionsAt], 53, 1, 2, 51, 255, 1) })},
	"endless padding":  {answer: mangles(func(m []byte) []byte { return append(m[:optionsAt], make([]byte, 1000)...) })},
	"no length":        {answer: mangles(func(m []byte) []byte { return append(m[:optionsAt], 53) })},
	// Options that go on in the file and sname fields, which have none (RFC 2131 section 4.1).
	"overloaded":     {lends(option(dhcpv4.OptionOptionOverload, 3)), true},
	"no server":      {answer: lends(option(dhcpv4.OptionServerIdentifier))},
	"loopback":       {answer: lends(dhcpv4.WithYourIP(net.IPv4(127, 0, 0, 1)))},
	"multicast":      {answer: lends(dhcpv4.WithYourIP(net.IPv4(224, 0, 0, 1)))},
	"broadcast":      {answer: lends(dhcpv4.WithYourIP(net.IPv4bcast))},
	"no mask":        {answer: lends(option(dhcpv4.OptionSubnetMask))},
	"mask with hole": {answer: lends(option(dhcpv4.OptionSubnetMask, 255, 0, 255, 0))},
	"short time":     {answer: lends(option(dhcpv4.OptionIPAddressLeaseTime, 0, 1))},
	"no time":        {lends(dhcpv4.WithLeaseTime(0)), true},
	"T1 of zero":     {lends(option(dhcpv4.OptionRenewTimeValue, 0, 0, 0, 0), option(dhcpv4.OptionRebindingTimeValue, 0, 0, 0, 0)), true},
	"names":          {lends(namesWithTricks...), true},
	"addresses":      {lends(senselessAddresses...), true},
}

// namesWithTricks would clear a screen, or add a line to a file.
var namesWithTricks = []dhcpv4.Modifier{
	option(dhcpv4.OptionDomainName, []byte("a.example\nnameserver 6.6.6.6\x1b[2J")...),
	option(dhcpv4.OptionHostName, []byte("\x1b]0;title\x07$(reboot)\n")...),
	option(dhcpv4.OptionMessage, []byte("\x1b[2J\nnameserver 6.6.6.6")...),
	option(dhcpv4.OptionDNSDomainSearchList, []byte("\x0b\nnameserver\x00\x05a;b c\x00")...),
	option(dhcpv4.OptionDomainNameServer, 192, 0, 2, 1),
}

// senselessAddresses are servers and routes that nothing can be sent to, or that would take the way to the
// DHCP server itself (RFC 3442), and an MTU too small for IP.
var senselessAddresses = []dhcpv4.Modifier{
	option(dhcpv4.OptionDomainNameServer, 127, 0, 0, 1, 224, 0, 0, 1, 255, 255, 255, 255, 0, 0, 0, 0),
	option(dhcpv4.OptionClasslessStaticRoute,
		32, 192, 0, 2, 1, 192, 0, 2, 66, // the server
		32, 192, 0, 2, 150, 192, 0, 2, 66, // the leased address
		8, 127, 192, 0, 2, 66, // loopback
		4, 224, 192, 0, 2, 66, // multicast
		24, 203, 0, 113, 127, 0, 0, 1, // by loopback
		24, 203, 0, 113, 192, 0, 2, 1), // and one that is right
	option(dhcpv4.OptionInterfaceMTU, 0, 1),
}

// TestHostileDHCP has a client meet each of these servers: it takes a lease only where there is one, asks
// no more than it should, and is as good as new when the server comes to its senses.
func TestHostileDHCP(t *testing.T) {
	t.Parallel()
	// Most of the time all of them wait, so they do that at once, and as one of the parallel tests.
	servers, clients := map[string]*hostileDHCP{}, map[string]*dhcpClient{}
	for name, tt := range hostile {
		h := netnstest.New(t)
		h.Cable("bond0")
		servers[name] = startHostileDHCP(t, h.LAN(), tt.answer)
		linkUp(t, h, "bond0")
		clients[name] = startDHCP(t, h)
	}
	for name, tt := range hostile {
		if tt.leases {
			continue
		}
		t.Run(name, func(t *testing.T) {
			defer servers[name].does(lends())
			netnstest.Eventually(t, clients[name].had(dhcp.Silent, 1))
			if e := clients[name].last(dhcp.Bound); e.Lease != nil {
				t.Errorf("a lease: %+v", e.Lease)
			}
		})
	}
	for name := range hostile {
		t.Run(name+", the lease", func(t *testing.T) {
			netnstest.Eventually(t, clients[name].had(dhcp.Bound, 1))
			checkLease(t, *clients[name].last(dhcp.Bound).Lease)
		})
	}
}

// checkLease: whatever else a server said, what is taken from it makes sense.
func checkLease(t *testing.T, l lease.Lease) {
	t.Helper()
	router := netip.MustParseAddr(netnstest.LANAddr)
	if want := netip.MustParsePrefix("192.0.2.150/24"); l.Address != want || l.Server != router {
		t.Errorf("leased %v by %v", l.Address, l.Server)
	}
	if length := l.Expiry.Sub(l.Obtained); length < time.Minute || l.T1.Sub(l.Obtained) < 10*time.Second {
		t.Errorf("leased for %v, to be renewed after %v", length, l.T1.Sub(l.Obtained))
	}
	if len(l.Domains) > 0 || l.MTU != 0 {
		t.Errorf("domains %q, MTU %d", l.Domains, l.MTU)
	}
	for _, dns := range l.DNS {
		if dns != router {
			t.Errorf("DNS servers %v", l.DNS)
		}
	}
	if len(l.Routes) != 1 || l.Routes[0].Gateway != router {
		t.Errorf("routes %v", l.Routes)
	}
}

// TestNAKStorm: a server that refuses whatever it offers is asked seldom, and ever more so.
func TestNAKStorm(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("bond0")
	server := startHostileDHCP(t, h.LAN(), naks("\x1b[2J"))
	began := time.Now()
	linkUp(t, h, "bond0")
	c := startDHCP(t, h)
	netnstest.Eventually(t, c.had(dhcp.Silent, 1))
	time.Sleep(sample(5*time.Second, time.Minute))
	server.wantSeldom(t, began)
	if diff := cmp.Diff(`DHCP server 192.0.2.1 refuses the address: "\x1b[2J"`, c.last(dhcp.Silent).Reason.Error()); diff != "" {
		t.Errorf("reason (-want +got)\n%s", diff)
	}
}

// wantSeldom checks that a server which refuses whatever it offers was asked no more often than a client may
// in the time since it began: twice at once, and then after pauses of some 4 s, 8 s, 16 s and so on. The
// time is what it was, be it that the machine was slow.
func (s *hostileDHCP) wantSeldom(t *testing.T, began time.Time) {
	t.Helper()
	discovers, requests := s.questions(dhcpv4.MessageTypeDiscover), s.questions(dhcpv4.MessageTypeRequest)
	took := time.Since(began)
	most := 2
	for pause, left := 4*time.Second, took; left > pause-time.Second; pause *= 2 {
		most++
		left -= pause - time.Second
	}
	t.Logf("in %v: %d DHCPDISCOVERs, of %d that there may be, and %d DHCPREQUESTs", took, discovers, most, requests)
	if discovers > most {
		t.Errorf("%d DHCPDISCOVERs in %v, want %d at most", discovers, took, most)
	}
	if requests > discovers {
		t.Errorf("%d DHCPREQUESTs for %d offers", requests, discovers)
	}
}
