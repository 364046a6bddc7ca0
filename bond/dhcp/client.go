package dhcp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/bondctl/bondctl/bond/lease"
)

// Client asks for a lease for one interface.
type Client struct {
	Interface string
	// ID is the client identifier (option 61), by which a server knows the
	// client again when the hardware address has changed. Its first byte is its
	// type: see [NewClientID]. Without one, servers go by hardware address.
	ID []byte
	// HardwareAddr is the one that servers know the client by (chaddr), where that isn't
	// the interface's own of the moment: without an ID, a lease stays that was had by the
	// address of one member while the bond carries another one's. Answers are asked for by
	// broadcast then. nil is the interface's own.
	HardwareAddr net.HardwareAddr
	// Hostname is the machine's. Its first label is sent as option 12, unless it is
	// none, such as localhost, or can't be a host's (RFC 1123 section 2.1).
	Hostname string
	// IPv6Only says whether IPv6 alone would do on the interface now; nil is no. Then,
	// without a lease, servers are asked whether the network would rather have it so
	// (RFC 8925), and ever more seldom where nobody answers.
	IPv6Only func() bool
	// Owner finds out who else has an address on the link, such as by ARP (RFC 5227).
	// It is asked before a lease of another address than before is taken: one that
	// somebody has is declined. nil is nobody, or nobody knows. It should return soon,
	// and at once when ctx ends. Where the field is nil nobody is asked.
	Owner func(ctx context.Context, addr netip.Addr) net.HardwareAddr
	// Open gives the way to the network, once for each message that is sent;
	// nil is [Listen] on the interface.
	Open func() (Transport, error)

	clock clock // nil is bootTime
}

// Run asks for a lease and keeps it until ctx ends. It starts with the previous
// one if that isn't nil: while it has time left it is taken for held, and what
// is asked is whether it still is right. Expired, its address is wished for.
//
// An item on moves says that the path has changed: the lease is asked for on
// the new one at once. A nil channel never does; it mustn't be closed. report is
// called for each event, from Run's goroutine, and should return soon.
//
// Run leaves the lease as it is, held: see [Client.Release].
func (c *Client) Run(ctx context.Context, previous *lease.Lease, moves <-chan Move, report func(Event)) {
	s := session{client: c, moves: moves, report: report, clock: c.clock}
	if s.clock == nil {
		s.clock = bootTime{}
	}
	defer s.endInquiry()
	s.recall(previous)
	for next := s.begin; next != nil && ctx.Err() == nil; {
		next = next(ctx)
	}
}

// A Move is that the path behind the interface has changed, or may have.
type Move struct {
	// Lease is held from now on in the place of any other: that of the network which the new path
	// leads to, where somebody has recognised it (RFC 4436). nil leaves the one that is held.
	Lease *lease.Lease
	// Foreign says that this is another network than the lease's, for all that is known: any
	// server is asked for a lease as soon as it is asked whether this one holds.
	Foreign bool
}

// Release tells the server that the lease isn't needed any more, in one message
// without an answer (RFC 2131 section 4.4.6). It must still be the interface's
// address. Release returns when the message has left, or after a second: the
// server's hardware address may have to be asked for first.
func (c *Client) Release(l lease.Lease) error {
	t, err := c.open()
	if err != nil {
		return err
	}
	defer t.Close()
	m := c.release(l)
	if err := c.address(m, t); err != nil {
		return err
	}
	if err := t.Send(m.ToBytes(), l.Address.Addr(), l.Server); err != nil {
		return fmt.Errorf("release %s: %w", l.Address.Addr(), err)
	}
	if s, ok := t.(*socket); ok {
		s.drain(time.Second)
	}
	return nil
}

func (c *Client) open() (Transport, error) {
	if c.Open != nil {
		return c.Open()
	}
	return Listen(c.Interface)
}
