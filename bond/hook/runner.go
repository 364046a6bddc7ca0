package hook

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
)

// A Runner runs the hooks of one folder. Its fields are set before it is used.
type Runner struct {
	Dir string // an absolute path; it needn't exist
	Log *slog.Logger
	// Limit is how long a hook may take; 0 is [DefaultLimit].
	Limit time.Duration

	made   sync.Once
	events chan bond.Event
	said   map[string]bool // what was wrong last time

	// For tests, which aren't root, and whose folders aren't safe.
	root  string
	owner int
}

// DefaultLimit is how long a hook may take unless something else is said.
const DefaultLimit = 10 * time.Second

// maxQueue is how many events wait for hooks at most.
const maxQueue = 64

func (r *Runner) queue() chan bond.Event {
	r.made.Do(func() { r.events = make(chan bond.Event, maxQueue) })
	return r.events
}

// Send has the hooks run after an event, some time later; it doesn't wait. Of
// too many that wait, the oldest is dropped.
func (r *Runner) Send(e bond.Event) {
	queue := r.queue()
	for {
		select {
		case queue <- e:
			return
		default:
		}
		select {
		case old := <-queue:
			r.Log.Warn("the hooks are too slow; none is told of this", "seq", old.Seq, "event", old.String())
		default:
		}
	}
}

// Run runs hooks after the events that are sent, until ctx ends. A hook that
// runs then is ended, which takes 3 seconds at most; events that wait are dropped.
func (r *Runner) Run(ctx context.Context) {
	// The thread is this goroutine's alone, and ends with it: a umask of its own
	// is inherited by what it starts, and a keeper that is killed takes its hook
	// along (PR_SET_PDEATHSIG goes by the thread).
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		r.Log.Warn("hooks get the keeper's umask", "error", err)
	} else {
		unix.Umask(0o022)
	}
	// Go's own descriptors don't outlive an exec; those that this process was
	// itself started with may.
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		r.Log.Warn("hooks may get descriptors of the keeper", "error", err)
	}
	for {
		select {
		case <-ctx.Done():
			if n := len(r.queue()); n > 0 {
				r.Log.Warn(fmt.Sprintf("the keeper ends; no hook is told of the last %d events", n))
			}
			return
		case e := <-r.queue():
			r.tell(ctx, e)
		}
	}
}

// tell runs every hook after an event. The folder is read anew each time.
func (r *Runner) tell(ctx context.Context, e bond.Event) {
	f := folder{path: r.Dir, root: cmp.Or(r.root, "/"), owner: uint32(r.owner)}
	env := environment(e)
	said := map[string]bool{}
	warn := func(err error) {
		text := err.Error()
		said[text] = true
		if !r.said[text] {
			r.Log.Warn("a hook is left out: " + text)
		}
	}
	f.each(warn, func(h hook) {
		if ctx.Err() == nil {
			r.run(ctx, h, e, env)
		}
	})
	r.said = said
}

// run runs one hook, and logs what came of it.
func (r *Runner) run(ctx context.Context, h hook, e bond.Event, env []string) {
	output, err := h.run(ctx, cmp.Or(r.Limit, DefaultLimit), env)
	what := []any{"event", e.String()}
	if output != "" {
		what = append(what, "output", output)
	}
	switch {
	case err != nil:
		r.Log.Warn("hook "+h.name+": "+err.Error(), what...)
	case output != "":
		r.Log.Info("hook "+h.name, what...)
	default:
		r.Log.Debug("hook "+h.name, what...)
	}
}
