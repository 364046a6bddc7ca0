package keeper

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/better"
)

// betters is the task that chooses the active slave under primary_reselect better, where the kernel
// doesn't know how fast each one is. It looks at signals as long as the choice depends on them, for nobody
// tells when they change; otherwise it has no timer.
type betters struct {
	wish    wish[bettersWish]
	reports chan<- []report
	log     *slog.Logger
	// figures is [bond.Host.Figures].
	figures func(names []string, wifi func(string) bool) ([]better.Link, error)

	now     bettersWish
	signals map[string]float64 // each one's, of late
	moved   time.Time          // when it chose another Wi-Fi last, and which
	movedTo string
	told    string
	toldOf  []better.Link // the figures that were told
}

// A bettersWish says who could be active, in order of preference, and who is; nobody where it isn't to choose.
type bettersWish struct {
	active string
	names  []string
	wifi   map[string]bool
}

// preferred is the report that another slave serves better.
type preferred struct{ from, to string }

// chose is the report by what figures it chooses; "" where it doesn't.
type chose string

const (
	// signalTime is the time between two looks at signals.
	signalTime = 5 * time.Second
	// calmTime is how long a Wi-Fi serves at least before it is left for a stronger one.
	calmTime = 30 * time.Second
)

func newBetters(k *Keeper, reports chan<- []report) *betters {
	return &betters{wish: newWish[bettersWish](), reports: reports, log: k.Log, figures: k.Host.Figures, signals: map[string]float64{}}
}

// Run chooses until ctx ends.
func (b *betters) Run(ctx context.Context) error {
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-b.wish:
			if reflect.DeepEqual(w, b.now) {
				continue // the signals are looked at when it is time
			}
			b.now = w
		case <-again:
		}
		again = b.choose(ctx)
	}
}

// choose reports who serves best, and has an item when that is to be found out again.
func (b *betters) choose(ctx context.Context) (again <-chan time.Time) {
	if len(b.now.names) == 0 {
		clear(b.signals)
		b.tell(ctx, "")
		return nil
	}
	links, err := b.figures(b.now.names, func(name string) bool { return b.now.wifi[name] })
	if err != nil {
		b.log.Info("find out which member is better", "error", err)
		return nil
	}
	b.smooth(links)
	if better.Wavers(links) {
		again = time.After(signalTime)
	}
	to, why, ok := better.Choose(b.now.active, links)
	if !ok {
		b.tell(ctx, "")
		return again
	}
	if to != b.now.active || !slices.EqualFunc(links, b.toldOf, alike) {
		b.toldOf = links
		b.tell(ctx, why)
	}
	wireless := b.now.wifi[to] && b.now.wifi[b.now.active]
	if to == b.now.active || b.now.active == "" || wireless && b.calm() {
		return again
	}
	if wireless {
		b.moved, b.movedTo = time.Now(), to
	}
	send(ctx, b.reports, []report{preferred{b.now.active, to}})
	return again
}

// calm says whether the active Wi-Fi was chosen only a moment ago, by the signals of then. Whom the kernel has chosen since,
// as after a cable that was in between, may be left at once.
func (b *betters) calm() bool { return b.now.active == b.movedTo && time.Since(b.moved) < calmTime }

// smooth has each signal be the mean of what it was and what it is.
func (b *betters) smooth(links []better.Link) {
	before := b.signals
	b.signals = map[string]float64{}
	for i, l := range links {
		if l.Signal == nil {
			continue
		}
		now := float64(*l.Signal)
		if was, known := before[l.Name]; known {
			now = (was + now) / 2
		}
		b.signals[l.Name] = now
		links[i].Signal = new(int(now))
	}
}

// alike says whether two figures of a link tell people the same.
func alike(a, b better.Link) bool {
	const decibels = 5
	return a.Name == b.Name && (a.Signal == nil) == (b.Signal == nil) && max(value(a.Signal)-value(b.Signal), value(b.Signal)-value(a.Signal)) < decibels
}

// tell reports the figures, where they are others.
func (b *betters) tell(ctx context.Context, figures string) {
	if figures != b.told {
		b.told = figures
		send(ctx, b.reports, []report{chose(figures)})
	}
}

// wishBetter says who could be active: nobody but the kernel chooses under another policy, or where somebody
// has chosen by hand.
func (d *decider) wishBetter(st bond.Status) {
	var w bettersWish
	if value(st.PrimaryReselect) == bond.ReselectBetter && st.Trial == nil && d.seen.reason != bond.ReasonManual && value(st.ARPInterval) == 0 {
		w = bettersWish{active: d.seen.active, wifi: map[string]bool{}}
		dead := d.record.asidePaths()
		for _, m := range st.Members {
			if d.seen.slaves[m.Name] == "up" && (m.Name == d.seen.active || !slices.Contains(dead, m.Name)) {
				w.names = append(w.names, m.Name)
				w.wifi[m.Name] = value(m.Kind) == bond.KindWiFi
			}
		}
		if len(w.names) < 2 {
			w = bettersWish{}
		}
	}
	d.betters.wish.put(w)
}
