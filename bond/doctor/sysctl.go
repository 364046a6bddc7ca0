package doctor

import (
	"fmt"
)

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
