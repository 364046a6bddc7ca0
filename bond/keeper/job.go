package keeper

import (
	"context"
	"sync"
)

// A job is what a task has done in the background: it runs until it is done or
// stopped. The nil job is none.
type job struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// begin has f run in the background.
func begin(ctx context.Context, f func(context.Context)) *job {
	ctx, cancel := context.WithCancel(ctx)
	j := &job{cancel: cancel}
	j.ended.Go(func() { f(ctx) })
	return j
}

// stop ends the job, and waits until it has.
func (j *job) stop() {
	if j != nil {
		j.cancel()
		j.ended.Wait()
	}
}

// send hands v over, unless ctx ends before anybody takes it.
func send[T any](ctx context.Context, to chan<- T, v T) {
	select {
	case to <- v:
	case <-ctx.Done():
	}
}

// A wish is what a task is to bring about. Only the last one counts: the decider
// puts it there after each look and waits for nobody.
type wish[T any] chan T

func newWish[T any]() wish[T] { return make(wish[T], 1) }

// put replaces the wish that nobody has taken yet. One goroutine at a time may.
func (w wish[T]) put(v T) {
	select {
	case <-w:
	default:
	}
	w <- v
}
