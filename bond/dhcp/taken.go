package dhcp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/bondctl/bondctl/bond/lease"
)

// declinePause is how long a client waits at least before it asks again once it has
// declined an address (RFC 2131 section 3.1, 5).
const declinePause = 10 * time.Second

// TakenError says that a server has lent an address which somebody else has, and that
// it was declined.
type TakenError struct {
	Address netip.Addr
	Owner   net.HardwareAddr
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("%s is used by %s, and was declined", e.Address, e.Owner)
}

// take takes a lease, unless its address is another one than before and somebody else
// has it.
func (s *session) take(ctx context.Context, a answer) state {
	l := a.Lease
	addr := l.Address.Addr()
	if s.client.Owner == nil || s.held != nil && s.held.Address.Addr() == addr {
		return s.bind(l)
	}
	mac, err := s.owner(ctx, addr)
	switch {
	case err != nil:
		return s.turn(ctx, err, s.selecting)
	case mac != nil:
		return s.decline(l, mac)
	}
	return s.bind(l)
}

// An inquiry is asking who has an address, in the background.
type inquiry struct {
	addr   netip.Addr
	answer chan net.HardwareAddr
	end    func() // and waits until it has
}

// inquire begins to ask who has an address that is offered: the answer takes longer than the server's.
func (s *session) inquire(ctx context.Context, addr netip.Addr) {
	if s.client.Owner == nil || s.inquiry != nil && s.inquiry.addr == addr || s.held != nil && s.held.Address.Addr() == addr {
		return
	}
	s.endInquiry()
	ctx, cancel := context.WithCancel(ctx)
	answer := make(chan net.HardwareAddr, 1)
	var asking sync.WaitGroup
	asking.Go(func() { answer <- s.client.Owner(ctx, addr) })
	s.inquiry = &inquiry{addr, answer, func() { cancel(); asking.Wait() }}
}

// endInquiry ends the inquiry, if there is one.
func (s *session) endInquiry() {
	if s.inquiry != nil {
		s.inquiry.end()
		s.inquiry = nil
	}
}

// owner asks who has an address, unless that is being asked. The error is errConfirm or the context's.
func (s *session) owner(ctx context.Context, addr netip.Addr) (net.HardwareAddr, error) {
	s.inquire(ctx, addr)
	defer s.endInquiry()
	select {
	case m := <-s.moves:
		return nil, s.moved(m)
	case mac := <-s.inquiry.answer:
		return mac, ctx.Err()
	}
}

// decline tells the server that somebody else has the address (RFC 2131 section 4.4.4).
// Should the message be lost, the address is offered once more, and declined.
func (s *session) decline(l lease.Lease, owner net.HardwareAddr) state {
	taken := &TakenError{Address: l.Address.Addr(), Owner: owner}
	if t, err := s.send(question{message: s.client.decline(l, taken)}); err == nil {
		t.Close()
	}
	s.refuse()
	s.declined = true
	s.say(taken)
	return s.selecting
}
