package bond

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/upstream"
)

// byRoutes says whether what is recorded is a group of the strategy routes.
func (r *record) byRoutes() bool { return r.Config != nil && r.Config.ByRoutes() }

// routesStatusOf is the status of a group by its state, its record and its keeper.
func (h *Host) routesStatusOf(s State, r record) (Status, error) {
	k, kept, err := h.store.of(s.Name).Keeper()
	if err != nil {
		return Status{}, err
	}
	t, err := h.Trial(s.Name)
	if err != nil {
		return Status{}, err
	}
	s.leases = leasesOf(k)
	if s.memberSysctls == nil {
		s.memberSysctls = s.readSysctls(s.routerMetrics(*r.Config))
	}
	st := newRoutesStatus(s, r)
	st.Trial = t.status()
	var more []string
	if full := h.store.full(); full != "" {
		more = append(more, full)
	}
	more = append(more, refusedOfBond(r.Refused)...)
	more = append(more, s.goesBefore(*r.Config)...)
	switch {
	case kept && !k.Alive():
		k.Troubles = nil
		more = append(more, "its keeper has ended, so nobody holds back a link that returns until an up starts another")
	case k.Active != "" && st.Active != nil && k.Active == *st.Active:
		st.ActiveSince = &k.ActiveSince
	}
	st.Probe = r.Config.Probe.status()
	if k.Alive() {
		st.addPaths(k)
		st.heldByPath()
	}
	st.Health, st.HealthReason = st.routesHealth(k.Troubles, more)
	return st, nil
}

// newRoutesStatus is the status of a group by its state and its record alone.
func newRoutesStatus(s State, r record) Status {
	s.patient, s.manual = true, r.Manual
	c := *r.Config
	st := Status{Name: s.Name, Strategy: StrategyRoutes, Primary: unlessZero(s.called(c.Primary)),
		Addresses: []netip.Prefix{}, Members: []MemberStatus{}}
	st.PrimaryReselect, st.Updelay, st.Downdelay = new(c.reselect()), new(c.returnDelay()), new(value(c.Options.Downdelay))
	st.ARPIPTarget, st.NSIP6Target = []netip.Addr{}, []netip.Addr{}
	members := s.routesMembers(c)
	active := preferred(members)
	for i, m := range members {
		one := m.status(r.Refused)
		if i == active {
			one.Role = RoleActive
			st.Active, st.ActiveReason = &one.Name, new(routesReason(st, s, members, active))
		}
		one.Unadvertised = s.unadvertised(m)
		st.Addresses = append(st.Addresses, one.Addresses...)
		st.Members = append(st.Members, one)
	}
	for _, l := range s.Links {
		st.MACs = append(st.MACs, l.MAC, l.PermMAC)
	}
	return st
}

// unadvertised says whether a member's IPv6 router has yet to say something, so that the kernel gives its default route
// the metric that it is to have.
func (s *State) unadvertised(m routesMember) bool {
	for _, n := range m.nets {
		if n.family != unix.AF_INET6 || !n.byRouter {
			continue
		}
		if n.standsIn {
			return !m.held
		}
		return slices.ContainsFunc(s.routes, func(r rtnl.Route) bool {
			return r.Link == m.link.Index && n.isDefault(r) && isAdvertised(r) && r.Table == unix.RT_TABLE_MAIN && r.Metric != n.metric
		})
	}
	return false
}

// heldByPath says that it is because of a path that a preferred member isn't the active one.
func (st *Status) heldByPath() {
	for _, m := range st.Members {
		switch {
		case m.Role == RoleActive || value(st.ActiveReason) != ReasonHeld:
			return
		case m.Path != nil && m.Path.State == upstream.Dead:
			st.ActiveReason = new(ReasonPath)
			return
		}
	}
}

// goesBefore tells of default routes of somebody else's over members that have the kernel pass over the order.
func (s *State) goesBefore(c Config) (why []string) {
	for _, m := range s.routesMembers(c) {
		for _, n := range m.nets {
			for _, r := range s.routes {
				r = over(r, m.link.Index)
				theirs := !n.isOurs(r) && r.Link == m.link.Index && n.isDefault(r) && !isAdvertised(r) && r.Table == unix.RT_TABLE_MAIN
				if theirs && n.gateway.IsValid() && r.Metric <= n.metric {
					why = append(why, fmt.Sprintf("the %s over %s is somebody else's, and has the kernel pass over the order of the members; have them leave it out", r, m.name))
				}
			}
		}
	}
	return why
}

// reselect says when a preferred member that is back takes over again.
func (c Config) reselect() Reselect { return valueOr(c.Options.PrimaryReselect, ReselectAlways) }

// returnDelay is for how long a link must be back before it is preferred again: a returned port isn't ready at once.
func (c Config) returnDelay() Millis { return valueOr(c.Options.Updelay, wifiUpdelay) }

// usable says whether something can be sent over the member.
func (m routesMember) usable() bool {
	return m.pending == "" && m.link.Up && value(m.link.Carrier) && m.link.OperState != "dormant" && m.addressed()
}

// serves says whether the member is usable and not held back.
func (m routesMember) serves() bool { return m.usable() && !m.held }

