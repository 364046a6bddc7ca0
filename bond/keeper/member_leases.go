package keeper

import (
	"context"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// memberLeases is the task that has DHCP lend members addresses of their own, under the strategy routes: a leaser for
// each.
type memberLeases struct {
	wish    wish[map[string]leaseWish] // by member
	reports chan<- []report
	// anew is [newLeaser] for a member.
	anew func(member string, lent statedir.Lent, reports chan<- []report) *leaser

	lent    map[string]statedir.Lent // what an earlier keeper was lent, until the member's leaser has it
	running map[string]*memberLease
}

// A memberLease is the leaser of a member at work.
type memberLease struct {
	leaser *leaser
	job    *job
}

// memberNews are what a member's leaser reports.
type memberNews struct {
	member string
	news   []report
}

func newMemberLeases(k *Keeper, lent map[string]statedir.Lent, reports chan<- []report) *memberLeases {
	return &memberLeases{
		wish: newWish[map[string]leaseWish](), reports: reports, lent: lent, running: map[string]*memberLease{},
		anew: func(member string, lent statedir.Lent, reports chan<- []report) *leaser {
			return newLeaser(k, member, statedir.OfMember(k.Name, member), lent, reports)
		},
	}
}

// Run has each member leased that is to be, until ctx ends. The leases stay as they are then.
func (l *memberLeases) Run(ctx context.Context) error {
	defer func() {
		for _, m := range l.running {
			m.job.stop()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case wanted := <-l.wish:
			for member, w := range wanted {
				if l.running[member] == nil && w.dhcp {
					l.running[member] = l.start(ctx, member)
				}
			}
			for member, m := range l.running {
				m.leaser.wish.put(wanted[member]) // none is that it isn't to be leased any more
			}
		}
	}
}

// start has a member's leaser run, and passes on what it reports.
func (l *memberLeases) start(ctx context.Context, member string) *memberLease {
	reports := make(chan []report)
	m := &memberLease{leaser: l.anew(member, l.lent[member], reports)}
	delete(l.lent, member)
	m.job = begin(ctx, func(ctx context.Context) {
		passing := begin(ctx, func(ctx context.Context) {
			for {
				select {
				case <-ctx.Done():
					return
				case news := <-reports:
					send(ctx, l.reports, []report{memberNews{member, news}})
				}
			}
		})
		defer passing.stop()
		_ = m.leaser.Run(ctx) // it only ends with ctx
	})
	return m
}

// wishMemberLeases says which members are to be leased an address, and where each is.
func (d *decider) wishMemberLeases(st bond.Status) {
	if st.Name == "" {
		return // it couldn't be looked at
	}
	wanted := map[string]leaseWish{}
	for _, m := range st.Members {
		w := leaseWish{dhcp: m.WantsDHCP, by: member{m.Name, value(m.Kind) == bond.KindWiFi}, ifindex: m.Index, own: st.MACs}
		if m.Index != 0 && linked(m) {
			w.place.path = path{m.Index, m.CarrierChanges}
		}
		w.place.resumes = d.resumes
		wanted[m.Name] = w
	}
	d.memberLeases.wish.put(wanted)
}

// takeMemberNews takes in what a member's leaser reports.
func (d *decider) takeMemberNews(n memberNews) {
	for _, r := range n.news {
		switch r := r.(type) {
		case statedir.Trouble:
			r.Interface = n.member
			d.record.trouble(r)
		case statedir.Lent:
			d.record.lentTo(n.member, r)
		case bond.Event:
			r.Message = new(n.member + " " + value(r.Message))
			if !d.connections.holds(r) {
				d.record.happened(r)
			}
		}
	}
}
