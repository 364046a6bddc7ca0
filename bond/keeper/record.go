package keeper

import (
	"cmp"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
	"github.com/bondctl/bondctl/bond/upstream"
)

// ErrKept says that a bond has a keeper already.
var ErrKept = errors.New("it has a keeper already")

// record is what the keeper writes down for others to use and show: its own file,
// and the history.
type record struct {
	dir     statedir.Dir
	bond    string
	log     *slog.Logger
	onEvent func(bond.Event)
	unlock  func()

	state   statedir.Keeper
	saved   bool // state is in its file
	history *statedir.History[bond.Event]
	roam    roam         // holds events back,
	fold    fold         // and so does this
	seq     int          // the last event's that is in the history
	events  []bond.Event // which aren't yet
	// accessPoint says in words where a slave is that has roamed.
	accessPoint func(slave string) *string
	// pathsBefore is what the last keeper knew of paths.
	pathsBefore []statedir.Path
	// reroute is the switch that was called for last because of a path, until an event has told of it.
	reroute rerouted
	// drilled says whether a drill is under way; nil where none ever is.
	drilled func() bool
	// failedOver, where it is set, is called with each failover that was seen.
	failedOver func(bond.Event)
}

// maxEvents bounds the events that wait for a history that can't be written.
const maxEvents = 64

// openRecord makes this process the bond's keeper. What the last one has noted of
// the lease holds; whatever else it knew is found out anew. The error is ErrKept
// where there is a keeper.
func openRecord(dir statedir.Dir, name string, log *slog.Logger, onEvent func(bond.Event)) (*record, error) {
	unlock, err := lockKeeper(dir, name)
	if err != nil {
		return nil, err
	}
	r := &record{dir: dir, bond: name, log: log, onEvent: onEvent, unlock: unlock,
		history: statedir.HistoryOf[bond.Event](dir), accessPoint: accessPoint}
	if err := r.begin(); err != nil {
		unlock()
		return nil, err
	}
	return r, nil
}

func (r *record) begin() error {
	before, _, damaged := r.dir.Keeper()
	r.state.Lent, r.state.MemberLents = before.Lent, before.MemberLents
	r.pathsBefore = before.Paths
	events, err := r.history.Read()
	if len(events) > 0 {
		r.seq = events[len(events)-1].Seq
	}
	if err = errors.Join(damaged, err); err != nil {
		r.log.Warn("read what the last keeper noted", "error", err)
	}
	if r.state.Process, err = statefile.Self(); err != nil {
		return err
	}
	return r.save()
}

// close ends this process's being the keeper. What it has noted stays, unless
// nothing is wanted of the bond any more.
func (r *record) close(wanted bool) {
	defer r.unlock()
	var err error
	if wanted {
		r.foldIn(r.roam.flush())
		r.tell(r.fold.flush())
		r.state.Process, r.saved = statefile.Process{}, false
		err = r.save()
	} else {
		err = r.dir.RemoveKeeper()
	}
	if err != nil {
		r.log.Warn("note that the keeper ends", "error", err)
	}
}

// save writes down what isn't written yet, and hands on the events that are. What is
// held back beyond its time is among them.
func (r *record) save() error {
	now := time.Now()
	r.foldIn(r.roam.release(now))
	r.tell(r.fold.release(now))
	if !r.saved {
		if err := r.dir.WriteKeeper(r.state); err != nil {
			return err
		}
		r.saved = true
	}
	for i := range r.events {
		r.events[i].Seq = r.seq + i + 1
	}
	if err := r.history.Append(r.events...); err != nil {
		r.events = r.events[max(0, len(r.events)-maxEvents):]
		return err
	}
	r.seq += len(r.events)
	for _, e := range r.events {
		if r.onEvent != nil {
			r.onEvent(e)
		}
	}
	r.events = nil
	return nil
}

// due is when something that is held back is to be saved; zero where nothing is.
func (r *record) due() time.Time {
	roam, fold := r.roam.due(), r.fold.due()
	if roam.IsZero() || !fold.IsZero() && fold.Before(roam) {
		return fold
	}
	return roam
}

// saw takes in what happened between two snapshots.
func (r *record) saw(before snapshot, now *snapshot, at time.Time) {
	r.roam.begin(before, *now, at)
	events := now.since(before, at)
	if len(events) > 0 && r.drilled != nil && r.drilled() {
		markDrilled(events)
	}
	for _, e := range events {
		r.explain(&e)
		if e.Event == bond.EventFailover && r.failedOver != nil {
			r.failedOver(e)
		}
		r.happened(e)
	}
	r.foldIn(r.roam.end(*now, at))
}

// outage notes what was measured of a failover, unless that is held back still.
func (r *record) outage(o outage) {
	is := func(e *bond.Event) bool {
		if e.Event != bond.EventFailover || !e.Time.Equal(o.of) || e.Count > 1 {
			return false
		}
		e.OutageMS = &o.ms
		return true
	}
	for i := range r.events {
		if is(&r.events[i]) {
			return
		}
	}
	if _, err := r.history.Amend(is); err != nil {
		r.log.Warn("note what a failover cost", "error", err)
	}
}

