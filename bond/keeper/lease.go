package keeper

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/probe"
)

// dhcpTrouble is what a lease's troubles are noted under.
const dhcpTrouble = "dhcp"

// A leaser has DHCP lend the bond an address for as long as that is wanted, and
// sees to it that the lease is right for the path that the bond sends by.
type leaser struct {
	watch  *watch
	client *client // nil while nobody is asked
	path   bond.Path
	slept  bool // the machine did, since anybody was asked
	// since is when the path called for another lease; zero when it has one.
	since time.Time
	last  netip.Prefix // that was lent
	// doubted: the servers were asked since the lease was had, for the gateway
	// wasn't the one that it should be. How that is recognised is then learnt
	// anew, and on a path on which the lease was confirmed.
	doubted, learn bool
	unsaved        func() error       // notes what couldn't be noted
	ask            context.CancelFunc // ends the question to a gateway that is under way
}

// client is a DHCP client at work.
type client struct {
	confirm chan struct{}
	stop    context.CancelFunc
	ended   sync.WaitGroup
}

// tend starts and stops the client, and has the lease confirmed on a new path.
func (l *leaser) tend(ctx context.Context, c bond.Config, path bond.Path) error {
	h := l.watch.keeper.Host
	lease, err := h.Lease(c.Name)
	if err != nil {
		return err
	}
	switch {
	case !c.WantsDHCP():
		l.stop()
		l.watch.trouble(dhcpTrouble, "")
		if lease != nil {
			return h.SetLease(ctx, c.Name, nil)
		}
		return nil
	case l.client == nil && path.Usable():
		err = l.start(ctx, c.Name, path)
	case l.client == nil:
	case !path.Usable() && lease == nil:
		l.stop() // there is nobody to ask
	case path.Usable() && path != l.path:
		l.path, l.since = path, time.Now()
		l.check(ctx, lease)
	}
	if lease != nil && l.learn && path.Usable() {
		l.recognise(ctx, *lease)
	}
	return err
}

// start begins to ask, for what is in force or was in an earlier life.
func (l *leaser) start(ctx context.Context, name string, path bond.Path) error {
	h := l.watch.keeper.Host
	remembered, err := recall(h, name)
	if err != nil {
		l.watch.keeper.Log.Warn("recall the lease", "error", err)
	}
	previous, err := h.Lease(name)
	if err != nil {
		return err
	}
	if previous == nil {
		previous = remembered.Lease
	} else {
		l.last = previous.Address
	}
	l.path, l.since, l.slept = path, time.Now(), false
	hostname, _ := os.Hostname()
	asks := dhcp.Client{Interface: name, ID: remembered.ClientID, Hostname: hostname}
	ctx, stop := context.WithCancel(ctx)
	c := &client{confirm: make(chan struct{}, 1), stop: stop}
	c.ended.Go(func() {
		asks.Run(ctx, toDHCP(previous), c.confirm, func(e dhcp.Event) {
			l.watch.post(ctx, func(ctx context.Context) { l.handle(ctx, e) })
		})
	})
	l.client = c
	return nil
}

// stop ends the client. The lease stays as it is.
func (l *leaser) stop() {
	l.hush()
	if l.client != nil {
		l.client.stop()
		l.client.ended.Wait()
		l.client = nil
	}
}

// hush ends a question to a gateway that is under way.
func (l *leaser) hush() {
	if l.ask != nil {
		l.ask()
		l.ask = nil
	}
}

// check finds out whether the lease holds on a new path: it does if the gateway
// answers there (RFC 4436), and otherwise its servers are asked. They are in any
// case after a sleep, in which the client's timers stood still: it has to see
// how much time is left.
func (l *leaser) check(ctx context.Context, lease *bond.Lease) {
	l.hush()
	if l.slept || lease == nil || lease.GatewayMAC == nil {
		l.confirm()
		return
	}
	l.askGateway(ctx, *lease, net.HardwareAddr(lease.GatewayMAC), func(ctx context.Context, _ net.HardwareAddr, err error) {
		if err != nil {
			l.watch.keeper.Log.Info("ask the gateway on the new path", "gateway", lease.Gateway(), "error", err)
			l.confirm()
			return
		}
		l.since = time.Time{}
		if l.watch.troubles[dhcpTrouble] != "" {
			l.confirm() // the gateway is there; is the server?
		}
	})
}

