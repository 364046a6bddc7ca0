package bond

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// A Route is one over the bond, beside the default routes by [Config.Gateways] and
// those of a lease.
type Route struct {
	To     netip.Prefix `json:"to"`               // RTA_DST; all of a family for a default route
	Via    netip.Addr   `json:"via,omitzero"`     // RTA_GATEWAY; the zero Addr where To is on the link itself
	Metric *uint32      `json:"metric,omitempty"` // RTA_PRIORITY; nil for that of the family's default route
	Table  uint32       `json:"table,omitempty"`  // RTA_TABLE; 0 for main
	Source netip.Addr   `json:"source,omitzero"`  // RTA_PREFSRC
	OnLink bool         `json:"onlink,omitempty"` // RTNH_F_ONLINK: Via is on the link, whatever the addresses say
}

// String says the route as a file has it.
func (r Route) String() string {
	text := r.To.String()
	if r.Via.IsValid() {
		text += " via " + r.Via.String()
	}
	return text
}

// table is the routing table's number.
func (r Route) table() uint32 {
	if r.Table == 0 {
		return unix.RT_TABLE_MAIN
	}
	return r.Table
}

// route is a route as the kernel has it.
func (c Config) route(r Route) rtnl.Route {
	route := c.withMetric(rtnl.NewRoute(r.To, r.Via))
	route.Metric = valueOr(r.Metric, route.Metric)
	route.Table, route.Source, route.OnLink = r.table(), r.Source, r.OnLink
	return route
}

// newRoute is the Route that makes a route of the kernel's; ok is false where a file
// can't say all of it, as of one with several paths.
func newRoute(r rtnl.Route) (to Route, ok bool) {
	to = Route{To: r.Destination, Via: r.Gateway, Metric: new(r.Metric), Source: r.Source, OnLink: r.OnLink}
	if r.Table != unix.RT_TABLE_MAIN {
		to.Table = r.Table
	}
	built := Config{}.route(to).By(r.Link)
	built.Protocol = r.Protocol
	return to, r.Paths == "" && built.Fields() == r.Fields() && to.check([]string{"route.to"}) == nil
}

// parse refuses a text: there is no flag.
func (r *Route) parse(string) error {
	return errors.New("a route is a table, one of several; write [[route]] and below it to = \"198.51.100.0/24\"")
}

// check refuses a route whose keys contradict each other.
func (r *Route) check(named []string) error {
	switch {
	case !slices.Contains(named, "route.to"):
		return errors.New("it leads nowhere; write to = \"198.51.100.0/24\" below it, or \"0.0.0.0/0\" for a default route")
	case !r.To.IsValid(): // which has been told
		return nil
	case r.Via.IsValid() && r.Via.Is4() != r.To.Addr().Is4():
		return fmt.Errorf("to %s and via %s are of two families; name a gateway of the same", r.To, r.Via)
	case r.Source.IsValid() && r.Source.Is4() != r.To.Addr().Is4():
		return fmt.Errorf("to %s and source %s are of two families; name an address of the same", r.To, r.Source)
	case r.OnLink && !r.Via.IsValid():
		return errors.New("onlink is about a gateway; name one with via, or leave onlink out")
	case r.To.Addr().Is6() && r.Metric != nil && *r.Metric == 0:
		return fmt.Errorf("metric 0 means %d to an IPv6 route; write that", rtnl.DefaultMetric6)
	}
	return nil
}

// addTo adds the route.
func (r *Route) addTo(c *Config) error {
	c.Routes = append(c.Routes, *r)
	return nil
}

// checkRoutes checks the routes against each other, the gateways and the addresses.
func (c *Config) checkRoutes(say sayer) {
	for i, r := range c.Routes {
		at := inElement("route", i, "to")
		same := func(o rtnl.Route) bool {
			mine := c.route(r)
			return o.Destination == mine.Destination && o.Metric == mine.Metric && o.Table == mine.Table
		}
		switch {
		case slices.ContainsFunc(c.Routes[:i], func(o Route) bool { return same(c.route(o)) }):
			say(at, "%s is there twice with one metric; name it once, or give one of them another metric", r.To)
		case slices.ContainsFunc(c.Gateways, func(g netip.Addr) bool { return same(c.gatewayRoute(g)) }):
			say(at, "the gateway makes a default route of the same metric; leave one of them out, or give this one another metric")
		}
		c.checkVia(r, i, say)
	}
}

// checkVia refuses a gateway that nobody could ask for. With a lease, or by IPv6
// routers, the bond may get an address beside it.
func (c *Config) checkVia(r Route, i int, say sayer) {
	if !r.Via.IsValid() {
		return
	}
	at := inElement("route", i, "via")
	known := !c.WantsDHCP()
	if r.Via.Is6() {
		known = c.Method6 == MethodStatic
	}
	on := slices.IndexFunc(c.Addresses, func(p netip.Prefix) bool { return p.Contains(r.Via) })
	switch {
	case slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr() == r.Via }):
		say(at, "%s is the bond's own address; name the router's", r.Via)
	case on >= 0 && !isHost(r.Via, c.Addresses[on]):
		say(at, "%s is the own or the broadcast address of the network %s; name the router's", r.Via, c.Addresses[on].Masked())
	case known && !reaches(r, c.Addresses, c.Routes):
		say(at, "%s is in none of the bond's networks, so it can't be reached; give the bond an address beside it with %s, or write onlink = true",
			r.Via, keyName(inFamily(r.Via, "addresses")))
	}
}

// reaches says whether a route's gateway is on the link: by the networks of addresses,
// or by a route that says so.
func reaches(r Route, networks []netip.Prefix, routes []Route) bool {
	return r.OnLink || !r.Via.IsValid() || r.Via.Is6() && r.Via.IsLinkLocalUnicast() ||
		slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(r.Via) }) ||
		slices.ContainsFunc(routes, func(o Route) bool { return !o.Via.IsValid() && o.To.Contains(r.Via) })
}
