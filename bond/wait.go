package bond

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// ErrNoActive says that a bond got no active slave in time.
var ErrNoActive = errors.New("no active slave yet")

// WaitActive waits until the bond has an active slave. It follows the kernel's
// events. The error is ErrNoActive when the time is over.
func (h *Host) WaitActive(ctx context.Context, name string, limit time.Duration) error {
	return h.wait(ctx, name, limit, ErrNoActive, func() (bool, error) {
		b, err := h.sysfs.Bond(name)
		if errors.Is(err, fs.ErrNotExist) { // a group of the strategy routes, or none
			st, err := h.Brief(name)
			return st.Active != nil, err
		}
		return b.ActiveSlave != "", err
	})
}

// ErrNoAddress says that a bond got no IPv4 address in time.
var ErrNoAddress = errors.New("no address yet")

// WaitAddress is [Host.WaitActive] for an IPv4 address, which its keeper gives
// it. The error is ErrNoAddress when the time is over.
func (h *Host) WaitAddress(ctx context.Context, name string, limit time.Duration) error {
	return h.wait(ctx, name, limit, ErrNoAddress, func() (bool, error) {
		st, err := h.Brief(name)
		return slices.ContainsFunc(st.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() }), err
	})
}

// Usable says what a bond, or a group of the strategy routes, is to have so that it can be used; each has those before.
type Usable string

// The values of Usable.
const (
	HasLink    Usable = "link"    // an active member
	HasAddress Usable = "address" // and an address that isn't link-local
	HasRoute   Usable = "route"   // and a default route by a gateway
)

// ErrUnusable says that a bond hasn't got in time what it is to have.
var ErrUnusable = errors.New("it can't be used yet")

// Lacks is what of it a status lacks first; "" for nothing.
func (u Usable) Lacks(st Status) Usable {
	addresses, route := st.Addresses, len(st.Gateways) > 0
	for _, m := range st.Members {
		if st.Strategy == StrategyRoutes && m.Role == RoleActive {
			addresses, route = m.Addresses, m.Gateway != nil
		}
	}
	switch {
	case st.Active == nil:
		return HasLink
	case u != HasLink && len(addresses) == 0:
		return HasAddress
	case u == HasRoute && !route:
		return HasRoute
	}
	return ""
}

// WaitUsable waits until a bond has what it is to have, be it made only then. It follows the kernel's events. A limit
// of 0 is none. The error is ErrUnusable when the time is over.
func (h *Host) WaitUsable(ctx context.Context, name string, what Usable, limit time.Duration) error {
	if limit == 0 {
		limit = math.MaxInt64
	}
	return h.waitOrLook(ctx, name, limit, time.Second, ErrUnusable, func() (bool, error) {
		st, err := h.Brief(name)
		if errors.Is(err, ErrNoBond) { // a group is one once it is recorded, of which the kernel doesn't tell
			return false, nil
		}
		return err == nil && what.Lacks(st) == "", err
	})
}

// WaitSettled waits until no slave's link is about to come up or to fail, after which the
// kernel may select another active slave. When the time is over it returns all the same.
func (h *Host) WaitSettled(ctx context.Context, name string, limit time.Duration) error {
	errOver := errors.New("it isn't settled")
	err := h.wait(ctx, name, limit, errOver, func() (bool, error) {
		st, err := h.Brief(name)
		return st.settled(), err
	})
	if errors.Is(err, errOver) {
		return ctx.Err()
	}
	return err
}

// settled says whether no member's link is in a delay of the driver's, going down or back.
func (st Status) settled() bool {
	return !slices.ContainsFunc(st.Members, func(m MemberStatus) bool { return strings.HasPrefix(value(m.MIIStatus), "going") })
}

// wait waits until isSo; over is the error when the time is over.
func (h *Host) wait(ctx context.Context, name string, limit time.Duration, over error, isSo func() (bool, error)) error {
	return h.waitOrLook(ctx, name, limit, 0, over, isSo)
}

// waitOrLook is wait for what the kernel doesn't always tell of: it looks again and again. 0 is never.
func (h *Host) waitOrLook(ctx context.Context, name string, limit, again time.Duration, over error, isSo func() (bool, error)) error {
	var ticks <-chan time.Time
	if again > 0 {
		tick := time.NewTicker(again)
		defer tick.Stop()
		ticks = tick.C
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var changes <-chan struct{}
	for {
		if so, err := isSo(); so || err != nil {
			return err
		}
		// Mostly it is so at once. Only otherwise it subscribes, and then looks once
		// more.
		if changes == nil {
			var err error
			if changes, err = h.Changes(ctx); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", name, over)
		case <-ticks:
		case _, open := <-changes:
			if !open && ctx.Err() == nil {
				return fmt.Errorf("wait for %s: the kernel's messages can't be had", name)
			}
		}
	}
}