// markDrilled says of events that a drill has brought them about.
func markDrilled(events []bond.Event) {
	for i := range events {
		switch events[i].Event {
		case bond.EventFailover, bond.EventLinkUp, bond.EventLinkDown:
			events[i].Message = new("drill")
		}
	}
}

// happened takes in an event. It is told when it is clear what it is part of.
func (r *record) happened(e bond.Event) {
	e.Count = 1
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if !r.roam.holds(e) {
		r.foldIn([]bond.Event{e})
	}
}

// foldIn takes in events that are no part of anything, and tells them unless they happen
// again and again.
func (r *record) foldIn(events []bond.Event) {
	for _, e := range events {
		if e.Event == bond.EventRoam {
			e.Message = r.accessPoint(*e.To)
		}
		r.tell(r.fold.add(e))
	}
}

// tell logs events, and has them in the history with the next save.
func (r *record) tell(events []bond.Event) {
	for _, e := range events {
		e.Bond = r.bond
		r.log.Info(e.String())
		r.events = append(r.events, e)
	}
}

// active notes which slave is the active one.
func (r *record) active(slave string, now time.Time) {
	if r.state.Active != slave {
		r.state.Active, r.state.ActiveSince = slave, now
		r.saved = false
	}
}

// lent notes what DHCP has lent.
func (r *record) lent(l statedir.Lent) {
	r.state.Lent = l
	r.saved = false
}

// lentTo notes what DHCP has lent a member.
func (r *record) lentTo(member string, l statedir.Lent) {
	all := maps.Clone(r.state.MemberLents)
	if all == nil {
		all = map[string]statedir.Lent{}
	}
	if all[member] = l; l.Lease == nil {
		delete(all, member)
	}
	r.state.MemberLents = all
	r.saved = false
}

// better notes by what figures the active slave is chosen.
func (r *record) better(figures string) {
	r.state.Better = figures
	r.saved = false
}

// resting notes that a member rests, or doesn't any more.
func (r *record) resting(now resting) {
	r.state.Resting = slices.DeleteFunc(slices.Clone(r.state.Resting), func(name string) bool { return name == now.iface })
	if now.rests {
		r.state.Resting = append(r.state.Resting, now.iface)
	}
	r.saved = false
}

// paths notes what is known of paths.
func (r *record) paths(k pathsKnown) {
	r.state.Paths, r.state.PathTargets = k.paths, k.targets
	r.saved = false
}

// deadPaths are the slaves whose paths are dead.
func (r *record) deadPaths() (names []string) {
	for _, p := range r.state.Paths {
		if p.State == upstream.Dead {
			names = append(names, p.Slave)
		}
	}
	return names
}

// asidePaths are the slaves that aren't used because of their paths.
func (r *record) asidePaths() (names []string) {
	for _, p := range r.state.Paths {
		if p.State == upstream.Dead || p.Aside && p.State != upstream.OK {
			names = append(names, p.Slave)
		}
	}
	return names
}

// explain has a failover tell that it was because of a path.
func (r *record) explain(e *bond.Event) {
	if e.Event != bond.EventFailover || r.reroute.to == "" {
		return
	}
	if value(e.From) == r.reroute.from && value(e.To) == r.reroute.to && e.Message == nil {
		e.Message = new(r.reroute.why)
	}
	r.reroute = rerouted{}
}

// asking notes what DHCP servers are asked.
func (r *record) asking(a statedir.Asking) {
	r.state.Asking = a
	r.saved = false
}

// trouble says that something doesn't work or, without a text, that it does
// again. What is the same as before isn't said again.
func (r *record) trouble(t statedir.Trouble) {
	before := ""
	if i := r.find(t.Source, t.Interface); i >= 0 {
		before = r.state.Troubles[i].Text
	}
	if t.Text == before {
		return
	}
	r.forget(t.Source, t.Interface)
	if t.Text == "" {
		r.happened(bond.Event{Event: bond.EventMended, To: new(t.Name())})
		return
	}
	r.state.Troubles = append(r.state.Troubles, t)
	slices.SortStableFunc(r.state.Troubles, func(a, b statedir.Trouble) int { return cmp.Compare(a.Name(), b.Name()) })
	r.saved = false
	r.happened(bond.Event{Event: bond.EventTrouble, From: new(t.Name()), Message: &t.Text})
}

// forget drops the trouble with something that is of no interest any more.
func (r *record) forget(source statedir.Source, iface string) {
	if i := r.find(source, iface); i >= 0 {
		r.state.Troubles = slices.Delete(r.state.Troubles, i, i+1)
		r.saved = false
	}
}

// find is the place of the trouble with something; -1 without one.
func (r *record) find(source statedir.Source, iface string) int {
	return slices.IndexFunc(r.state.Troubles, func(t statedir.Trouble) bool { return t.Source == source && t.Interface == iface })
}
