package manager

import (
	"context"
	"errors"
	"slices"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// A Ledger has what managers have handed over to a bond: handovers.json in the bond's lasting
// folder, for a lasting handover outlives a reboot. The other ones are of one boot.
type Ledger struct{ dir statedir.Dir }

// LedgerOf is the ledger of a bond.
func LedgerOf(bond string) Ledger { return Ledger{statedir.Of(statedir.Lasting, bond)} }

// ledgerFile is what handovers.json has.
type ledgerFile struct {
	BootID    string     `json:"boot_id"`
	Handovers []Handover `json:"handovers"`
	// Tried are those that were handed back by a down that is on trial.
	Tried []Handover `json:"tried,omitempty"`
	// Resting are lasting handovers that were handed back, until the bond is made again.
	Resting []Handover `json:"resting,omitempty"`
}

func (l Ledger) read() (f ledgerFile, err error) {
	err = l.dir.Read(statedir.Handovers, &f)
	if boot := statefile.BootID(); f.BootID != boot {
		f.BootID = boot
		for _, list := range []*[]Handover{&f.Handovers, &f.Tried} {
			*list = slices.DeleteFunc(*list, func(h Handover) bool { return !h.Lasting })
		}
	}
	return f, err
}

func (l Ledger) write(f ledgerFile) error {
	if len(f.Handovers)+len(f.Tried)+len(f.Resting) == 0 {
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
// over already adds to that.
func (l Ledger) Release(ctx context.Context, handovers []Handover) error {
	if len(handovers) == 0 {
		return nil
	}
	return l.change(ctx, func(f *ledgerFile) error {
		for _, h := range handovers {
			f.Resting, f.Tried = without(f.Resting, h.Manager), without(f.Tried, h.Manager)
			if i := slices.IndexFunc(f.Handovers, func(k Handover) bool { return k.Manager == h.Manager }); i >= 0 {
				h.Lasting = h.Lasting || f.Handovers[i].Lasting
				h.Holds = joined(f.Handovers[i].Holds, h.Holds)
			}
			f.Handovers = append(without(f.Handovers, h.Manager), h)
			if err := l.write(*f); err != nil {
				return err
			}
			if err := backendOf(h.Manager).release(ctx, h); err != nil {
				return err
			}
		}
		return nil
	})
}

// Last has the handovers that are in force outlive a reboot.
func (l Ledger) Last(ctx context.Context) error {
	if known, _, err := l.Handovers(); len(known) == 0 || err != nil {
		return err
	}
	return l.change(ctx, func(f *ledgerFile) error {
		for i := range f.Handovers {
			if f.Handovers[i].Lasting {
				continue
			}
			f.Handovers[i].Lasting = true
			if err := errors.Join(l.write(*f), backendOf(f.Handovers[i].Manager).release(ctx, f.Handovers[i])); err != nil {
				return err
			}
		}
		return nil
	})
}

// Try has managers look after their links again, for a down that is on trial: Undo has them
// hand over again, and Reclaim makes it final.
func (l Ledger) Try(ctx context.Context) error {
	if known, _, err := l.Handovers(); len(known) == 0 || err != nil {
		return err
	}
	return l.change(ctx, func(f *ledgerFile) error {
		var errs []error
		for _, h := range f.Handovers {
			f.Handovers = without(f.Handovers, h.Manager)
			f.Tried = append(without(f.Tried, h.Manager), h)
			errs = append(errs, l.write(*f), backendOf(h.Manager).reclaim(ctx, h))
		}
		return errors.Join(errs...)
	})
}

// Undo has managers hand over again what Try has handed back.
func (l Ledger) Undo(ctx context.Context) error {
	f, err := l.read()
	if err != nil {
		return err
	}
	return l.Release(ctx, f.Tried)
}

// Reclaim has managers look after their links again, but for those in use, which are slaves
// still. Lasting handovers rest then. It goes on where a manager can't take a link back; such
// a handover is forgotten all the same, for the manager's files are as they were.
func (l Ledger) Reclaim(ctx context.Context, inUse []string) (back []Hold, err error) {
	if f, err := l.read(); len(f.Handovers)+len(f.Tried) == 0 || err != nil {
		return nil, err
	}
	err = l.change(ctx, func(f *ledgerFile) error {
		var errs []error
		for _, h := range f.Tried {
			back = append(back, h.Holds...)
			f.rest(h)
		}
		f.Tried = nil
		for _, h := range f.Handovers {
			left, returned := h.split(inUse)
			if len(inUse) > 0 && len(returned.Holds) == 0 {
				continue
			}
			if len(inUse) > 0 {
				returned.Left = &left
			}
			errs = append(errs, backendOf(h.Manager).reclaim(ctx, returned))
			back = append(back, returned.Holds...)
			f.Handovers = without(f.Handovers, h.Manager)
			if len(inUse) > 0 {
				errs = append(errs, backendOf(h.Manager).release(ctx, left))
				f.Handovers = append(f.Handovers, left)
			} else {
				f.rest(h)
			}
			errs = append(errs, l.write(*f))
		}
		return errors.Join(append(errs, l.write(*f))...)
	})
	return back, err
}

// rest keeps a handover that was handed back, if it is a lasting one.
func (f *ledgerFile) rest(h Handover) {
	f.Resting = without(f.Resting, h.Manager)
	if h.Lasting {
		f.Resting = append(f.Resting, h)
	}
}

// Renew has those handovers in force again that rest, for a bond that is made anew.
func (l Ledger) Renew(ctx context.Context) error {
	_, resting, err := l.Handovers()
	if err != nil || len(resting) == 0 {
		return err
	}
	for i, h := range resting {
		var interfaces []string
		for _, hold := range h.Holds {
			interfaces = append(interfaces, hold.Interface)
		}
		found, err := backendOf(h.Manager).holds(ctx, interfaces)
		if err != nil {
			return err
		}
		resting[i].Holds = joined(h.Holds, found)
	}
	return l.Release(ctx, resting)
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

// split divides a handover: what is left of it while some of its links are in use, and what is
// handed back.
func (h Handover) split(inUse []string) (left, returned Handover) {
	left, returned = h, h
	isUsed := func(hold Hold) bool { return slices.Contains(inUse, hold.Interface) }
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
