package keeper

import (
	"context"
	"errors"
	"fmt"

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
	return notes, nil
}

// release tells the DHCP server that the lease isn't needed any more.
func release(ctx context.Context, h *bond.Host, name string) error {
	lease, err := h.Lease(name)
	if lease == nil || err != nil {
		return err
	}
	return errors.Join(tellServer(h, name, lease), h.SetLease(ctx, name, nil))
}

func tellServer(h *bond.Host, name string, lease *bond.Lease) error {
	st, err := h.Snapshot(name)
	if err != nil || !st.Path.Usable() {
		return err // there is no way to tell it
	}
	remembered, err := recall(h, name)
	if err != nil {
		return err
	}
	client := dhcp.Client{Interface: name, ID: remembered.ClientID}
	return client.Release(*toDHCP(lease))
}
