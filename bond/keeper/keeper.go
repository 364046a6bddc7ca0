// Package keeper keeps a bond as it is wanted while hardware and networks come
// and go.
//
// It is level-triggered: messages of netlink, udev and rfkill, a resume from
// sleep, and signals only wake it. Then it reads what is recorded as wanted,
// and has [bond.Host.Reconcile], the same that `up` calls, make it so. While nothing happens it does nothing:
// it sets no timer but a lease's, and after a failure.
//
// Beside the bond itself it looks after what a bond lives by: a lease,
// name servers, and the association of Wi-Fi members. One goroutine decides and writes; whoever waits for the network on its behalf
// hands it functions to run.
//
// A keeper that ends, however it ends, leaves all of that as it is; another one
// takes over without touching what holds. [TakeDown] ends what is left.
package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/resolve"
)

// A Keeper keeps one bond.
type Keeper struct {
	Host *bond.Host
	Name string
	Log  *slog.Logger

	// Resolver gets the bond's name servers; nil where they are nobody's
	// business, as in a network namespace beside the machine's own.
	Resolver *resolve.Resolver

	// Wanted is read at the start, unless Recorded is set, and after each
	// Reload; nil is nothing new. In between what is recorded holds: that is
	// what was read last, or what an up has wanted since.
	Wanted   func() (*bond.Wanted, error)
	Recorded bool
	// Reload has Wanted read again; Wake has everything looked at.
	Reload, Wake <-chan struct{}
	// OnEvent, where it is set, is called with each event once it is in the
	// history. The keeper waits for it.
	OnEvent func(bond.Event)
	// Ready is called with what went wrong in the first look, and in each that
	// follows, until one went well: nil comes once and last.
	Ready func(error)
}

// settle is the least time between two looks. The first of a burst of events
// is acted upon at once: an undock brings many, and the first one counts.
const settle = 100 * time.Millisecond

// Run keeps the bond until ctx ends or nothing is wanted of it any more. The
// error is [bond.ErrKept] when another keeper is at work.
func (k *Keeper) Run(ctx context.Context) error {
	release, err := k.Host.Keep(k.Name)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes, err := k.Host.Changes(ctx)
	if err != nil {
		return err
	}
	resumes, err := bond.Resumes(ctx)
	if err != nil {
		return err
	}
	w := newWatch(k)
	defer w.close()
	wake := waker{changes: changes, resumes: resumes, reload: k.Reload, wake: k.Wake, done: w.done, resumed: w.resumed, asked: w.asked, reloaded: w.reloaded}
	for {
		plan, err := w.look(ctx)
		if ctx.Err() != nil || errors.Is(err, bond.ErrNotWanted) {
			return nil
		}
		retry, deaf := plan.Retry, time.Duration(0)
		switch {
		case errors.Is(err, errContested):
			retry = w.failed.next()
			deaf = min(retry, contestPause)
		case err != nil:
			// What failed may itself have brought events about: they are
			// no reason to try again at once.
			retry, deaf = w.failed.next(), echoTime
		default:
			w.failed = 0
		}
		if err := wake.wait(ctx, retry, deaf); err != nil {
			return err
		}
	}
}

const (
	// echoTime is how long the events last that a look has itself brought about.
	echoTime = 250 * time.Millisecond
	// contestPause bounds how long nothing is looked at while somebody else
	// undoes what the keeper does.
	contestPause = 5 * time.Second
)

// watch is what a keeper remembers from one look to the next.
type watch struct {
	keeper *Keeper
	history
	leaser  leaser
	router6 router6
	names   names
	wifi    wifi
	done    chan func(context.Context)

	ready  bool
	reload bool
	failed failures
	said   string   // the last failure that was logged
	noted  []string // the last notes, which were logged
	contest
	refusals bond.Refusals
}

// how says how the keeper has the bond made what is wanted.
func (w *watch) how() bond.How { return bond.How{Refusals: &w.refusals} }

func newWatch(k *Keeper) *watch {
	w := &watch{keeper: k, reload: !k.Recorded, done: make(chan func(context.Context))}
	w.history = history{keeper: k}
	w.leaser, w.router6, w.names, w.wifi = leaser{watch: w}, router6{watch: w}, names{watch: w}, wifi{watch: w}
	return w
}

// close ends what runs beside the keeper's own goroutine.
func (w *watch) close() {
	w.leaser.stop()
	w.router6.stop()
	w.names.close()
	w.wifi.close()
}

