package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/probe"
	"github.com/bondctl/bondctl/bond/wlan"
)

// An answer comes of a question to gateways: one of those below.
type answer any

// learnt is how the gateway of a lease that was just had is recognised.
type learnt struct {
	gateway netip.Addr
	mac     net.HardwareAddr
	err     error
}

// silence is that none of the known gateways has answered at once.
type silence struct{}

// recognised is which of the known gateways has answered.
type recognised struct {
	network statedir.Visited
	err     error
	asked   bool // servers are, by now
	late    bool // since there was a silence
}

// check finds out what network a new place is: that of the lease, or another one that is known, if
// the gateway answers there (RFC 4436). Otherwise servers are asked. They are in any case after a
// sleep, in which the client's timers stood still: it has to see how much time is left.
func (l *leaser) check(ctx context.Context, slept bool) {
	known := l.visited()
	if held, ok := l.held(); ok {
		known = slices.DeleteFunc(known, held.Same)
		if !slept {
			known = append([]statedir.Visited{held}, known...)
		}
	}
	asked := slept || len(known) == 0
	if asked {
		l.confirm()
	}
	l.look(ctx, known, asked)
}

// held is the network of the lease in force; ok is false where it can't be recognised.
func (l *leaser) held() (v statedir.Visited, ok bool) {
	held, _ := l.lent.Now()
	if held == nil || l.lent.GatewayMAC == nil {
		return statedir.Visited{}, false
	}
	return statedir.Visited{Lease: *held, GatewayMAC: l.lent.GatewayMAC, Member: l.by.name}, true
}

// visited are the networks that are remembered.
func (l *leaser) visited() []statedir.Visited {
	r, err := l.memory.dir.Remembered()
	if err != nil {
		l.log.Warn("recall the networks", "error", err)
	}
	return inForce(r.Visited, time.Now())
}

// look asks in the background which of the known networks this is. Where it is none, servers
// are asked, unless they have been already.
func (l *leaser) look(ctx context.Context, known []statedir.Visited, asked bool) {
	l.question.stop()
	if len(known) == 0 {
		return
	}
	by := l.by
	l.question = begin(ctx, func(ctx context.Context) {
		possible := known
		if by.wifi {
			possible = onNetwork(known, l.ssid(by.name))
		}
		var all []probe.Known
		for _, v := range possible {
			all = append(all, probe.Known{Own: v.Lease.Address.Addr(), Gateway: v.Lease.Gateway(), MAC: v.GatewayMAC})
		}
		r := recognised{err: probe.ErrSilent, asked: asked}
		if len(all) > 0 {
			var i int
			i, r.err = l.recognise(ctx, all, func() {
				if !r.asked {
					r.asked, r.late = true, true
					send(ctx, l.answers, answer(silence{}))
				}
			})
			r.network = possible[i]
		}
		send(ctx, l.answers, answer(r))
	})
}

// onNetwork are the networks that may be behind an SSID: not those that were reached by another
// one. Two networks of one router may have the same gateway, and yet other leases.
func onNetwork(all []statedir.Visited, ssid []byte) []statedir.Visited {
	return slices.DeleteFunc(slices.Clone(all), func(v statedir.Visited) bool {
		return ssid != nil && v.SSID != nil && !slices.Equal(v.SSID, ssid)
	})
}

// confirm has the servers asked whether the lease holds here.
func (l *leaser) confirm() { l.moved(dhcp.Move{}) }

// foreign has any server asked as well, at once.
func (l *leaser) foreign() { l.moved(dhcp.Move{Foreign: true}) }

// moved has the servers asked, and what the gateway is found out anew.
func (l *leaser) moved(m dhcp.Move) {
	l.doubted = true
	m.Lease, _ = l.lent.Now()
	l.moves.put(m)
}

// learn asks in the background how the gateway of the lease is recognised.
func (l *leaser) learn(ctx context.Context) {
	l.question.stop()
	held := *l.lent.Lease
	l.question = begin(ctx, func(ctx context.Context) {
		mac, err := l.gateway(ctx, held)
		send(ctx, l.answers, answer(learnt{held.Gateway(), mac, err}))
	})
}

// hear takes an answer.
func (l *leaser) hear(ctx context.Context, a answer) {
	switch a := a.(type) {
	case silence:
		l.foreign()
	case recognised:
		l.recognised(ctx, a)
	case learnt:
		switch {
		case a.err != nil:
			l.log.Info("learn the gateway's address", "gateway", a.gateway, "error", a.err)
		case l.lent.Lease != nil && l.lent.Lease.Gateway() == a.gateway:
			l.lent.GatewayMAC = a.mac
			l.visit()
			l.tell(ctx, l.lent)
		}
	}
}

// recognised acts upon what network this is.
func (l *leaser) recognised(ctx context.Context, r recognised) {
	held, _ := l.lent.Now()
	switch {
	case r.err != nil:
		l.log.Info("recognise the network on the new path", "error", r.err)
		if !r.asked {
			l.confirm()
		}
	case held == nil || held.Address != r.network.Lease.Address:
		l.adopt(ctx, r.network)
	default:
		l.since = time.Time{}
		if l.now.trouble != "" || r.late {
			l.confirm() // the gateway is there; is the server?
		}
		l.visit()
	}
}

// adopt has the lease of a network that was recognised in force, and its server asked whether it
// holds.
func (l *leaser) adopt(ctx context.Context, v statedir.Visited) {
	before, _ := l.lent.Now()
	l.lent = statedir.NewLent(v.Lease)
	l.lent.GatewayMAC, l.lent.Ifindex = v.GatewayMAC, l.ifindex
	text := fmt.Sprintf("known here, by the gateway %s at %s", v.Lease.Gateway(), v.GatewayMAC)
	e := l.another(before, v.Lease, text)
	l.last, l.since, l.doubted, l.now = v.Lease.Address, time.Time{}, false, standing{}
	l.adopted = l.place
	l.tell(ctx, l.lent, e)
	l.moves.put(dhcp.Move{Lease: &v.Lease})
	l.visit()
}

// visit remembers the network of the lease in force.
func (l *leaser) visit() {
	v, ok := l.held()
	if !ok {
		return
	}
	if l.by.wifi {
		v.SSID = l.ssid(l.by.name)
	}
	if err := l.memory.visit(v); err != nil {
		l.log.Warn("remember the network", "error", err)
	}
}

// forget drops the network of a lease that was lost there. Another network's server refuses it as well,
// which says nothing of its own.
func (l *leaser) forget(lost dhcp.Event) {
	refused, ok := errors.AsType[*dhcp.RefusedError](lost.Reason)
	if ok && refused.Server != lost.Lease.Server && l.adopted != l.place {
		return
	}
	if err := l.memory.forget(*lost.Lease); err != nil {
		l.log.Warn("forget the network", "error", err)
	}
}

// ssid is the network that a Wi-Fi interface is associated with; nil where that isn't known.
func ssid(slave string) []byte {
	c, err := wlan.Open()
	if err != nil {
		return nil
	}
	defer c.Close()
	stations, err := c.Stations()
	if err != nil {
		return nil
	}
	return stations[slave].SSID
}
