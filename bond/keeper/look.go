package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/resolve"
)

// look takes one look, does what is to be done, and gives every task its wish. A
// failure has been logged; the caller only needs to know when to try again. The
// error is [bond.ErrNotWanted] when nothing is wanted any more.
func (d *decider) look(ctx context.Context) (bond.Plan, error) {
	unsaved := d.record.save()
	plan, err := d.reconcile(ctx)
	if errors.Is(err, bond.ErrNotWanted) || ctx.Err() != nil {
		return plan, err
	}
	for _, step := range plan.Steps {
		d.Log.Info(step.String())
	}
	// What left between two looks may be back by now: the events tell of both.
	if !plan.Looked.IsZero() {
		d.see(plan.Before, plan.Looked)
	}
	d.announce(plan.After)
	if plan.After.Name != "" {
		d.see(plan.After, time.Now())
	} else {
		d.observe()
	}
	d.endConnections(ctx, plan.After)
	err = errors.Join(err, unsaved, d.contest.contested(plan, time.Now()), d.giveWishes(plan))
	d.tell(plan.Notes, err)
	err = errors.Join(err, d.record.save())
	if !d.ready && d.Ready != nil {
		d.Ready(err)
	}
	d.ready = d.ready || err == nil
	return plan, err
}

// observe reads how the bond is.
func (d *decider) observe() {
	st, err := d.Host.Brief(d.Name)
	if err != nil && !errors.Is(err, bond.ErrNoBond) {
		d.Log.Warn("look at what happened", "error", err)
		return
	}
	d.see(st, time.Now())
}

// see finds out what has happened since the bond was last seen; the zero Status is
// for none.
func (d *decider) see(st bond.Status, at time.Time) {
	now := snapshotOf(st)
	if d.looked {
		now.switched = d.failover.since(d.seen.told)
		if now.stale(d.seen) {
			if again, err := d.Host.Brief(d.Name); err == nil {
				st, now = again, snapshotOf(again)
				now.switched = d.failover.since(d.seen.told)
			}
		}
		d.record.saw(d.seen, &now, at)
	}
	d.outages.note(now, at)
	d.record.active(now.active, cmp.Or(now.changed, at))
	d.record.links(now.links)
	d.seen, d.looked, d.status = now, true, st
	d.wishBetter(st)
	if d.probe != nil {
		d.wishPaths()
	}
}

// reconcile makes the bond what was read anew, or else what is recorded. A new
// configuration that is broken, or leads nowhere, leaves the old one in force.
func (d *decider) reconcile(ctx context.Context) (bond.Plan, error) {
	how := bond.How{Refusals: &d.refusals, HeldBack: d.holdBack()}
	if !d.reload {
		return d.Host.ReconcileRecorded(ctx, d.Name, how)
	}
	wanted, err := d.Wanted()
	var plan bond.Plan
	if wanted != nil && err == nil {
		plan, err = d.Host.Reconcile(ctx, *wanted, (&reload{host: d.Host, name: d.Name}).how(ctx, how))
		if err == nil {
			d.reload = false
			d.record.trouble(statedir.Trouble{Source: statedir.SourceConfiguration})
			return plan, nil
		}
		if !isBroken(err) {
			d.tried = wanted
		}
	}
	recorded, _ := d.Host.Recorded(d.Name)
	if !isBroken(err) && wanted != nil || recorded == nil && err != nil {
		return plan, err // it is tried again
	}
	d.reload = false
	if err != nil {
		d.record.trouble(statedir.Trouble{
			Source: statedir.SourceConfiguration,
			Text:   "the one before stays in force: " + oneLine(err),
		})
	}
	return d.Host.ReconcileRecorded(ctx, d.Name, how)
}

// isBroken says whether an error is of what is wanted, and not of carrying it out.
func isBroken(err error) bool {
	_, config := errors.AsType[*bond.ConfigError](err)
	_, obstacle := errors.AsType[*bond.ObstacleError](err)
	_, unverified := errors.AsType[*bond.UnverifiedError](err)
	return config || obstacle || unverified
}

// giveWishes tells every task what it is to bring about now.
func (d *decider) giveWishes(plan bond.Plan) error {
	wanted, err := d.Host.Recorded(d.Name)
	if wanted == nil {
		wanted = d.tried
	}
	if plan.Bond != "" { // it could be planned, whatever became of it
		w := supplicantsWish{associations: plan.Associations, asked: d.asked}
		// Behind a cable whose path is dead Wi-Fi is needed, though the cable has a link.
		serves := !slices.Contains(d.record.deadPaths(), d.seen.active)
		if wanted != nil && wanted.Config.WiFiStandby == bond.StandbyCold && serves {
			w.resting = d.seen.spare
		}
		d.supplicants.wish.put(w)
	}
	if err != nil || wanted == nil {
		return err
	}
	if wanted.Config.ByRoutes() {
		d.members, d.probe = wanted.Config.Members, wanted.Config.Probe
		d.wishMemberLeases(plan.After)
		d.wishNames(plan.After)
		d.wishPaths()
		return nil
	}
	here := d.here()
	d.wishLease(wanted.Config)
	held, _ := d.record.state.Lent.Now()
	d.conflicts.wish.put(conflictsWish{d.seen.index, here, watched(wanted.Config, held, d.seen.has), d.seen.own})
	if d.nameServers != nil && d.seen.index != 0 {
		servers, domains := wanted.Config.NameServers(held)
		d.nameServers.wish.put(nameWish{d.Name, d.seen.index, resolve.Settings{Servers: servers, Domains: domains}, d.asked})
	}
	d.failover.set(wanted.Config.FailsOverFast())
	d.probe = wanted.Config.Probe
	d.wishPaths()
	d.ports.wish.put(d.seen.wiredLinks())
	d.routers.wish.put(routersWish{here, d.seen.slaac, d.renumbered})
	return nil
}

// here is where the bond was at the last look.
func (d *decider) here() place { return place{d.seen.path, d.resumes} }

// wishLease tells the leaser where the bond is.
func (d *decider) wishLease(c bond.Config) {
	d.leaser.wish.put(leaseWish{
		dhcp: c.WantsDHCP() && d.seen.bridge == "", ipv6Only: c.IPv4Optional() && d.seen.ipv6,
		place: d.here(), by: member{d.seen.active, d.seen.wifi}, own: d.seen.own,
		says: bond.Config{Hostname: c.Hostname, ClientID: c.ClientID},
	})
}

// hurry has the leaser ask what network this is before anything else is looked at: somebody waits
// for the lease, and a look takes longer than a gateway to answer.
func (d *decider) hurry() {
	d.observe()
	if wanted, err := d.Host.Recorded(d.Name); err == nil && wanted != nil {
		d.wishLease(wanted.Config)
	}
}

// tell logs notes and a failure once, and not each time that they come again.
func (d *decider) tell(notes []bond.Message, err error) {
	var said []string
	for _, note := range notes {
		said = append(said, note.String())
		if !slices.Contains(d.notes, note.String()) {
			d.Log.Warn(note.String())
		}
	}
	d.notes = said
	failure := ""
	if err != nil {
		failure = oneLine(err)
	}
	if failure != d.failure && err != nil {
		d.Log.Error(fmt.Sprintf("keep %s: %v", d.Name, err))
	}
	d.failure = failure
	d.record.trouble(statedir.Trouble{Source: statedir.SourceKeeper, Text: failure})
}

// oneLine is an error in one line, which joined ones aren't.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
