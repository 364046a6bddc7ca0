package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// checkMemberTraffic tells of addresses and routes on slaves. Who sends to the network of such
// an address sends over that slave, whichever is active.
func checkMemberTraffic(f *Facts) (found []Finding) {
	const why = "traffic to that network goes over this member even while another one is active, so it is lost"
	for _, m := range f.slaves() {
		var moves, carries []string
		for _, a := range m.Addresses {
			if !a.Addr().IsLinkLocalUnicast() {
				carries = append(carries, a.String())
				moves = append(moves, f.move(a, m.Name))
			}
		}
		for _, route := range m.Over {
			carries = append(carries, "the "+route)
		}
		if carries == nil {
			continue
		}
		mend := strings.Join(moves, " && ")
		if mend == "" {
			mend = fmt.Sprintf("bondctl up %s --take-over takes them off; give the bond a route first that you are connected by", f.Name)
		}
		found = append(found, about(m.Name, Finding{Severity: Warns, Why: why, Mend: mend,
			Seen: fmt.Sprintf("%s is in the bond, and has %s of its own", m.Name, strings.Join(carries, ", "))}))
	}
	return found
}

// move is the command that takes an address from a slave. Where the bond hasn't got it
// it gets it first, so that nobody is cut off.
func (f *Facts) move(a netip.Prefix, from string) string {
	if f.Bond != nil && slices.Contains(f.Bond.Addresses, a) {
		return fmt.Sprintf("ip address del %s dev %s", a, from)
	}
	return fmt.Sprintf("ip address add %[1]s dev %[2]s && ip address del %[1]s dev %[3]s", a, f.Name, from)
}

// checkRFKill tells of radios that are switched off.
func checkRFKill(f *Facts) (found []Finding) {
	for _, m := range f.present() {
		if m.RFKill == "" {
			continue
		}
		finding := Finding{Severity: Warns, Seen: fmt.Sprintf("rfkill blocks %s (%s)", m.Name, m.RFKill),
			Why: "its radio is off, so it has no link", Mend: "rfkill unblock wifi"}
		if m.RFKill == "hard" {
			finding.Mend = "turn on the machine's radio switch or key; no command can"
		}
		if len(f.Members) == 1 {
			finding.Severity = Fails
		}
		found = append(found, about(m.Name, finding))
	}
	return found
}

// checkMTU tells of members that can't have the wanted MTU.
func checkMTU(f *Facts) (found []Finding) {
	mtu := 0
	if f.Bond != nil {
		mtu = f.Bond.MTU
	}
	if f.Config != nil && f.Config.MTU != 0 {
		mtu = f.Config.MTU
	}
	for _, m := range f.present() {
		nearest := mtu
		switch {
		case mtu == 0:
		case m.MaxMTU != 0 && m.MaxMTU < mtu:
			nearest = m.MaxMTU
		case m.MinMTU > mtu:
			nearest = m.MinMTU
		}
		if nearest != mtu {
			found = append(found, about(m.Name, Finding{Severity: Fails,
				Seen: fmt.Sprintf("the MTU is to be %d, and the driver of %s takes %d to %d", mtu, m.Name, m.MinMTU, m.MaxMTU),
				Why:  "the kernel gives every member the bond's MTU, and refuses one that can't have it",
				Mend: fmt.Sprintf("mtu = %d, or leave mtu out", nearest)}))
		}
	}
	return found
}

// checkBetter tells of primary_reselect better with a member whose speed isn't known.
func checkBetter(f *Facts) (found []Finding) {
	if value(f.Options.PrimaryReselect) != bond.ReselectBetter {
		return nil
	}
	for _, m := range f.present() {
		if m.WiFi || m.SpeedUnknown {
			found = append(found, about(m.Name, Finding{Severity: Warns,
				Seen: fmt.Sprintf("primary_reselect is better, and the kernel doesn't know the speed of %s", m.Name),
				Why:  "it takes an unknown speed for the fastest, so without a keeper it never returns from this member to a faster one; a keeper compares signals and what else is known",
				Mend: `primary_reselect = "always"`}))
		}
	}
	return found
}

// checkPowerSave tells of radios that sleep between beacons, as most do unless they are told
// not to. It is trouble where ARP monitoring waits for answers.
func checkPowerSave(f *Facts) (found []Finding) {
	severity, why := Notes, "a radio that sleeps hears ARP late, so a failover to it may take some tenths of a second longer"
	if value(f.Options.ARPInterval) > 0 {
		severity, why = Warns, "a radio that sleeps answers ARP late or never, and ARP monitoring takes it for dead"
	}
	for _, m := range f.present() {
		if value(m.PowerSave) {
			found = append(found, about(m.Name, Finding{Severity: severity, Why: why,
				Seen: fmt.Sprintf("the power saving of %s is on", m.Name),
				Mend: fmt.Sprintf("iw dev %s set power_save off (till the next boot; in NetworkManager wifi.powersave=2)", m.Name)}))
		}
	}
	return found
}
