package keeper

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/lease"
	"github.com/bondctl/bondctl/bond/probe"
)

// leaser is the task that has DHCP lend the bond an address for as long as that is
// wanted, and sees to it that the lease is right for the place where the bond is.
type leaser struct {
	wish    wish[leaseWish]
	reports chan<- []report
	log     *slog.Logger
	memory  leaseMemory
	// ask is [dhcp.Client.Run].
	ask func(ctx context.Context, id []byte, previous *lease.Lease, confirm <-chan struct{}, report func(dhcp.Event))
	// gateway is [probe.Gateway] for that of a lease.
	gateway func(ctx context.Context, l lease.Lease, known net.HardwareAddr) (net.HardwareAddr, error)

	lent  statedir.Lent
	last  netip.Prefix // the address that was lent last, to this keeper or to the one before
	place place        // for which the lease was last looked after
	since time.Time    // when the place called for another lease; zero when it has one
	// doubted is set when the servers are asked since the gateway isn't the one that
	// it should be. With their answer it is learnt anew how the gateway is recognised.
	doubted bool
	now     standing // how DHCP stands
	told    standing // how it was reported to

	client   *job          // which asks servers; nil while none is asked
	again    chan struct{} // has the client ask whether its lease holds
	events   chan dhcp.Event
	question *job // to a gateway, that is under way
	answers  chan gatewayAnswer
}

// A leaseWish says whether the bond is to have a lease, and where it is.
type leaseWish struct {
	dhcp  bool
	place place
}

// A standing is how it stands with the servers.
type standing struct {
	asking  statedir.Asking
	trouble string // why there is no answer; "" while that is no trouble
}

// A gatewayAnswer is what a lease's gateway says, when it is asked how it is
// recognised or, if it is known, whether it is there.
type gatewayAnswer struct {
	gateway netip.Addr
	known   bool
	mac     net.HardwareAddr
	err     error
}

// newLeaser begins with what an earlier keeper was lent.
func newLeaser(k *Keeper, lent statedir.Lent, reports chan<- []report) *leaser {
	return &leaser{
		wish: newWish[leaseWish](), reports: reports, log: k.Log, memory: memoryOf(k.Host, k.Name), lent: lent,
		ask: func(ctx context.Context, id []byte, previous *lease.Lease, confirm <-chan struct{}, report func(dhcp.Event)) {
			hostname, _ := os.Hostname()
			client := dhcp.Client{Interface: k.Name, ID: id, Hostname: hostname}
			client.Run(ctx, previous, confirm, report)
		},
		gateway: func(ctx context.Context, l lease.Lease, known net.HardwareAddr) (net.HardwareAddr, error) {
			return probe.Gateway(ctx, k.Name, l.Address.Addr(), l.Gateway(), known)
		},
	}
}

// Run looks after the lease until ctx ends. The lease stays as it is then.
func (l *leaser) Run(ctx context.Context) error {
	l.events, l.answers = make(chan dhcp.Event), make(chan gatewayAnswer)
	defer l.stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-l.wish:
			l.fulfil(ctx, w)
		case e := <-l.events:
			l.handle(ctx, e)
		case a := <-l.answers:
			l.hear(ctx, a)
		}
	}
}

// fulfil starts and stops the client, and has the lease confirmed at a new place.
func (l *leaser) fulfil(ctx context.Context, w leaseWish) {
	switch {
	case !w.dhcp:
		l.stop()
		l.now = standing{}
		if l.lent.Lease != nil {
			l.lent = statedir.Lent{}
			l.tell(ctx, l.lent)
		}
		l.tell(ctx)
	case l.client == nil && w.place.usable():
		l.start(ctx, w.place)
	case l.client == nil:
	case !w.place.usable() && l.lent.Lease == nil:
		l.stop() // there is nobody to ask
		l.now.asking = statedir.Asking{}
		l.tell(ctx)
	case w.place.usable() && w.place != l.place:
		slept := w.place.resumes != l.place.resumes
		l.place, l.since = w.place, time.Now()
		l.check(ctx, slept)
	}
}

// start begins to ask, for what is in force or was in an earlier life.
func (l *leaser) start(ctx context.Context, at place) {
	remembered, err := l.memory.recall()
	if err != nil {
		l.log.Warn("recall the lease", "error", err)
	}
	previous := remembered.Lease
	if held, _ := l.lent.Now(); held != nil {
		previous, l.last = held, held.Address
	} else {
		l.lent = statedir.Lent{}
	}
	again := make(chan struct{}, 1)
	l.place, l.since, l.again = at, time.Now(), again
	l.client = begin(ctx, func(ctx context.Context) {
		l.ask(ctx, remembered.ClientID, previous, again, func(e dhcp.Event) { send(ctx, l.events, e) })
	})
}

// tell reports how it stands with the servers, where that is new, and other news.
func (l *leaser) tell(ctx context.Context, news ...report) {
	var all []report
	if l.now.asking != l.told.asking {
		all = append(all, l.now.asking)
	}
	if l.now.trouble != l.told.trouble {
		all = append(all, statedir.Trouble{Source: statedir.SourceDHCP, Text: l.now.trouble})
	}
	l.told = l.now
	if all = append(all, news...); all != nil {
		send(ctx, l.reports, all)
	}
}

