package manager

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// A Ledger has what managers have handed over to a bond: handovers.json in the bond's lasting
// folder, for a lasting handover outlives a reboot. The other ones are of one boot.
type Ledger struct{ dir statedir.Dir }

// LedgerOf is the ledger of a bond.
func LedgerOf(bond string) Ledger { return Ledger{statedir.Of(statedir.Lasting, bond)} }

// ledgerFile is what handovers.json has. A manager is in one of the lists at most.
type ledgerFile struct {
	BootID    string     `json:"boot_id"`
	Handovers []Handover `json:"handovers"`
	// Tried says that they were handed back by a down that is on trial, or are about to be.
	Tried bool `json:"tried,omitempty"`
	// Resting are lasting handovers that were handed back, until the bond is made again.
	Resting []Handover `json:"resting,omitempty"`
}

func (l Ledger) read() (f ledgerFile, err error) {
	err = l.dir.Read(statedir.Handovers, &f)
	if boot := statefile.BootID(); f.BootID != boot {
		f.BootID = boot
		f.Handovers = slices.DeleteFunc(f.Handovers, func(h Handover) bool { return !h.Lasting })
		if f.Tried { // nobody is left to decide on that down
			f.Handovers, f.Resting, f.Tried = nil, append(f.Resting, f.Handovers...), false
		}
	}
	return f, err
}

func (l Ledger) write(f ledgerFile) error {
	if len(f.Handovers)+len(f.Resting) == 0 {
		return l.dir.Remove(statedir.Handovers)
	}
	return l.dir.Write(statedir.Handovers, f)
}

// Handovers are those that are in force, and those that rest until the bond is made again.
func (l Ledger) Handovers() (inForce, resting []Handover, err error) {
	f, err := l.read()
	return f.Handovers, f.Resting, err
}

