package keeper

import (
	"cmp"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/lease"
)

// leaseMemory is what is kept of a bond's leases beyond this boot.
type leaseMemory struct {
	dir  statedir.Dir
	bond string
	// seed is what the identity of the bonds on this machine, and in this network
	// namespace, is derived from.
	seed []byte
}

func memoryOf(h *bond.Host, name string) leaseMemory {
	// It is confidential (machine-id(5)).
	text, _ := os.ReadFile("/etc/machine-id")
	seed, dir := cmp.Or(strings.TrimSpace(string(text)), rand.Text()), statedir.Lasting
	if !h.InitialNamespace() {
		dir = h.StateDir()
		seed += " " + filepath.Base(dir)
	}
	return leaseMemory{statedir.Of(dir, name), name, []byte(seed)}
}

// recall is what is remembered, with the client identifier that the bond has from
// the first time on. What can't be read is as good as nothing, and the identifier
// is the same without having been kept, where there is a machine id.
func (m leaseMemory) recall() (statedir.Remembered, error) {
	r, err := m.dir.Remembered()
	if r.ClientID != nil && err == nil {
		return r, nil
	}
	r = statedir.Remembered{ClientID: dhcp.NewClientID(m.seed, m.bond)}
	return r, errors.Join(err, m.dir.Remember(r))
}

// remember keeps a lease.
func (m leaseMemory) remember(l lease.Lease) error {
	r, err := m.recall()
	r.Lease = &l
	return errors.Join(err, m.dir.Remember(r))
}

// disinherit forgets the lease that was taken over, and by what servers know it: both are
// its client's again.
func (m leaseMemory) disinherit() error {
	r, err := m.dir.Remembered()
	if err != nil || r.Taken == nil {
		return err
	}
	return m.dir.Remember(statedir.Remembered{ClientID: r.ClientID})
}

// identity is what servers are to know a bond by: what is named of that and, where it isn't,
// what the client was known by whose lease was taken over, or else what is the bond's own.
func identity(r statedir.Remembered, named bond.Config) lease.Identity {
	hostname, _ := os.Hostname()
	otherwise := lease.Identity{ClientID: r.ClientID, Hostname: hostname}
	if r.Taken != nil {
		otherwise = *r.Taken
	}
	return named.Identity(otherwise)
}
