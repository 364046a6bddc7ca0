package keeper

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/lease"
	"github.com/bondctl/bondctl/bond/probe"
)

// link is what the task of conflicts is on, in a bubble of synctest's: who else has which
// address there, and when that was asked.
type link struct {
	*conflicts

	mu     sync.Mutex
	owners map[netip.Addr]net.HardwareAddr
	broken error
	claims map[netip.Addr]chan net.HardwareAddr // what somebody says unasked
	said   []string
}

func onLink(t *testing.T) *link {
	reports := make(chan []report)
	l := &link{owners: map[netip.Addr]net.HardwareAddr{}, claims: map[netip.Addr]chan net.HardwareAddr{}}
	l.conflicts = &conflicts{
		wish: newWish[conflictsWish](), reports: reports, log: slog.New(slog.DiscardHandler),
		owner: func(_ context.Context, addr netip.Addr) (net.HardwareAddr, error) {
			time.Sleep(250 * time.Millisecond)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.said = append(l.said, "asks for "+addr.String())
			if l.broken != nil {
				return nil, l.broken
			}
			if mac := l.owners[addr]; mac != nil {
				return mac, nil
			}
			return nil, probe.ErrSilent
		},
		claim: func(ctx context.Context, addr netip.Addr) (net.HardwareAddr, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case mac := <-l.claimsOf(addr):
				return mac, nil
			}
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case list := <-reports:
				l.mu.Lock()
				l.said = append(l.said, list[0].(statedir.Trouble).Text)
				l.mu.Unlock()
			}
		}
	}()
	j := begin(ctx, func(ctx context.Context) { _ = l.conflicts.Run(ctx) })
	t.Cleanup(func() { j.stop(); cancel() })
	return l
}

// wants has the bond be at a place with these addresses.
func (l *link) wants(at place, addresses ...string) {
	w := conflictsWish{bond: 1, place: at}
	for _, a := range addresses {
		w.addresses = append(w.addresses, netip.MustParseAddr(a))
	}
	l.wish.put(w)
}

func (l *link) has(owner net.HardwareAddr, addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owners[netip.MustParseAddr(addr)] = owner
}

// expect compares what was said within a time.
func (l *link) expect(t *testing.T, within time.Duration, want ...string) {
	t.Helper()
	time.Sleep(within)
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if diff := cmp.Diff(want, l.said); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	l.said = nil
}

// TestAddressOfSomebodyElse: who else has an address is asked when the bond gets it and at
// a new place, heard of in between, told, and asked again ever more seldom until it is
// over.
func TestAddressOfSomebodyElse(t *testing.T) {
	const mine, other = "192.0.2.10", "192.0.2.11"
	const isTaken = mine + " is used by 02:00:00:00:00:09 as well"
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 9}
	cable, wifi := place{path: path{1, 1}}, place{path: path{2, 1}}
	synctest.Test(t, func(t *testing.T) {
		l := onLink(t)
		l.wants(place{}, mine)
		l.expect(t, time.Minute) // there is nobody to ask
		l.wants(cable, mine)
		l.expect(t, time.Second, "asks for "+mine)
		l.wants(cable, mine)
		l.expect(t, time.Hour) // nothing is new
		l.wants(cable, mine, other)
		l.expect(t, time.Second, "asks for "+other)

		l.claimsOf(netip.MustParseAddr(mine)) <- mac
		l.expect(t, time.Second, isTaken)
		l.expect(t, 6*time.Second, "asks for "+mine, "") // it was only once
		l.wants(cable, mine)
		l.expect(t, time.Second)

		l.has(mac, mine)
		l.wants(wifi, mine)
		l.expect(t, time.Second, "asks for "+mine, isTaken)
		l.expect(t, time.Minute, "asks for "+mine, "asks for "+mine, "asks for "+mine) // after 5, 10 and 20 s
		l.expect(t, 2*time.Hour, many(15, "asks for "+mine)...)                        // at last each 10 minutes
		l.has(nil, mine)
		l.expect(t, 11*time.Minute, "asks for "+mine, "")
		l.expect(t, time.Hour)

		l.has(mac, mine)
		l.wants(cable, mine)
		l.expect(t, time.Second, "asks for "+mine, isTaken)
		l.wants(place{}, mine)
		l.expect(t, time.Hour) // nobody knows
		l.wants(wifi)
		l.expect(t, time.Hour, "") // it isn't the bond's any more
	})
}

// claimsOf is where somebody claims an address unasked.
func (l *link) claimsOf(addr netip.Addr) chan net.HardwareAddr {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claims[addr] == nil {
		l.claims[addr] = make(chan net.HardwareAddr)
	}
	return l.claims[addr]
}

func many(times int, text string) (all []string) {
	for range times {
		all = append(all, text)
	}
	return all
}

// A bond that is down for a moment is asked about again.
func TestConflictsWithoutInterface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := onLink(t)
		l.broken = errors.New("network is down")
		l.wants(place{path: path{1, 1}}, "192.0.2.10")
		l.expect(t, 6*time.Second, "asks for 192.0.2.10", "asks for 192.0.2.10")
		l.mu.Lock()
		l.broken = nil
		l.mu.Unlock()
		l.expect(t, time.Hour, "asks for 192.0.2.10")
	})
}

// Only addresses that are wanted or lent are looked after, and only IPv4 ones.
func TestWatched(t *testing.T) {
	prefixes := func(all ...string) (list []netip.Prefix) {
		for _, p := range all {
			list = append(list, netip.MustParsePrefix(p))
		}
		return list
	}
	wanted := bond.Config{Addresses: prefixes("192.0.2.10/24", "192.0.2.11/24", "2001:db8::10/64")}
	held := &lease.Lease{Address: netip.MustParsePrefix("198.51.100.7/24")}
	has := prefixes("192.0.2.10/24", "192.0.2.99/24", "198.51.100.7/24", "2001:db8::10/64")
	want := []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("198.51.100.7")}
	if diff := cmp.Diff(want, watched(wanted, held, has), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := watched(bond.Config{}, nil, has); got != nil {
		t.Errorf("nothing is wanted or lent, and yet %v", got)
	}
}

func TestOwnMACs(t *testing.T) {
	var own ownMACs
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	if own.has(mac) {
		t.Error("before the first look")
	}
	own.set([]bond.HardwareAddr{nil, bond.HardwareAddr(mac)})
	if !own.has(mac) || own.has(net.HardwareAddr{2, 0, 0, 0, 0, 2}) {
		t.Error("after it")
	}
}
