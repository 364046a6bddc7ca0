package doctor

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
)

// checkFixedMAC tells of members whose MAC address can't be the bond's. No file says that a
// driver can't set one: it shows once the member is in a bond, or in what kind of link it is.
func checkFixedMAC(f *Facts) (found []Finding) {
	// In other modes slaves may keep addresses of their own.
	if !f.carriesBonds() || f.Bond != nil && f.Bond.Mode != "active-backup" {
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
