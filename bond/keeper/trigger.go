package keeper

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// errLost says that the kernel's messages can't be had any more.
var errLost = errors.New("the kernel's messages were lost for good")

// triggers are what calls for another look.
type triggers struct {
	changes <-chan struct{} // something has changed in the kernel
	resumes <-chan struct{} // the machine has slept
	asked   <-chan struct{} // somebody has recorded what is wanted
	reload  <-chan struct{} // the file is to be read again
	reports <-chan []report // the tasks'
	record  *record         // may have events that are to be saved later on, without a look; nil where none ever are

	last time.Time // when the last wait ended
}

// news is what has come in until a look.
type news struct {
	resumed, asked, reload bool
	reports                []report
}

// settleTime is the least time between two looks, but for what is urgent. The first of a burst of
// events is acted upon at once: an undock brings many, and the first one counts.
const settleTime = 100 * time.Millisecond

// wait blocks until there is something to look at, or until retry is over
// unless that is 0. Changes in the time that is deaf are of no interest. Meanwhile it
// saves the events that have been held back for long enough.
func (t *triggers) wait(ctx context.Context, retry, deaf time.Duration) (n news, err error) {
	again, hear, save, changes := after(retry), after(deaf), t.saveDue(), t.changes
	if deaf > 0 {
		changes = nil
	}
	for waiting := true; waiting; {
		waiting = false
		select {
		case <-ctx.Done():
			return news{}, ctx.Err()
		case <-hear:
			changes, hear, waiting = t.changes, nil, true
			select {
			case <-changes: // of that time
			default:
			}
		case _, open := <-changes:
			if !open {
				return news{}, cmp.Or(ctx.Err(), errLost)
			}
		case _, open := <-t.resumes:
			if !open {
				return news{}, cmp.Or(ctx.Err(), errLost)
			}
			n.resumed = true
		case <-t.asked:
			n.asked = true
		case <-t.reload:
			n.reload = true
		case <-again:
		case <-save:
			if t.record.save() == nil { // or the look says why not
				save, waiting = t.saveDue(), true
			}
		case r := <-t.reports:
			n.reports = r
		}
	}
	if slices.ContainsFunc(n.reports, urgent) {
		t.last = time.Now()
	} else {
		t.pace(ctx, &n)
	}
	return n, ctx.Err()
}

// urgent says whether a report brings about a look at once: upon a failover somebody waits for what it
// tells of.
func urgent(r report) bool {
	switch r := r.(type) {
	case switched, statedir.Lent, renumber:
		return true
	case memberNews:
		return slices.ContainsFunc(r.news, urgent)
	}
	return false
}

// after has an item after a time; never after none.
func after(d time.Duration) <-chan time.Time {
	if d <= 0 {
		return nil
	}
	return time.After(d)
}

// saveDue has an item when an event that is held back is to be saved.
func (t *triggers) saveDue() <-chan time.Time {
	if t.record == nil || t.record.due().IsZero() {
		return nil
	}
	return time.After(time.Until(t.record.due()))
}

// pace lets the first event of a burst through at once, and then no more than
// one look in the time that a burst takes.
func (t *triggers) pace(ctx context.Context, n *news) {
	rest := time.NewTimer(settleTime - time.Since(t.last))
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-t.reports:
			n.reports = append(n.reports, r...)
			if slices.ContainsFunc(r, urgent) {
				t.last = time.Now()
				return
			}
		case <-rest.C:
			t.last = time.Now()
			return
		}
	}
}
