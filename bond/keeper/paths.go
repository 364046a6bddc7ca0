package keeper

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/upstream"
)

// paths is the task that watches what is behind the slaves' links ([probe] in the file): a switch that has
// lost its uplink keeps the carrier up, so neither the kernel nor anybody else here notices. It asks through
// each slave, backups too, and has another one made active where the path of the active one is dead. Without
// anything to watch it has no timer.
type paths struct {
	wish    wish[pathsWish]
	reports chan<- []report
	log     *slog.Logger
	// open opens what asks over a path, active says which slave is active right now.
	open   func(watchedPath, pathsWish) (asker, error)
	active func() string

	now     pathsWish
	watches map[string]*watch
	answers chan pathAnswer
	opened  int            // counts the sockets, so that a closed one's answers are known
	deaths  map[string]int // of slaves that aren't watched for now
	dead    map[string]bool
	aside   upstream.Aside
	limit   upstream.Limit
	asked   asked
	again   time.Time // when there is something to do, whatever is heard
	told    pathsKnown
	toldAt  time.Time
	out     []report // for the decider, as soon as it takes them

	listening sync.WaitGroup
}

// An asker asks through one slave; a [probe.Path] is one.
type asker interface {
	Ask(from net.HardwareAddr) error
	Listen(heard func(netip.Addr))
	Close()
}

// A watch is of one path.
type watch struct {
	watchedPath
	judge  *upstream.Judge
	asker  asker
	number int // of its sockets
	failed string
}

type pathAnswer struct {
	slave  string
	number int
	at     time.Time
}

// asked is the switch that the decider was asked for last.
type asked struct {
	from string
	at   time.Time
}

// pathsKnown is the report of what is known of paths.
type pathsKnown struct {
	paths   []statedir.Path
	targets []string
}

// rerouted is the report that another slave is to be active because of a path.
type rerouted struct {
	from, to, why string
	dead          bool // the path that is left is
}

const (
	// figuresTime is the least time between two reports of figures alone: each has the decider look.
	figuresTime = 10 * time.Second
	// askTime is how long the decider has to make a switch until it is asked again.
	askTime = 2 * time.Second
)

func newPaths(k *Keeper, before []statedir.Path, reports chan<- []report) *paths {
	p := &paths{
		wish: newWish[pathsWish](), reports: reports, log: k.Log,
		open:    openPath,
		active:  func() string { return k.Host.ActiveSlave(k.Name) },
		watches: map[string]*watch{}, answers: make(chan pathAnswer, 64), deaths: map[string]int{}, dead: map[string]bool{}, aside: upstream.Aside{},
	}
	// What an earlier keeper has left is returned to by this one, once its path has proved itself.
	for _, b := range before {
		if b.Aside {
			p.aside[b.Slave], p.deaths[b.Slave] = true, 1
		}
		if b.State == upstream.Dead {
			p.dead[b.Slave] = true
		}
	}
	return p
}

// Run watches paths until ctx ends.
func (p *paths) Run(ctx context.Context) error {
	defer p.close()
	for {
		var due <-chan time.Time
		if at, any := p.due(); any {
			due = time.After(time.Until(at))
		}
		var reports chan<- []report
		if p.out != nil {
			reports = p.reports
		}
		select {
		case <-ctx.Done():
			return nil
		case w := <-p.wish:
			p.take(ctx, w)
		case a := <-p.answers:
			p.hear(a)
		case reports <- p.out:
			p.out = nil
		case <-due:
		}
		p.hearAll()
		p.ask(time.Now())
		p.judge(time.Now())
	}
}

// due is when there is something to do, whatever is heard.
func (p *paths) due() (first time.Time, any bool) {
	sooner := func(at time.Time) {
		if !any || at.Before(first) {
			first, any = at, true
		}
	}
	for _, w := range p.watches {
		if w.asker != nil {
			sooner(w.judge.Due())
		}
	}
	if !p.again.IsZero() {
		sooner(p.again)
	}
	return first, any
}

