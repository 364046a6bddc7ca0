package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/bondctl/bondctl/bond/lease"
)

var (
	serverAddr = netip.MustParseAddr("192.0.2.1")
	leasedAddr = netip.MustParseAddr("192.0.2.100")
	firstMAC   = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	secondMAC  = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

// network is what is behind an interface: a server that answers as told, in
// memory.
type network struct {
	*laptop
	mu     sync.Mutex
	mac    net.HardwareAddr
	broken error                           // of the interface
	lost   bool                            // no way to a single server
	ipv6   bool                            // IPv6 alone would do
	taken  map[netip.Addr]net.HardwareAddr // the addresses that others have
	serve  func(*dhcpv4.DHCPv4) []*dhcpv4.DHCPv4
	seen   []string // each message, as word says
	when   []time.Duration
	open   int
}

func newNetwork() *network {
	return &network{laptop: newLaptop(), mac: firstMAC, serve: lends(time.Hour)}
}

// change changes how the network behaves from now on.
func (n *network) change(f func(*network)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(n)
}

func (n *network) serves(serve func(*dhcpv4.DHCPv4) []*dhcpv4.DHCPv4) {
	n.change(func(n *network) { n.serve = serve })
}

func (n *network) ipv6Only() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ipv6
}

// owner takes its time where addresses are others'.
func (n *network) owner(ctx context.Context, addr netip.Addr) net.HardwareAddr {
	n.mu.Lock()
	taken := n.taken
	n.mu.Unlock()
	if taken == nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(250 * time.Millisecond):
		return taken[addr]
	}
}

func (n *network) messages() ([]string, []time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen, n.when
}

func (n *network) Open() (Transport, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.broken != nil {
		return nil, n.broken
	}
	n.open++
	return &port{network: n, in: make(chan []byte, 16), closed: make(chan struct{})}, nil
}

// port is a Transport on a network.
type port struct {
	*network
	in     chan []byte
	closed chan struct{}
}

func (p *port) HardwareAddr() (net.HardwareAddr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mac, nil
}

func (p *port) Send(message []byte, from, to netip.Addr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, err := dhcpv4.FromBytes(message)
	if err != nil {
		return err
	}
	p.seen = append(p.seen, word(m, to))
	p.when = append(p.when, p.now())
	if p.lost && to.IsValid() {
		return errDown
	}
	for _, answer := range p.serve(m) {
		p.in <- answer.ToBytes()
	}
	return nil
}

func (p *port) Receive() ([]byte, error) {
	select {
	case message := <-p.in:
		return message, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network.open--
	close(p.closed)
	return nil
}

// word describes a message by what RFC 2131 table 5 tells the states apart by.
func word(m *dhcpv4.DHCPv4, to netip.Addr) string {
	text := m.MessageType().String()
	if ip := m.RequestedIPAddress(); ip != nil {
		text += " wish " + ip.String()
	}
	if !m.ClientIPAddr.Equal(net.IPv4zero) {
		text += " have " + m.ClientIPAddr.String()
	}
	if ip := m.ServerIdentifier(); ip != nil {
		text += " server " + ip.String()
	}
	if to.IsValid() {
		text += " to " + to.String()
	}
	if m.ParameterRequestList().Has(dhcpv4.OptionIPv6OnlyPreferred) {
		text += " or IPv6 alone"
	}
	return text
}

// reply is an answer to a message, complete for an hour unless options say otherwise.
func reply(to *dhcpv4.DHCPv4, kind dhcpv4.MessageType, options ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	m := &dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootReply,
		HWType:        to.HWType,
		TransactionID: to.TransactionID,
		ClientHWAddr:  to.ClientHWAddr,
		YourIPAddr:    leasedAddr.AsSlice(),
		Options: dhcpv4.OptionsFromList(
			dhcpv4.OptMessageType(kind),
			dhcpv4.OptServerIdentifier(serverAddr.AsSlice()),
			dhcpv4.OptSubnetMask(net.CIDRMask(24, 32)),
			dhcpv4.OptRouter(serverAddr.AsSlice()),
			dhcpv4.OptIPAddressLeaseTime(time.Hour),
		),
	}
	for _, o := range options {
		m.UpdateOption(o)
	}
	return m
}

// lends is a server that agrees to everything.
func lends(length time.Duration) func(*dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
	return func(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
		kind := dhcpv4.MessageTypeAck
		if m.MessageType() == dhcpv4.MessageTypeDiscover {
			kind = dhcpv4.MessageTypeOffer
		}
		return []*dhcpv4.DHCPv4{reply(m, kind, dhcpv4.OptIPAddressLeaseTime(length))}
	}
}

// refuses is a server that offers and then refuses whatever is asked for.
func refuses(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
	if m.MessageType() == dhcpv4.MessageTypeDiscover {
		return lends(time.Hour)(m)
	}
	return []*dhcpv4.DHCPv4{reply(m, dhcpv4.MessageTypeNak, dhcpv4.OptMessage("no\n\x1b[2J"))}
}

// elsewhere is a server of another network, which refuses the old address.
func elsewhere(m *dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 {
	if m.MessageType() == dhcpv4.MessageTypeRequest && m.ServerIdentifier() == nil {
		return refuses(m)
	}
	answers := lends(time.Hour)(m)
	answers[0].YourIPAddr = net.IPv4(198, 51, 100, 7)
	return answers
}

func silent(*dhcpv4.DHCPv4) []*dhcpv4.DHCPv4 { return nil }

var errDown = errors.New("network is down")

// run is a client on a network, in a bubble of synctest's.
type run struct {
	*network
	moves chan Move

	eventsMu sync.Mutex
	events   []string
	last     Event
	asks     []Event // of the kind Asking
}

// runs starts a client, which ends with the test.
func runs(t *testing.T, n *network, previous *lease.Lease) *run {
	r := &run{network: n, moves: make(chan Move, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	client := Client{Open: n.Open, ID: []byte{0, 1}, IPv6Only: n.ipv6Only, Owner: n.owner, clock: n.laptop}
	done := make(chan struct{})
	go func() {
		defer close(done)
		client.Run(ctx, previous, r.moves, r.note)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if n.open != 0 {
			t.Errorf("%d transports are open at the end", n.open)
		}
	})
	synctest.Wait()
	return r
}

func (r *run) note(e Event) {
	r.eventsMu.Lock()
	defer r.eventsMu.Unlock()
	if e.Kind == Asking {
		r.asks = append(r.asks, e)
		return
	}
	text := string(e.Kind)
	if e.Lease != nil {
		text += " " + e.Lease.Address.Addr().String()
	}
	if e.Reason != nil {
		text += fmt.Sprintf(": %v", e.Reason)
	}
	r.events, r.last = append(r.events, text), e
}

// asked are the questions so far: of which lease it is asked whether it holds, and how
// long after the client's start there was reason to.
func (r *run) asked() (all []string) {
	synctest.Wait()
	r.eventsMu.Lock()
	defer r.eventsMu.Unlock()
	for _, e := range r.asks {
		about := "any"
		if e.Lease != nil {
			about = e.Lease.Address.Addr().String()
		}
		all = append(all, fmt.Sprintf("%s since %s", about, e.Since.Sub(r.start)))
	}
	return all
}

// reported are the events so far.
func (r *run) reported() []string {
	synctest.Wait()
	r.eventsMu.Lock()
	defer r.eventsMu.Unlock()
	return r.events
}

// sleep lets time pass, and all be done that is due then.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
