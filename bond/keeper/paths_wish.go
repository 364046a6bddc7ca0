package keeper

import (
	"context"
	"net"
	"net/netip"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/probe"
	"github.com/bondctl/bondctl/bond/upstream"
)

// A pathsWish says which paths are to be watched, and what counts for who is active; the zero value is
// for none.
type pathsWish struct {
	settings upstream.Settings
	targets  []netip.Addr
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
	// gateway is the member's own, under the strategy routes; the zero Addr is for the bond's targets.
	gateway netip.Addr
}

// wishPaths says what is to be watched, by how the bond was at the last look.
func (d *decider) wishPaths() {
	if d.probe == nil {
		d.paths.wish.put(pathsWish{})
		return
	}
	if d.status.Strategy == bond.StrategyRoutes {
		d.paths.wish.put(groupPathsWishOf(d.status, *d.probe))
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

// groupPathsWishOf has each member of a group watched that has a link, by its own gateway. Who is held back because of
// its path is for [returns] to say.
func groupPathsWishOf(st bond.Status, p bond.Probe) (w pathsWish) {
	w.settings.Interval = p.Every()
	w.settings.Fails, w.settings.Passes = p.Needs()
	for _, m := range st.Members {
		if (m.Role == bond.RoleActive || m.Role == bond.RoleBackup) && linked(m) && m.Gateway != nil {
			w.watched = append(w.watched, watchedPath{name: m.Name, index: m.Index, changes: m.CarrierChanges, own: string(m.Address), gateway: *m.Gateway})
		}
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
