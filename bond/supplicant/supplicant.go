package supplicant

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/bondctl/bondctl/bond/internal/backoff"
)

// Supplicant is a wpa_supplicant for one interface.
type Supplicant struct {
	// Interface is of the caller's network namespace.
	Interface string
	// Wired says that it is no Wi-Fi interface, and authenticates at its port (802.1X).
	Wired bool
	// Config is the user's wpa_supplicant.conf(5): an absolute path. It is
	// read, and never written to.
	Config string
	// Dir is a folder for this one alone: an absolute path, of at most 91
	// bytes because it holds sockets. Run makes it, within one that exists.
	Dir string

	path []string // where the program is looked for; nil is the usual places
}

// Run has wpa_supplicant run until ctx ends, and then leaves it running. It
// adopts the one that an earlier Run on the same Dir left: as it is when it runs
// with the same configuration, and with the file read again when that changed.
// Any other one that was started there is replaced.
//
// If it can't be started, or ends, another try follows after a second, and then
// after ever longer, up to a minute. One that belongs to somebody else is left
// alone, and reported.
//
// report is called for each event, from Run's goroutine, and should return
// soon. There must be one Run on a Dir at a time.
func (s *Supplicant) Run(ctx context.Context, report func(Event)) {
	r := runner{Supplicant: s, report: report}
	for ctx.Err() == nil {
		begun := time.Now()
		connected, err := r.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if connected || time.Since(begun) > time.Minute {
			r.pause.Reset()
		}
		r.wait(ctx, err)
	}
}

// runner is what Run knows from one process to the next.
type runner struct {
	*Supplicant
	report func(Event)
	pause  backoff.Backoff
	said   string // the last trouble, as long as nothing else happened
}

// once has one process run until it or ctx ends. It returns whether it was
// connected, and what is in the way if there was no process.
func (r *runner) once(ctx context.Context) (connected bool, err error) {
	p, adopted, err := r.have(ctx)
	if err != nil {
		r.trouble(ctx, err.Error(), 0)
		return false, err
	}
	defer p.Close()
	m, err := listen(r.Dir)
	if err != nil {
		r.trouble(ctx, err.Error(), p.pid)
		return false, err
	}
	defer m.close()
	if err := m.attach(ctx); err != nil {
		// It doesn't answer. Another one may.
		err = errors.Join(err, p.replace(ctx))
		r.trouble(ctx, err.Error(), p.pid)
		return false, err
	}
	kind := Started
	if adopted {
		kind = Adopted
	}
	r.tell(Event{Kind: kind, PID: p.pid})
	return r.relay(ctx, p, m)
}

// tell reports an event after which a trouble that was said may be said again.
func (r *runner) tell(e Event) {
	r.said = ""
	if e.Kind == Trouble {
		r.said = e.Reason
	}
	r.report(e)
}

// trouble reports what is wrong, once. What the end of ctx broke off isn't wrong.
func (r *runner) trouble(ctx context.Context, reason string, pid int) {
	if reason = printable(reason); reason != r.said && ctx.Err() == nil {
		r.tell(Event{Kind: Trouble, Reason: reason, PID: pid})
	}
}

// wait waits until it is time for the next try. When another wpa_supplicant is
// in the way, that may be as soon as it ends.
func (r *runner) wait(ctx context.Context, err error) {
	var gone <-chan struct{}
	if busy, ok := errors.AsType[*busyError](err); ok && busy.process != nil {
		defer busy.process.Close()
		gone = busy.process.Ended()
	}
	timer := time.NewTimer(r.pause.Next())
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-gone:
	}
}

// control is the path of wpa_supplicant's control socket in dir.
func control(dir string) string { return filepath.Join(dir, "control") }
