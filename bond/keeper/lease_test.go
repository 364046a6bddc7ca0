package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/lease"
	"github.com/bondctl/bondctl/bond/probe"
)

// lan is the network that a leaser is on, in a bubble of synctest's. What it was
// asked, and what it reports, is in said.
type lan struct {
	*leaser
	events  chan dhcp.Event
	gateway string // its hardware address; "" where it is silent
	router  string // its address; "" for whichever is asked for
	network string // its SSID
	slow    time.Duration
	// ipv6Only says that IPv6 alone would do.
	ipv6Only bool

	mu   sync.Mutex
	said []string
}

// at runs a leaser with what an earlier keeper was lent.
func at(t *testing.T, lent statedir.Lent) *lan {
	reports := make(chan []report)
	n := &lan{events: make(chan dhcp.Event), gateway: "02:00:00:00:00:01"}
	n.leaser = &leaser{
		wish: newWish[leaseWish](), reports: reports, log: slog.New(slog.DiscardHandler), lent: lent,
		memory: leaseMemory{dir: statedir.Of(t.TempDir(), "bond0"), bond: "bond0", seed: []byte("seed")},
		ask: func(ctx context.Context, _ lease.Identity, previous *lease.Lease, moves <-chan dhcp.Move, report func(dhcp.Event)) {
			n.say("asks for %s", leasedAddress(previous))
			defer n.say("asks no more")
			for {
				select {
				case <-ctx.Done():
					return
				case m := <-moves:
					time.Sleep(time.Millisecond) // so that it comes after what was reported before
					n.say("asks whether %s holds%s", leasedAddress(m.Lease), map[bool]string{true: ", and any server"}[m.Foreign])
				case e := <-n.events:
					report(e)
				}
			}
		},
	}
	n.leaser.gateway = func(ctx context.Context, l lease.Lease) (net.HardwareAddr, error) {
		time.Sleep(time.Millisecond) // so that it comes after what was reported before
		n.say("asks for %s", l.Gateway())
		return net.ParseMAC(n.gateway)
	}
	n.leaser.recognise = func(ctx context.Context, all []probe.Known, silent func()) (int, error) {
		time.Sleep(2 * time.Millisecond) // so that it comes after what was reported before, and after a client's word
		found := -1
		for i, k := range all {
			n.say("asks for %s at %s in the name of %s", k.Gateway, k.MAC, k.Own)
			if k.MAC.String() == n.gateway && (n.router == "" || k.Gateway.String() == n.router) {
				found = i
			}
		}
		time.Sleep(n.slow)
		if found < 0 || n.slow > 0 {
			silent()
		}
		if found < 0 {
			return 0, errors.New("silent")
		}
		return found, nil
	}
	n.leaser.ssid = func(slave string) []byte { return []byte(n.network) }
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case list := <-reports:
				for _, r := range list {
					n.hears(r)
				}
			}
		}
	}()
	j := begin(ctx, func(ctx context.Context) { _ = n.leaser.Run(ctx) })
	t.Cleanup(func() { j.stop(); cancel() })
	return n
}

func leasedAddress(l *lease.Lease) string {
	if l == nil {
		return "nothing"
	}
	return l.Address.String()
}

func (n *lan) say(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = append(n.said, fmt.Sprintf(format, args...))
}

func (n *lan) hears(r report) {
	switch r := r.(type) {
	case statedir.Lent:
		n.say("lent %s by %q", leasedAddress(r.Lease), r.GatewayMAC)
	case statedir.Trouble:
		n.say("trouble %q", r.Text)
	case statedir.Asking:
		switch {
		case r.Since.IsZero():
			n.say("nobody is asked")
		case r.Address.IsValid():
			n.say("it is asked whether %s holds", r.Address)
		default:
			n.say("any address is asked for")
		}
	case bond.Event:
		n.say("%s", r)
	}
}

// expect compares what was said since the last time.
func (n *lan) expect(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, n.heard()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// expectAll is expect where the order is of no interest, for goroutines have their own.
func (n *lan) expectAll(t *testing.T, want ...string) {
	t.Helper()
	got := n.heard()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in any order (-want +got)\n%s", diff)
	}
}

// heard is what has been said by now.
func (n *lan) heard() []string {
	time.Sleep(time.Second) // longer than any answer takes
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	said := n.said
	n.said = nil
	return said
}

// goes has the bond come to a place.
func (n *lan) goes(slave, changes, resumes int) {
	n.wish.put(leaseWish{dhcp: true, ipv6Only: n.ipv6Only, place: place{path{slave, changes}, resumes}})
}

