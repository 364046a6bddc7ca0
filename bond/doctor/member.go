package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
)

// checkMemberTraffic tells of addresses and routes on slaves. Who sends to the network of such
// an address sends over that slave, whichever is active.
func checkMemberTraffic(f *Facts) (found []Finding) {
	const why = "traffic to that network goes over this member even while another one is active, so it is lost"
	for _, m := range f.slaves() {
		var moves, carries []string
		for _, a := range m.Addresses {
			if a.Addr().Is4() || f.otherThanLinkLocal(a) {
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

func (f *Facts) otherThanLinkLocal(a netip.Prefix) bool { return !a.Addr().IsLinkLocalUnicast() }

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

// checkFixedMAC tells of members whose MAC address can't be the bond's. No file says that a
// driver can't set one: it shows once the member is in a bond, or in what kind of link it is.
func checkFixedMAC(f *Facts) (found []Finding) {
	// In other modes slaves may keep addresses of their own.
	if value(f.Options.FailOverMAC) != bond.FailOverMACNone || f.Bond != nil && f.Bond.Mode != "active-backup" {
		return nil
	}
	const why = "with fail_over_mac none every member must carry the bond's MAC address, or nothing that is sent to the bond arrives over it"
	const mend = `fail_over_mac = "active" in the file, or among the flags: the next up makes the bond anew, with an interruption`
	for _, m := range f.present() {
		finding := Finding{Severity: Fails, Why: why, Mend: mend}
		switch {
		case m.Type == unix.ARPHRD_INFINIBAND:
			finding.Seen = fmt.Sprintf("%s is InfiniBand, whose address can't be set", m.Name)
		case !m.Enslaved || f.Bond == nil || m.MAC.String() == f.Bond.Address.String():
			continue
		default:
			finding.Seen = fmt.Sprintf("%s is in the bond with the MAC address %s, and the bond has %s", m.Name, m.MAC, f.Bond.Address)
			if f.randomizes(m.Name) {
				continue // which says why
			}
		}
		found = append(found, about(m.Name, finding))
	}
	return found
}

// checkSameMAC tells of two links with one MAC address.
func checkSameMAC(f *Facts) (found []Finding) {
	members := f.present()
	for i, m := range members {
		for _, o := range members[:i] {
			if m.PermMAC != nil && m.PermMAC.String() == o.PermMAC.String() {
				found = append(found, about(m.Name, Finding{Severity: Warns,
					Seen: fmt.Sprintf("%s and %s have the same permanent MAC address, %s", o.Name, m.Name, m.PermMAC),
					Why:  "an entry by mac matches both; a switch and the kernel can't tell one from the other when only one of them is in the bond",
					Mend: "if it is a dock that passes on the machine's address, switch that off in the firmware setup (MAC address pass-through), and match members by name, driver or bus"}))
			}
		}
	}
	return append(found, f.strangersWithMAC()...)
}

// strangersWithMAC are links beside the bond that have its MAC address, and don't stand on it.
func (f *Facts) strangersWithMAC() (found []Finding) {
	i := slices.IndexFunc(f.Others, func(l bond.Link) bool { return l.Name == f.Name })
	if f.Bond == nil || i < 0 || len(f.slaves()) == 0 {
		return nil
	}
	b := f.Others[i]
	for _, l := range f.Others {
		stacked := l.Lower != 0 || l.Kind == "bridge" // such as a VLAN; a bridge takes a port's
		if l.Name == f.Name || !l.Up || stacked || l.Master == f.Name || b.MAC == nil || l.MAC.String() != b.MAC.String() {
			continue
		}
		found = append(found, Finding{Severity: Warns,
			Seen: fmt.Sprintf("%s is no member, is up, and has the bond's MAC address %s", l.Name, b.MAC),
			Why:  "on one network two links with one address take each other's frames",
			Mend: fmt.Sprintf("ip link set %s down, unless you are connected over it; or make it a member", l.Name)})
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
				Why:  "it takes an unknown speed for the fastest, so it never returns from this member to a faster one",
				Mend: `primary_reselect = "always"`}))
		}
	}
	return found
}

// checkPowerSave tells of radios that sleep between beacons.
func checkPowerSave(f *Facts) (found []Finding) {
	for _, m := range f.present() {
		if value(m.PowerSave) {
			found = append(found, about(m.Name, Finding{Severity: Warns,
				Seen: fmt.Sprintf("the power saving of %s is on", m.Name),
				Why:  "a radio that sleeps hears ARP late or never, so a failover to it takes longer, and ARP monitoring takes it for dead",
				Mend: fmt.Sprintf("iw dev %s set power_save off (till the next boot; in NetworkManager wifi.powersave=2)", m.Name)}))
		}
	}
	return found
}
