package keeper

import (
	"context"
	"errors"
	"time"
)

// errLost says that the kernel's messages can't be had any more.
var errLost = errors.New("the kernel's messages were lost for good")

// waker waits for whatever calls for another look.
type waker struct {
	changes, resumes, reload, wake <-chan struct{}
	done                           <-chan func(context.Context) // what others have found out
	resumed                        func()                       // is called after a resume
	asked, reloaded                func()                       // are called when somebody asks for a look, or for the file
	last                           time.Time                    // when the last wait ended
}

// wait blocks until there is something to look at, or until retry is over
// unless that is 0. Changes in the time that is deaf are of no interest.
func (w *waker) wait(ctx context.Context, retry, deaf time.Duration) error {
	var again, hear <-chan time.Time
	changes := w.changes
	if deaf > 0 {
		timer := time.NewTimer(deaf)
		defer timer.Stop()
		changes, hear = nil, timer.C
	}
	if retry > 0 {
		timer := time.NewTimer(retry)
		defer timer.Stop()
		again = timer.C
	}
	for waiting := true; waiting; {
		waiting = false
		select {
		case <-ctx.Done():
			return nil
		case <-hear:
			changes, hear, waiting = w.changes, nil, true
			select {
			case <-changes: // of that time
			default:
			}
		case _, open := <-changes:
			if !open && ctx.Err() == nil {
				return errLost
			}
		case _, open := <-w.resumes:
			if !open && ctx.Err() == nil {
				return errLost
			}
			call(w.resumed)
		case <-w.wake:
			call(w.asked)
		case <-w.reload:
			call(w.reloaded)
		case <-again:
		case note := <-w.done:
			note(ctx)
		}
	}
	w.pace(ctx)
	return nil
}

func call(f func()) {
	if f != nil {
		f()
	}
}

// pace lets the first event of a burst through at once, and then no more than
// one look in the time that a burst takes.
func (w *waker) pace(ctx context.Context) {
	for rest := settle - time.Since(w.last); rest > 0; rest = settle - time.Since(w.last) {
		select {
		case <-ctx.Done():
			return
		case note := <-w.done:
			note(ctx)
		case <-time.After(rest):
		}
	}
	w.last = time.Now()
}
