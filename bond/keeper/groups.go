package keeper

import (
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/resolve"
)

// holdBack says which members are held back from now on; nil for a bond. Those that have lost their link have others
// answer for their addresses at once: the kernel has left them out already.
func (d *decider) holdBack() map[string]bool {
	d.due = time.Time{}
	wanted, err := d.Host.Recorded(d.Name)
	if wanted == nil || err != nil || !wanted.Config.ByRoutes() {
		return nil
	}
	st, err := d.Host.Brief(d.Name)
	if err != nil {
		return nil
	}
	held, due := d.returns.decide(st, d.record.deadPaths(), time.Now())
	d.due = due
	if due := d.solicits.decide(st, time.Now()); !due.IsZero() && (d.due.IsZero() || due.Before(d.due)) {
		d.due = due
	}
	d.announcer.announce(d.bearers.taken(st))
	return held
}

// sooner is after how long to look again: by the end of updelay, if that is sooner; 0 for never.
func (d *decider) sooner(retry time.Duration) time.Duration {
	if d.due.IsZero() {
		return retry
	}
	left := max(time.Until(d.due), time.Millisecond)
	if retry == 0 || left < retry {
		return left
	}
	return retry
}

// announce has the members announce the addresses that they answer for from now on.
func (d *decider) announce(st bond.Status) {
	if st.Strategy == bond.StrategyRoutes {
		d.announcer.announce(d.bearers.changed(st))
	}
}

// wishNames has the name servers of the active member asked.
func (d *decider) wishNames(st bond.Status) {
	if d.nameServers == nil || st.Active == nil {
		return
	}
	for _, m := range st.Members {
		if m.Role == bond.RoleActive {
			d.nameServers.wish.put(nameWish{m.Name, m.Index, d.namesOf(m.Name), d.asked})
		}
	}
}

// namesOf are the name servers of a member of the group: those that are named for it, or else leased to it.
func (d *decider) namesOf(member string) (settings resolve.Settings) {
	if held, _ := d.record.state.MemberLents[member].Now(); held != nil {
		settings = resolve.Settings{Servers: held.DNS, Domains: held.Domains}
	}
	for _, m := range d.members {
		if named := slices.Concat(m.IPv4.DNS, m.IPv6.DNS); m.Name == member && named != nil {
			settings = resolve.Settings{Servers: named}
		}
	}
	return settings
}
