package doctor

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/bondctl/bondctl/bond"
)

// A Network is what a keeper has met behind a member while that was the active slave.
type Network struct {
	Member  string
	Prefix  netip.Prefix // of the lease that it got or kept there
	Gateway netip.Addr
	MAC     bond.HardwareAddr // the gateway's; nil where it isn't known
}

// checkNetworks tells of members that lead to different networks.
func checkNetworks(f *Facts) (found []Finding) {
	const mend = "connect both to one network, or take one of them out of the bond"
	why := "after a failover the addresses and connections of the one network are worth nothing on the other"
	for i, n := range f.Networks {
		for _, o := range f.Networks[:i] {
			if n.Prefix.Masked() != o.Prefix.Masked() || n.Gateway == o.Gateway && n.MAC != nil && o.MAC != nil && n.MAC.String() != o.MAC.String() {
				found = append(found, about(n.Member, Finding{Severity: Warns, Why: why, Mend: mend,
					Seen: fmt.Sprintf("behind %s the keeper met %s, and behind %s %s", o.Member, o, n.Member, n)}))
			}
		}
	}
	// What members have before they join shows it, too.
	var first *Member
	for _, m := range f.present() {
		if m.Enslaved || !slices.ContainsFunc(m.Addresses, isGlobal4) {
			continue
		}
		if first == nil {
			first = &m
			continue
		}
		if a, b := network4(*first), network4(m); !overlap(first.Addresses, m.Addresses) {
			found = append(found, about(m.Name, Finding{Severity: Warns, Why: why, Mend: mend,
				Seen: fmt.Sprintf("%s is in %s, and %s in %s", first.Name, a, m.Name, b)}))
		}
	}
	return found
}

// String says the network in words.
func (n Network) String() string {
	text := n.Prefix.Masked().String()
	if n.Gateway.IsValid() {
		text += " with the gateway " + n.Gateway.String()
	}
	if n.MAC != nil {
		text += " (" + n.MAC.String() + ")"
	}
	return text
}

func isGlobal4(p netip.Prefix) bool { return p.Addr().Is4() && !p.Addr().IsLinkLocalUnicast() }

// network4 is the first IPv4 network that a member has an address in.
func network4(m Member) netip.Prefix {
	return m.Addresses[slices.IndexFunc(m.Addresses, isGlobal4)].Masked()
}

// overlap says whether two lists have addresses of one IPv4 network.
func overlap(a, b []netip.Prefix) bool {
	return slices.ContainsFunc(a, func(p netip.Prefix) bool {
		return isGlobal4(p) && slices.ContainsFunc(b, func(o netip.Prefix) bool { return isGlobal4(o) && o.Overlaps(p) })
	})
}

// checkUpdelay tells of a port that forwards later than the bond counts on it.
func checkUpdelay(f *Facts) (found []Finding) {
	updelay := f.Options.Updelay
	if updelay == nil || value(f.Options.ARPInterval) > 0 { // which asks before it believes in a link
		return nil
	}
	for _, m := range f.slaves() {
		if m.Forwards.Milliseconds() <= int64(*updelay) {
			continue
		}
		seconds := (m.Forwards.Milliseconds() + 999) / 1000
		found = append(found, about(m.Name, Finding{Severity: Warns,
			Seen: fmt.Sprintf("when the link of %s last came up, its port sent spanning tree messages, and passed the first frame on after %d s; updelay is %d ms", m.Name, seconds, *updelay),
			Why:  "the bond goes back to this member while the port still drops everything",
			Mend: fmt.Sprintf("updelay = \"%ds\"; or make the switch port an edge port (portfast)", seconds+1)}))
	}
	return found
}