// asking has the client ask whether a lease holds or, without an address, for any.
func (n *lan) asking(address string) {
	e := dhcp.Event{Kind: dhcp.Asking, Since: time.Now()}
	if address != "" {
		l := leaseOf(address)
		e.Lease = &l
	}
	n.events <- e
}

// lends has a server answer.
func (n *lan) lends(kind dhcp.Kind, address string) {
	l := leaseOf(address)
	n.events <- dhcp.Event{Kind: kind, Lease: &l, Reason: dhcp.ErrExpired}
}

func leaseOf(address string) lease.Lease {
	return lease.Lease{
		Address: netip.MustParsePrefix(address), Server: netip.MustParseAddr("192.0.2.1"),
		Routes:   []lease.Route{{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1")}},
		Obtained: time.Now(), Expiry: time.Now().Add(time.Hour),
	}
}

func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := at(t, statedir.Lent{})
		n.wish.put(leaseWish{dhcp: true})
		n.expect(t) // there is no way to ask anybody
		n.goes(1, 1, 0)
		n.expect(t, "asks for nothing")
		n.lends(dhcp.Bound, "192.0.2.7/24")
		n.expect(t,
			`lent 192.0.2.7/24 by ""`, " lease none -> 192.0.2.7/24: from 192.0.2.1 (1000 ms)",
			"asks for 192.0.2.1", `lent 192.0.2.7/24 by "02:00:00:00:00:01"`)
		n.goes(1, 1, 0)
		n.expect(t) // nothing is new
		n.lends(dhcp.Renewed, "192.0.2.7/24")
		n.expect(t, `lent 192.0.2.7/24 by "02:00:00:00:00:01"`)

		n.goes(2, 5, 0)
		n.expect(t, "asks for 192.0.2.1 at 02:00:00:00:00:01 in the name of 192.0.2.7") // which is there
		n.gateway = "02:00:00:00:00:02"
		n.goes(1, 2, 0)
		n.expect(t, "asks for 192.0.2.1 at 02:00:00:00:00:01 in the name of 192.0.2.7", "asks whether 192.0.2.7/24 holds, and any server")
		n.lends(dhcp.Renewed, "192.0.2.7/24")
		n.expect(t, `lent 192.0.2.7/24 by ""`,
			"asks for 192.0.2.1", `lent 192.0.2.7/24 by "02:00:00:00:00:02"`)

		n.goes(1, 2, 1) // it has slept: the client's timers stood still
		n.expect(t, "asks whether 192.0.2.7/24 holds", "asks for 192.0.2.1 at 02:00:00:00:00:01 in the name of 192.0.2.7")
		n.lends(dhcp.Bound, "192.0.2.8/24")
		n.expect(t,
			`lent 192.0.2.8/24 by ""`,
			" lease 192.0.2.7/24 -> 192.0.2.8/24: from 192.0.2.1; it is another one than 192.0.2.7, whose connections could not be kept (1000 ms)",
			"asks for 192.0.2.1", `lent 192.0.2.8/24 by "02:00:00:00:00:02"`)
		n.wish.put(leaseWish{dhcp: true})
		n.expect(t) // somebody pulled the cable
		n.lends(dhcp.Lost, "192.0.2.8/24")
		n.expect(t, `lent nothing by ""`, " lease 192.0.2.8/24 -> none: the lease has expired")
		n.wish.put(leaseWish{dhcp: true})
		n.expect(t, "asks no more")
	})
}

// A server that is silent is a trouble, until one answers or nobody wants a lease.
func TestLeaseSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := at(t, statedir.NewLent(leaseOf("192.0.2.7/24")))
		n.goes(1, 1, 0)
		n.expect(t, "asks for 192.0.2.7/24")
		silent := func() string {
			return `trouble "no DHCP server answers; 192.0.2.7 holds until ` + n.lent.Lease.Expiry.Local().Format(time.DateTime) + `"`
		}
		n.events <- dhcp.Event{Kind: dhcp.Silent, Reason: dhcp.ErrSilent}
		n.expect(t, silent())
		n.lends(dhcp.Renewed, "192.0.2.7/24")
		n.expect(t, `trouble ""`, `lent 192.0.2.7/24 by ""`,
			"asks for 192.0.2.1", `lent 192.0.2.7/24 by "02:00:00:00:00:01"`)
		n.events <- dhcp.Event{Kind: dhcp.Silent, Reason: dhcp.ErrSilent}
		n.expect(t, silent())
		n.goes(2, 1, 0)
		n.expect(t, "asks for 192.0.2.1 at 02:00:00:00:00:01 in the name of 192.0.2.7", "asks whether 192.0.2.7/24 holds") // the gateway is there; is the server?
		for range 2 {
			n.wish.put(leaseWish{place: place{path{2, 1}, 0}})
			time.Sleep(time.Second)
		}
		n.expect(t, "asks no more", `trouble ""`, `lent nothing by ""`)
	})
}

