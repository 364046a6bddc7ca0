package keeper

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"

	"github.com/bondctl/bondctl/bond/probe"
)

// routers is the task that finds out which network the bond's IPv6 is to be of.
// The kernel makes addresses of what routers advertise and, on a path that it
// doesn't know to be new, neither asks for routers nor takes away the old ones.
type routers struct {
	wish    wish[routersWish]
	reports chan<- []report
	log     *slog.Logger
	ask     func(context.Context) ([]probe.Advertisement, error)

	place    place
	had      []netip.Prefix // the addresses there were at the last place whose routers were known
	known    bool           // the routers at this place: they have answered, or are none
	told     int            // how many renumbers were reported
	question *job           // that is under way
	answers  chan routersAnswer
}

// A routersWish says where the bond is, and what addresses the kernel has made of
// what was advertised.
type routersWish struct {
	place      place
	slaac      []netip.Prefix
	renumbered int // how many renumbers were carried out by then
}

type routersAnswer struct {
	heard []probe.Advertisement
	err   error
}

// renumber is the report that the bond is to keep what these routers have given
// it: had are the addresses that it had of the routers before.
type renumber struct {
	had, prefixes []netip.Prefix
	routers       []netip.Addr
}

func newRouters(k *Keeper, reports chan<- []report) *routers {
	return &routers{
		wish: newWish[routersWish](), reports: reports, log: k.Log,
		ask: func(ctx context.Context) ([]probe.Advertisement, error) { return probe.Routers(ctx, k.Name) },
	}
}

// Run asks for the routers at each new place until ctx ends.
func (r *routers) Run(ctx context.Context) error {
	r.answers = make(chan routersAnswer)
	defer func() { r.question.stop() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-r.wish:
			r.fulfil(ctx, w)
		case a := <-r.answers:
			r.hear(ctx, a)
		}
	}
}

// fulfil asks for the routers at a new place. At the first one the kernel does.
// What is there at a new place may already be of its routers: the addresses of
// the old one are those of the look before.
func (r *routers) fulfil(ctx context.Context, w routersWish) {
	switch {
	case !w.place.usable():
	case w.renumbered != r.told:
		// The addresses are those of before: another network's may be among them.
		// The look that the report brings about makes a new wish.
	case !r.place.usable(), w.place == r.place && r.known:
		r.place, r.known, r.had = w.place, true, w.slaac
	case w.place != r.place:
		if r.known && len(r.had) == 0 { // or they came only just before
			r.had = w.slaac
		}
		r.place, r.known = w.place, false
		r.question.stop()
		r.question = begin(ctx, func(ctx context.Context) {
			heard, err := r.ask(ctx)
			send(ctx, r.answers, routersAnswer{heard, err})
		})
	}
}

// hear has the bond keep what these routers have given it. Where none answers
// there may be none, or it was asleep: nothing is taken away for that.
func (r *routers) hear(ctx context.Context, a routersAnswer) {
	r.known = true
	if a.err != nil {
		if !errors.Is(a.err, probe.ErrSilent) {
			r.log.Info("ask for IPv6 routers", "error", a.err)
		}
		return
	}
	found := renumber{had: r.had}
	for _, ad := range a.heard {
		found.prefixes = append(found.prefixes, ad.Prefixes...)
		found.routers = append(found.routers, ad.Router)
	}
	r.told++
	send(ctx, r.reports, []report{found})
}
