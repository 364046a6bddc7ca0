package keeper

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/backoff"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/probe"
)

// A report is what a task tells the decider: a [statedir.Trouble], with no text
// when it is over; a [statedir.Lent], which is what is lent now; a [statedir.Asking], which is what
// servers are asked now; a [bond.Event] for the history; renumber; forwards; switched; outage; resting; memberNews;
// pathsKnown; rerouted; or forgotten.
type report any

// decider is the task that takes the looks. It alone changes the kernel, and
// writes down what others are shown.
type decider struct {
	*Keeper
	record   *record
	triggers triggers
	contest  contest

	connections connections
	returns     returns // under the strategy routes
	solicits    solicits
	due         time.Time // when one of these two has something to do; zero: only an event can bring that about
	bearers     bearers

	leaser       *leaser
	memberLeases *memberLeases
	routers      *routers
	conflicts    *conflicts
	nameServers  *nameServers // nil where they are nobody's business
	supplicants  *supplicants
	ports        *ports
	failover     *failovers
	betters      *betters
	announcer    *announcer
	outages      *outages
	paths        *paths

	probe   *bond.Probe   // how paths are watched; nil where they aren't
	members []bond.Member // of the group that is kept
	status  bond.Status   // at the last look

	refusals   bond.Refusals
	tried      *bond.Wanted // what couldn't be carried out as a whole, so that it isn't recorded
	seen       snapshot     // at the last look
	looked     bool         // there was one
	reload     bool         // Wanted is to be called
	asked      int          // how often somebody has asked for a look
	resumes    int          // how often the machine has woken up
	renumbered int          // how many renumbers were carried out
	ready      bool         // a look went well
	unwanted   bool         // nothing is wanted any more
	pause      backoff.Backoff
	failure    string   // the last one that was logged
	notes      []string // the last ones, which were logged
}

func newDecider(k *Keeper, r *record) *decider {
	reports := make(chan []report)
	d := &decider{
		Keeper: k, record: r, reload: !k.Recorded,
		solicits:     solicits{ask: probe.Solicit},
		triggers:     triggers{asked: k.Wake, reload: k.Reload, reports: reports, record: r},
		memberLeases: newMemberLeases(k, maps.Clone(r.state.MemberLents), reports),
		leaser:       newLeaser(k, k.Name, k.Name, r.state.Lent, reports),
		routers:      newRouters(k, reports),
		conflicts:    newConflicts(k, reports),
		supplicants:  newSupplicants(k, r.dir.Supplicants(), reports),
		ports:        newPorts(k, reports),
		failover:     newFailovers(k, reports),
		betters:      newBetters(k, reports),
		announcer:    newAnnouncer(k),
		outages:      newOutages(k, reports),
		paths:        newPaths(k, r.pathsBefore, reports),
	}
	d.failover.onSwitch, r.failedOver = d.outages.listen, d.outages.failedOver
	r.drilled = func() bool { return k.Host.Drilled(k.Name) }
	if k.Resolver != nil {
		d.nameServers = newNameServers(k, reports)
	}
	return d
}

// tasks are those that the decider gives wishes to.
func (d *decider) tasks() []task {
	all := []task{d.leaser, d.memberLeases, d.routers, d.conflicts, d.supplicants, d.ports, d.betters, d.announcer, d.failover, d.outages, d.paths}
	if d.nameServers != nil {
		all = append(all, d.nameServers)
	}
	return all
}

const (
	// echoTime is how long the events last that a look has itself brought about.
	echoTime = 250 * time.Millisecond
	// contestPause bounds how long nothing is looked at while somebody else
	// undoes what the keeper does.
	contestPause = 5 * time.Second
)

// Run takes a look whenever there may be something to see, until ctx ends or
// nothing is wanted any more.
func (d *decider) Run(ctx context.Context) error {
	for {
		plan, err := d.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, bond.ErrNotWanted) {
			d.unwanted = true
			return nil
		}
		retry, deaf := plan.Retry, time.Duration(0)
		switch {
		case errors.Is(err, errContested):
			retry = d.pause.Next()
			deaf = min(retry, contestPause)
		case err != nil:
			// What failed may itself have brought events about: they are
			// no reason to try again at once.
			retry, deaf = d.pause.Next(), echoTime
		default:
			d.pause.Reset()
		}
		n, err := d.triggers.wait(ctx, d.sooner(retry), deaf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		d.take(ctx, n)
	}
}

// take takes in what came until now.
func (d *decider) take(ctx context.Context, n news) {
	for _, r := range n.reports {
		d.handle(ctx, r)
	}
	if n.resumed {
		d.resumes++
	}
	if n.asked {
		// Whoever asks has recorded what is wanted now. What a file said that
		// couldn't be had so far is no more than that.
		d.reload = false
		d.record.trouble(statedir.Trouble{Source: statedir.SourceConfiguration})
	}
	if n.reload {
		d.reload = true
	}
	if n.asked || n.reload {
		d.asked++
	}
}

func (d *decider) handle(ctx context.Context, r report) {
	switch r := r.(type) {
	case statedir.Trouble:
		d.record.trouble(r)
	case statedir.Lent:
		d.record.lent(r)
		d.record.network(d.seen, r)
	case statedir.Asking:
		d.record.asking(r)
	case memberNews:
		d.takeMemberNews(r)
	case bond.Event:
		if !d.connections.holds(r) {
			d.record.happened(r)
		}
	case switched:
		d.hurry()
	case preferred:
		if err := d.Host.Prefer(ctx, d.Name, r.from, r.to); err != nil {
			d.Log.Error("switch to the better member", "to", r.to, "error", err)
		}
	case pathsKnown:
		d.knowPaths(r)
	case rerouted:
		d.reroute(ctx, r)
	case chose:
		d.record.better(string(r))
	case resting:
		d.record.resting(r)
	case outage:
		d.record.outage(r)
	case forwards:
		d.record.forwards(r, d.seen.links)
	case forgotten:
		d.record.forget(statedir.SourceSupplicant, r.iface)
		d.record.resting(resting{iface: r.iface})
	case renumber:
		d.renumbered++
		dropped, err := d.Host.Renumber(ctx, d.Name, r.had, r.prefixes, r.routers, bond.How{})
		d.connections.lose(bond.AddressesRemoved(dropped)...)
		for _, step := range dropped {
			d.Log.Info(step.String() + ": another network's")
		}
		if err != nil {
			d.Log.Error("leave the old network", "error", err)
		}
	}
}
