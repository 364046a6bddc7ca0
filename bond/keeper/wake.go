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
	asked                          func()                       // is called when somebody asks for a look
	last                           time.Time                    // when the last wait ended
}

// wait blocks until there is something to look at, or until retry is over
// unless that is 0; deaf to changes where they are of no interest before. It
// returns whether the configuration is to be read again.
func (w *waker) wait(ctx context.Context, retry time.Duration, deaf bool) (reload bool, err error) {
	changes := w.changes
	if deaf {
		changes = nil
	}
	var again <-chan time.Time
	if retry > 0 {
		timer := time.NewTimer(retry)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-ctx.Done():
		return false, nil
	case _, open := <-changes:
		if !open && ctx.Err() == nil {
			return false, errLost
		}
	case _, open := <-w.resumes:
		if !open && ctx.Err() == nil {
			return false, errLost
		}
		call(w.resumed)
	case <-w.wake:
		call(w.asked)
	case <-w.reload:
		call(w.asked)
		reload = true
	case <-again:
	case note := <-w.done:
		note(ctx)
	}
	w.pace(ctx)
	return reload, nil
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
