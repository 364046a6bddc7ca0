package bond

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The values of Config.Strategy.
const (
	// StrategyBond makes a bond of the members: one address over all of them. It is the default.
	StrategyBond = "bond"
	// StrategyRoutes makes no bond. Each member keeps addresses, a routing table and rules of its
	// own, and the preferred one that has a link carries what names no source.
	StrategyRoutes = "routes"
)

// ByRoutes says whether the strategy is StrategyRoutes.
func (c Config) ByRoutes() bool { return c.Strategy == StrategyRoutes }

// A MemberNetwork is what a member has of one family under StrategyRoutes.
type MemberNetwork struct {
	// Method is where the addresses come from; "" is MethodAuto: those that are named, or else what
	// somebody else gives the member, or else (of IPv4) DHCP.
	Method    string         `json:"method,omitempty"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	// Gateway is that of the member's default routes; the zero Addr is that of the default route that
	// the member had.
	Gateway netip.Addr `json:"gateway,omitzero"`
	// Metric is that of the member's default route in main, and of the routes to its networks; nil is
	// that of the other family or else from the order of the members: 100, 101, ... but for those that
	// are taken.
	Metric *uint32 `json:"metric,omitempty"`
	// Table is the member's routing table; 0 is 31000 and its ifindex.
	Table uint32 `json:"table,omitempty"`
	// DNS are the name servers that are asked over the member.
	DNS []netip.Addr `json:"dns,omitempty"`
}

// network is a member's part of a family, and its name in a file.
func (m *Member) network(family int) (n *MemberNetwork, table string) {
	if family == unix.AF_INET {
		return &m.IPv4, "ipv4"
	}
	return &m.IPv6, "ipv6"
}

// memberNetworkKeys are the keys of one family.
func memberNetworkKeys(family int, otherwise string, methods ...string) []Key {
	of := func(m *Member) *MemberNetwork { n, _ := m.network(family); return n }
	_, family4or6 := (&Member{}).network(family)
	table := "member." + family4or6
	return []Key{
		{Name: table, kind: kind{table: true}},
		{Name: table + ".method", kind: one(func(m *Member) *string { return &of(m).Method }, oneOf(methods...)), Default: "auto: static where an address is named, else what the member has" + otherwise,
			Usage: "`WORD` where the member's addresses come from, under the strategy routes: " + strings.Join(methods, ", ")},
		{Name: table + ".addresses", List: true, kind: several(func(m *Member) *[]netip.Prefix { return &of(m).Addresses }, parseCIDR, family4or6),
			Usage: "`CIDR` an address of the member"},
		{Name: table + ".gateway", kind: one(func(m *Member) *netip.Addr { return &of(m).Gateway }, ofFamily(family4or6, parseGateway)), Default: "that of the default route that the member had",
			Usage: "the `ADDRESS` of its default gateway"},
		{Name: table + ".metric", kind: one(func(m *Member) **uint32 { return &of(m).Metric }, pointerTo(parseMemberMetric)), Default: "that of the other family, else from the order: 100, 101, ...",
			Usage: "`N` the metric of its routes in the main table"},
		{Name: table + ".table", kind: one(func(m *Member) *uint32 { return &of(m).Table }, parseMemberTable), Default: "31000 and the ifindex",
			Usage: "`N` its routing table"},
		{Name: table + ".dns", List: true, kind: several(func(m *Member) *[]netip.Addr { return &of(m).DNS }, parseServer, family4or6),
			Usage: "the `ADDRESS` of a name server that is asked over it"},
	}
}

// ofFamily is a parser that refuses addresses of the other family.
func ofFamily(table string, parse func(string) (netip.Addr, error)) func(string) (netip.Addr, error) {
	return func(text string) (netip.Addr, error) {
		a, err := parse(text)
		if err == nil {
			err = checkFamily(table, a)
		}
		return a, err
	}
}

// parseMemberMetric leaves room below for the member that somebody chooses by hand, and above for those that are held
// back.
func parseMemberMetric(text string) (uint32, error) {
	n, err := parseMetric(2)(text)
	if err == nil && n >= heldBackMetric {
		err = fmt.Errorf("%d is too great: %d and more are for members that are held back", n, heldBackMetric)
	}
	return n, err
}

// parseMemberTable refuses the kernel's own tables.
func parseMemberTable(text string) (uint32, error) {
	n, err := parseTable(text)
	if err == nil && n >= unix.RT_TABLE_DEFAULT && n <= unix.RT_TABLE_LOCAL {
		err = fmt.Errorf("%s is one of the kernel's own tables; name another, such as 1001", text)
	}
	return n, err
}

// routesKeys are the keys that the strategy routes has.
var routesKeys = []string{"strategy", "member", "primary", "primary_reselect", "updelay", "downdelay", "end_connections", "mptcp"}

// checkStrategy refuses what the strategy doesn't have.
func (c *Config) checkStrategy(say sayer) {
	if !c.ByRoutes() {
		if c.MPTCP {
			say("mptcp", "a bond has one address for all of its members; write strategy = \"routes\", or leave mptcp out")
		}
		for i := range c.Members {
			for _, family := range families {
				if n, table := c.Members[i].network(family); !n.empty() {
					say(inElement("member", i, table), "a member of a bond has no addresses of its own: the bond has; write strategy = \"routes\" where each is to have its own")
				}
			}
		}
		return
	}
	for _, k := range keys {
		if k.get == nil || tableOf(k.Name) == "member" || tableOf(k.Name) == "probe" || slices.Contains(routesKeys, k.Name) || isOfElement(k) {
			continue
		}
		if k.get(c) != nil {
			say(k.Name, "the strategy routes has no such key, which is a bond's; leave it out")
		}
	}
	for _, list := range []struct {
		key   string
		there bool
	}{{"route", c.Routes != nil}, {"rule", c.Rules != nil}} {
		if list.there {
			say(list.key, "the strategy routes makes routes and rules of its own; leave it out")
		}
	}
	if c.Primary != "" && c.namedMetrics() != nil {
		say("primary", "the members have metrics, and their order is by these; leave primary out, or the metrics")
	}
	if value(c.Options.PrimaryReselect) == ReselectBetter {
		say("primary_reselect", "better compares the speeds of a bond's members; the strategy routes has always and failure")
	}
	c.checkMemberNetworks(say)
	c.checkMetrics(say)
}

// families are those that a member may have.
var families = []int{unix.AF_INET, unix.AF_INET6}

// isOfElement says whether a key is one of a table that is repeated.
func isOfElement(k Key) bool {
	for table := tableOf(k.Name); table != ""; table = tableOf(table) {
		if above, _ := findKey(table); above.element != nil {
			return true
		}
	}
	return false
}

func (n *MemberNetwork) empty() bool {
	return n.Method == "" && n.Addresses == nil && !n.Gateway.IsValid() && n.Metric == nil && n.Table == 0 && n.DNS == nil
}

// checkMetrics refuses metrics that two members have.
func (c *Config) checkMetrics(say sayer) {
	seen := map[[2]uint32]string{}
	for i := range c.Members {
		m := &c.Members[i]
		told := false
		for _, family := range families {
			metric := m.namedMetric(family)
			if metric == nil {
				continue
			}
			n, table := m.network(family)
			if n.Metric == nil { // it is the other family's
				_, table = m.network(unix.AF_INET + unix.AF_INET6 - family)
			}
			key := [2]uint32{uint32(family), *metric}
			if other, twice := seen[key]; twice && !told {
				told = true
				say(inElement("member", i, table+".metric"), "%d is the metric of %s, too, so that neither would be preferred; give one of them another", *metric, other)
			}
			seen[key] = m.String()
		}
	}
}

// checkMemberNetworks checks each member's addresses and gateway, and the members against each other.
func (c *Config) checkMemberNetworks(say sayer) {
	seen := map[netip.Addr]string{}
	tables := map[uint32]string{}
	for i := range c.Members {
		m := &c.Members[i]
		for _, family := range families {
			n, table := m.network(family)
			at := func(key string) string { return inElement("member", i, table+"."+key) }
			for _, p := range n.Addresses {
				if other, twice := seen[p.Addr()]; twice {
					say(at("addresses"), "%s is there twice, for %s and %s; each member needs an address of its own", p.Addr(), other, m)
				}
				seen[p.Addr()] = m.String()
				if !m.exact() {
					say(at("addresses"), "%s may be several interfaces, and %s can be on one; write the name of one", m, p)
				}
			}
			if other, twice := tables[n.Table]; twice && other != m.String() {
				say(at("table"), "%d is the table of %s, too; each member needs one of its own", n.Table, other)
			}
			if n.Table != 0 {
				tables[n.Table] = m.String()
			}
			if !m.exact() && n.Table != 0 {
				say(at("table"), "%s may be several interfaces, and each needs a table of its own; leave table out, or write the name of one", m)
			}
			n.check(family, at, say)
		}
	}
}

// check checks a family's keys against each other.
func (n *MemberNetwork) check(family int, at func(string) string, say sayer) {
	switch {
	case n.Method == MethodStatic && n.Addresses == nil:
		say(at("method"), "static wants an address; name one with addresses")
	case n.Method == MethodNone && (n.Addresses != nil || n.Gateway.IsValid()):
		say(at("method"), "none and an address contradict each other; leave one of them out")
	}
	if !n.Gateway.IsValid() || n.Addresses == nil {
		return
	}
	on := slices.IndexFunc(n.Addresses, func(p netip.Prefix) bool { return p.Contains(n.Gateway) })
	switch {
	case slices.ContainsFunc(n.Addresses, func(p netip.Prefix) bool { return p.Addr() == n.Gateway }):
		say(at("gateway"), "%s is the member's own address; name the router's", n.Gateway)
	case on < 0 && !n.Gateway.IsLinkLocalUnicast():
		say(at("gateway"), "%s is in none of the member's networks, so it can't be reached; give the member an address beside it", n.Gateway)
	case on >= 0 && family == unix.AF_INET && !isHost(n.Gateway, n.Addresses[on]):
		say(at("gateway"), "%s is the own or the broadcast address of the network %s; name the router's", n.Gateway, n.Addresses[on].Masked())
	}
}
