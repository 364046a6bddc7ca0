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
// asking whether it holds (INIT-REBOOT). Under the strategy routes it is a member's; of a
// bond member is "". The error is [ErrKept] where there is a keeper, or a lease already: it
// keeps to that one.
func Inherit(h *bond.Host, name, member string, l lease.Lease, who lease.Identity) error {
	return inherit(statedir.Of(h.StateDir(), name), memoryOfMember(h, name, member), member, l, who)
}

// memoryOfMember is what is remembered of a member's leases, or of a bond's where member is "".
func memoryOfMember(h *bond.Host, name, member string) leaseMemory {
	if member != "" {
		name = statedir.OfMember(name, member)
	}
	return memoryOf(h, name)
}

func inherit(dir statedir.Dir, memory leaseMemory, member string, l lease.Lease, who lease.Identity) error {
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
	if held, _ := k.LentTo(member).Now(); held != nil && remembered.Taken == nil {
		return fmt.Errorf("take over the lease of %s: %w", l.Address.Addr(), ErrKept)
	}
	remembered.Lease, remembered.Taken = &l, &who
	if err := memory.dir.Remember(remembered); err != nil {
		return err
	}
	k.Process = statefile.Process{}
	k.Lend(member, statedir.NewLent(l))
	return dir.WriteKeeper(k)
}

// Disinherit takes back what Inherit did for a member, or for a bond, as long as no keeper has gone on with it.
func Disinherit(h *bond.Host, name, member string) error {
	return disinherit(statedir.Of(h.StateDir(), name), memoryOfMember(h, name, member), member)
}

func disinherit(dir statedir.Dir, memory leaseMemory, member string) error {
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
	k, _, err := dir.Keeper()
	if err != nil {
		return err
	}
	k.Lend(member, statedir.Lent{})
	if k.Lent.Lease == nil && len(k.MemberLents) == 0 {
		err = dir.RemoveKeeper()
	} else {
		err = dir.WriteKeeper(k)
	}
	return errors.Join(err, memory.disinherit())
}

// lockKeeper takes the keeper's lock. The error is ErrKept where there is a keeper.
func lockKeeper(dir statedir.Dir, name string) (unlock func(), err error) {
	unlock, err = dir.LockKeeper()
	if errors.Is(err, statefile.ErrLocked) {
		return nil, fmt.Errorf("keep %s: %w", name, ErrKept)
	}
	return unlock, err
}
