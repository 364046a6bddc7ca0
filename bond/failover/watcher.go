package failover

import (
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// A watcher knows a bond and its slaves by the kernel's messages, and says whom to make
// active. It touches nothing.
type watcher struct {
	name   string
	on     bool // somebody wants it to say so
	bond   bonding
	slaves []slave // in the order in which they were enslaved, as the driver goes through them
	// faster says whether the first slave's speed and duplex are better, for primary_reselect better.
	faster func(than, then slave) bool

	// dead are the names of the slaves whose paths are dead, as somebody watches them. They are the last
	// to be made active, and not returned to.
	dead    []string
	left    map[int]*departure // by ifindex: those to which the driver may never return, for to it they were up all the time
	flaps   map[int]*damping   // by ifindex
	refused [2]int             // the slave that the driver refused to leave, and for whom
	stale   bool               // the bond is another one now, of whose slaves no message has told
}

// A departure is of a slave that was left at the loss of its carrier, or passed over as it had
// none, or as its Wi-Fi handshake wasn't through.
type departure struct {
	failures uint32    // that the driver had counted by then
	back     time.Time // since when it has a link; zero while it hasn't
}

func newWatcher(name string, faster func(than, then slave) bool) *watcher {
	return &watcher{name: name, faster: faster, left: map[int]*departure{}, flaps: map[int]*damping{}}
}

// list begins anew with all links, and the names of the slaves in the driver's order.
func (w *watcher) list(links []rtnl.Link, order []string, now time.Time) {
	before := w.slaves
	w.bond, w.slaves = bonding{}, nil
	defer func() { w.stale = false }()
	for _, l := range links {
		if l.Kind == "bond" && l.Name == w.name {
			w.bond = bondingOf(l)
		}
	}
	for _, l := range links {
		w.hear(l, now)
	}
	slices.SortStableFunc(w.slaves, func(a, b slave) int { return slices.Index(order, a.name) - slices.Index(order, b.name) })
	for _, s := range before {
		if _, in := w.slave(s.index); !in {
			w.forget(s.index)
		}
	}
}

// hear takes in what a message says of a link.
func (w *watcher) hear(l rtnl.Link, now time.Time) {
	switch {
	case l.Kind == "bond" && l.Name == w.name:
		w.stale = w.stale || l.Index != w.bond.index
		w.bond = bondingOf(l)
	case l.Index == w.bond.index:
		w.bond = bonding{} // it is called otherwise now
	case l.Master == w.bond.index && l.Master != 0:
		w.hearSlave(slaveOf(l), now)
	default:
		w.forget(l.Index)
	}
}

// gone takes in that a link is no more.
func (w *watcher) gone(index int) {
	if index == w.bond.index {
		w.bond = bonding{}
		for _, s := range slices.Clone(w.slaves) {
			w.forget(s.index)
		}
	}
	w.forget(index)
}

func (w *watcher) hearSlave(s slave, now time.Time) {
	i := slices.IndexFunc(w.slaves, func(o slave) bool { return o.index == s.index })
	if i < 0 {
		w.slaves = append(w.slaves, s)
		return
	}
	was := w.slaves[i]
	w.slaves[i] = s
	d := w.left[s.index]
	if was.carrier && !s.carrier && (d != nil || s.index == w.bond.active) {
		w.flap(s.index).lose(now)
	}
	switch {
	case d == nil:
	case s.mii != miiUp, s.failures != d.failures:
		delete(w.left, s.index) // the driver has seen it without a link, and will return by itself
	case !s.linked():
		d.back = time.Time{}
	case d.back.IsZero():
		d.back = now
	}
}

func (w *watcher) flap(index int) *damping {
	if w.flaps[index] == nil {
		w.flaps[index] = &damping{}
	}
	return w.flaps[index]
}

func (w *watcher) slave(index int) (slave, bool) {
	i := slices.IndexFunc(w.slaves, func(s slave) bool { return s.index == index })
	if i < 0 {
		return slave{}, false
	}
	return w.slaves[i], true
}

// forget drops a slave that is none any more.
func (w *watcher) forget(index int) {
	w.slaves = slices.DeleteFunc(w.slaves, func(s slave) bool { return s.index == index })
	delete(w.left, index)
	delete(w.flaps, index)
}

// works says whether the watcher has a say: the driver goes by carriers (miimon), and
// acts upon a loss as soon as it sees it (no downdelay).
func (w *watcher) works() bool {
	return w.on && w.bond.mode == modeActiveBackup && w.bond.miimon > 0 && w.bond.downdelay == 0
}

// next says which slave is to be made active now, 0 for none; and when to ask again, though
// there was no message: zero for never.
func (w *watcher) next(now time.Time) (to int, due time.Time) {
	if !w.works() {
		clear(w.left)
		return 0, time.Time{}
	}
	if to := w.away(); to != 0 {
		return to, time.Time{}
	}
	return w.back(now)
}

// away is the slave that takes over from an active one that has lost its carrier.
func (w *watcher) away() int {
	active, in := w.slave(w.bond.active)
	if !in || active.carrier {
		w.refused = [2]int{}
		return 0
	}
	to := w.choice()
	if w.refused == [2]int{active.index, to} {
		return 0
	}
	return to
}

// choice is whom the driver would choose of those whose paths aren't dead or, without one, of all.
func (w *watcher) choice() int {
	if len(w.dead) > 0 {
		if to := w.bond.choice(w.slaves, func(s slave) bool { return s.usable() && !w.avoids(s.index) }, w.faster); to != 0 {
			return to
		}
	}
	return w.bond.choice(w.slaves, slave.usable, w.faster)
}

// avoids says whether a slave's path is dead.
func (w *watcher) avoids(index int) bool {
	s, _ := w.slave(index)
	return slices.Contains(w.dead, s.name)
}

// back is the slave to which the driver would return if it had seen the loss.
func (w *watcher) back(now time.Time) (to int, due time.Time) {
	choice := w.choice()
	for index, d := range w.left {
		if d.back.IsZero() || w.avoids(index) {
			continue // the next message tells more, or whoever watches its path
		}
		at := later(d.back.Add(w.bond.updelay), w.flap(index).until())
		switch {
		case index == w.bond.active, index != choice && !at.After(now):
			delete(w.left, index)
		case at.After(now):
			due = sooner(due, at)
		default:
			to = index
		}
	}
	return to, due
}

// switched takes in that the driver has done what next said.
func (w *watcher) switched(to int) {
	for _, s := range w.slaves {
		if s.mii == miiUp && !s.linked() && w.left[s.index] == nil {
			w.left[s.index] = &departure{failures: s.failures}
		}
	}
	delete(w.left, to)
	w.bond.active = to
}

// refuse takes in that the driver hasn't.
func (w *watcher) refuse(to int) {
	w.refused = [2]int{w.bond.active, to}
	delete(w.left, to)
}

// held are the slaves that have a link and aren't returned to since they come and go.
func (w *watcher) held(now time.Time) (names []string) {
	for _, s := range w.slaves {
		if d := w.left[s.index]; d != nil && !d.back.IsZero() && w.flap(s.index).until().After(now) {
			names = append(names, s.name)
		}
	}
	return names
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// sooner is the earlier of two times, of which the zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
