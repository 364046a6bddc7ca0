package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/backoff"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/lease"
	"github.com/bondctl/bondctl/bond/probe"
)

// conflicts is the task that notices that somebody else has one of the bond's IPv4
// addresses (RFC 5227). It is told, and the address stays: to give it up would cut
// somebody off, and which of the two is in the right nobody here knows.
type conflicts struct {
	wish    wish[conflictsWish]
	reports chan<- []report
	log     *slog.Logger
	// owner is [probe.Owner], and claim is [probe.Claim].
	owner, claim func(ctx context.Context, addr netip.Addr) (net.HardwareAddr, error)
	own          ownMACs

	bond    int // its ifindex
	place   place
	watches map[netip.Addr]*job
	found   chan conflict
	others  map[netip.Addr]net.HardwareAddr // who else has an address
	told    string
}

// A conflictsWish says which addresses to look after, and where the bond is.
type conflictsWish struct {
	bond      int // its ifindex
	place     place
	addresses []netip.Addr
	own       []bond.HardwareAddr // of this machine
}

// A conflict is who else has an address; nil is nobody.
type conflict struct {
	addr netip.Addr
	mac  net.HardwareAddr
}

func newConflicts(k *Keeper, reports chan<- []report) *conflicts {
	c := &conflicts{wish: newWish[conflictsWish](), reports: reports, log: k.Log}
	c.owner = func(ctx context.Context, addr netip.Addr) (net.HardwareAddr, error) {
		return probe.Owner(ctx, k.Name, addr, c.own.has)
	}
	c.claim = func(ctx context.Context, addr netip.Addr) (net.HardwareAddr, error) {
		return probe.Claim(ctx, k.Name, addr, c.own.has)
	}
	return c
}

// Run looks after the addresses until ctx ends.
func (c *conflicts) Run(ctx context.Context) error {
	c.watches, c.others, c.found = map[netip.Addr]*job{}, map[netip.Addr]net.HardwareAddr{}, make(chan conflict)
	defer c.stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-c.wish:
			c.fulfil(ctx, w)
		case f := <-c.found:
			c.others[f.addr] = f.mac
		}
		c.tell(ctx)
	}
}

// fulfil watches each address that is new, and all anew at a new place. What was found
// at the old one holds until there is something to be found at the new.
func (c *conflicts) fulfil(ctx context.Context, w conflictsWish) {
	c.own.set(w.own)
	if w.bond != c.bond || w.place != c.place {
		c.stop()
		c.bond, c.place = w.bond, w.place
	}
	for addr, watch := range c.watches {
		if !slices.Contains(w.addresses, addr) {
			watch.stop()
			delete(c.watches, addr)
		}
	}
	maps.DeleteFunc(c.others, func(addr netip.Addr, _ net.HardwareAddr) bool { return !slices.Contains(w.addresses, addr) })
	if !w.place.usable() {
		return
	}
	for _, addr := range w.addresses {
		if c.watches[addr] == nil {
			c.watches[addr] = begin(ctx, func(ctx context.Context) { c.watch(ctx, addr) })
		}
	}
}

func (c *conflicts) stop() {
	for _, watch := range c.watches {
		watch.stop()
	}
	clear(c.watches)
}

const (
	// firstDoubt and lastDoubt are the pauses after which it is asked whether somebody
	// else still has an address. In between nobody listens: one who talks a lot
	// would wake the keeper each time.
	firstDoubt = 5 * time.Second
	lastDoubt  = 10 * time.Minute
)

// watch asks who else has an address, and listens when nobody has, until ctx ends. After
// a conflict it asks again, ever more seldom, until there was none for a while.
func (c *conflicts) watch(ctx context.Context, addr netip.Addr) {
	pauses := backoff.Backoff{First: firstDoubt, Last: lastDoubt}
	for {
		mac, err := c.owner(ctx, addr)
		if errors.Is(err, probe.ErrSilent) {
			send(ctx, c.found, conflict{addr, nil})
			quiet := time.Now()
			mac, err = c.claim(ctx, addr)
			if time.Since(quiet) > lastDoubt {
				pauses.Reset()
			}
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil: // the bond went down or away, say
			c.log.Info("find out who else has the bond's address", "error", err)
		default:
			send(ctx, c.found, conflict{addr, mac})
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pauses.Next()):
		}
	}
}

// tell reports who else has which address, where that is new.
func (c *conflicts) tell(ctx context.Context) {
	var all []string
	for _, addr := range slices.SortedFunc(maps.Keys(c.others), netip.Addr.Compare) {
		if mac := c.others[addr]; mac != nil {
			all = append(all, fmt.Sprintf("%s is used by %s as well", addr, mac))
		}
	}
	if text := strings.Join(all, "; "); text != c.told {
		c.told = text
		send(ctx, c.reports, []report{statedir.Trouble{Source: statedir.SourceAddress, Text: text}})
	}
}

// watched are the bond's IPv4 addresses that are wanted or lent. Others are somebody
// else's to look after, such as one that wanders between two machines (VRRP).
func watched(wanted bond.Config, held *lease.Lease, has []netip.Prefix) (addresses []netip.Addr) {
	for _, p := range has {
		isOurs := slices.Contains(wanted.Addresses, p) || held != nil && held.Address == p
		if p.Addr().Is4() && isOurs {
			addresses = append(addresses, p.Addr())
		}
	}
	return addresses
}