// asked has what is read but once read again. Whoever asks has recorded what is
// wanted now; what a file said that couldn't be had so far is no more than that.
func (w *watch) asked() {
	w.reload = false
	w.trouble(fileTrouble, "")
	w.again()
}

// reloaded has the file read again.
func (w *watch) reloaded() {
	w.reload = true
	w.again()
}

func (w *watch) again() {
	w.wifi.asked()
	w.names.again()
}

// resumed has everything asked anew that was known of the network: the machine
// slept, and may have been carried elsewhere.
func (w *watch) resumed() {
	w.leaser.path, w.leaser.slept = bond.Path{}, true
	w.router6.path.Changes = -1
}

// post has the keeper's own goroutine run f and then look again. It is for all
// others; after ctx nothing is run.
func (w *watch) post(ctx context.Context, f func(context.Context)) {
	unlessOver := func(now context.Context) {
		if ctx.Err() == nil {
			f(now)
		}
	}
	select {
	case w.done <- unlessOver:
	case <-ctx.Done():
	}
}

// look takes one look and does what is to be done. A failure has been logged;
// the caller only needs to know when to try again. The error is
// [bond.ErrNotWanted] when nothing is wanted any more.
func (w *watch) look(ctx context.Context) (bond.Plan, error) {
	k := w.keeper
	w.observe()
	w.flush(ctx)
	unsaved := w.leaser.save()
	plan, err := w.reconcile(ctx)
	if errors.Is(err, bond.ErrNotWanted) || ctx.Err() != nil {
		return plan, err
	}
	for _, step := range plan.Steps {
		k.Log.Info(step.String())
	}
	w.observe()
	if plan.Bond != "" { // it could be planned, whatever became of it
		w.wifi.tend(ctx, plan.Associations)
	}
	err = errors.Join(err, unsaved, w.contested(plan, time.Now()), w.tend(ctx))
	w.tell(plan.Notes, err)
	w.flush(ctx)
	if !w.ready && k.Ready != nil {
		k.Ready(err)
	}
	w.ready = w.ready || err == nil
	return plan, err
}

// tend looks after what the bond lives by.
func (w *watch) tend(ctx context.Context) error {
	wanted, err := w.keeper.Host.Recorded(w.keeper.Name)
	if err != nil || wanted == nil {
		return err
	}
	return errors.Join(
		w.router6.tend(ctx, w.seen.Path),
		w.leaser.tend(ctx, wanted.Config, w.seen.Path),
		w.names.tend(ctx, wanted.Config, w.seen.Index),
	)
}

// reconcile makes the bond what was read anew, or else what is recorded. A new
// configuration that is broken leaves the old one in force.
func (w *watch) reconcile(ctx context.Context) (bond.Plan, error) {
	k := w.keeper
	if !w.reload {
		return k.Host.ReconcileRecorded(ctx, k.Name, w.how())
	}
	wanted, err := k.Wanted()
	var plan bond.Plan
	if wanted != nil && err == nil {
		plan, err = k.Host.Reconcile(ctx, *wanted, w.how())
		if err == nil {
			w.reload = false
			w.trouble(fileTrouble, "")
			return plan, nil
		}
	}
	recorded, _ := k.Host.Recorded(k.Name)
	if !isBroken(err) && wanted != nil || recorded == nil && err != nil {
		return plan, err // it is tried again
	}
	w.reload = false
	if err != nil {
		w.trouble(fileTrouble, "the one before stays in force: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return k.Host.ReconcileRecorded(ctx, k.Name, w.how())
}

// fileTrouble is what a broken configuration is noted under.
const fileTrouble = "configuration"

// isBroken says whether an error is of what is wanted, and not of carrying it out.
func isBroken(err error) bool {
	_, config := errors.AsType[*bond.ConfigError](err)
	_, refused := errors.AsType[*bond.RefusedError](err)
	return config || refused
}

// tell logs notes and a failure once, and not each time that they come again.
func (w *watch) tell(notes []string, err error) {
	k := w.keeper
	for _, note := range notes {
		if !slices.Contains(w.noted, note) {
			k.Log.Warn(note)
		}
	}
	w.noted = notes
	said := ""
	if err != nil {
		said = err.Error()
	}
	if said != w.said && err != nil {
		k.Log.Error(fmt.Sprintf("keep %s: %v", k.Name, err))
	}
	w.said = said
	w.trouble("keeper", strings.ReplaceAll(said, "\n", "; "))
}

// failures counts failures in a row, for waits that grow from one to the next.
type failures int

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// next is the time until the next try.
func (f *failures) next() time.Duration {
	wait := min(firstRetry<<min(*f, 10), lastRetry)
	*f++
	return wait
}
