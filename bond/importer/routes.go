package importer

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// withoutBond makes what it can of files that have no bond: where several links have
// addresses of their own, the strategy routes or one bond of them.
func (f *found) withoutBond(path string, r Request) (Result, error) {
	var list []*link
	for _, l := range f.links {
		_, dhcp := l.has("ipv4.method")
		_, static := l.has("ipv4.addresses")
		if l.name != "" && (dhcp || static) {
			list = append(list, l)
		}
	}
	if i := slices.IndexFunc(f.links, func(l *link) bool { return l.master != "" }); i >= 0 {
		l := f.links[i]
		return Result{}, &Error{path, fmt.Sprintf("%s is to be a member of %s, and nothing here makes that bond; name the file or folder that does", l, l.master)}
	}
	if len(list) < 2 {
		return Result{}, &Error{path, "it has no bond, nor several interfaces with addresses of their own"}
	}
	if count := settingsOf(list); count > maxSettings {
		return Result{}, &Error{path, fmt.Sprintf("%d interfaces and settings are too many", count)}
	}
	slices.SortStableFunc(list, func(a, b *link) int { return cmp.Compare(a.preference(), b.preference()) })
	name := cmp.Or(r.Name, "bond0")
	if r.Strategy == "bond" {
		return f.asBond(name, list)
	}
	return f.asRoutes(name, list)
}

// preference is the metric of a link's default route: the least goes first. Without such
// a route it is the last.
func (l *link) preference() uint64 {
	for _, e := range l.settings {
		if n, err := strconv.ParseUint(fmt.Sprint(e.value), 10, 32); e.key == "ipv4.metric" && err == nil {
			return n
		}
	}
	if _, ok := l.has("ipv4.gateway"); ok {
		return 0
	}
	if e, ok := l.has("ipv4.method"); ok && e.value == bond.MethodDHCP {
		return 0
	}
	return math.MaxUint64
}

// asBond makes one bond of links: it has all their addresses.
func (f *found) asBond(name string, list []*link) (Result, error) {
	b := &link{name: name, isBond: true, addressed: true, watched: true, at: list[0].at, mode: &entry{key: "mode", value: "active-backup"}}
	for _, l := range list {
		for _, e := range l.settings {
			_, there := b.has(e.key)
			if e.key == "ipv4.metric" || e.key == "ipv6.metric" || there && !isList(e.key) {
				continue // they told the links from each other
			}
			b.settings = append(b.settings, e)
		}
		for _, e := range l.other {
			b.leave(e.at, "a bond needs no tables and rules to tell its members from each other")
		}
		l.settings, l.other, l.master = nil, nil, name
	}
	f.links = append(slices.Clone(list), b)
	r, err := f.bond(b)
	if err == nil && !oneNetwork(r.Config.Addresses) {
		r.Notes = append(r.Notes, Remark{Reason: "the members are of several networks: each address can be reached only where its own network is connected"})
	}
	return r, err
}

func oneNetwork(addresses []netip.Prefix) bool {
	networks := map[netip.Prefix]bool{}
	for _, p := range addresses {
		if p.Addr().Is4() {
			networks[p.Masked()] = true
		}
	}
	return len(networks) < 2
}

// asRoutes makes the strategy routes of links: each keeps its addresses.
func (f *found) asRoutes(name string, list []*link) (Result, error) {
	r := Result{Name: name, Files: f.files, Off: f.offOf(list), Notes: slices.Clone(f.notes)}
	out := bond.Config{Name: name, Strategy: bond.StrategyRoutes}
	networks := map[netip.Prefix]bool{}
	for _, l := range list {
		one := Result{}
		d := &draft{name: name, taken: map[string]entry{}, result: &one}
		d.member(l)
		if len(d.settings) == 0 {
			r.Left = append(r.Left, one.Left...)
			continue
		}
		d.ofRoutesMember(l)
		config, err := bond.NewConfig(name, d.settings)
		if err != nil {
			return Result{}, err // each setting was tried
		}
		out.Members = append(out.Members, routesMemberOf(config))
		for _, p := range config.Addresses {
			networks[p.Masked()] = true
		}
		if config.Method == bond.MethodDHCP {
			networks[netip.Prefix{}] = true
		}
		r.Left, r.Notes = append(r.Left, one.Left...), append(r.Notes, one.Notes...)
	}
	if len(out.Members) < 2 {
		return Result{}, &Error{list[0].at.file, "no two of its interfaces can be members: " + r.Left[0].String()}
	}
	r.Left = slices.Concat(r.Left, f.left, f.standing(list))
	r.routesNotes(list, networks)
	r.sort()
	r.Config, r.TOML = out, bond.FormatTOML(out)
	if err := out.Check(); err != nil {
		return Result{}, &Error{list[0].at.file, "its interfaces can't be members of one group: " + strings.ReplaceAll(err.Error(), "\n", "; ")}
	}
	return r, nil
}

func (r *Result) routesNotes(list []*link, networks map[netip.Prefix]bool) {
	if slices.ContainsFunc(list, func(l *link) bool { return l.preference() > 0 && l.preference() < math.MaxUint64 }) {
		r.Notes = append(r.Notes, Remark{Reason: "the members are in the order of the metrics of their default routes, not in that of the file"})
	}
	for network := range networks {
		if len(networks) == 1 && network.IsValid() {
			r.Notes = append(r.Notes, Remark{Reason: fmt.Sprintf("all members are in %s: one bond would do, and keeps connections; --strategy bond shows it", network)})
		}
	}
}

// ofRoutesMember tries what a link has for itself.
func (d *draft) ofRoutesMember(l *link) {
	entries := slices.Clone(l.settings)
	slices.SortStableFunc(entries, func(x, y entry) int { return cmp.Compare(slices.Index(order, x.key), slices.Index(order, y.key)) })
	for _, e := range entries {
		switch e.key {
		case "ipv4.metric", "ipv6.metric": // the order of the members says it
		case "ipv4.addresses", "ipv6.addresses", "ipv4.gateway", "ipv6.gateway", "dns", "ipv4.method":
			d.take(e)
		default:
			d.leave(e.at, "a member of the strategy routes has no such key")
		}
	}
	for _, e := range l.other {
		reason := "[member.ipv4] has no further routes"
		if e.key == "rule" || hasTable(e) {
			reason = "bondctl makes tables and rules of its own; remove this line"
		}
		d.leave(e.at, reason)
	}
}

func hasTable(e entry) bool {
	keys, _ := e.value.([]bond.Setting)
	return slices.ContainsFunc(keys, func(s bond.Setting) bool { return s.Key == "route.table" })
}

// routesMemberOf is a member with the addresses that a bond of it alone would have.
func routesMemberOf(c bond.Config) bond.Member {
	m := c.Members[0]
	of := func(a netip.Addr) *bond.MemberNetwork {
		if a.Is4() {
			return &m.IPv4
		}
		return &m.IPv6
	}
	for _, p := range c.Addresses {
		n := of(p.Addr())
		n.Addresses = append(n.Addresses, p)
	}
	for _, g := range c.Gateways {
		of(g).Gateway = g
	}
	for _, a := range c.DNS {
		n := of(a)
		n.DNS = append(n.DNS, a)
	}
	if c.Method == bond.MethodDHCP {
		m.IPv4.Method = c.Method
	}
	return m
}
