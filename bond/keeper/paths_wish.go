package keeper

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/probe"
	"github.com/bondctl/bondctl/bond/resolve"
	"github.com/bondctl/bondctl/bond/upstream"
)

// A pathsWish says which paths are to be watched, and what counts for who is active; the zero value is
// for none.
type pathsWish struct {
	settings upstream.Settings
	targets  []netip.Addr
	urls     []string
	watched  []watchedPath
	choice   upstream.Choice // without the states of paths
	mac      string          // the bond's MAC, in bytes
	act      bool            // it has a say in who is active
}

// A watchedPath is behind one slave.
type watchedPath struct {
	name           string
	index, changes int // where they are others, so is the link
	// own is the MAC in whose name it is asked, in bytes.
	own        string
	asBond     bool // while the slave is active it is asked as the bond
	activeOnly bool // and only then, as the slave can send in no other name
	// gateway is the member's own, under the strategy routes; the zero Addr is for the targets.
	gateway netip.Addr
	// beyond says that the targets are asked in the name of the member's addresses, and for their names its
	// name servers; each is a list with spaces.
	beyond             bool
	addresses, servers string
}

// isPathOf says whether two are one path, in whose name ever it is asked.
func (w watchedPath) isPathOf(o watchedPath) bool {
	o.addresses, o.servers = w.addresses, w.servers
	return w == o
}

// asked are all who are asked.
func (w pathsWish) asked() []string {
	var list []string
	for _, a := range w.targets {
		list = append(list, a.String())
	}
	return append(list, w.urls...)
}

// openPath opens what asks over a path: neighbours by frames, or who is beyond as all that this machine sends.
func openPath(w watchedPath, wish pathsWish) (asker, error) {
	if !w.beyond {
		targets := wish.targets
		if w.gateway.IsValid() {
			targets = []netip.Addr{w.gateway}
		}
		return probe.OpenPath(w.index, net.HardwareAddr(w.own), targets)
	}
	var urls []*url.URL
	for _, text := range wish.urls {
		u, err := url.Parse(text)
		if err != nil {
			return nil, err
		}
		urls = append(urls, u)
	}
	return probe.OpenBeyond(w.name, addrsOf(w.addresses), wish.targets, urls, addrsOf(w.servers), wish.settings.Interval*8/10) // so that it is free when it is asked next
}

// listOf is a list of addresses that can be compared, addrsOf what it lists.
func listOf(addrs []netip.Addr) string {
	var words []string
	for _, a := range addrs {
		words = append(words, a.String())
	}
	return strings.Join(words, " ")
}

// oneOfEach is the first address of each family.
func oneOfEach(prefixes []netip.Prefix) (addrs []netip.Addr) {
	for _, p := range prefixes {
		if !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Is4() == p.Addr().Is4() }) {
			addrs = append(addrs, p.Addr())
		}
	}
	return addrs
}

