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

// neighbours are links beside the bond that have an address in one of its IPv4 networks.
func (f *Facts) neighbours() (names []string) {
	if f.Bond == nil {
		return nil
	}
	for _, l := range f.Others {
		if l.Name != f.Name && l.Up && l.Master != f.Name && overlap(l.Addresses, f.Bond.Addresses) {
			names = append(names, l.Name)
		}
	}
	return names
}

// effective is an IPv4 setting of a link, of which the greater one of all's and its own holds.
func (f *Facts) effective(link, key string) int {
	return max(f.Sysctls["all"][key], f.Sysctls[link][key])
}

// checkRPFilter tells of strict reverse path filtering where answers may come in over another
// link than the one that the route back names.
func checkRPFilter(f *Facts) (found []Finding) {
	say := func(link, other, whose string) {
		found = append(found, Finding{Severity: Warns,
			Seen: fmt.Sprintf("net.ipv4.conf.%s.rp_filter is 1 (strict), and %s %s", link, other, whose),
			Why:  "what comes in over the one link while the route back leads over the other is dropped",
			Mend: fmt.Sprintf("sysctl -w net.ipv4.conf.%s.rp_filter=2", link)})
	}
	if f.Bond == nil {
		return nil
	}
	if f.effective(f.Name, "rp_filter") != 1 {
		return nil
	}
	for _, other := range f.neighbours() {
		say(f.Name, other, "has an address of the same network")
	}
	for _, m := range f.slaves() {
		if overlap(m.Addresses, f.Bond.Addresses) {
			say(f.Name, m.Name, "is in the bond, and has an address of the same network")
		}
	}
	return found
}

// checkARPSettings tells of settings with which the bond doesn't answer for its addresses.
func checkARPSettings(f *Facts) (found []Finding) {
	if f.Bond == nil && f.Config == nil {
		return nil
	}
	// What a new bond gets, as long as there is none.
	link := f.Name
	if f.Bond == nil {
		link = "default"
	}
	switch ignore := f.effective(link, "arp_ignore"); {
	case ignore >= 8:
		found = append(found, Finding{Severity: Fails,
			Seen: fmt.Sprintf("net.ipv4.conf.%s.arp_ignore is %d", f.carrier(link, "arp_ignore"), ignore),
			Why:  "the kernel answers no ARP request, so nobody finds the bond's addresses",
			Mend: fmt.Sprintf("sysctl -w net.ipv4.conf.%s.arp_ignore=0", f.carrier(link, "arp_ignore"))})
	case ignore == 3:
		found = append(found, Finding{Severity: Warns,
			Seen: fmt.Sprintf("net.ipv4.conf.%s.arp_ignore is 3", f.carrier(link, "arp_ignore")),
			Why:  "the kernel answers for addresses of global scope alone",
			Mend: fmt.Sprintf("sysctl -w net.ipv4.conf.%s.arp_ignore=0", f.carrier(link, "arp_ignore"))})
	}
	if f.effective(link, "arp_filter") == 1 {
		for _, other := range f.neighbours() {
			found = append(found, Finding{Severity: Warns,
				Seen: fmt.Sprintf("net.ipv4.conf.%s.arp_filter is 1, and %s has an address of the same network", f.carrier(link, "arp_filter"), other),
				Why:  "the kernel answers for the bond's addresses only on the link that its route back names, which may be the other one",
				Mend: fmt.Sprintf("sysctl -w net.ipv4.conf.%s.arp_filter=0", f.carrier(link, "arp_filter"))})
		}
	}
	return found
}

// carrier is where a setting is as it holds: all, or the link.
func (f *Facts) carrier(link, key string) string {
	if f.Sysctls["all"][key] >= f.Sysctls[link][key] {
		return "all"
	}
	return link
}

// sysctls reads the settings that drop.
func (r reader) sysctls(f *Facts) {
	f.Sysctls = map[string]map[string]int{}
	for _, link := range []string{"all", "default", f.Name} {
		if link == "" {
			continue
		}
		values := map[string]int{}
		for _, key := range []string{"rp_filter", "arp_ignore", "arp_filter"} {
			if n := r.number("proc/sys/net/ipv4/conf/" + link + "/" + key); n != nil {
				values[key] = *n
			}
		}
		f.Sysctls[link] = values
	}
}