// addressed says whether it has an address to send from.
func (m routesMember) addressed() bool {
	return slices.ContainsFunc(m.nets, func(n routesNet) bool { return len(n.addresses) > 0 })
}

// leads is the least metric that the member has, and whether it has a way out at all.
func (m routesMember) leads() (metric uint32, gateway bool) {
	metric = 1<<32 - 1
	for _, n := range m.nets {
		if len(n.addresses) > 0 && n.metric < metric {
			metric = n.metric
		}
		gateway = gateway || n.gateway.IsValid()
	}
	return metric, gateway
}

// preferred is the place of the member over which goes what names no source; -1 where there is none.
func preferred(members []routesMember) int {
	best, least, leadsOut := -1, uint32(0), false
	for i, m := range members {
		if !m.usable() {
			continue
		}
		metric, gateway := m.leads()
		if best < 0 || gateway && !leadsOut || gateway == leadsOut && metric < least {
			best, least, leadsOut = i, metric, gateway
		}
	}
	return best
}

// routesReason says why the active member is the active one.
func routesReason(st Status, s State, members []routesMember, active int) Reason {
	rivals, passed := 0, false
	for i, m := range members {
		if i != active && m.usable() {
			rivals++
			passed = passed || m.rank < members[active].rank
		}
	}
	switch {
	case rivals == 0:
		return ReasonOnlyLink
	case s.chosen(members[active].link):
		return ReasonManual
	case passed:
		return ReasonHeld
	case members[active].name == value(st.Primary):
		return ReasonPrimary
	}
	return ReasonPrio
}

// status is how a member fares.
func (m routesMember) status(refused map[string]string) MemberStatus {
	st := MemberStatus{Name: m.name, Role: RoleAbsent, Addresses: []netip.Prefix{}}
	if m.link.Name == "" {
		st.PendingReason = &m.pending
		return st
	}
	st.addLink(m.link)
	st.Role = RoleBackup
	if why := refused[m.name]; m.pending == "" && why != "" {
		m.pending = why
	}
	if m.pending != "" {
		st.Role, st.PendingReason = RolePending, &m.pending
		return st
	}
	st.MIIStatus = new(m.linkWord())
	for _, n := range m.nets {
		st.WantsDHCP = st.WantsDHCP || n.dhcp
		if len(n.addresses) == 0 {
			continue
		}
		if st.Metric == nil {
			st.Metric, st.Table = new(n.metric), new(n.table)
		}
		if n.gateway.IsValid() && st.Gateway == nil {
			st.Gateway = new(n.gateway)
		}
	}
	return st
}

// linkWord is the link in the words of the bonding driver.
func (m routesMember) linkWord() string {
	switch {
	case !m.link.Up || !value(m.link.Carrier):
		return "down"
	case m.held:
		return "going back"
	}
	return "up"
}

// routesHealth is a group's health, and why.
func (st Status) routesHealth(troubles []statedir.Trouble, more []string) (Health, string) {
	var why []string
	for _, m := range st.Members {
		if w := m.routesWeakness(st); w != "" {
			why = append(why, w)
		}
	}
	if st.Active == nil {
		why = append(why, st.blocked()...)
		why = append(why, st.unassociated(troubles)...)
		return HealthDown, strings.Join(append(append([]string{"no member can be used"}, why...), more...), "; ")
	}
	for _, t := range troubles {
		why = append(why, t.Name()+": "+t.Text)
	}
	if why = append(why, more...); len(why) > 0 {
		return HealthDegraded, strings.Join(why, "; ")
	}
	if len(st.Members) == 1 {
		return HealthOK, "the only member works"
	}
	return HealthOK, "every member works"
}

// routesWeakness says why a member couldn't take over; "" when it could.
func (m MemberStatus) routesWeakness(st Status) string {
	switch {
	case m.Role == RoleAbsent:
		return m.Name + " is absent"
	case m.Role == RolePending:
		return m.Name + " is pending: " + value(m.PendingReason)
	case m.blocked:
		return m.Name + " is blocked by rfkill"
	case value(m.MIIStatus) == "down":
		return m.Name + " has no link"
	case m.Dormant:
		return m.Name + " is associated, but not let in yet (operstate dormant)"
	case m.Path != nil && m.Path.State == upstream.Dead:
		return fmt.Sprintf("the path of %s is dead: %s", m.Name, Unanswered(m.Path.Targets))
	case len(m.Addresses) == 0:
		return m.Name + " has no address"
	case m.Gateway == nil:
		return m.Name + " has no gateway, so only its own network is reached over it"
	case value(m.MIIStatus) == "going back" && value(st.PrimaryReselect) != ReselectFailure:
		return fmt.Sprintf("%s waits out its updelay (%d ms)", m.Name, value(st.Updelay))
	}
	return ""
}

// MarshalJSON writes the status. What only a bond has is null under the strategy routes.
func (st Status) MarshalJSON() ([]byte, error) {
	type plain Status // without this method
	var value any = plain(st)
	if st.Strategy == StrategyRoutes {
		value = struct {
			plain
			Mode      *string `json:"mode"`
			MIIStatus *string `json:"mii_status"`
			Address   *string `json:"address"`
			MTU       *int    `json:"mtu"`
		}{plain: plain(st)}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return b.Bytes(), err
}