func addrsOf(list string) (addrs []netip.Addr) {
	for _, word := range strings.Fields(list) {
		if a, err := netip.ParseAddr(word); err == nil {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// wishPaths says what is to be watched, by how the bond was at the last look.
func (d *decider) wishPaths() {
	if d.probe == nil {
		d.paths.wish.put(pathsWish{})
		return
	}
	if d.status.Strategy == bond.StrategyRoutes {
		d.paths.wish.put(groupPathsWishOf(d.status, *d.probe, d.namesOf))
		return
	}
	d.paths.wish.put(pathsWishOf(d.status, *d.probe, d.seen, d.record.state.Better != "", d.Host.Faster))
}

func pathsWishOf(st bond.Status, p bond.Probe, seen snapshot, decided bool, faster func(than, then string) bool) pathsWish {
	w := pathsWish{targets: p.Target, mac: string(st.Address), act: st.Trial == nil && value(st.ARPInterval) == 0}
	if w.targets == nil {
		w.targets = append([]netip.Addr{}, st.Gateways...)
	}
	w.settings.Interval = p.Every()
	w.settings.Fails, w.settings.Passes = p.Needs()
	w.choice = upstream.Choice{Active: seen.active, Primary: value(st.Primary), Reselect: upstream.Reselect(value(st.PrimaryReselect)), Manual: seen.reason == bond.ReasonManual}
	if !decided {
		w.choice.Faster = faster
	}
	for _, m := range st.Members {
		if m.Role != bond.RoleActive && m.Role != bond.RoleBackup {
			continue
		}
		up := seen.slaves[m.Name] == "up" && !m.Resting
		w.choice.Slaves = append(w.choice.Slaves, upstream.Slave{Name: m.Name, Prio: value(m.Prio), Up: up})
		if o := watchedPathOf(st, m); up && len(w.targets) > 0 && (m.Name == seen.active || !o.activeOnly) {
			w.watched = append(w.watched, o)
		}
	}
	return w
}

// groupPathsWishOf has each member of a group watched that has a link, by its own gateway or by the targets. Who is held
// back because of its path is for [returns] to say. names are a member's name servers.
func groupPathsWishOf(st bond.Status, p bond.Probe, names func(member string) resolve.Settings) (w pathsWish) {
	w.settings.Interval = p.Every()
	w.settings.Fails, w.settings.Passes = p.Needs()
	w.targets, w.urls, w.settings.Once = p.Target, p.URLs, len(p.URLs) > 0
	for _, m := range st.Members {
		if m.Role != bond.RoleActive && m.Role != bond.RoleBackup || !linked(m) {
			continue
		}
		one := watchedPath{name: m.Name, index: m.Index, changes: m.CarrierChanges, own: string(m.Address)}
		switch {
		case len(w.asked()) > 0 && len(m.Addresses) > 0:
			one.beyond, one.addresses, one.servers = true, listOf(oneOfEach(m.Addresses)), listOf(names(m.Name).Servers)
		case len(w.asked()) == 0 && m.Gateway != nil:
			one.gateway = *m.Gateway
		default:
			continue
		}
		w.watched = append(w.watched, one)
	}
	return w
}

// watchedPathOf says in whose name a slave is asked through. Under fail_over_mac none all slaves have the
// bond's MAC, and a backup mustn't send with it, or switches would send there what is the bond's.
func watchedPathOf(st bond.Status, m bond.MemberStatus) watchedPath {
	w := watchedPath{name: m.Name, index: m.Index, changes: m.CarrierChanges, own: string(m.Address)}
	switch {
	case value(st.FailOverMAC) == bond.FailOverMACActive:
		// Each slave has a MAC of its own, and the bond the active one's.
	case value(m.Kind) == bond.KindWiFi:
		w.activeOnly = true // a station sends with its own MAC alone
	default:
		w.asBond = true
		taken := func(mac net.HardwareAddr) bool {
			if mac.String() == st.Address.String() {
				return true
			}
			for _, o := range st.Members {
				if o.Name != m.Name && o.PermHWAddr.String() == mac.String() {
					return true
				}
			}
			return false
		}
		w.own = string(probe.OwnMAC(net.HardwareAddr(m.PermHWAddr), m.Index, taken))
	}
	return w
}

// reroute makes another slave active because of a path, unless what counts for that has changed since the last
// look, as when somebody has chosen by hand. Why is written down first, for the event that tells of it.
func (d *decider) reroute(ctx context.Context, r rerouted) {
	d.observe()
	if d.status.Trial != nil || d.seen.active != r.from || d.seen.reason == bond.ReasonManual && !r.dead {
		return
	}
	d.record.reroute = r
	if err := d.record.save(); err != nil {
		d.Log.Warn("note what is known of paths", "error", err)
	}
	if err := d.Host.Prefer(ctx, d.Name, r.from, r.to); err != nil {
		d.Log.Error("switch to a member whose path works", "to", r.to, "error", err)
	}
}

// knowPaths takes in what is known of paths: the fast failover passes over those that are dead.
func (d *decider) knowPaths(k pathsKnown) {
	d.record.paths(k)
	d.failover.avoid(d.record.deadPaths())
}
