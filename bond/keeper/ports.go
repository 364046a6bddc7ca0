package keeper

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/bondctl/bondctl/bond/probe"
)

// ports is the task that measures for how long the port behind a wired slave passes nothing on
// after its link came up, where it runs a spanning tree. That is for people to hold against
// updelay. It listens from when a link comes up until that is known, and no longer.
type ports struct {
	wish    wish[portsWish]
	reports chan<- []report
	log     *slog.Logger
	// forwarding is [probe.Forwarding].
	forwarding func(ctx context.Context, iface string, limit time.Duration) (time.Duration, error)

	links   portsWish // the last ones; nil until there was a wish
	watches map[string]*job
}

// A portsWish has the wired slaves that have a link, and how often that has changed.
type portsWish map[string]int

// portTime is how long a port is listened to: the spanning tree of old takes 30 s, or 50 s
// where the tree changes.
const portTime = time.Minute

// forwards reports what was measured.
type forwards struct {
	slave   string
	changes int
	after   time.Duration
}

func newPorts(k *Keeper, reports chan<- []report) *ports {
	return &ports{wish: newWish[portsWish](), reports: reports, log: k.Log, forwarding: probe.Forwarding, watches: map[string]*job{}}
}

// Run measures until ctx ends.
func (p *ports) Run(ctx context.Context) error {
	defer func() {
		for _, watch := range p.watches {
			watch.stop()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case links := <-p.wish:
			p.fulfil(ctx, links)
		}
	}
}

// fulfil begins with each link that has come up since the last wish. Of those that were up at
// the first one nobody knows since when.
func (p *ports) fulfil(ctx context.Context, links portsWish) {
	for name, watch := range p.watches {
		if changes, up := links[name]; !up || changes != p.links[name] {
			watch.stop()
			delete(p.watches, name)
		}
	}
	for name, changes := range links {
		if before, was := p.links[name]; p.links != nil && (!was || before != changes) {
			p.watches[name] = begin(ctx, func(ctx context.Context) { p.measure(ctx, name, changes) })
		}
	}
	p.links = links
}

// measure listens to the port behind a slave.
func (p *ports) measure(ctx context.Context, slave string, changes int) {
	after, err := p.forwarding(ctx, slave, portTime)
	switch {
	case ctx.Err() != nil || errors.Is(err, probe.ErrSilent): // nobody said anything, which tells nothing
	case err != nil:
		p.log.Info("listen to the port of "+slave, "error", err)
	case after > 0:
		send(ctx, p.reports, []report{forwards{slave, changes, after}})
	}
}

// wiredLinks are the slaves whose ports may run a spanning tree.
func (s snapshot) wiredLinks() portsWish {
	links := portsWish{}
	for _, name := range s.wired {
		if changes, up := s.links[name]; up {
			links[name] = changes
		}
	}
	return links
}