// take takes in what is to be watched. A path of which only the figures of the bond have changed goes on to be.
func (p *paths) take(ctx context.Context, w pathsWish) {
	if w.choice.Active != p.asked.from {
		p.asked = asked{}
	}
	fresh := p.now.settings != w.settings || !slices.Equal(p.now.asked(), w.asked())
	p.now = w
	for name, is := range p.watches {
		i := slices.IndexFunc(w.watched, func(o watchedPath) bool { return o.name == name })
		switch {
		case i < 0 || fresh || !w.watched[i].isPathOf(is.watchedPath):
			p.end(is)
		case w.watched[i] != is.watchedPath:
			is.reopen(w.watched[i])
		}
	}
	if w.settings == (upstream.Settings{}) { // nothing is to be watched any more
		clear(p.deaths)
		clear(p.dead)
		clear(p.aside)
	}
	for _, o := range w.watched {
		is := p.watches[o.name]
		if is == nil {
			is = &watch{watchedPath: o, judge: upstream.NewJudge(w.settings, p.deaths[o.name])}
			p.watches[o.name] = is
		}
		if is.asker == nil {
			p.begin(ctx, is)
		}
	}
}

// targetsOf are who is asked: a gateway, or all the targets.
func (p *paths) targetsOf(gateway netip.Addr) []string {
	if gateway.IsValid() {
		return []string{gateway.String()}
	}
	return p.now.asked()
}

// begin opens the sockets of a watch. What can't be opened now is tried again at the next look.
func (p *paths) begin(ctx context.Context, w *watch) {
	a, err := p.open(w.watchedPath, p.now)
	if err != nil {
		if w.failed != err.Error() {
			w.failed = err.Error()
			p.log.Warn("watch a path", "slave", w.name, "error", err)
		}
		return
	}
	p.opened++
	w.asker, w.number, w.failed = a, p.opened, ""
	from := pathAnswer{slave: w.name, number: w.number}
	p.listening.Go(func() {
		a.Listen(func(netip.Addr) {
			answer := from
			answer.at = time.Now()
			send(ctx, p.answers, answer)
		})
	})
}

// reopen has a path asked in another name from now on. What is known of it stays.
func (w *watch) reopen(as watchedPath) {
	if w.asker != nil {
		w.asker.Close()
	}
	w.asker, w.watchedPath = nil, as
}

// end ends a watch. How often the path was dead stays known.
func (p *paths) end(w *watch) {
	p.deaths[w.name] = w.judge.Deaths()
	if w.asker != nil {
		w.asker.Close()
	}
	delete(p.watches, w.name)
}

func (p *paths) close() {
	for _, w := range p.watches {
		p.end(w)
	}
	p.listening.Wait()
}

func (p *paths) hear(a pathAnswer) {
	if w := p.watches[a.slave]; w != nil && w.number == a.number {
		w.judge.Answer(a.at)
	}
}

// hearAll takes in what was heard before a judge is told that nothing was.
func (p *paths) hearAll() {
	for {
		select {
		case a := <-p.answers:
			p.hear(a)
		default:
			return
		}
	}
}

// ask asks through each slave for which it is time.
func (p *paths) ask(now time.Time) {
	for _, w := range p.watches {
		if w.asker == nil || !w.judge.Tick(now) {
			continue
		}
		// Only the active slave may send as the bond, and which one that is may have changed since the
		// last look.
		from, active := net.HardwareAddr(w.own), p.active() == w.name
		if active && w.asBond {
			from = net.HardwareAddr(p.now.mac)
		}
		if w.activeOnly && !active {
			continue
		}
		if err := w.asker.Ask(from); err != nil && w.failed != err.Error() {
			w.failed = err.Error()
			p.log.Info("ask over a path", "slave", w.name, "error", err)
		}
	}
}

