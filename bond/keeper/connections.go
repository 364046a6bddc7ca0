package keeper

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/bondctl/bondctl/bond"
)

// connections knows which addresses the bond is to have no more. What is connected by
// them can't go on, and is ended once they are off the bond.
type connections struct {
	wanted []netip.Addr // at the last look
	gone   []netip.Addr // not wanted any more, and perhaps on the bond yet
	events []bond.Event // of leases: they are told when it is known what ended with them
	said   string       // the last failure, which was logged
}

// see takes in which addresses are wanted now, and which the bond has. It returns those
// that it has lost for good: one that is only missing for now is wanted still.
func (c *connections) see(wanted, has []netip.Addr) (lost []netip.Addr) {
	for _, a := range c.wanted {
		if !slices.Contains(wanted, a) {
			c.lose(a)
		}
	}
	c.wanted = wanted
	var stay []netip.Addr
	for _, a := range c.gone {
		switch {
		case slices.Contains(wanted, a): // again
		case slices.Contains(has, a):
			stay = append(stay, a)
		default:
			lost = append(lost, a)
		}
	}
	c.gone = stay
	return lost
}

// lose notes addresses that the bond is to have no more.
func (c *connections) lose(addrs ...netip.Addr) {
	for _, a := range addrs {
		if !slices.Contains(c.gone, a) {
			c.gone = append(c.gone, a)
		}
	}
}

// holds takes a lease's event if an address goes with it, and those that follow it.
func (c *connections) holds(e bond.Event) bool {
	goes := e.From != nil && value(e.To) != *e.From
	if e.Event != bond.EventLease || !goes && c.events == nil {
		return false
	}
	c.events = append(c.events, e)
	return true
}

// tell returns the events that were held back, with how many connections ended, and an
// event for each other address that had some.
func (c *connections) tell(ended map[netip.Addr]int) []bond.Event {
	events := c.events
	c.events = nil
	for i, e := range events {
		p, err := netip.ParsePrefix(value(e.From))
		if n := ended[p.Addr()]; err == nil && n > 0 {
			delete(ended, p.Addr())
			events[i].Message = new(value(e.Message) + "; " + count(n))
		}
	}
	left := make([]netip.Addr, 0, len(ended))
	for a := range ended {
		left = append(left, a)
	}
	slices.SortFunc(left, netip.Addr.Compare)
	for _, a := range left {
		events = append(events, bond.Event{Event: bond.EventConnections, From: new(a.String()), Message: new(count(ended[a]))})
	}
	return events
}

// count says how many connections ended.
func count(n int) string {
	if n == 1 {
		return "1 connection over it ended"
	}
	return fmt.Sprintf("%d connections over it ended", n)
}

// endConnections ends those over addresses that are gone for good, and tells of it. While a
// change is on trial nothing ends: it may be put back, and with it the address.
func (d *decider) endConnections(ctx context.Context, after bond.Status) {
	ended, err := d.endLost(ctx, after)
	for _, e := range d.connections.tell(ended) {
		d.record.happened(e)
	}
	said := ""
	if err != nil {
		said = oneLine(err)
	}
	if said != "" && said != d.connections.said {
		d.Log.Warn("end connections", "error", err)
	}
	d.connections.said = said
}

// ownAddresses are those that the bond, or the members of a group, are to have.
func (d *decider) ownAddresses(c bond.Config) []netip.Addr {
	held, _ := d.record.state.Lent.Now()
	list := c.OwnAddresses(held)
	for _, lent := range d.record.state.MemberLents {
		if l, _ := lent.Now(); l != nil {
			list = append(list, l.Address.Addr())
		}
	}
	return list
}

func (d *decider) endLost(ctx context.Context, after bond.Status) (map[netip.Addr]int, error) {
	wanted, err := d.Host.Recorded(d.Name)
	if after.Name == "" || after.Trial != nil || wanted == nil || err != nil {
		return nil, err
	}
	var has []netip.Addr
	for _, p := range after.Addresses {
		has = append(has, p.Addr())
	}
	lost := d.connections.see(d.ownAddresses(wanted.Config), has)
	if len(lost) == 0 || !wanted.Config.EndsConnections() {
		return nil, nil
	}
	return d.Host.EndConnections(ctx, d.Name, lost)
}
