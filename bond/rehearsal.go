package bond

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// A Rehearsal is what a drill changes of a bond, as its trial notes it (see [Trial]): it is
// always put back, by the drill itself or, where that was killed, by the guardian.
type Rehearsal struct {
	// Active is the slave that was active before. It is so again afterwards.
	Active string `json:"active"`
	// Manual says that somebody had chosen it by hand.
	Manual bool `json:"manual"`
	// Group says that it is one of the strategy routes, and Choice whom somebody had chosen by hand there.
	Group  bool    `json:"group,omitempty"`
	Choice *choice `json:"choice,omitempty"`
	// Members are the slaves that were up, and are so again afterwards.
	Members []rehearsed `json:"members"`
	// Cut is the slave that is held down now; "" for none. A keeper leaves it so.
	Cut string `json:"cut,omitempty"`
}

// A rehearsed is a slave by which a drill may go. A device that comes back is another one, by
// its ifindex.
type rehearsed struct {
	Name  string `json:"name"`
	Index int    `json:"ifindex"`
}

// BeginRehearsal puts on trial what a drill is about to do to a bond: its slaves become
// active in turn, or are cut. Within limit it is put back, unless [Host.ExtendTrial] says
// otherwise. Whoever calls it starts a guardian then, or calls [Host.DropTrial].
//
// The error is ErrNoBond, a [*TrialError] while a change of the bond is on trial, an
// [*ObstacleError] where the bond has no active slave, or says why nothing could be written
// down.
func (h *Host) BeginRehearsal(ctx context.Context, name string, limit time.Duration) error {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := h.newRehearsal(name)
	if err != nil {
		return err
	}
	if err := h.store.of(name).CheckRoom(); err != nil {
		return fmt.Errorf("nothing is rehearsed, for it couldn't be put back: %w", err)
	}
	up, err := statefile.Self()
	if err != nil {
		return err
	}
	if t, err := h.Trial(name); err != nil || t.Pending() && (t.Guarded() || t.Up.Alive()) {
		return errors.Join(err, &TrialError{name, t})
	}
	t := Trial{BootID: statefile.BootID(), Up: up, Deadline: statefile.SinceBoot() + limit, Drill: r}
	return h.changeTrial(name, func(old *Trial) error { *old = t; return nil })
}

// newRehearsal takes down how a bond or a group is before a drill.
func (h *Host) newRehearsal(name string) (*Rehearsal, error) {
	was, err := h.store.record(name)
	if err != nil {
		return nil, err
	}
	if was.byRoutes() {
		return h.beginGroupRehearsal(name, was)
	}
	s, err := h.observe(name, nil)
	switch {
	case err != nil:
		return nil, err
	case s.Bond == nil:
		return nil, fmt.Errorf("%s: %w", name, ErrNoBond)
	case s.Bond.ActiveSlave == "":
		return nil, &ObstacleError{Bond: name, What: name + " has no active slave"}
	}
	r := &Rehearsal{Active: s.Bond.ActiveSlave, Manual: was.Manual.holds(s)}
	for _, slave := range s.Bond.Slaves {
		if link, _ := s.link(slave.Name); link.Up {
			r.Members = append(r.Members, rehearsed{link.Name, link.Index})
		}
	}
	return r, nil
}

// Rehearse makes a slave the active one, for a drill. Nobody's choice by hand is noted of a bond, and of a group
// whom somebody had chosen is put back. The lock is held
// for this step alone, and so by Cut and Mend: the keeper goes on to do its work, which is a part of
// what is rehearsed.
func (h *Host) Rehearse(ctx context.Context, name, slave string, how How) error {
	if t, err := h.Trial(name); err == nil && t.Drill != nil && t.Drill.Group {
		return h.rehearseByRoutes(ctx, name, slave, how)
	}
	return h.step(ctx, name, how, func(s State) (Step, error) {
		if s.Bond.ActiveSlave == slave {
			return nil, nil
		}
		return setActive{name, s.Bond.ActiveSlave, slave}, switchable(s, slave)
	})
}

// Cut sets a slave down, for a drill: the driver sees no carrier. [Host.Mend] sets it up
// again.
func (h *Host) Cut(ctx context.Context, name, slave string, how How) error {
	err := h.pending(name, func(t *Trial) { t.Drill.Cut = slave })
	if err != nil {
		return err
	}
	return h.step(ctx, name, how, func(s State) (Step, error) { return setUp(s, slave, false), nil })
}

// Mend sets a slave up that Cut set down.
func (h *Host) Mend(ctx context.Context, name, slave string, how How) error {
	err := h.step(ctx, name, how, func(s State) (Step, error) { return setUp(s, slave, true), nil })
	if err != nil {
		return err
	}
	return h.pending(name, func(t *Trial) { t.Drill.Cut = "" })
}

// setUp is the step that sets a slave up or down; nil where it is.
func setUp(s State, slave string, up bool) Step {
	link, present := s.link(slave)
	if !present || link.Master != s.Name || link.Up == up {
		return nil
	}
	to := link.settings()
	to.Up = up
	return setLink{slave, link.settings(), to}
}

