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
// sign of trouble until something came for this machine over the slave that took over. It begins
// to listen with that sign or, where the keeper switches at once, right after that, and goes on
// for [arrivalTime] at most.
//
// A machine for which nothing comes would have a long outage, and one that is listened to too
// late a wrong one. So nothing is told unless packets came one soon after the other, both before
// and afterwards, and the first of them can be told from one that would have come anyway.
type outages struct {
	wish    wish[failedOver]
	begin   chan struct{} // has an item when there is something to listen to
	reports chan<- []report
	log     *slog.Logger
	bond    string
	// arrivals is [probe.Arrivals].
	arrivals func(ctx context.Context, iface string, most int, limit time.Duration) (began time.Time, at []time.Time, err error)
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
	sign time.Time     // the first of trouble
	made time.Time     // when another slave became active
	pace time.Duration // from one packet to the next before it
}

// heard are the packets that came since a time.
type heard struct {
	began time.Time
	at    []time.Time
}

// outage reports what was measured of the failover of that time.
type outage struct {
	of time.Time
	ms int
}

const (
	// arrivalTime is how long is listened.
	arrivalTime = 5 * time.Second
	// leastArrivals is how many packets have to come after a failover, or their times say
	// nothing, and mostArrivals how many are listened to.
	leastArrivals = 8
	mostArrivals  = 8 * leastArrivals
	// finePace is a time between two packets that is short enough for any outage.
	finePace = 10 * time.Millisecond
)

func newOutages(k *Keeper, reports chan<- []report) *outages {
	return &outages{
		wish: newWish[failedOver](), begin: make(chan struct{}, 1), reports: reports, log: k.Log, bond: k.Name, arrivals: probe.Arrivals,
		received: func(link int) (uint64, error) { return k.Host.Received(link) },
	}
}

// listen has it listen from now on. It waits for nobody.
func (o *outages) listen() {
	select {
	case o.begin <- struct{}{}:
	default:
	}
}

// Run measures until ctx ends.
func (o *outages) Run(ctx context.Context) error {
	var listening *job
	defer func() { listening.stop() }()
	ended := make(chan heard, 1)
	start := func() {
		if listening == nil {
			listening = begin(ctx, func(ctx context.Context) { ended <- o.hear(ctx) })
		}
	}
	var last heard
	var open *failedOver // that is to be measured yet
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.begin:
			start()
			continue
		case f := <-o.wish:
			open = &f
			if listening == nil && !last.after(f.made) {
				start()
			}
		case last = <-ended:
			listening = nil
		}
		if open == nil || !last.after(open.made) {
			continue
		}
		if length, ok := lengthOf(*open, last); ok {
			send(ctx, o.reports, []report{outage{open.made, int(length.Round(time.Millisecond).Milliseconds())}})
		}
		open = nil
	}
}

func (o *outages) hear(ctx context.Context) heard {
	began, at, err := o.arrivals(ctx, o.bond, mostArrivals, arrivalTime)
	if err != nil && ctx.Err() == nil {
		o.log.Debug("measure a failover", "error", err)
	}
	return heard{began, at}
}

// after says whether something came after a time.
func (h heard) after(then time.Time) bool {
	return len(h.at) > 0 && h.at[len(h.at)-1].After(then)
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
	o.wish.put(failedOver{sign, e.Time, sign.Sub(o.noted.at) / time.Duration(count-o.noted.packets)})
}

// note counts what has come while all is well, for the pace before the next failover. When the
// active slave is in trouble it listens.
func (o *outages) note(s snapshot, at time.Time) {
	if s.index != o.now {
		o.now, o.noted = s.index, counted{}
	}
	switch {
	case s.index == 0 || s.active == "":
	case s.troubled():
		o.listen()
	default:
		if count, err := o.received(s.index); err == nil {
			o.noted = counted{count, at}
		}
	}
}

// lengthOf is how long an outage took, after which packets came as they were heard: the longest
// silence that began before the failover was seen. ok is false where the packets don't tell.
func lengthOf(f failedOver, h heard) (length time.Duration, ok bool) {
	last, ended := f.sign, -1
	for i, at := range h.at {
		if at.Before(f.sign) {
			continue
		}
		if silence := at.Sub(last); !last.After(f.made) && (ended < 0 || silence > length) {
			length, ended = silence, i
		}
		last = at
	}
	if ended < 0 || len(h.at)-ended < leastArrivals {
		return 0, false // too few came
	}
	var pauses []time.Duration
	for i := ended + 1; i < len(h.at); i++ {
		pauses = append(pauses, h.at[i].Sub(h.at[i-1]))
	}
	slices.Sort(pauses)
	pace := pauses[len(pauses)/2]
	if max(pace, f.pace) > max(finePace, length/2) {
		return 0, false // they came too seldom
	}
	late := h.began.Sub(f.sign)
	if first := h.at[ended]; late > finePace && first.Sub(h.began) <= 3*pace && first.Sub(h.began) < length {
		return 0, false // others may have come before anybody listened
	}
	return length, true
}