// judge tells what has changed, and has another slave made active where that is called for.
func (p *paths) judge(now time.Time) {
	p.again = time.Time{}
	c := p.choice()
	if len(c.Slaves) > 0 {
		p.aside.Note(c)
	}
	p.tell(now)
	if len(p.watches) == 0 || !p.now.act {
		return
	}
	to := c.Next(p.aside)
	switch wait := p.limit.Wait(now); {
	case to == "":
	case now.Before(p.asked.at.Add(askTime)):
		p.again = p.asked.at.Add(askTime)
	case !wait.IsZero():
		p.again = wait
	default:
		p.limit.Made(now)
		p.asked = asked{c.Active, now}
		p.out = append(p.out, p.reroute(c.Active, to))
	}
}

// reroute is the report that calls for a switch, and says why.
func (p *paths) reroute(from, to string) rerouted {
	if w := p.watches[from]; w != nil && w.judge.State() == upstream.Dead {
		return rerouted{from, to, "the path of " + from + " is dead: " + bond.Unanswered(p.now.asked()), true}
	}
	return rerouted{from, to, "the path of " + to + " works again", false}
}

// choice is whom the bond uses, with what is known of paths.
func (p *paths) choice() upstream.Choice {
	c := p.now.choice
	c.Slaves = slices.Clone(c.Slaves)
	for i, s := range c.Slaves {
		c.Slaves[i].State = upstream.Unknown
		if w := p.watches[s.Name]; w != nil {
			c.Slaves[i].State = w.judge.State()
		}
	}
	return c
}

// tell reports what is known of paths where that has changed, and what has happened to them.
func (p *paths) tell(now time.Time) {
	known := pathsKnown{targets: p.now.asked()}
	for _, name := range slices.Sorted(maps.Keys(p.watches)) {
		w := p.watches[name]
		is := statedir.Path{Slave: name, State: w.judge.State(), Gateway: w.gateway, Aside: p.aside[name]}
		if rtt, ok := w.judge.RTT(); ok {
			is.RTT = new(float64(rtt.Round(10*time.Microsecond)) / float64(time.Millisecond))
		}
		if loss, ok := w.judge.Loss(); ok {
			is.Loss = &loss
		}
		known.paths = append(known.paths, is)
		p.happens(is)
	}
	if !p.differs(known, now) {
		return
	}
	p.told, p.toldAt = known, now
	p.out = append(p.out, known)
}

// happens tells of a path that is dead now, or isn't any more.
func (p *paths) happens(is statedir.Path) {
	switch {
	case is.State == upstream.Dead && !p.dead[is.Slave]:
		p.dead[is.Slave] = true
		p.out = append(p.out, bond.Event{Event: bond.EventPathDead, From: new(is.Slave), Message: new(bond.Unanswered(p.targetsOf(is.Gateway)))})
	case is.State == upstream.OK && p.dead[is.Slave]:
		delete(p.dead, is.Slave)
		p.out = append(p.out, bond.Event{Event: bond.EventPathOK, To: new(is.Slave)})
	}
}

// differs says whether there is something to report: a state at once, figures where they have changed by
// much, and not too often.
func (p *paths) differs(k pathsKnown, now time.Time) bool {
	if len(k.paths) != len(p.told.paths) || !slices.Equal(k.targets, p.told.targets) {
		return true
	}
	figures := false
	for i, is := range k.paths {
		was := p.told.paths[i]
		if is.Slave != was.Slave || is.State != was.State || is.Aside != was.Aside {
			return true
		}
		figures = figures || farApart(is, was)
	}
	return figures && now.Sub(p.toldAt) >= figuresTime
}

// farApart says whether a path's figures tell people something else.
func farApart(a, b statedir.Path) bool {
	const percent, factor, millis = 10, 2, 1.0
	loss := value(a.Loss) - value(b.Loss)
	low, high := min(value(a.RTT), value(b.RTT)), max(value(a.RTT), value(b.RTT))
	return loss >= percent || loss <= -percent || (a.RTT == nil) != (b.RTT == nil) || high >= low*factor && high-low >= millis
}
