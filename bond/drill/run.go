package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// A Drill rehearses the failovers of one bond.
type Drill struct {
	Host    *bond.Host
	Name    string
	Members []string // fail in this order
	Cut     bool     // set them down
	Train   *Train
	// Limit is how long each step may take until frames are answered, and a member to come
	// back.
	Limit time.Duration
	How   bond.How
	// Tell, where it is set, is called with each failover that was rehearsed.
	Tell func(Failover)
}

const (
	// calmTime is how long frames have to be answered, all of them, before a step is over.
	calmTime = 300 * time.Millisecond
	// calmFrames is how many that are at the least.
	calmFrames = 3
	// policyTime is how long a bond has to make a member active that has its link again.
	policyTime = time.Second
	// stepTime is how long the kernel may take for what is done in no time.
	stepTime = time.Minute
)

// ErrSilent says that frames weren't answered any more.
var ErrSilent = errors.New("nobody answers")

// Baseline waits until frames are answered, all of them for a while, and says what was lost
// until then. The error is ErrSilent when the time is over.
func (d *Drill) Baseline(ctx context.Context, limit time.Duration) (Gap, error) {
	_, err := d.settle(ctx, time.Time{}, limit)
	frames, failed := d.Train.Frames()
	return Measure(until(frames, time.Now().Add(-d.Train.lag())), d.Train.Interval), errors.Join(err, failed)
}

