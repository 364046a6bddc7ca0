package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/resolve"
)

// TakeDown ends the bond's keeper and what a keeper leaves behind: the lease is
// given back, name servers are taken back, and wpa_supplicants ended. The bond
// stays. What goes wrong beside ending the keeper keeps nothing from being taken
// down: it is told in words.
func TakeDown(ctx context.Context, h *bond.Host, name string) (notes []string, err error) {
	if err := h.StopKeeper(ctx, name); err != nil {
		return nil, err
	}
	if err := release(ctx, h, name); err != nil {
		notes = append(notes, fmt.Sprintf("the lease isn't given back: %v", err))
	}
	for _, err := range stopSupplicants(ctx, h, name) {
		notes = append(notes, fmt.Sprintf("end wpa_supplicant: %v", err))
	}
	if h.InitialNamespace() {
		if err := new(resolve.Resolver).Clear(ctx, name); err != nil {
			notes = append(notes, err.Error())
		}
	}
	if err := h.Unkeep(ctx, name); err != nil && !errors.Is(err, bond.ErrNotWanted) {
		notes = append(notes, err.Error())
	}
	return notes, nil
}

// release tells the DHCP server that the lease isn't needed any more.
func release(ctx context.Context, h *bond.Host, name string) error {
	lease, err := h.Lease(name)
	if lease == nil || err != nil {
		return err
	}
	remembered, err := recall(h, name)
	err = errors.Join(err, tellServer(h, name, remembered.ClientID, lease))
	// What was given back is a wish from now on.
	remembered.Lease = lease
	remembered.Lease.Expiry = time.Now()
	return errors.Join(err, h.RememberLease(name, remembered), h.SetLease(ctx, name, nil))
}

func tellServer(h *bond.Host, name string, id []byte, lease *bond.Lease) error {
	now, err := h.Snapshot(name)
	if err != nil || !now.Path.Usable() {
		return err // there is no way to tell it
	}
	client := dhcp.Client{Interface: name, ID: id}
	return client.Release(*toDHCP(lease))
}
