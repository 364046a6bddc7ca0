package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/lease"
	"github.com/bondctl/bondctl/bond/owner"
	"github.com/bondctl/bondctl/bond/resolve"
)

// TakeDown ends the bond's keeper and what a keeper leaves behind: it does what [EndLease]
// and then what [Retire] does. The bond stays. What goes wrong beside ending the keeper
// keeps nothing from being taken down: it is told in words.
func TakeDown(ctx context.Context, h *bond.Host, name string) (notes []string, err error) {
	if err := Stop(ctx, h, name); err != nil {
		return nil, err
	}
	notes = EndLease(h, name)
	rest, err := Retire(ctx, h, name)
	return append(notes, rest...), err
}

// Retire ends the bond's keeper, takes its name servers back, and ends its
// wpa_supplicants. Another keeper would go on with the lease.
func Retire(ctx context.Context, h *bond.Host, name string) (notes []string, err error) {
	if err := Stop(ctx, h, name); err != nil {
		return nil, err
	}
	for _, err := range stopSupplicants(ctx, statedir.Of(h.StateDir(), name).Supplicants()) {
		notes = append(notes, fmt.Sprintf("end wpa_supplicant: %v", err))
	}
	if h.InitialNamespace() {
		for _, link := range namedLinks(h, name) {
			if err := new(resolve.Resolver).Clear(ctx, link); err != nil {
				notes = append(notes, err.Error())
			}
		}
	}
	return notes, nil
}

// namedLinks are the links for which name servers may have been handed over: the bond, or a group's members.
func namedLinks(h *bond.Host, name string) []string {
	wanted, err := h.Recorded(name)
	if err != nil || wanted == nil || !wanted.Config.ByRoutes() {
		return []string{name}
	}
	var links []string
	if st, err := h.Brief(name); err == nil {
		for _, m := range st.Members {
			links = append(links, m.Name)
		}
	}
	return links
}

// EndLease gives the lease back, unless its address goes back to a link that had it
// before. The bond has no keeper then.
func EndLease(h *bond.Host, name string) (notes []string) {
	dir := statedir.Of(h.StateDir(), name)
	if err := endLease(h, dir, name); err != nil {
		notes = append(notes, fmt.Sprintf("the lease isn't given back: %v", err))
	}
	if err := dir.RemoveKeeper(); err != nil {
		notes = append(notes, err.Error())
	}
	return notes
}

// endLease gives the leases back to the DHCP clients from which they were taken over, for
// which they must hold at their servers, and otherwise to the servers.
func endLease(h *bond.Host, dir statedir.Dir, name string) error {
	k, _, err := dir.Keeper()
	members := slices.Collect(maps.Keys(k.MemberLents))
	if st, briefErr := h.Brief(name); briefErr == nil && st.Strategy == bond.StrategyRoutes {
		for _, m := range st.Members { // also those whose leases have ended, by which servers know them
			if !slices.Contains(members, m.Name) {
				members = append(members, m.Name)
			}
		}
	}
	for _, member := range append(members, "") {
		err = errors.Join(err, endLeaseOf(h, name, member, k))
	}
	return err
}

// endLeaseOf gives a member's lease back, or that of the bond where member is "".
func endLeaseOf(h *bond.Host, name, member string, k statedir.Keeper) error {
	memory := memoryOfMember(h, name, member)
	clients, err := owner.LedgerOf(h.StateDir(), name).Clients()
	if err != nil {
		return err
	}
	goesOn := slices.ContainsFunc(clients, func(c owner.Client) bool { return member == "" || slices.Contains(c.Interfaces(), member) })
	if held, _ := k.LentTo(member).Now(); held != nil && !goesOn {
		err = release(h, memory, name, member, *held)
	}
	return errors.Join(err, memory.disinherit())
}

// release tells the DHCP server that a lease isn't needed any more.
func release(h *bond.Host, memory leaseMemory, name, member string, held lease.Lease) error {
	remembered, err := memory.recall()
	wanted, recordErr := h.Recorded(name)
	who := identity(remembered, bond.Config{})
	if wanted != nil && member == "" {
		who = identity(remembered, wanted.Config)
	}
	if !h.GoesBack(name, held.Address.Addr()) {
		err = errors.Join(err, recordErr, tellServer(h, name, member, who, held))
	}
	held.Expiry = time.Now() // what was given back is a wish from now on
	return errors.Join(err, memory.remember(held))
}

func tellServer(h *bond.Host, name, member string, who lease.Identity, l lease.Lease) error {
	client := dhcp.Client{Interface: cmp.Or(member, name), ID: who.ClientID, HardwareAddr: who.HardwareAddr}
	if member == "" {
		now, err := h.Brief(name)
		if err != nil || !snapshotOf(now).path.usable() {
			return err // there is no way to tell it
		}
	}
	return client.Release(l)
}
