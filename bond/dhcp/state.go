package dhcp

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/bondctl/bondctl/bond/lease"
)

// session is a running client: the states of RFC 2131 section 4.4 and what they
// share.
type session struct {
	client *Client
	clock  clock
	moves  <-chan Move
	report func(Event)

	held     *held         // nil without a lease
	move     Move          // the last one, until it is acted upon
	wish     netip.Addr    // to be asked for in a DHCPDISCOVER
	refusals int           // since the last lease
	declined bool          // the last one was the client's
	said     string        // the last reason for silence
	since    time.Duration // when there was reason to ask, by the clock
	asked    *Event        // the last one of the kind Asking, since then
	inquiry  *inquiry      // under way; nil for none
}

// A state does what it is there for and returns the next one; nil is the end.
type state func(context.Context) state

// recall takes up a lease from before.
func (s *session) recall(previous *lease.Lease) {
	if previous == nil {
		return
	}
	if addr := previous.Address.Addr(); addr.Is4() {
		s.wish = addr
	}
	if inForce(previous, time.Now()) {
		s.held = hold(*previous, s.clock)
	}
}

// begin is where a client starts, and starts again on another path.
func (s *session) begin(context.Context) state {
	s.endInquiry()
	s.refusals, s.declined = 0, false
	move := s.move
	s.move = Move{}
	s.recall(move.Lease)
	s.restart()
	switch {
	case s.held == nil:
		return s.selecting
	case s.left(s.held.Expiry) <= 0:
		return s.lose(ErrExpired)
	case move.Foreign:
		return s.contesting
	}
	return s.rebooting
}

// rebooting asks whether the lease holds on this path (RFC 2131 section 3.2). A
// server that doesn't know it says nothing (section 4.3.2), so silence is no reason
// to wait for long.
func (s *session) rebooting(ctx context.Context) state {
	s.asks(&s.held.Lease)
	asking, cancel := s.holding(ctx)
	defer cancel()
	l, err := s.ask(asking, s.reboot(once(aloneTime)))
	if err != nil {
		return s.turn(ctx, err, s.contesting)
	}
	return s.take(ctx, l)
}

// reboot is the question whether the lease holds.
func (s *session) reboot(pauses iter.Seq[time.Duration]) question {
	return question{message: s.client.reboot(s.held.Address.Addr()), answer: dhcpv4.MessageTypeAck, pauses: pauses}
}

// contesting asks whether the lease holds and, beside that, any server for one. The first
// good answer wins.
func (s *session) contesting(ctx context.Context) state {
	s.asks(&s.held.Lease)
	asking, cancel := s.holding(ctx)
	defer cancel()
	reboot, discover := s.reboot(rebootPauses), s.discover(nil)
	l, err := s.ask(asking, reboot, discover)
	if err != nil {
		return s.turn(ctx, err, s.selecting)
	}
	if l.kind == dhcpv4.MessageTypeOffer {
		return s.choose(ctx, l, discover)
	}
	return s.take(ctx, l)
}

// discover is the question for any lease.
func (s *session) discover(pauses iter.Seq[time.Duration]) question {
	return question{
		message: s.client.discover(s.wish),
		answer:  dhcpv4.MessageTypeOffer,
		rapid:   true,
		waives:  s.held == nil, // whoever has an address keeps it
		pauses:  pauses,
	}
}

// selecting asks any server for a lease and takes the first that is offered
// (RFC 2131 section 3.1), with or without one in hand.
func (s *session) selecting(ctx context.Context) state {
	s.asks(nil)
	asking, cancel := s.holding(ctx)
	defer cancel()
	if err := s.rest(asking); err != nil {
		return s.turn(ctx, err, s.selecting)
	}
	discover := s.discover(s.client.seldom())
	l, err := s.ask(asking, discover)
	if waived, ok := errors.AsType[*waivedError](err); ok {
		return s.waiving(waived.wait)
	}
	if err != nil {
		return s.turn(ctx, err, s.selecting)
	}
	if l.kind == dhcpv4.MessageTypeOffer {
		return s.choose(ctx, l, discover)
	}
	return s.take(ctx, l)
}

// choose asks for the lease that was offered.
func (s *session) choose(ctx context.Context, offer answer, discover question) state {
	asking, cancel := s.holding(ctx)
	defer cancel()
	s.inquire(ctx, offer.Address.Addr())
	l, err := s.ask(asking, question{
		message: s.client.choose(offer.Lease, discover.message.TransactionID),
		answer:  dhcpv4.MessageTypeAck,
		server:  offer.Server,
		pauses:  doubling(requestTries),
	})
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		// What is refused is the offer. A lease in hand is from another server.
		s.refuse()
		s.say(refused)
		return s.selecting
	}
	if err != nil {
		return s.turn(ctx, err, s.selecting)
	}
	return s.take(ctx, l)
}

