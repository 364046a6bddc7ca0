package keeper

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
)

// An address is lost once it isn't wanted any more and the bond has it no more: not when it is only missing,
// nor when it is wanted again by then.
func TestConnectionsSee(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("198.51.100.7")
	var c connections
	for i, look := range []struct{ wanted, has, lost []netip.Addr }{
		{wanted: []netip.Addr{a}, has: nil}, // it is to come yet
		{wanted: []netip.Addr{a}, has: []netip.Addr{a}},
		{wanted: []netip.Addr{a}, has: nil},             // somebody has taken it off
		{wanted: nil, has: []netip.Addr{a}},             // it is to go
		{wanted: []netip.Addr{a}, has: []netip.Addr{a}}, // and isn't
		{wanted: []netip.Addr{b}, has: []netip.Addr{a, b}},
		{wanted: []netip.Addr{b}, has: []netip.Addr{b}, lost: []netip.Addr{a}},
		{wanted: []netip.Addr{a}, has: []netip.Addr{a}, lost: []netip.Addr{b}},
		{wanted: []netip.Addr{a}, has: []netip.Addr{a}},
	} {
		if diff := cmp.Diff(look.lost, c.see(look.wanted, look.has), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("look %d (-want +got)\n%s", i, diff)
		}
	}
	c.lose(b, b)
	if lost := c.see([]netip.Addr{a}, []netip.Addr{a}); len(lost) != 1 {
		t.Errorf("lost %v", lost)
	}
}

// A server that refuses the old address takes it away before another one is lent: both are told in that order.
func TestConnectionsOrder(t *testing.T) {
	var c connections
	lost := bond.Event{Event: bond.EventLease, From: new("192.0.2.7/24"), Message: new("refused")}
	lent := bond.Event{Event: bond.EventLease, To: new("198.51.100.7/24")}
	if !c.holds(lost) || !c.holds(lent) {
		t.Fatal("one of them is told at once")
	}
	var got []string
	for _, e := range c.tell(map[netip.Addr]int{netip.MustParseAddr("192.0.2.7"): 2}) {
		got = append(got, e.String())
	}
	want := []string{" lease 192.0.2.7/24 -> none: refused; 2 connections over it ended", " lease none -> 198.51.100.7/24"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if c.holds(lent) {
		t.Error("a lease is held that follows nothing")
	}
}

// What ended is told by the lease's event, and by one of its own where there is none.
func TestConnectionsTell(t *testing.T) {
	var c connections
	for _, e := range []struct {
		from, to *string
		held     bool
	}{
		{nil, new("192.0.2.7/24"), false},
		{new("192.0.2.7/24"), new("192.0.2.7/24"), false},
		{new("192.0.2.7/24"), new("198.51.100.7/24"), true},
	} {
		if held := c.holds(bond.Event{Event: bond.EventLease, From: e.from, To: e.to, Message: new("from 198.51.100.1")}); held != e.held {
			t.Errorf("%v: held %t", e, held)
		}
	}
	if c.holds(bond.Event{Event: bond.EventJoin, From: new("eth0")}) {
		t.Error("a join is held")
	}
	var got []string
	for range 2 {
		for _, e := range c.tell(map[netip.Addr]int{netip.MustParseAddr("192.0.2.7"): 1, netip.MustParseAddr("2001:db8::7"): 3}) {
			got = append(got, e.String())
		}
		c.events = nil
	}
	want := []string{
		" lease 192.0.2.7/24 -> 198.51.100.7/24: from 198.51.100.1; 1 connection over it ended",
		" connections 2001:db8::7 -> none: 3 connections over it ended",
		" connections 192.0.2.7 -> none: 1 connection over it ended",
		" connections 2001:db8::7 -> none: 3 connections over it ended",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