// Release has managers hand over. Each handover is written down before its manager is told, so
// that it can be handed back whatever happens in between. One of a manager that has handed
// over already adds to that, and lasts where that did.
func (l Ledger) Release(ctx context.Context, handovers []Handover) error {
	if len(handovers) == 0 {
		return nil
	}
	return l.change(ctx, func(f *ledgerFile) error {
		for _, h := range handovers {
			if err := l.release(ctx, f, h); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l Ledger) release(ctx context.Context, f *ledgerFile, h Handover) error {
	for _, k := range slices.Concat(f.Handovers, f.Resting) {
		if k.Manager == h.Manager {
			h.Lasting = h.Lasting || k.Lasting
		}
	}
	if i := slices.IndexFunc(f.Handovers, func(k Handover) bool { return k.Manager == h.Manager }); i >= 0 {
		h.Holds = joined(f.Handovers[i].Holds, h.Holds)
	}
	h.Untold = true
	f.Handovers, f.Resting = append(without(f.Handovers, h.Manager), h), without(f.Resting, h.Manager)
	if err := l.write(*f); err != nil {
		return err
	}
	if err := h.release(ctx); err != nil {
		return err
	}
	f.Handovers[len(f.Handovers)-1].Untold = false
	return l.write(*f)
}

// Last has the handovers that are in force outlive a reboot: all of them, or else none more
// than before.
func (l Ledger) Last(ctx context.Context) error {
	if known, _, err := l.Handovers(); len(known) == 0 || err != nil {
		return err
	}
	return l.change(ctx, func(f *ledgerFile) error {
		before := slices.Clone(f.Handovers)
		for i := range f.Handovers {
			h := &f.Handovers[i]
			if h.Lasting {
				continue
			}
			h.Lasting = true
			err := l.write(*f)
			if err == nil {
				err = h.release(ctx)
			}
			if err != nil {
				f.Handovers = before
				return errors.Join(err, l.last(context.WithoutCancel(ctx), *f, before[:i+1]))
			}
		}
		return nil
	})
}

// last has handovers last for as long as they did, and writes that down.
func (l Ledger) last(ctx context.Context, f ledgerFile, handovers []Handover) (err error) {
	for _, h := range handovers {
		if !h.Lasting {
			err = errors.Join(err, h.release(ctx))
		}
	}
	return errors.Join(err, l.write(f))
}

// Try has managers look after their links again, for a down that is on trial: Undo has them
// hand over again, and Reclaim makes it final.
func (l Ledger) Try(ctx context.Context) error {
	if known, _, err := l.Handovers(); len(known) == 0 || err != nil {
		return err
	}
	return l.change(ctx, func(f *ledgerFile) error {
		f.Tried = true
		if err := l.write(*f); err != nil {
			return err
		}
		var errs []error
		for _, h := range f.Handovers {
			errs = append(errs, h.reclaim(ctx))
		}
		return errors.Join(errs...)
	})
}

// Undo has managers hand over again what Try has handed back. It goes on where one doesn't.
func (l Ledger) Undo(ctx context.Context) error {
	if f, err := l.read(); !f.Tried || err != nil {
		return err
	}
	return l.change(ctx, func(f *ledgerFile) error {
		var errs []error
		for _, h := range f.Handovers {
			errs = append(errs, l.release(ctx, f, h))
		}
		f.Tried = false
		return errors.Join(append(errs, l.write(*f))...)
	})
}

// Reclaim has managers look after their links again, but for those in use: while any are, the
// bond stands, and links that aren't there are left to it as well. Lasting handovers rest then.
// It goes on where a manager can't take a link back; such a handover is forgotten all the same,
// for the manager's files are as they were.
func (l Ledger) Reclaim(ctx context.Context, inUse []string) (back []Hold, err error) {
	if known, _, err := l.Handovers(); len(known) == 0 || err != nil {
		return nil, err
	}
	err = l.change(ctx, func(f *ledgerFile) error {
		var errs []error
		f.Tried = false
		for _, h := range f.Handovers {
			f.Handovers = without(f.Handovers, h.Manager)
			if len(inUse) == 0 {
				errs = append(errs, h.reclaim(ctx))
				back = append(back, h.Holds...)
				if h.Lasting {
					f.Resting = append(f.Resting, h)
				}
			} else {
				left, returned := h.split(inUse)
				f.Handovers = append(f.Handovers, left)
				if len(returned.Holds) == 0 {
					continue
				}
				errs = append(errs, returned.reclaim(ctx), left.release(ctx))
				back = append(back, returned.Holds...)
			}
			errs = append(errs, l.write(*f))
		}
		return errors.Join(errs...)
	})
	return back, err
}

// Renew has those handovers in force again that rest, for a bond that is made anew, and tells
// managers that weren't told, as a process was killed. It goes on where a manager doesn't answer,
// as at boot one may be yet to start: what it is to leave alone stands in its files.
func (l Ledger) Renew(ctx context.Context) error {
	inForce, renewed, err := l.Handovers()
	if err != nil {
		return err
	}
	for _, h := range inForce {
		if h.Untold {
			renewed = append(renewed, h)
		}
	}
	var errs []error
	for _, h := range renewed {
		var interfaces []string
		for _, hold := range h.Holds {
			interfaces = append(interfaces, hold.Interface)
		}
		found, err := backendOf(h.Manager).holds(ctx, interfaces)
		h.Holds = joined(h.Holds, found)
		errs = append(errs, err, l.Release(ctx, []Handover{h}))
	}
	return errors.Join(errs...)
}

// tellTime bounds how long a manager may take to do as it is told, whatever hangs: others wait
// for the ledger meanwhile. Each has shorter limits where it is known what may take long.
const tellTime = 5 * time.Minute

func (h Handover) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	return backendOf(h.Manager).release(ctx, h)
}

func (h Handover) reclaim(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	return backendOf(h.Manager).reclaim(ctx, h)
}

// change changes the ledger, one process at a time.
func (l Ledger) change(ctx context.Context, do func(*ledgerFile) error) error {
	unlock, err := l.dir.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	f, err := l.read()
	if err != nil {
		return err
	}
	return do(&f)
}

// split divides a handover to a bond that stands: what is left of it, and what is handed back.
func (h Handover) split(inUse []string) (left, returned Handover) {
	left, returned = h, h
	isUsed := func(hold Hold) bool { return slices.Contains(inUse, hold.Interface) || !isThere(hold.Interface) }
	left.Holds, returned.Holds = nil, nil
	for _, hold := range h.Holds {
		if isUsed(hold) {
			left.Holds = append(left.Holds, hold)
		} else {
			returned.Holds = append(returned.Holds, hold)
		}
	}
	left.Members = slices.DeleteFunc(slices.Clone(h.Members), func(m Match) bool {
		return m.exact() && slices.ContainsFunc(returned.Holds, func(hold Hold) bool { return hold.Interface == m.Name })
	})
	returned.Left = &left
	return left, returned
}

// without are the handovers of other managers.
func without(all []Handover, name string) []Handover {
	return slices.DeleteFunc(slices.Clone(all), func(h Handover) bool { return h.Manager == name })
}

// joined are holds with newer ones. One that says nothing new doesn't replace what is known.
func joined(known, newer []Hold) []Hold {
	all := slices.Clone(known)
	for _, h := range newer {
		i := slices.IndexFunc(all, func(k Hold) bool { return k.Interface == h.Interface })
		switch {
		case i < 0:
			all = append(all, h)
		case h.Restore != "":
			all[i] = h
		}
	}
	return all
}
