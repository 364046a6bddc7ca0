package keeper

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"sync/atomic"
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
	ask func(ctx context.Context, who lease.Identity, previous *lease.Lease, moves <-chan dhcp.Move, report func(dhcp.Event))
	// gateway is [probe.Gateway] for that of a lease, wherever it is.
	gateway func(ctx context.Context, l lease.Lease) (net.HardwareAddr, error)
	// recognise is [probe.Recognise].
	recognise func(ctx context.Context, all []probe.Known, silent func()) (int, error)
	// ssid is the network of a Wi-Fi slave; nil where that isn't known.
	ssid func(slave string) []byte

	lent  statedir.Lent
	last  netip.Prefix // the address that was lent last, to this keeper or to the one before
	place place        // for which the lease was last looked after
	// adopted is the last place at which a lease was in force since its network was recognised.
	adopted place
	by      member    // the active slave there
	ifindex int       // of the member that the leaser is for, if it is for one
	since   time.Time // when the place called for another lease; zero when it has one
	// doubted is set when the servers are asked since the gateway isn't the one that
	// it should be. With their answer it is learnt anew how the gateway is recognised.
	doubted bool
	now     standing // how it stands with the servers
	told    standing // how it was reported to
	// ipv6Only and own are for the client, too.
	ipv6Only atomic.Bool
	own      ownMACs

	client   *job            // which asks servers; nil while none is asked
	says     bond.Config     // what is named of who it says it is
	moves    wish[dhcp.Move] // has the client ask whether its lease holds
	events   chan dhcp.Event
	question *job // to a gateway, that is under way
	answers  chan answer
}

// A leaseWish says whether the bond is to have a lease, whether it would do without, and
// where it is.
type leaseWish struct {
	dhcp     bool
	ipv6Only bool // IPv6 alone would do
	place    place
	by       member
	ifindex  int                 // of a member that is leased an address itself; otherwise 0
	own      []bond.HardwareAddr // of this machine
	says     bond.Config         // what is named of who the bond is to servers, and nothing else
}

// A member is the active slave, by which a network is reached.
type member struct {
	name string
	wifi bool
}

// newLeaser is for an interface, the bond's or a member's, whose leases are kept under a name. It begins with
// what an earlier keeper was lent.
func newLeaser(k *Keeper, iface, name string, lent statedir.Lent, reports chan<- []report) *leaser {
	l := &leaser{
		wish: newWish[leaseWish](), reports: reports, log: k.Log, memory: memoryOf(k.Host, name), lent: lent, ifindex: lent.Ifindex,
		gateway: func(ctx context.Context, l lease.Lease) (net.HardwareAddr, error) {
			return probe.Gateway(ctx, iface, l.Address.Addr(), l.Gateway(), nil)
		},
		recognise: func(ctx context.Context, all []probe.Known, silent func()) (int, error) {
			return probe.Recognise(ctx, iface, all, silent)
		},
		ssid: ssid,
	}
	l.ask = func(ctx context.Context, who lease.Identity, previous *lease.Lease, moves <-chan dhcp.Move, report func(dhcp.Event)) {
		client := dhcp.Client{
			Interface: iface, ID: who.ClientID, Hostname: who.Hostname, HardwareAddr: who.HardwareAddr,
			IPv6Only: l.ipv6Only.Load, Owner: l.owner(iface),
		}
		client.Run(ctx, previous, moves, report)
	}
	return l
}

// owner asks on the bond who else has an address.
func (l *leaser) owner(bond string) func(context.Context, netip.Addr) net.HardwareAddr {
	return func(ctx context.Context, addr netip.Addr) net.HardwareAddr {
		mac, err := probe.Owner(ctx, bond, addr, l.own.has)
		if err != nil && !errors.Is(err, probe.ErrSilent) && ctx.Err() == nil {
			l.log.Info("find out whether the address is free", "error", err)
		}
		return mac
	}
}

// Run looks after the lease until ctx ends. The lease stays as it is then.
func (l *leaser) Run(ctx context.Context) error {
	l.events, l.answers = make(chan dhcp.Event), make(chan answer)
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
	l.own.set(w.own)
	l.spare(ctx, w.ipv6Only)
	if l.client != nil && !reflect.DeepEqual(l.says, w.says) {
		l.stop() // it goes on under another name
	}
	l.says, l.by = w.says, w.by
	l.replaced(ctx, w.ifindex)
	switch {
	case !w.dhcp:
		l.drop(ctx)
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

// replaced begins anew where the member is another link by the same name: what was lent over the old one went with it.
func (l *leaser) replaced(ctx context.Context, ifindex int) {
	was := l.ifindex
	if ifindex == 0 || ifindex == was {
		return
	}
	l.ifindex = ifindex
	if was != 0 {
		l.drop(ctx)
	}
}

// drop ends the client and what was lent.
func (l *leaser) drop(ctx context.Context) {
	l.stop()
	l.now = standing{}
	if l.lent.Lease != nil {
		l.lent = statedir.Lent{}
		l.tell(ctx, l.lent)
	}
	l.tell(ctx)
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
	moves, who := newWish[dhcp.Move](), identity(remembered, l.says)
	l.place, l.since, l.moves = at, time.Now(), moves
	l.client = begin(ctx, func(ctx context.Context) {
		l.ask(ctx, who, previous, moves, func(e dhcp.Event) { send(ctx, l.events, e) })
	})
	if l.lent.Lease == nil {
		l.look(ctx, l.visited(), true)
	}
}

// stop ends the client. The lease stays as it is.
func (l *leaser) stop() {
	l.question.stop()
	l.client.stop()
	l.client = nil
}
