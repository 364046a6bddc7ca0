package keeper

import (
	"cmp"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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

// remember keeps a lease, in the networks in which it was had as well.
func (m leaseMemory) remember(l lease.Lease) error {
	r, err := m.recall()
	r.Lease = &l
	for i, v := range r.Visited {
		if v.Lease.Address == l.Address && v.Lease.Server == l.Server {
			r.Visited[i].Lease = l
		}
	}
	r.Visited = inForce(r.Visited, time.Now())
	return errors.Join(err, m.dir.Remember(r))
}

// maxVisited bounds the networks that are remembered.
const maxVisited = 32

// visit remembers a network, as the one that was visited last.
func (m leaseMemory) visit(v statedir.Visited) error {
	r, err := m.recall()
	others := slices.DeleteFunc(inForce(r.Visited, time.Now()), v.Same)
	r.Visited = append([]statedir.Visited{v}, others[:min(len(others), maxVisited-1)]...)
	return errors.Join(err, m.dir.Remember(r))
}

// forget drops the networks in which a lease was had that is void.
func (m leaseMemory) forget(l lease.Lease) error {
	r, err := m.dir.Remembered()
	n := len(r.Visited)
	r.Visited = slices.DeleteFunc(r.Visited, func(v statedir.Visited) bool { return v.Lease.Address == l.Address && v.Lease.Server == l.Server })
	if err != nil || len(r.Visited) == n {
		return err
	}
	return m.dir.Remember(r)
}

// inForce are the networks whose leases still hold: others mustn't be used, nor asked for by
// their gateways (RFC 4436 section 2).
func inForce(all []statedir.Visited, now time.Time) []statedir.Visited {
	return slices.DeleteFunc(all, func(v statedir.Visited) bool {
		return now.Before(v.Lease.Obtained) || !now.Before(v.Lease.Expiry)
	})
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
