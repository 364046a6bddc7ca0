package dhcp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/bondctl/bondctl/bond/lease"
)

// question is a message and what would answer it.
type question struct {
	message *dhcpv4.DHCPv4
	from    netip.Addr // zero while the interface may have no address
	to      netip.Addr // zero for all servers
	answer  dhcpv4.MessageType
	server  netip.Addr // the only one that may answer; zero for any
	waives  bool       // whether the network would rather have no IPv4 may be asked, too
	pauses  iter.Seq[time.Duration]
}

var (
	errConfirm   = errors.New("the path has changed")
	errStray     = errors.New("no answer to this question")
	errMalformed = errors.New("it is malformed")
)

// unansweredError is why a question has no answer yet.
type unansweredError struct{ reason error }

func (e *unansweredError) Error() string { return e.reason.Error() }

// ask sends a question, and again after each of its pauses, until it is
// answered. The error is [ErrSilent] when its pauses are over, errConfirm, a
// [*RefusedError], a [*waivedError] or the context's.
func (s *session) ask(ctx context.Context, q question) (lease.Lease, error) {
	start := s.clock.now()
	for pause := range q.pauses {
		if q.waives {
			q.message.UpdateOption(s.client.requested())
		}
		q.message.NumSeconds = uint16(min((s.clock.now()-start)/time.Second, math.MaxUint16))
		l, err := s.try(ctx, q, pause)
		unanswered, ok := errors.AsType[*unansweredError](err)
		if !ok {
			return l, err
		}
		s.say(unanswered.reason)
	}
	return lease.Lease{}, ErrSilent
}

// try sends a question once, through a transport of its own, and waits for the
// answer. The error is ask's, or an [*unansweredError] after the pause.
func (s *session) try(ctx context.Context, q question, pause time.Duration) (lease.Lease, error) {
	end, stop := s.clock.timer(pause)
	defer stop()
	sent := s.clock.now()
	var messages <-chan []byte
	var failed <-chan error
	t, why := s.send(q)
	if why == nil {
		var stop func()
		messages, failed, stop = receive(t)
		defer stop()
	}
	for {
		select {
		case <-ctx.Done():
			return lease.Lease{}, ctx.Err()
		case <-s.confirm:
			return lease.Lease{}, errConfirm
		case <-end:
			return lease.Lease{}, &unansweredError{cmp.Or(why, ErrSilent)}
		case why = <-failed:
		case message := <-messages:
			// By Go's time alone a sleep since the question wouldn't count.
			l, err := q.judge(message, time.Now().Add(sent-s.clock.now()))
			if err == nil || isAnswer(err) {
				return l, err
			}
			if !errors.Is(err, errStray) {
				why = err
			}
		}
	}
}

// send opens a transport and sends the question. Where the lease's address is
// gone from the interface, or a server can't be reached, all are asked instead.
func (s *session) send(q question) (Transport, error) {
	t, err := s.client.open()
	if err != nil {
		return nil, err
	}
	if err = s.client.address(q.message, t); err == nil {
		err = t.Send(q.message.ToBytes(), q.from, q.to)
		if err != nil && q.from.IsValid() {
			err = t.Send(q.message.ToBytes(), netip.Addr{}, netip.Addr{})
		}
	}
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// judge reads a message that came after the question was sent. The error is
// errStray if it is none of its answers, a [*RefusedError] or a [*waivedError], or
// says why it can't be used.
func (q question) judge(message []byte, sent time.Time) (lease.Lease, error) {
	if len(message) < 8 || !bytes.Equal(message[4:8], q.message.TransactionID[:]) {
		return lease.Lease{}, errStray
	}
	m, err := dhcpv4.FromBytes(message)
	if err != nil {
		return lease.Lease{}, unusable(errMalformed)
	}
	if m.OpCode != dhcpv4.OpcodeBootReply || !bytes.Equal(m.ClientHWAddr, q.message.ClientHWAddr) {
		return lease.Lease{}, errStray
	}
	server, _ := hostAddr(m.ServerIdentifier())
	if q.server.IsValid() && server != q.server {
		return lease.Lease{}, errStray
	}
	switch kind := m.MessageType(); {
	case kind == dhcpv4.MessageTypeNak && q.answer == dhcpv4.MessageTypeAck && server.IsValid():
		return lease.Lease{}, &RefusedError{Server: server, Message: m.Message()}
	case kind != q.answer:
		return lease.Lease{}, errStray
	}
	if wait, ok := readIPv6Only(m); ok && q.message.ParameterRequestList().Has(dhcpv4.OptionIPv6OnlyPreferred) {
		return lease.Lease{}, &waivedError{wait}
	}
	l, err := readLease(m, sent)
	if err != nil {
		return lease.Lease{}, unusable(err)
	}
	return l, nil
}

// isAnswer says whether an error of judge's is an answer, though not a lease.
func isAnswer(err error) bool {
	_, refused := errors.AsType[*RefusedError](err)
	_, waived := errors.AsType[*waivedError](err)
	return refused || waived
}

func unusable(err error) error { return fmt.Errorf("a DHCP server's answer can't be used: %w", err) }
