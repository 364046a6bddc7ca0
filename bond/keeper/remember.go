package keeper

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/dhcp"
)

// recall is what is remembered of the bond's leases, with the client identifier
// that it has from the first time on. What can't be read is as good as nothing,
// and the identifier is the same without having been kept, where there is a
// machine id.
func recall(h *bond.Host, name string) (bond.RememberedLease, error) {
	m, err := h.RememberedLease(name)
	if m.ClientID != nil && err == nil {
		return m, nil
	}
	seed := h.Seed()
	if seed == nil {
		seed = []byte(rand.Text())
	}
	m = bond.RememberedLease{ClientID: dhcp.NewClientID(seed, name)}
	return m, errors.Join(err, h.RememberLease(name, m))
}

// keep notes a lease, for now and for after a reboot. Without the first it isn't
// used: the next look tries again.
func (l *leaser) keep(ctx context.Context, lease *bond.Lease) {
	k := l.watch.keeper
	l.unsaved = func() error { return k.Host.SetLease(ctx, k.Name, lease) }
	if err := l.save(); err != nil {
		k.Log.Error("note the lease", "error", err)
	}
	if lease == nil {
		return
	}
	remembered, err := recall(k.Host, k.Name)
	remembered.Lease = lease
	if err = errors.Join(err, k.Host.RememberLease(k.Name, remembered)); err != nil {
		k.Log.Warn("remember the lease", "error", err)
	}
}

// save notes what is yet to be noted.
func (l *leaser) save() error {
	if l.unsaved == nil {
		return nil
	}
	err := l.unsaved()
	if err == nil || errors.Is(err, bond.ErrNotWanted) {
		l.unsaved = nil
	}
	return err
}

// fromDHCP is a lease as the bond has it.
func fromDHCP(l *dhcp.Lease) *bond.Lease {
	lease := bond.Lease{
		Address: l.Address, Server: l.Server, DNS: l.DNS, Domains: l.Domains, MTU: l.MTU,
		Obtained: l.Obtained, T1: l.T1, T2: l.T2, Expiry: l.Expiry,
	}
	for _, r := range l.Routes {
		lease.Routes = append(lease.Routes, bond.Route{Destination: r.Destination, Gateway: r.Gateway})
	}
	return &lease
}

// toDHCP is a lease as the client has it; nil for none.
func toDHCP(l *bond.Lease) *dhcp.Lease {
	if l == nil {
		return nil
	}
	lease := dhcp.Lease{
		Address: l.Address, Server: l.Server, DNS: l.DNS, Domains: l.Domains, MTU: l.MTU,
		Obtained: l.Obtained, T1: l.T1, T2: l.T2, Expiry: l.Expiry,
	}
	for _, r := range l.Routes {
		lease.Routes = append(lease.Routes, dhcp.Route{Destination: r.Destination, Gateway: r.Gateway})
	}
	return &lease
}
