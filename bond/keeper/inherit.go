package keeper

import (
	"errors"
	"fmt"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
	"github.com/bondctl/bondctl/bond/lease"
)

// Inherit has a bond's next keeper go on with a lease that a DHCP client had, as who that
// client was to servers: the lease is the bond's from now on, and the keeper begins by
// asking whether it holds (INIT-REBOOT). The error is [ErrKept] where the bond has a
// keeper, or a lease already: it keeps to that one.
func Inherit(h *bond.Host, name string, l lease.Lease, who lease.Identity) error {
	return inherit(statedir.Of(h.StateDir(), name), memoryOf(h, name), l, who)
}

func inherit(dir statedir.Dir, memory leaseMemory, l lease.Lease, who lease.Identity) error {
	unlock, err := lockKeeper(dir, memory.bond)
	if err != nil {
		return err
	}
	defer unlock()
	k, _, err := dir.Keeper()
	if err != nil {
		return err
	}
	remembered, err := memory.recall()
	if err != nil {
		return err
	}
	if held, _ := k.Lent.Now(); held != nil && remembered.Taken == nil {
		return fmt.Errorf("take over the lease of %s: %w", l.Address.Addr(), ErrKept)
	}
	remembered.Lease, remembered.Taken = &l, &who
	if err := memory.dir.Remember(remembered); err != nil {
		return err
	}
	k.Process, k.Lent = statefile.Process{}, statedir.NewLent(l)
	return dir.WriteKeeper(k)
}

// Disinherit takes back what Inherit did, as long as no keeper has gone on with it.
func Disinherit(h *bond.Host, name string) error {
	return disinherit(statedir.Of(h.StateDir(), name), memoryOf(h, name))
}

func disinherit(dir statedir.Dir, memory leaseMemory) error {
	unlock, err := lockKeeper(dir, memory.bond)
	if errors.Is(err, ErrKept) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	remembered, err := memory.dir.Remembered()
	if err != nil || remembered.Taken == nil {
		return err
	}
	return errors.Join(dir.RemoveKeeper(), memory.disinherit())
}

// lockKeeper takes the keeper's lock. The error is ErrKept where there is a keeper.
func lockKeeper(dir statedir.Dir, name string) (unlock func(), err error) {
	unlock, err = dir.LockKeeper()
	if errors.Is(err, statefile.ErrLocked) {
		return nil, fmt.Errorf("keep %s: %w", name, ErrKept)
	}
	return unlock, err
}