// confirm has the servers asked on the path of now.
func (l *leaser) confirm() {
	l.doubted, l.slept = true, false
	if l.client == nil {
		return
	}
	select {
	case l.client.confirm <- struct{}{}:
	default: // it has been told
	}
}

// askGateway asks a lease's gateway in the background, and has answer run.
func (l *leaser) askGateway(ctx context.Context, lease bond.Lease, mac net.HardwareAddr, answer func(context.Context, net.HardwareAddr, error)) {
	l.hush()
	ctx, l.ask = context.WithCancel(ctx)
	go func() {
		mac, err := probe.Gateway(ctx, l.watch.keeper.Name, lease.Address.Addr(), lease.Gateway(), mac)
		l.watch.post(ctx, func(ctx context.Context) { answer(ctx, mac, err) })
	}()
}

// recognise learns how the gateway of a new lease is told from another
// network's of the same address.
func (l *leaser) recognise(ctx context.Context, lease bond.Lease) {
	l.learn = false
	if !lease.Gateway().Is4() {
		return
	}
	l.askGateway(ctx, lease, nil, func(ctx context.Context, mac net.HardwareAddr, err error) {
		if err != nil {
			l.watch.keeper.Log.Info("learn the gateway's address", "gateway", lease.Gateway(), "error", err)
			return
		}
		k := l.watch.keeper
		if err := k.Host.SetGatewayMAC(ctx, k.Name, bond.HardwareAddr(mac)); err != nil {
			k.Log.Error("note the gateway's address", "error", err)
		}
	})
}

// handle does what a client's event asks for. The look after it puts the lease
// to use.
func (l *leaser) handle(ctx context.Context, e dhcp.Event) {
	switch e.Kind {
	case dhcp.Bound, dhcp.Renewed:
		l.bind(ctx, fromDHCP(e.Lease))
	case dhcp.Lost:
		l.keep(ctx, nil)
		if e.Lease.Address == l.last { // and not one of an earlier life alone
			l.happened(l.last, netip.Prefix{}, e.Reason.Error())
		}
	case dhcp.Silent:
		words := e.Reason.Error()
		k := l.watch.keeper
		// The client may hold one of an earlier life, which isn't in force.
		if lease, _ := k.Host.Lease(k.Name); lease != nil {
			words += fmt.Sprintf("; %s holds until %s", lease.Address.Addr(), lease.Expiry.Local().Format(time.DateTime))
		}
		l.watch.trouble(dhcpTrouble, words)
	}
}

// bind takes a lease.
func (l *leaser) bind(ctx context.Context, lease *bond.Lease) {
	before, _ := l.watch.keeper.Host.Lease(l.watch.keeper.Name)
	same := before != nil && before.Address == lease.Address && before.Gateway() == lease.Gateway()
	if same && !l.doubted {
		lease.GatewayMAC = before.GatewayMAC
	}
	l.learn, l.doubted = lease.GatewayMAC == nil, false
	l.keep(ctx, lease)
	l.watch.trouble(dhcpTrouble, "")
	if before == nil || before.Address != lease.Address {
		words := "from " + lease.Server.String()
		if l.last.IsValid() && l.last != lease.Address {
			words += "; it is another one than " + l.last.Addr().String() + ", whose connections could not be kept"
		}
		from := netip.Prefix{}
		if before != nil {
			from = before.Address
		}
		l.happened(from, lease.Address, words)
	}
	l.last, l.since = lease.Address, time.Time{}
}

// happened tells of the lease in the history.
func (l *leaser) happened(from, to netip.Prefix, words string) {
	e := bond.Event{Event: bond.EventLease, Message: &words}
	if from.IsValid() {
		e.From = new(from.String())
	}
	if to.IsValid() {
		e.To = new(to.String())
		if !l.since.IsZero() {
			e.SwitchMS = new(int(time.Since(l.since).Milliseconds()))
		}
	}
	l.watch.happened(e)
}
