package keeper

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// A gatewayAnswer is what a lease's gateway says, when it is asked how it is
// recognised or, if it is known, whether it is there.
type gatewayAnswer struct {
	gateway netip.Addr
	known   bool
	mac     net.HardwareAddr
	err     error
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
