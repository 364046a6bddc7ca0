package dhcp

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/bondctl/bondctl/bond/lease"
)

// Kind says what happened to a lease.
type Kind string

// The kinds of events. Bound and Renewed are to be acted upon alike: with the
// same address, routes and servers may be others.
const (
	Bound   Kind = "bound"   // there is a lease, of another address than before
	Renewed Kind = "renewed" // the address goes on
	Lost    Kind = "lost"    // the lease is void: the address must not be used any more
	Asking  Kind = "asking"  // servers are asked from now on
	Silent  Kind = "silent"  // nobody has answered for a while; a lease that is held goes on
	Waived  Kind = "waived"  // the network would rather have no IPv4 (RFC 8925); it is asked again in time
)

// Event is a change that [Client.Run] reports.
type Event struct {
	Kind Kind
	// Lease is the one that is held or, in a Lost event, was held. It is nil
	// in a Silent event while there is none. In an Asking event it is the one of
	// which it is asked whether it holds; nil where any server is asked for one.
	Lease *lease.Lease
	// Since is when a new path or the loss of a lease called for the questions,
	// in an Asking event.
	Since time.Time
	// Reason is set in Waived events, in Lost ones, ErrExpired or a *RefusedError, and
	// in Silent ones: ErrSilent, a *TakenError, or what else is wrong with the answers
	// or the interface. It comes once, and again when it changes, on another path, and
	// when after the lease's server all are asked. Its text can be printed as it is.
	Reason error
}

var (
	// ErrSilent says that no server has answered.
	ErrSilent = errors.New("no DHCP server answers")
	// ErrExpired says that a lease has ended and nobody renewed it.
	ErrExpired = errors.New("the lease has expired")
)

// RefusedError is a server's DHCPNAK.
type RefusedError struct {
	Server  netip.Addr
	Message string // foreign bytes: Error escapes them
}

func (e *RefusedError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("DHCP server %s refuses the address", e.Server)
	}
	return fmt.Sprintf("DHCP server %s refuses the address: %q", e.Server, e.Message)
}