// Run has each member fail in turn. It returns what was measured, when it is cut short too, and
// then the last failover may not be complete.
func (d *Drill) Run(ctx context.Context) (all []Failover, err error) {
	for _, member := range d.Members {
		if err := d.Host.ExtendTrial(d.Name, 4*d.Limit+stepTime, false); err != nil {
			return all, err
		}
		f := Failover{Bond: d.Name, By: BySwitch, From: member, Time: time.Now()}
		if d.Cut {
			f.By = ByCut
		}
		if err := d.activate(ctx, member); err != nil {
			return all, err
		}
		err := d.fail(ctx, &f)
		if err == nil {
			err = d.comeBack(ctx, &f)
		}
		all = append(all, f)
		if d.Tell != nil {
			d.Tell(f)
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// activate makes a member active that is to fail.
func (d *Drill) activate(ctx context.Context, member string) error {
	begun := time.Now()
	if err := d.Host.Rehearse(ctx, d.Name, member, d.How); err != nil {
		return err
	}
	if _, err := d.settle(ctx, begun, d.Limit); err != nil {
		return fmt.Errorf("while %s is active: %w", member, err)
	}
	return nil
}

// fail has the active slave fail, and measures what that costs.
func (d *Drill) fail(ctx context.Context, f *Failover) error {
	begun := time.Now()
	f.Time = begun
	if d.Cut {
		if err := d.Host.Cut(ctx, d.Name, f.From, d.How); err != nil {
			return err
		}
		over := fmt.Errorf("no other member has taken over from %s after %s", f.From, d.Limit)
		st, err := d.await(ctx, d.Limit, over, func(st bond.Status) bool { return active(st) != "" && active(st) != f.From })
		if err != nil {
			return err
		}
		f.To = st.Active
	} else {
		st, err := d.Host.Brief(d.Name)
		if err != nil {
			return err
		}
		to := Successor(st, f.From)
		if to == "" {
			return fmt.Errorf("no other member than %s has a link any more", f.From)
		}
		begun = time.Now()
		f.Time = begun
		if err := d.Host.Rehearse(ctx, d.Name, to, d.How); err != nil {
			return err
		}
		f.To = &to
	}
	gap, err := d.measure(ctx, begun)
	f.Lost = &gap.Lost
	if gap.Ended && err == nil {
		f.OutageMS = milliseconds(gap.Outage)
	}
	if err != nil {
		return fmt.Errorf("after the failover from %s to %s: %w", f.From, *f.To, err)
	}
	return nil
}

// comeBack has the member come back that failed, and measures what that costs.
func (d *Drill) comeBack(ctx context.Context, f *Failover) error {
	begun := time.Now()
	f.BackTime = &begun
	if d.Cut {
		by, err := d.awaitReturn(ctx, f.From)
		if err != nil {
			return err
		}
		if by == BackByPolicy {
			f.BackBy, f.BackMS = &by, milliseconds(time.Since(begun))
		}
	}
	if f.BackBy == nil {
		if err := d.Host.Rehearse(ctx, d.Name, f.From, d.How); err != nil {
			return err
		}
		f.BackBy = new(BackByHand)
	}
	gap, err := d.measure(ctx, begun)
	f.BackLost = &gap.Lost
	if gap.Ended && err == nil {
		f.BackOutageMS = milliseconds(gap.Outage)
	}
	if err != nil {
		return fmt.Errorf("after the way back to %s: %w", f.From, err)
	}
	return nil
}

// awaitReturn sets a member up that was cut, and waits until it can be used. It says whether the
// bond makes it active again by itself.
func (d *Drill) awaitReturn(ctx context.Context, member string) (by string, err error) {
	if err := d.Host.Mend(ctx, d.Name, member, d.How); err != nil {
		return "", err
	}
	over := fmt.Errorf("%s has no link after %s, though it is up again", member, d.Limit)
	st, err := d.await(ctx, d.Limit, over, func(st bond.Status) bool { return st.Ready(member) })
	if err != nil || active(st) == member {
		return BackByPolicy, err
	}
	errStays := errors.New("it stays")
	_, err = d.await(ctx, policyTime, errStays, func(st bond.Status) bool { return active(st) == member })
	if errors.Is(err, errStays) && ctx.Err() == nil {
		return BackByHand, nil
	}
	return BackByPolicy, err
}

// await waits until isSo, and returns the status by then.
func (d *Drill) await(ctx context.Context, limit time.Duration, over error, isSo func(bond.Status) bool) (st bond.Status, err error) {
	err = d.Host.WaitStatus(ctx, d.Name, limit, over, func(now bond.Status) bool {
		st = now
		return isSo(now)
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return st, err
}

// measure waits until frames are answered that were sent after a step, and says what was lost
// since. A frame that was under way when the step was taken counts.
func (d *Drill) measure(ctx context.Context, begun time.Time) (Gap, error) {
	from := begun.Add(-d.Train.lag())
	end, err := d.settle(ctx, begun, d.Limit)
	frames, _ := d.Train.Frames()
	return Measure(since(until(frames, end), from), d.Train.Interval), err
}

// settle waits until frames are answered, all of them for a while that begins after a time. It
// returns until when it is known what became of frames. The error is ErrSilent when the time is
// over.
func (d *Drill) settle(ctx context.Context, after time.Time, limit time.Duration) (end time.Time, err error) {
	long := max(calmTime, calmFrames*d.Train.Interval)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit + long); ; {
		frames, err := d.Train.Frames()
		if err != nil {
			return end, err
		}
		end = time.Now().Add(-d.Train.lag())
		if calm(frames, end, long) && !end.Add(-long).Before(after) {
			return end, nil
		}
		if time.Now().After(deadline) {
			return end, fmt.Errorf("%w within %s", ErrSilent, limit)
		}
		select {
		case <-ctx.Done():
			return end, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func active(st bond.Status) string {
	if st.Active == nil {
		return ""
	}
	return *st.Active
}

// Successor is the member that the kernel would make active if another one failed: the primary,
// or else the first of those with the highest prio. It is "" where no other one has a link.
func Successor(st bond.Status, failed string) string {
	best, top := "", 0
	for _, m := range st.Members {
		prio := 0
		if m.Prio != nil {
			prio = *m.Prio
		}
		switch {
		case m.Name == failed || !st.Ready(m.Name):
		case st.Primary != nil && m.Name == *st.Primary:
			return m.Name
		case best == "" || prio > top:
			best, top = m.Name, prio
		}
	}
	return best
}

// Order is in which order members fail: the active one first, then those that have a link as
// well. without are those that have none.
func Order(st bond.Status) (members, without []string) {
	for _, m := range st.Members {
		switch {
		case m.Name == active(st):
			members = slices.Insert(members, 0, m.Name)
		case st.Ready(m.Name):
			members = append(members, m.Name)
		default:
			without = append(without, m.Name)
		}
	}
	return members, without
}
