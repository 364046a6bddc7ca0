package bond

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// policyKeys are those of routes and of rules.
var policyKeys = []Key{
	{Name: "route", kind: repeated(func(c *Config) *[]Route { return &c.Routes }, func() element { return &Route{} }, `to = "198.51.100.0/24"`),
		Usage: "a route over the bond, one of several ([[route]])"},
	{Name: "route.to", kind: one(func(r *Route) *netip.Prefix { return &r.To }, parseNetwork),
		Usage: "the `NETWORK` or the address that it leads to; 0.0.0.0/0 or ::/0 for a default route"},
	{Name: "route.via", kind: one(func(r *Route) *netip.Addr { return &r.Via }, parseGateway),
		Usage: "the `ADDRESS` of its gateway", Default: "none: to is on the link itself"},
	{Name: "route.metric", kind: one(func(r *Route) **uint32 { return &r.Metric }, pointerTo(parseMetric(0))), Default: "that of the default route",
		Usage: "`N` its metric: the route with the least is taken"},
	{Name: "route.table", kind: one(func(r *Route) *uint32 { return &r.Table }, parseRouteTable), Default: "main",
		Usage: "`N` the routing table that it belongs to: a number, or main or default"},
	{Name: "route.source", kind: one(func(r *Route) *netip.Addr { return &r.Source }, parseHost("a host's", false)),
		Usage: "the `ADDRESS` of this machine that packets come from which name none"},
	{Name: "route.onlink", kind: one(func(r *Route) *bool { return &r.OnLink }, parseBool),
		Usage: "`BOOLEAN` whether the gateway is on the link, though no address of the bond says so"},

	{Name: "rule", kind: repeated(func(c *Config) *[]Rule { return &c.Rules }, func() element { return &Rule{} }, `from = "192.0.2.0/24"`),
		Usage: "which packets have which routing table looked up, one of several ([[rule]])"},
	{Name: "rule.from", kind: one(func(r *Rule) *netip.Prefix { return &r.From }, parseNetwork),
		Usage: "the `NETWORK` or the address that packets come from; 0.0.0.0/0 or ::/0 for every one of a family"},
	{Name: "rule.to", kind: one(func(r *Rule) *netip.Prefix { return &r.To }, parseNetwork),
		Usage: "the `NETWORK` or the address that they go to"},
	{Name: "rule.fwmark", kind: one(func(r *Rule) *Mark { return &r.FWMark }, parseMark),
		Usage: "`MARK[/MASK]` the mark that a packet filter gave them, such as 0x1 or 0x1/0xff"},
	{Name: "rule.iif", kind: linkName(func(r *Rule) *string { return &r.IIF }, parseLinkName),
		Usage: "the interface `NAME` that they come in by: the bond's, or lo for this machine's own"},
	{Name: "rule.priority", kind: one(func(r *Rule) **uint32 { return &r.Priority }, pointerTo(parsePriority)), Default: "from the order, 1000 first",
		Usage: "`N` when the rule is asked, the least first; main is at 32766"},
	{Name: "rule.table", kind: one(func(r *Rule) *uint32 { return &r.Table }, parseTable),
		Usage: "`N` the routing table that is looked up: a number, or main, default or local"},
}

// parseNetwork reads a network, or one host's address.
func parseNetwork(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if a, e := netip.ParseAddr(text); e == nil && a.Zone() == "" && !a.IsUnspecified() {
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is no network; write one such as 198.51.100.0/24, or 0.0.0.0/0 or ::/0 for every address", text)
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%s is an IPv4 network written as IPv6; write it as IPv4", text)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%s has bits beyond its prefix length; write %s for the network, or %s for the one address", text, p.Masked(), p.Addr())
	}
	return p, nil
}

// tables are the routing tables that have a name everywhere.
var tables = map[string]uint32{"main": unix.RT_TABLE_MAIN, "default": unix.RT_TABLE_DEFAULT, "local": unix.RT_TABLE_LOCAL}

func parseTable(text string) (uint32, error) {
	if n, ok := tables[text]; ok {
		return n, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no routing table; it takes a number from 1 to %d, or main, default or local (other names stand for the numbers in /etc/iproute2/rt_tables)", text, uint32(math.MaxUint32))
	}
	return uint32(n), nil
}

// parseRouteTable refuses the table of the kernel's own routes.
func parseRouteTable(text string) (uint32, error) {
	n, err := parseTable(text)
	if err == nil && n == unix.RT_TABLE_LOCAL {
		return 0, fmt.Errorf("%s is the table of the kernel's own routes; name another one, such as 100", text)
	}
	return n, err
}

func parsePriority(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no priority; it takes a whole number from 1 to %d, below 32766 to be asked before the table main", text, uint32(math.MaxUint32))
	}
	return uint32(n), nil
}

func parseLinkName(name string) (string, error) {
	if name == "" {
		return "", errors.New("the name is empty; write that of an interface, such as lo")
	}
	return name, CheckName(name)
}

// domains is the kind of the list of search domains.
func domains() kind {
	return kind{
		texts: eachText,
		clear: func(into any) { into.(*Config).Search = nil },
		set: func(into any, text string) error {
			name, err := parseDomain(text)
			if err == nil {
				c := into.(*Config)
				c.Search = append(c.Search, name)
			}
			return err
		},
		get: func(from any) any {
			var all []any
			for _, name := range from.(*Config).Search {
				all = append(all, name)
			}
			if all == nil {
				return nil
			}
			return all
		},
	}
}

// parseDomain reads a domain's name (RFC 1123 section 2.1), with or without the dot at
// its end.
func parseDomain(text string) (string, error) {
	name := strings.TrimSuffix(text, ".")
	odd := func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	bad := len(name) > 253
	for label := range strings.SplitSeq(name, ".") {
		bad = bad || label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, odd)
	}
	if bad {
		return "", fmt.Errorf("%q is no domain; write one such as example.org", text)
	}
	return name, nil
}