// EndRehearsal puts back what a drill did, after [Host.DecideTrial] said so: its slaves are up,
// and the one that was active is so again, as soon as its link can be used and within limit.
// It goes on where something fails; the error has all that failed. One that was interrupted
// goes on where it stopped when it is called again.
func (h *Host) EndRehearsal(ctx context.Context, name string, limit time.Duration, how How) error {
	t, err := h.Trial(name)
	if err != nil || t.Drill == nil {
		return err
	}
	if t.Drill.Group {
		return h.endGroupRehearsal(ctx, name, *t.Drill, how)
	}
	err = h.setAllUp(ctx, name, *t.Drill, how)
	if left := h.makeActiveAgain(ctx, name, *t.Drill, limit, how); left != nil {
		err = errors.Join(err, left)
	}
	return errors.Join(err, h.concludeTrial(name))
}

func (h *Host) setAllUp(ctx context.Context, name string, was Rehearsal, how How) error {
	return h.locked(ctx, name, func(s State) error {
		var steps []Step
		for _, m := range was.Members {
			if link, _ := s.link(m.Name); link.Index != m.Index {
				continue // another device by the same name
			}
			if step := setUp(s, m.Name, true); step != nil {
				steps = append(steps, step)
			}
		}
		_, refused := h.kernel.restore(steps, how)
		return joined(refused)
	})
}

// makeActiveAgain waits until every slave that was cut can be used, for the driver may select
// another one by then, and makes the one active that was.
func (h *Host) makeActiveAgain(ctx context.Context, name string, was Rehearsal, limit time.Duration, how How) error {
	errOver := fmt.Errorf("it has no link after %s", limit)
	err := h.wait(ctx, name, limit, errOver, func() (bool, error) {
		st, err := h.Brief(name)
		return st.Ready(was.Active) && st.settled(), err
	})
	if err != nil && !errors.Is(err, errOver) {
		return err
	}
	if err := h.Rehearse(ctx, name, was.Active, how); err != nil {
		return fmt.Errorf("make %s the active slave again: %w", was.Active, err)
	}
	if !was.Manual {
		return nil
	}
	return h.chooseAgain(ctx, name, was.Active)
}

// chooseAgain notes that a slave is active since somebody chose it by hand: its link has failed
// since then, and the driver had chosen.
func (h *Host) chooseAgain(ctx context.Context, name, slave string) error {
	return h.locked(ctx, name, func(s State) error {
		if s.Bond.ActiveSlave != slave {
			return nil
		}
		return h.rememberManual(s, slave)
	})
}

// Ready says whether the bond could send by a slave now and for a while: its link is up, and
// isn't in a delay of the driver's nor in a Wi-Fi handshake. A member of a group has a way out as well.
func (st Status) Ready(slave string) bool {
	return slices.ContainsFunc(st.Members, func(m MemberStatus) bool {
		leads := st.Strategy != StrategyRoutes || m.Gateway != nil && len(m.Addresses) > 0
		return m.Name == slave && value(m.MIIStatus) == "up" && !m.Dormant && leads
	})
}

// held is the slave that a drill holds down; "" for none, or where nobody looks after the
// drill any more.
func (h *Host) held(name string) string {
	t, err := h.Trial(name)
	if err != nil || t.Drill == nil || !t.Pending() || t.Abandoned() {
		return ""
	}
	return t.Drill.Cut
}

// Drilled says whether a drill is under way, and so whatever happens may be its doing.
func (h *Host) Drilled(name string) bool {
	t, err := h.Trial(name)
	return err == nil && t.Drill != nil && t.Pending() && !t.Abandoned()
}

// WaitStatus waits until isSo of the bond's status. It follows the kernel's events. The error
// is over when the time is over, or ctx has ended.
func (h *Host) WaitStatus(ctx context.Context, name string, limit time.Duration, over error, isSo func(Status) bool) error {
	return h.wait(ctx, name, limit, over, func() (bool, error) {
		st, err := h.Brief(name)
		return err == nil && isSo(st), err
	})
}

// GoesOver says whether what a link sends goes over the bond: it is the bond itself, or stacked
// upon it, such as a VLAN; or a member of the group.
func (h *Host) GoesOver(name, link string) (bool, error) {
	if r, err := h.store.record(name); err != nil || r.byRoutes() {
		st, briefErr := h.Brief(name)
		return slices.ContainsFunc(st.Members, func(m MemberStatus) bool { return m.Name == link }), errors.Join(err, briefErr)
	}
	s, err := h.observe(name, nil)
	if err != nil {
		return false, err
	}
	for range s.Links { // it can't be stacked upon itself
		over, present := s.link(link)
		if link == name || !present {
			break
		}
		lower, present := s.linkByIndex(over.Lower)
		if over.Lower == 0 || !present {
			break
		}
		link = lower.Name
	}
	return link == name, nil
}

// Carried says in words what a slave carries itself, and would lose if it were set down; "" for
// nothing.
func (h *Host) Carried(name, slave string) (string, error) {
	v, err := h.Survey(Config{Name: name})
	if err != nil {
		return "", err
	}
	for _, m := range v.Members {
		if m.Name != slave {
			continue
		}
		var carries []string
		for _, a := range m.Addresses {
			carries = append(carries, a.String())
		}
		carries = append(append(carries, m.Upper...), m.Over...)
		return strings.Join(carries, ", "), nil
	}
	return "", nil
}
