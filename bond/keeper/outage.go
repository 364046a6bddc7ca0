package keeper

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/probe"
)

// outages is the task that measures what failovers cost, where frames show it: from the first
// sign of trouble until something came for this machine over the slave that took over. It
// listens after a failover, for [arrivalTime], and no longer.
//
// A machine for which nothing comes would have a long outage, and so it is measured only where
// frames came one after the other, both before and afterwards. It begins to listen once the
// failover has been seen, which a frame may have been faster than: what is measured is never too
// short, and too long by the time that takes, mostly some milliseconds.
type outages struct {
	wish    wish[failedOver]
	reports chan<- []report
	log     *slog.Logger
	bond    string
	// arrivals is [probe.Arrivals].
	arrivals func(ctx context.Context, iface string, most int, limit time.Duration) ([]time.Time, error)
	// received is [bond.Host.Received].
	received func(link int) (uint64, error)

	noted counted // while all was well
	now   int     // the bond's ifindex, as it was last seen
}

// counted is how many packets had come by a time.
type counted struct {
	packets uint64
	at      time.Time // zero: it isn't known
}

// failedOver is the wish to measure a failover.
type failedOver struct {
	event bond.Event
	pace  time.Duration // from one packet to the next before it
}

// outage reports what was measured of the failover of that time.
type outage struct {
	of time.Time
	ms int
}

const (
	// arrivalTime is how long a failover is listened to.
	arrivalTime = 2 * time.Second
	// leastArrivals is how many packets have to come, or their times say nothing.
	leastArrivals = 8
	// finePace is a time between two packets that is short enough for any outage.
	finePace = 10 * time.Millisecond
)

func newOutages(k *Keeper, reports chan<- []report) *outages {
	return &outages{
		wish: newWish[failedOver](), reports: reports, log: k.Log, bond: k.Name, arrivals: probe.Arrivals,
		received: func(link int) (uint64, error) { return k.Host.Received(link) },
	}
}

// Run measures until ctx ends.
func (o *outages) Run(ctx context.Context) error {
	var listening *job
	defer func() { listening.stop() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-o.wish:
			listening.stop()
			listening = begin(ctx, func(ctx context.Context) { o.measure(ctx, f) })
		}
	}
}

// failedOver takes in a failover that has just been seen. It is called before note is with what
// was seen.
func (o *outages) failedOver(e bond.Event) {
	if e.From == nil || e.To == nil || e.SwitchMS == nil || o.noted.at.IsZero() {
		return
	}
	count, err := o.received(o.now)
	if err != nil || count <= o.noted.packets {
		return
	}
	sign := e.Time.Add(-time.Duration(*e.SwitchMS) * time.Millisecond)
	o.wish.put(failedOver{e, sign.Sub(o.noted.at) / time.Duration(count-o.noted.packets)})
}

// note counts what has come while all is well, for the pace before the next failover.
func (o *outages) note(s snapshot, at time.Time) {
	if s.index != o.now {
		o.now, o.noted = s.index, counted{}
	}
	if s.index == 0 || s.active == "" || s.troubled() {
		return
	}
	if count, err := o.received(s.index); err == nil {
		o.noted = counted{count, at}
	}
}

// measure listens, and reports what it has found out.
func (o *outages) measure(ctx context.Context, f failedOver) {
	at, err := o.arrivals(ctx, o.bond, 4*leastArrivals, arrivalTime)
	if err != nil && ctx.Err() == nil {
		o.log.Debug("measure a failover", "error", err)
	}
	if length, ok := lengthOf(f, at); ok && ctx.Err() == nil {
		send(ctx, o.reports, []report{outage{f.event.Time, int(length.Round(time.Millisecond).Milliseconds())}})
	}
}

// lengthOf is how long an outage took after which packets came at those times. ok is false
// where they tell nothing: they came too seldom, before it or after.
func lengthOf(f failedOver, at []time.Time) (length time.Duration, ok bool) {
	if len(at) < leastArrivals || f.event.SwitchMS == nil {
		return 0, false
	}
	sign := f.event.Time.Add(-time.Duration(*f.event.SwitchMS) * time.Millisecond)
	length = at[0].Sub(sign)
	var pauses []time.Duration
	for i := 1; i < len(at); i++ {
		pauses = append(pauses, at[i].Sub(at[i-1]))
	}
	slices.Sort(pauses)
	pace := max(f.pace, pauses[len(pauses)/2])
	return length, length >= 0 && pace <= max(finePace, length/2)
}
