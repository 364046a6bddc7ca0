package keeper

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/lease"
)

// A standing is how it stands with the servers.
type standing struct {
	asking  statedir.Asking
	reason  string // why there was no answer
	trouble string // that, and what holds all the same; "" while it is no trouble
	silent  bool   // the trouble is that nobody answers
}

// spare notes whether IPv6 alone would do. Once it doesn't any more, servers are asked
// at once, as they may be seldom by now.
func (l *leaser) spare(ctx context.Context, ipv6Only bool) {
	missed := l.ipv6Only.Swap(ipv6Only) && !ipv6Only
	if missed && l.client != nil && l.lent.Lease == nil {
		l.confirm()
	}
	l.tell(ctx)
}

// tell reports how it stands with the servers, where that is new, and other news. While
// IPv6 alone would do nobody misses them.
func (l *leaser) tell(ctx context.Context, news ...report) {
	now := l.now
	if l.ipv6Only.Load() {
		now.asking = statedir.Asking{}
		if now.silent {
			now.trouble = ""
		}
	}
	var all []report
	if now.asking != l.told.asking {
		all = append(all, now.asking)
	}
	if now.trouble != l.told.trouble {
		all = append(all, statedir.Trouble{Source: statedir.SourceDHCP, Text: now.trouble})
	}
	l.told = now
	if all = append(all, news...); all != nil {
		send(ctx, l.reports, all)
	}
}

// handle does what a client's event asks for.
func (l *leaser) handle(ctx context.Context, e dhcp.Event) {
	switch e.Kind {
	case dhcp.Bound, dhcp.Renewed:
		l.bind(ctx, *e.Lease)
	case dhcp.Lost:
		l.lent = statedir.Lent{}
		l.forget(e)
		if l.now.trouble != "" {
			l.now.trouble = l.now.reason // what was lent holds no longer
		}
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
		l.now.reason = e.Reason.Error()
		text := l.now.reason
		// The client may hold one of an earlier life, which isn't in force.
		if held, _ := l.lent.Now(); held != nil {
			text += fmt.Sprintf("; %s holds until %s", held.Address.Addr(), held.Expiry.Local().Format(time.DateTime))
		}
		l.now.trouble, l.now.silent = text, errors.Is(e.Reason, dhcp.ErrSilent)
		l.tell(ctx)
	case dhcp.Waived:
		l.log.Info("ask for an IPv4 address", "answer", e.Reason)
		l.now = standing{}
		l.tell(ctx)
	}
}

// bind takes a lease, and learns how its gateway is told from another network's of
// the same address.
func (l *leaser) bind(ctx context.Context, taken lease.Lease) {
	before, _ := l.lent.Now()
	known := l.lent.GatewayMAC
	l.lent = statedir.NewLent(taken)
	l.lent.Ifindex = l.ifindex
	if before != nil && before.Address == taken.Address && before.Gateway() == taken.Gateway() && !l.doubted {
		l.lent.GatewayMAC = known
	}
	if err := l.memory.remember(taken); err != nil {
		l.log.Warn("remember the lease", "error", err)
	}
	news := []report{l.lent}
	if before == nil || before.Address != taken.Address {
		news = append(news, l.another(before, taken, "from "+taken.Server.String()))
	}
	l.last, l.since, l.doubted, l.now = taken.Address, time.Time{}, false, standing{}
	l.tell(ctx, news...)
	switch {
	case !taken.Gateway().Is4():
	case l.lent.GatewayMAC == nil:
		l.learn(ctx)
	default:
		l.visit() // until when the lease holds is new
	}
}

// another tells of a lease of another address than before.
func (l *leaser) another(before *lease.Lease, taken lease.Lease, text string) bond.Event {
	if l.last.IsValid() && l.last != taken.Address {
		text += "; it is another one than " + l.last.Addr().String() + ", whose connections could not be kept"
	}
	from := netip.Prefix{}
	if before != nil {
		from = before.Address
	}
	return l.event(from, taken.Address, text)
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
