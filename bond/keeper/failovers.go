package keeper

import (
	"context"
	"log/slog"
	"slices"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/failover"
	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// failovers is the task that leaves a slave that has lost its carrier, without waiting for
// a look or for miimon. It takes no lock, for others may have theirs for long.
type failovers struct {
	host    *bond.Host
	bond    string
	reports chan<- []report
	log     *slog.Logger

	fast *failover.Failover
	held []string // the slaves that come and go, as was reported
	// onSwitch is called right after a switch. It waits for nobody.
	onSwitch func()
}

// switched is the report that a slave was left.
type switched struct{}

func newFailovers(k *Keeper, reports chan<- []report) *failovers {
	return &failovers{host: k.Host, bond: k.Name, reports: reports, log: k.Log}
}

// open begins to listen, in the calling thread's network namespace.
func (f *failovers) open() (err error) {
	if f.fast, err = failover.Open(f.bond); err == nil {
		f.fast.Order = func() []string { return f.host.SlaveOrder(f.bond) }
		f.fast.Faster = f.host.Faster
	}
	return err
}

func (f *failovers) close() { f.fast.Close() }

// set says whether it has anything to do.
func (f *failovers) set(on bool) { f.fast.Set(on) }

// avoid says which slaves have a dead path.
func (f *failovers) avoid(names []string) { f.fast.Avoid(names) }

// since are the switches that came after the one of a number.
func (f *failovers) since(number int) []failover.Switch { return f.fast.Since(number) }

// Run follows the bond until ctx ends. If it can't, the driver is as fast as miimon.
func (f *failovers) Run(ctx context.Context) error {
	if err := f.fast.Run(ctx, func(n failover.News) { f.hear(ctx, n) }); err != nil {
		f.log.Error("leave a member as soon as its carrier is lost", "error", err)
	}
	return nil
}

// hear reports what has happened.
func (f *failovers) hear(ctx context.Context, n failover.News) {
	var news []report
	if s := n.Switch; s != nil {
		if s.Err != nil {
			f.log.Info("the kernel is left to choose", "from", s.From, "to", s.To, "error", s.Err)
		} else {
			f.onSwitch()
			news = append(news, switched{})
		}
	}
	for _, name := range n.Held {
		if !slices.Contains(f.held, name) {
			news = append(news, f.trouble(name, "its link comes and goes: "+f.bond+" returns to it once it has been calm for a while"))
		}
	}
	for _, name := range f.held {
		if !slices.Contains(n.Held, name) {
			news = append(news, f.trouble(name, ""))
		}
	}
	f.held = n.Held
	if news != nil {
		send(ctx, f.reports, news)
	}
}

func (f *failovers) trouble(slave, text string) statedir.Trouble {
	return statedir.Trouble{Source: statedir.SourceFailover, Interface: slave, Text: text}
}
