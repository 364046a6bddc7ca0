package keeper

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/resolve"
)

// namesTrouble is what the troubles of name servers are noted under.
const namesTrouble = "dns"

// names hands the bond's name servers to whoever answers for names here. That
// may be another daemon, which takes its time: it is done in the background.
type names struct {
	watch  *watch
	wish   namesWish // what was last handed over, or is being
	told   namesWish // what the log has
	busy   bool      // until it is, or until it is time to try again
	failed failures
	stop   context.CancelFunc
	ended  sync.WaitGroup
}

// A namesWish is what is to be handed over.
type namesWish struct {
	bond     int // its ifindex: systemd-resolved forgets with the link
	settings resolve.Settings
}

// tend hands over what has changed.
func (n *names) tend(ctx context.Context, c bond.Config, bondIndex int) error {
	k := n.watch.keeper
	if k.Resolver == nil || n.busy || bondIndex == 0 {
		return nil
	}
	lease, err := k.Host.Lease(c.Name)
	if err != nil {
		return err
	}
	wish := namesWish{bond: bondIndex}
	wish.settings.Servers, wish.settings.Domains = c.NameServers(lease)
	if reflect.DeepEqual(wish, n.wish) {
		return nil
	}
	n.wish, n.busy = wish, true
	ctx, n.stop = context.WithCancel(ctx)
	n.ended.Go(func() {
		outcome, err := k.Resolver.Set(ctx, c.Name, wish.settings)
		n.watch.post(ctx, func(now context.Context) { n.done(now, outcome, err) })
	})
	return nil
}

// done notes what came of it. What failed is tried again after a while; what was
// left alone for good reason when somebody asks for a look.
func (n *names) done(ctx context.Context, o resolve.Outcome, err error) {
	n.busy = false
	log := n.watch.keeper.Log
	for _, note := range o.Notes {
		log.Warn("hand over the name servers: " + note)
	}
	switch {
	case errors.Is(err, resolve.ErrEdited):
		log.Warn(err.Error())
		err = nil
	case err != nil:
		n.busy = true
		time.AfterFunc(n.failed.next(), func() {
			n.watch.post(ctx, func(context.Context) { n.wish, n.busy = namesWish{}, false })
		})
	case o.Holder != resolve.Nobody && !reflect.DeepEqual(n.wish, n.told):
		n.told = n.wish
		log.Info("handed over the name servers", "to", o.Holder, "servers", n.wish.settings.Servers)
	}
	if err == nil {
		n.failed = 0
	}
	switch {
	case err != nil:
		n.watch.trouble(namesTrouble, err.Error())
	case o.Holder == resolve.Nobody && len(n.wish.settings.Servers) > 0:
		n.watch.trouble(namesTrouble, strings.Join(o.Notes, "; "))
	default:
		n.watch.trouble(namesTrouble, "")
	}
}

// again has the name servers handed over once more: whoever couldn't take them
// may now.
func (n *names) again() {
	if !n.busy {
		n.wish = namesWish{}
	}
}

// close ends what is under way: whoever takes the name servers back afterwards
// is to be the last.
func (n *names) close() {
	if n.stop != nil {
		n.stop()
	}
	n.ended.Wait()
}