// What servers are asked is told from the first moment on, and no more once one has
// answered, or while there is nobody to ask.
func TestLeaseAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := at(t, statedir.Lent{})
		n.goes(1, 1, 0)
		n.expect(t, "asks for nothing")
		n.asking("")
		n.expect(t, "any address is asked for")
		n.wish.put(leaseWish{dhcp: true})
		n.expect(t, "asks no more", "nobody is asked")
		n.goes(1, 1, 0)
		n.expect(t, "asks for nothing")
		n.asking("192.0.2.7/24")
		n.expect(t, "it is asked whether 192.0.2.7 holds")
		n.events <- dhcp.Event{Kind: dhcp.Silent, Reason: dhcp.ErrSilent}
		n.expect(t, `trouble "no DHCP server answers"`)
		n.lends(dhcp.Bound, "192.0.2.7/24")
		n.expect(t, "nobody is asked", `trouble ""`, `lent 192.0.2.7/24 by ""`, " lease none -> 192.0.2.7/24: from 192.0.2.1 (3000 ms)",
			"asks for 192.0.2.1", `lent 192.0.2.7/24 by "02:00:00:00:00:01"`)
	})
}

// What was lent before a reboot is asked for again, and isn't in force.
func TestLeaseRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := at(t, statedir.Lent{})
		if err := n.memory.remember(leaseOf("192.0.2.7/24")); err != nil {
			t.Fatal(err)
		}
		before, err := n.memory.recall()
		if err != nil {
			t.Fatal(err)
		}
		n.goes(1, 1, 0)
		n.expect(t, "asks for 192.0.2.7/24")
		n.events <- dhcp.Event{Kind: dhcp.Silent, Reason: dhcp.ErrSilent}
		n.expect(t, `trouble "no DHCP server answers"`)
		n.lends(dhcp.Lost, "192.0.2.7/24")
		n.expect(t, `lent nothing by ""`)
		n.lends(dhcp.Bound, "192.0.2.8/24")
		n.expect(t, `trouble ""`, `lent 192.0.2.8/24 by ""`, " lease none -> 192.0.2.8/24: from 192.0.2.1 (3000 ms)",
			"asks for 192.0.2.1", `lent 192.0.2.8/24 by "02:00:00:00:00:01"`)
		after, err := n.memory.recall()
		if err != nil || leasedAddress(after.Lease) != "192.0.2.8/24" || string(after.ClientID) != string(before.ClientID) {
			t.Errorf("remembered: %+v, %v", after, err)
		}
	})
}

// A phone that is plugged in again is another link of the same name, and may be another phone: nothing is in force until
// it is known where it leads, whether its absence was seen or not.
func TestLeaseOtherLink(t *testing.T) {
	for _, seen := range []bool{true, false} {
		t.Run(fmt.Sprintf("absence seen %t", seen), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := at(t, statedir.Lent{})
				plug := func(ifindex int) {
					n.wish.put(leaseWish{dhcp: true, ifindex: ifindex, place: place{path{ifindex, 1}, 0}})
				}
				plug(5)
				n.expect(t, "asks for nothing")
				n.lends(dhcp.Bound, "192.0.2.7/24")
				n.expect(t, `lent 192.0.2.7/24 by ""`, " lease none -> 192.0.2.7/24: from 192.0.2.1 (1000 ms)",
					"asks for 192.0.2.1", `lent 192.0.2.7/24 by "02:00:00:00:00:01"`)
				if seen {
					n.wish.put(leaseWish{})
					n.expect(t, "asks no more", `lent nothing by ""`)
				}
				plug(6)
				again := []string{"asks for 192.0.2.7/24", "asks for 192.0.2.1 at 02:00:00:00:00:01 in the name of 192.0.2.7",
					`lent 192.0.2.7/24 by "02:00:00:00:00:01"`, " lease none -> 192.0.2.7/24: known here, by the gateway 192.0.2.1 at 02:00:00:00:00:01 (2 ms)",
					"asks whether 192.0.2.7/24 holds"}
				if !seen {
					again = append([]string{"asks no more", `lent nothing by ""`}, again...)
				}
				n.expectAll(t, again...)
				if n.lent.Ifindex != 6 {
					t.Errorf("lent over link %d, want 6", n.lent.Ifindex)
				}
			})
		})
	}
}
