package keeper

import (
	"context"
	"errors"
	"fmt"
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
		if err := new(resolve.Resolver).Clear(ctx, name); err != nil {
			notes = append(notes, err.Error())
		}
	}
	return notes, nil
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

// endLease gives the lease back to the DHCP client from which it was taken over, for
// which it must hold at its server, and otherwise to the server.
func endLease(h *bond.Host, dir statedir.Dir, name string) error {
	clients, err := owner.LedgerOf(h.StateDir(), name).Clients()
	if err != nil {
		return err
	}
	if len(clients) == 0 {
		err = release(h, dir, name)
	}
	return errors.Join(err, memoryOf(h, name).disinherit())
}

// release tells the DHCP server that the lease isn't needed any more.
func release(h *bond.Host, dir statedir.Dir, name string) error {
	k, _, err := dir.Keeper()
	held, _ := k.Lent.Now()
	if held == nil {
		return err
	}
	memory := memoryOf(h, name)
	remembered, err := memory.recall()
	wanted, recordErr := h.Recorded(name)
	who := identity(remembered, bond.Config{})
	if wanted != nil {
		who = identity(remembered, wanted.Config)
	}
	if !h.GoesBack(name, held.Address.Addr()) {
		err = errors.Join(err, recordErr, tellServer(h, name, who, *held))
	}
	held.Expiry = time.Now() // what was given back is a wish from now on
	return errors.Join(err, memory.remember(*held))
}

func tellServer(h *bond.Host, name string, who lease.Identity, l lease.Lease) error {
	now, err := h.Brief(name)
	if err != nil || !snapshotOf(now).path.usable() {
		return err // there is no way to tell it
	}
	client := dhcp.Client{Interface: name, ID: who.ClientID, HardwareAddr: who.HardwareAddr}
	return client.Release(l)
}
