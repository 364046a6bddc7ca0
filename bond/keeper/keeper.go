// Package keeper keeps a bond as it is wanted while hardware and networks come
// and go.
//
// # Looks
//
// A keeper is level-triggered. Messages of netlink, udev and rfkill, a resume from
// sleep, and signals only wake it. Then it takes a look: it reads what is recorded
// as wanted, and has [bond.Host.Reconcile] make it so, as `up` does. While nothing
// happens it does nothing: it sets no timer but a lease's, one after a failure, and
// one while events are held back.
//
// # Tasks
//
// Beside the bond itself a keeper looks after what a bond lives by: a DHCP lease,
// IPv6 routers, addresses that nobody else has, name servers, and the association of
// Wi-Fi members. Each is a task of its own, for each waits for somebody. One more task decides: it takes the
// looks, and it alone writes down what others are shown. It alone changes the kernel, too, but for one thing
// that can't wait for a look: which slave is active, when that has lost its carrier (package failover).
// After each look it gives every task a wish, of which only the last one counts,
// and takes what they report. No task knows of another one.
//
// # Its end
//
// A keeper that ends, however it ends, leaves everything as it is; another one
// takes over without touching what holds. [TakeDown] ends what is left.
package keeper

import (
	"context"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/resolve"
)

// A Keeper keeps one bond.
type Keeper struct {
	Host *bond.Host
	Name string
	Log  *slog.Logger

	// Resolver gets the bond's name servers; nil where they are nobody's
	// business, as in a network namespace beside the machine's own.
	Resolver *resolve.Resolver

	// Wanted reads what is wanted; nil is nothing new. The keeper calls it at the
	// start, unless Recorded is set, and after each Reload. In between what is
	// recorded holds: what Wanted said last, or what an up has wanted since.
	Wanted   func() (*bond.Wanted, error)
	Recorded bool
	// Reload has Wanted called again; Wake has everything looked at.
	Reload, Wake <-chan struct{}
	// OnEvent, where it is set, is called with each event once it is in the
	// history. The keeper waits for it.
	OnEvent func(bond.Event)
	// Ready is called with what went wrong in the first look, and in each that
	// follows, until one went well: nil comes once and last.
	Ready func(error)
}

// A task does one of the things that a keeper does, until ctx ends.
type task interface {
	Run(ctx context.Context) error
}

// Run keeps the bond until ctx ends or nothing is wanted of it any more. Nothing
// that it started runs when it returns, but for the wpa_supplicants. The error is
// [ErrKept] when another keeper is at work.
func (k *Keeper) Run(ctx context.Context) error {
	r, err := openRecord(statedir.Of(k.Host.StateDir(), k.Name), k.Name, k.Log, k.OnEvent)
	if err != nil {
		return err
	}
	d := newDecider(k, r)
	defer func() { r.close(!d.unwanted) }()
	ctx, end := context.WithCancel(ctx)
	defer end()
	if d.triggers.changes, err = k.Host.Changes(ctx); err != nil {
		return err
	}
	defer drain(end, d.triggers.changes)
	if d.triggers.resumes, err = resumes(ctx); err != nil {
		return err
	}
	defer drain(end, d.triggers.resumes)
	if err := d.failover.open(); err != nil {
		return err
	}
	defer d.failover.close()

	group, ctx := errgroup.WithContext(ctx)
	for _, t := range d.tasks() {
		group.Go(func() error { return t.Run(ctx) })
	}
	group.Go(func() error {
		defer end() // it ends by itself when nothing is wanted any more
		return d.Run(ctx)
	})
	return group.Wait()
}

// drain ends what sends to a channel, and waits until it has.
func drain(end func(), from <-chan struct{}) {
	end()
	for range from {
	}
}