// bound waits until there is something to ask.
func (s *session) bound(ctx context.Context) state {
	if err := s.wait(ctx, s.left(s.held.T1)); err != nil {
		return s.turn(ctx, err, s.bound)
	}
	return s.renewing
}

// renewing asks the lease's server for more time, until T2.
func (s *session) renewing(ctx context.Context) state {
	return s.extend(ctx, s.held.Server, s.held.T2, s.rebinding)
}

// rebinding asks any server for more time, until the lease expires.
func (s *session) rebinding(ctx context.Context) state {
	return s.extend(ctx, netip.Addr{}, s.held.Expiry, s.begin)
}

// extend asks a server, or all, for more time until then (RFC 2131 section
// 4.4.5), which may have been while the machine slept.
func (s *session) extend(ctx context.Context, server netip.Addr, then time.Time, silent state) state {
	left := func() time.Duration { return s.left(then) }
	if left() <= 0 {
		return silent
	}
	s.restart()
	asking, cancel := within(ctx, s.clock, left())
	defer cancel()
	addr := s.held.Address.Addr()
	l, err := s.ask(asking, question{
		message: s.client.renew(addr),
		from:    addr,
		to:      server,
		server:  server,
		answer:  dhcpv4.MessageTypeAck,
		pauses:  halving(left),
	})
	if err != nil {
		return s.turn(ctx, err, silent)
	}
	return s.take(ctx, l)
}

// turn is the state after a question that brought no lease.
func (s *session) turn(ctx context.Context, err error, silent state) state {
	refused, ok := errors.AsType[*RefusedError](err)
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, errConfirm):
		return s.begin
	case ok:
		s.refuse()
		return s.lose(refused)
	case s.held != nil && s.left(s.held.Expiry) <= 0:
		return s.lose(ErrExpired)
	}
	s.say(ErrSilent)
	return silent
}

// bind takes a lease.
func (s *session) bind(l lease.Lease) state {
	kind := Bound
	if s.held != nil && s.held.Address == l.Address {
		kind = Renewed
	}
	s.held, s.wish = hold(l, s.clock), l.Address.Addr()
	s.refusals, s.declined = 0, false
	s.restart()
	s.report(Event{Kind: kind, Lease: &l})
	return s.bound
}

// lose gives a lease up, and has another one asked for.
func (s *session) lose(reason error) state {
	l := s.held.Lease
	s.held = nil
	s.restart()
	s.report(Event{Kind: Lost, Lease: &l, Reason: reason})
	return s.selecting
}

// refuse notes that a server refused an address, and wishes for it no more.
func (s *session) refuse() {
	s.refusals++
	s.declined = false
	s.wish = netip.Addr{}
}

// restart begins anew to count how long nobody answers, and to say why.
func (s *session) restart() { s.since, s.said, s.asked = s.clock.now(), "", nil }

// asks reports that servers are asked whether a lease holds or, where that is nil,
// for one.
func (s *session) asks(whether *lease.Lease) {
	e := Event{Kind: Asking, Since: time.Now().Add(s.since - s.clock.now())}
	if whether != nil {
		l := *whether
		e.Lease = &l
	}
	if s.asked == nil || (s.asked.Lease == nil) != (e.Lease == nil) {
		s.asked = &e
		s.report(e)
	}
}

// say reports why there is no answer, unless that has been said since the last
// lease or path, or of this server: in between, whoever listens may have found
// that all is well.
func (s *session) say(reason error) {
	if errors.Is(reason, ErrSilent) && s.clock.now()-s.since < patience {
		return
	}
	if text := reason.Error(); text != s.said {
		s.said = text
		e := Event{Kind: Silent, Reason: reason}
		if s.held != nil {
			l := s.held.Lease
			e.Lease = &l
		}
		s.report(e)
	}
}

// rest waits after repeated refusals, ever longer. The first one is normal, on
// another network, and costs no time, unless it was the client's.
func (s *session) rest(ctx context.Context) error {
	var wait time.Duration
	for wait = range doubling(s.refusals - 1) {
	}
	if s.declined {
		wait = max(wait, declinePause)
	}
	if wait == 0 {
		return nil
	}
	return s.wait(ctx, wait)
}

// wait lets time pass. The error is errConfirm or the context's.
func (s *session) wait(ctx context.Context, d time.Duration) error {
	due, stop := s.clock.timer(d)
	defer stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case m := <-s.moves:
		return s.moved(m)
	case <-due:
		return nil
	}
}

// moved notes that the path has changed, for begin to act upon.
func (s *session) moved(m Move) error {
	s.move = m
	return errConfirm
}

// holding is ctx for as long as the lease in hand, if there is one.
func (s *session) holding(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.held == nil {
		return context.WithCancel(ctx)
	}
	return within(ctx, s.clock, s.left(s.held.Expiry))
}

// left is the time until one of the held lease's times.
func (s *session) left(t time.Time) time.Duration { return s.held.left(t) }
