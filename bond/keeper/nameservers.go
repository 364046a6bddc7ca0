package keeper

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/internal/backoff"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/resolve"
)

// nameServers is the task that hands the bond's name servers to whoever answers
// for names here. That may be another daemon, which takes its time.
type nameServers struct {
	wish    wish[nameWish]
	reports chan<- []report
	log     *slog.Logger
	set     func(ctx context.Context, link string, s resolve.Settings) (resolve.Outcome, error)
	clear   func(ctx context.Context, link string) error

	said  nameWish // what the log says is handed over
	pause backoff.Backoff
}

// A nameWish is what is to be handed over.
type nameWish struct {
	link     string // over which they are asked: the bond or, under the strategy routes, the active member
	index    int    // its ifindex: systemd-resolved forgets with the link
	settings resolve.Settings
	asked    int // how often somebody has asked for it: whoever couldn't take them may now
}

func newNameServers(k *Keeper, reports chan<- []report) *nameServers {
	return &nameServers{
		wish: newWish[nameWish](), reports: reports, log: k.Log,
		set: k.Resolver.Set, clear: k.Resolver.Clear,
	}
}

// Run hands over each wish that differs from the last one, until ctx ends. What
// fails is tried again after a while.
func (n *nameServers) Run(ctx context.Context) error {
	var next, done nameWish
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case next = <-n.wish:
			if retry != nil {
				continue // it is tried in time
			}
		case <-retry:
		}
		retry = nil
		if reflect.DeepEqual(next, done) {
			continue
		}
		if err := n.handOver(ctx, next); err != nil {
			retry = time.After(n.pause.Next())
			continue
		}
		n.pause.Reset()
		done = next
	}
}

// handOver hands over a wish, and tells what came of it. The error is for what is
// to be tried again; what was left alone for good reason isn't.
func (n *nameServers) handOver(ctx context.Context, w nameWish) error {
	if before := n.said.link; before != "" && before != w.link {
		if err := n.clear(ctx, before); err != nil {
			return err
		}
	}
	outcome, err := n.set(ctx, w.link, w.settings)
	if ctx.Err() != nil {
		return err
	}
	for _, note := range outcome.Notes {
		n.log.Warn("hand over the name servers: " + note)
	}
	trouble := statedir.Trouble{Source: statedir.SourceDNS}
	switch {
	case errors.Is(err, resolve.ErrEdited):
		n.log.Warn(err.Error())
		err = nil
	case err != nil:
		trouble.Text = err.Error()
	}
	w.asked = n.said.asked // the log needn't say so again
	switch {
	case err != nil:
	case outcome.Holder == resolve.Nobody && len(w.settings.Servers) > 0:
		trouble.Text = strings.Join(outcome.Notes, "; ")
	case outcome.Holder != resolve.Nobody && !reflect.DeepEqual(w, n.said):
		n.said = w
		n.log.Info("handed over the name servers", "to", outcome.Holder, "servers", w.settings.Servers)
	}
	send(ctx, n.reports, []report{trouble})
	return err
}
