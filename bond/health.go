package bond

import (
	"fmt"
	"strings"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/upstream"
)

// Usable says whether the bond can send over a member now.
func (m MemberStatus) Usable() bool {
	mii := value(m.MIIStatus)
	return mii == "up" || mii == "going down"
}

// rivals says whether the member could be active as well. The driver may not have noticed yet that
// it has no carrier.
func (m MemberStatus) rivals() bool { return m.Usable() && (m.Carrier == nil || *m.Carrier) }

// reason says why the active slave is the active one, by the rules of
// bond_find_best_slave (drivers/net/bonding/bond_main.c). manual says that it was
// chosen by hand, which is a reason only where the kernel would choose another one.
func reason(st Status, manual bool) Reason {
	active := *st.ActiveSlave
	if active == value(st.Primary) {
		return ReasonPrimary
	}
	var own *int
	rivals, primaryUp := 0, false
	for _, m := range st.Members {
		switch {
		case m.Name == active:
			own = m.Prio
		case m.rivals():
			rivals++
			primaryUp = primaryUp || m.Name == value(st.Primary)
		}
	}
	by := ReasonUnknown
	switch {
	case rivals == 0:
		return ReasonOnlyLink
	case primaryUp:
		by = ReasonHeld
	case own != nil:
		by = st.reasonByPrio(active, *own)
	}
	if manual && by != ReasonPrio {
		return ReasonManual
	}
	return by
}

func (st Status) reasonByPrio(active string, own int) Reason {
	by := ReasonPrio
	for _, m := range st.Members {
		if m.Name == active || !m.rivals() {
			continue
		}
		switch prio := value(m.Prio); {
		case prio > own:
			return ReasonHeld
		case prio == own:
			by = ReasonUnknown
		}
	}
	return by
}

// health is a bond's health, and why. troubles are those of its keeper; more is what
// else is wrong.
func health(st Status, s State, troubles []statedir.Trouble, more ...string) (Health, string) {
	link, _ := s.link(s.Name)
	switch {
	case !link.Up:
		return HealthDown, strings.Join(append([]string{st.Name + " is set down"}, more...), "; ")
	case len(s.Bond.Slaves) == 0:
		return HealthDown, strings.Join(append([]string{"no member is in the bond"}, more...), "; ")
	case st.MIIStatus != "up":
		why := append([]string{"no member has a link"}, st.blocked()...)
		why = append(why, st.unassociated(troubles)...)
		return HealthDown, strings.Join(append(why, more...), "; ")
	}
	why := st.monitorWeakness()
	for _, m := range st.Members {
		if w := m.weakness(st); w != "" {
			why = append(why, w)
		}
	}
	for _, t := range troubles {
		why = append(why, t.Name()+": "+t.Text)
	}
	why = append(why, more...)
	if len(why) > 0 {
		return HealthDegraded, strings.Join(why, "; ")
	}
	if len(st.Members) == 1 {
		return HealthOK, "the only member works"
	}
	return HealthOK, "every member works"
}

// blocked names the members that rfkill blocks.
func (st Status) blocked() []string {
	var all []string
	for _, m := range st.Members {
		if m.blocked {
			all = append(all, m.Name+" is blocked by rfkill")
		}
	}
	return all
}

// unassociated tells which troubles keep members from having a link. The other
// troubles follow from that.
func (st Status) unassociated(troubles []statedir.Trouble) []string {
	var all []string
	for _, m := range st.Members {
		for _, t := range troubles {
			if t.Interface == m.Name {
				all = append(all, m.Name+": "+t.Text)
			}
		}
	}
	return all
}

// monitorWeakness tells of a bond that would never notice a lost link.
func (st Status) monitorWeakness() []string {
	if value(st.Miimon) == 0 && value(st.ARPInterval) == 0 && st.Mode != "802.3ad" {
		return []string{"nobody watches the links (miimon and arp_interval are 0), so it would never fail over"}
	}
	return nil
}

// weakness says why a member couldn't take over; "" when it could.
func (m MemberStatus) weakness(st Status) string {
	switch {
	case m.Role == RoleAbsent:
		return m.Name + " is absent"
	case m.Role == RolePending:
		return m.Name + " is pending: " + value(m.PendingReason)
	case m.blocked: // whatever mii_status says still: the kernel has set it down
		return m.Name + " is blocked by rfkill"
	case value(m.MIIStatus) == "going back":
		return fmt.Sprintf("%s waits out its updelay (%d ms)", m.Name, value(st.Updelay))
	case value(m.MIIStatus) == "going down":
		return fmt.Sprintf("%s has lost its link; its downdelay (%d ms) is running", m.Name, value(st.Downdelay))
	case m.Resting: // and would associate
	case !m.Usable():
		return m.Name + " has no link"
	case m.Dormant:
		return m.Name + " is associated, but not let in yet (operstate dormant)"
	case m.Path != nil && m.Path.State == upstream.Dead:
		return fmt.Sprintf("the path of %s is dead: %s", m.Name, Unanswered(m.Path.Targets))
	case st.Mode == activeBackup && m.Address.String() != st.Address.String() &&
		(value(st.FailOverMAC) == FailOverMACNone || value(st.FailOverMAC) == FailOverMACActive && m.Role == RoleActive):
		// The supplicant randomises addresses, or the driver ignored the change.
		return fmt.Sprintf("%s has the MAC address %s and not the bond's, so it carries nothing", m.Name, m.Address)
	}
	return ""
}
