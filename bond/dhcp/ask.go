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
	rapid   bool       // a server may commit a lease at once (RFC 4039)
	server  netip.Addr // the only one that may answer; zero for any
	waives  bool       // whether the network would rather have no IPv4 may be asked, too
	pauses  iter.Seq[time.Duration]
}

// An answer is a lease, and the kind of message that brought it.
type answer struct {
	lease.Lease

	kind dhcpv4.MessageType
}

var (
	errConfirm   = errors.New("the path has changed")
	errStray     = errors.New("no answer to this question")
	errMalformed = errors.New("it is malformed")
)

// unansweredError is why a question has no answer yet.
type unansweredError struct{ reason error }

func (e *unansweredError) Error() string { return e.reason.Error() }

// ask sends a question and others beside it, and again after each of its pauses, until one of
// them is answered. The error is [ErrSilent] when its pauses are over, errConfirm, a
// [*RefusedError], a [*waivedError] or the context's.
func (s *session) ask(ctx context.Context, q question, beside ...question) (answer, error) {
	start, all := s.clock.now(), append([]question{q}, beside...)
	for pause := range q.pauses {
		for _, q := range all {
			if q.waives {
				q.message.UpdateOption(s.client.requested())
			}
			q.message.NumSeconds = uint16(min((s.clock.now()-start)/time.Second, math.MaxUint16))
		}
		a, err := s.try(ctx, all, pause)
		unanswered, ok := errors.AsType[*unansweredError](err)
		if !ok {
			return a, err
		}
		s.say(unanswered.reason)
	}
	return answer{}, ErrSilent
}

// try sends questions once, through a transport of their own, and waits for the first
// answer. The error is ask's, or an [*unansweredError] after the pause.
func (s *session) try(ctx context.Context, all []question, pause time.Duration) (answer, error) {
	end, stop := s.clock.timer(pause)
	defer stop()
	sent := s.clock.now()
	var messages <-chan []byte
	var failed <-chan error
	t, why := s.send(all...)
	if why == nil {
		var stop func()
		messages, failed, stop = receive(t)
		defer stop()
	}
	var offer *answer // of another address than the one that is held, which may still be confirmed
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return answer{}, ctx.Err()
		case m := <-s.moves:
			return answer{}, s.moved(m)
		case <-settled:
			return *offer, nil
		case <-end:
			return answer{}, &unansweredError{cmp.Or(why, ErrSilent)}
		case why = <-failed:
		case message := <-messages:
			// By Go's time alone a sleep since the question wouldn't count.
			i, a, err := judge(all, message, time.Now().Add(sent-s.clock.now()))
			switch {
			case err == nil && len(all) > 1 && s.rivals(a):
				if offer == nil {
					left, stop := s.clock.timer(graceTime - (s.clock.now() - sent))
					defer stop()
					offer, settled = &a, left
					s.inquire(ctx, a.Address.Addr())
				}
			case err == nil || isAnswer(err):
				return a, err
			case i == 0 && !errors.Is(err, errStray):
				why = err // what comes of the others is of no interest yet
			}
		}
	}
}

// rivals says whether a lease would have the one that is held given up.
func (s *session) rivals(a answer) bool {
	return s.held != nil && a.Address.Addr() != s.held.Address.Addr()
}

// judge reads a message that may be the answer to one of several questions, and says to which.
func judge(all []question, message []byte, sent time.Time) (i int, a answer, err error) {
	for i = range all {
		if a, err = all[i].judge(message, sent); !errors.Is(err, errStray) {
			break
		}
	}
	return i, a, err
}

// send opens a transport and sends questions. Where the lease's address is gone from the
// interface, or a server can't be reached, all are asked instead.
func (s *session) send(all ...question) (Transport, error) {
	t, err := s.client.open()
	if err != nil {
		return nil, err
	}
	for _, q := range all {
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
	}
	return t, nil
}

// judge reads a message that came after the question was sent. The error is
// errStray if it is none of its answers, a [*RefusedError] or a [*waivedError], or
// says why it can't be used.
func (q question) judge(message []byte, sent time.Time) (answer, error) {
	if len(message) < 8 || !bytes.Equal(message[4:8], q.message.TransactionID[:]) {
		return answer{}, errStray
	}
	m, err := dhcpv4.FromBytes(message)
	if err != nil {
		return answer{}, unusable(errMalformed)
	}
	if m.OpCode != dhcpv4.OpcodeBootReply || !bytes.Equal(m.ClientHWAddr, q.message.ClientHWAddr) {
		return answer{}, errStray
	}
	server, _ := hostAddr(m.ServerIdentifier())
	if q.server.IsValid() && server != q.server {
		return answer{}, errStray
	}
	kind := m.MessageType()
	committed := q.rapid && kind == dhcpv4.MessageTypeAck && m.Options.Has(dhcpv4.OptionRapidCommit)
	switch {
	case kind == dhcpv4.MessageTypeNak && q.answer == dhcpv4.MessageTypeAck && server.IsValid():
		return answer{}, &RefusedError{Server: server, Message: m.Message()}
	case kind != q.answer && !committed:
		return answer{}, errStray
	}
	if wait, ok := readIPv6Only(m); ok && q.message.ParameterRequestList().Has(dhcpv4.OptionIPv6OnlyPreferred) {
		return answer{}, &waivedError{wait}
	}
	l, err := readLease(m, sent)
	if err != nil {
		return answer{}, unusable(err)
	}
	return answer{l, kind}, nil
}

// isAnswer says whether an error of judge's is an answer, though not a lease.
func isAnswer(err error) bool {
	_, refused := errors.AsType[*RefusedError](err)
	_, waived := errors.AsType[*waivedError](err)
	return refused || waived
}

func unusable(err error) error { return fmt.Errorf("a DHCP server's answer can't be used: %w", err) }