// stop ends the client. The lease stays as it is.
func (l *leaser) stop() {
	l.question.stop()
	l.client.stop()
	l.client = nil
}

// check finds out whether the lease holds at a new place: it does if the gateway
// answers there (RFC 4436), and otherwise its servers are asked. They are in any
// case after a sleep, in which the client's timers stood still: it has to see
// how much time is left.
func (l *leaser) check(ctx context.Context, slept bool) {
	l.question.stop()
	if slept || l.lent.Lease == nil || l.lent.GatewayMAC == nil {
		l.confirm()
		return
	}
	l.askGateway(ctx)
}

// confirm has the servers asked whether the lease holds here.
func (l *leaser) confirm() {
	l.doubted = true
	select {
	case l.again <- struct{}{}:
	default: // it has been told
	}
}

// askGateway asks the lease's gateway in the background.
func (l *leaser) askGateway(ctx context.Context) {
	l.question.stop()
	held, known := *l.lent.Lease, l.lent.GatewayMAC
	l.question = begin(ctx, func(ctx context.Context) {
		mac, err := l.gateway(ctx, held, known)
		send(ctx, l.answers, gatewayAnswer{held.Gateway(), known != nil, mac, err})
	})
}

// hear takes a gateway's answer.
func (l *leaser) hear(ctx context.Context, a gatewayAnswer) {
	switch {
	case a.known && a.err != nil:
		l.log.Info("ask the gateway on the new path", "gateway", a.gateway, "error", a.err)
		l.confirm()
	case a.known:
		l.since = time.Time{}
		if l.now.trouble != "" {
			l.confirm() // the gateway is there; is the server?
		}
	case a.err != nil:
		l.log.Info("learn the gateway's address", "gateway", a.gateway, "error", a.err)
	case l.lent.Lease != nil && l.lent.Lease.Gateway() == a.gateway:
		l.lent.GatewayMAC = a.mac
		l.tell(ctx, l.lent)
	}
}

// handle does what a client's event asks for.
func (l *leaser) handle(ctx context.Context, e dhcp.Event) {
	switch e.Kind {
	case dhcp.Bound, dhcp.Renewed:
		l.bind(ctx, *e.Lease)
	case dhcp.Lost:
		l.lent = statedir.Lent{}
		news := []report{l.lent}
		if e.Lease.Address == l.last { // and not one of an earlier life alone
			news = append(news, l.event(l.last, netip.Prefix{}, e.Reason.Error()))
		}
		l.tell(ctx, news...)
	case dhcp.Asking:
		l.now.asking = statedir.Asking{Since: e.Since}
		if e.Lease != nil {
			l.now.asking.Address = e.Lease.Address.Addr()
		}
		l.tell(ctx)
	case dhcp.Silent:
		text := e.Reason.Error()
		// The client may hold one of an earlier life, which isn't in force.
		if held, _ := l.lent.Now(); held != nil {
			text += fmt.Sprintf("; %s holds until %s", held.Address.Addr(), held.Expiry.Local().Format(time.DateTime))
		}
		l.now.trouble = text
		l.tell(ctx)
	}
}

// bind takes a lease, and learns how its gateway is told from another network's of
// the same address.
func (l *leaser) bind(ctx context.Context, taken lease.Lease) {
	before, _ := l.lent.Now()
	known := l.lent.GatewayMAC
	l.lent = statedir.NewLent(taken)
	if before != nil && before.Address == taken.Address && before.Gateway() == taken.Gateway() && !l.doubted {
		l.lent.GatewayMAC = known
	}
	if err := l.memory.remember(taken); err != nil {
		l.log.Warn("remember the lease", "error", err)
	}
	news := []report{l.lent}
	if before == nil || before.Address != taken.Address {
		text := "from " + taken.Server.String()
		if l.last.IsValid() && l.last != taken.Address {
			text += "; it is another one than " + l.last.Addr().String() + ", whose connections could not be kept"
		}
		from := netip.Prefix{}
		if before != nil {
			from = before.Address
		}
		news = append(news, l.event(from, taken.Address, text))
	}
	l.last, l.since, l.doubted, l.now = taken.Address, time.Time{}, false, standing{}
	l.tell(ctx, news...)
	if l.lent.GatewayMAC == nil && taken.Gateway().Is4() {
		l.askGateway(ctx)
	}
}

// event tells of the lease in the history.
func (l *leaser) event(from, to netip.Prefix, text string) bond.Event {
	e := bond.Event{Time: time.Now(), Event: bond.EventLease, Message: &text}
	if from.IsValid() {
		e.From = new(from.String())
	}
	if to.IsValid() {
		e.To = new(to.String())
		if !l.since.IsZero() {
			e.SwitchMS = new(int(time.Since(l.since).Milliseconds()))
		}
	}
	return e
}
