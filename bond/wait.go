package bond

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
		case _, open := <-changes:
			if !open && ctx.Err() == nil {
				return fmt.Errorf("wait for %s: the kernel's messages can't be had", name)
			}
		}
	}
}
