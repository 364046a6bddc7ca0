package keeper

import (
	"context"
	"errors"
	"net/netip"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/probe"
)

// A router6 sees to it that the bond's IPv6 addresses are of the network that
// it is on. The kernel makes them of what routers advertise and, on a path that
// it doesn't know to be new, neither asks for routers nor takes away the old ones.
type router6 struct {
	watch *watch
	path  bond.Path
	had   []netip.Prefix     // the addresses there were on the last path whose routers were known
	known bool               // the routers on this path: they have answered, or are none
	ask   context.CancelFunc // ends the question that is under way
}

// tend asks for the routers on a new path. On the first one the kernel does.
// What is there on a new path may already be of its routers: the addresses of
// the old one are those of the look before.
func (r *router6) tend(ctx context.Context, path bond.Path) (err error) {
	k := r.watch.keeper
	switch {
	case !path.Usable():
		return nil
	case !r.path.Usable(), path == r.path && r.known:
		r.path, r.known = path, true
		r.had, err = k.Host.SLAAC(k.Name)
		return err
	case path == r.path:
		return nil
	}
	if r.known && len(r.had) == 0 { // or they came only just before
		if r.had, err = k.Host.SLAAC(k.Name); err != nil {
			return err
		}
	}
	r.path, r.known = path, false
	r.stop()
	ctx, r.ask = context.WithCancel(ctx)
	go func() {
		ads, err := probe.Routers(ctx, k.Name)
		r.watch.post(ctx, func(ctx context.Context) { r.renumber(ctx, ads, err) })
	}()
	return nil
}

// stop ends a question that is under way.
func (r *router6) stop() {
	if r.ask != nil {
		r.ask()
		r.ask = nil
	}
}

// renumber has the bond keep what these routers have given it. Where none
// answers there may be none, or it was asleep: nothing is taken away for that.
func (r *router6) renumber(ctx context.Context, ads []probe.Advertisement, err error) {
	k := r.watch.keeper
	r.known = true
	if err != nil {
		if !errors.Is(err, probe.ErrSilent) {
			k.Log.Info("ask for IPv6 routers", "error", err)
		}
		return
	}
	var prefixes []netip.Prefix
	var routers []netip.Addr
	for _, ad := range ads {
		prefixes = append(prefixes, ad.Prefixes...)
		routers = append(routers, ad.Router)
	}
	dropped, err := k.Host.Renumber(ctx, k.Name, r.had, prefixes, routers, bond.How{})
	for _, step := range dropped {
		k.Log.Info(step.String() + ": another network's")
	}
	if err != nil {
		k.Log.Error("leave the old network", "error", err)
	}
}
