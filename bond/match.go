package bond

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// expand finds the links of each of the members, in order of preference. Links of one entry are
// in order of their names. A link that several entries match belongs to the entry that
// names it, or else to the first. An entry without a link is absent.
func (s *State) expand(c Config) []wantedMember {
	var list []wantedMember
	for i, m := range c.Members {
		var matched []wantedMember
		for _, l := range s.candidates(m) {
			if l.Name != s.Name && owner(c.Members, l) == i {
				matched = append(matched, wantedMember{Member: m, name: l.Name, link: l, pending: s.pending(l, c.MTU)})
			}
		}
		if matched == nil {
			matched = []wantedMember{{Member: m, name: m.String(), pending: "absent"}}
		}
		slices.SortFunc(matched, func(a, b wantedMember) int { return strings.Compare(a.name, b.name) })
		list = append(list, matched...)
	}
	for i := range list {
		list[i].prio = strconv.Itoa(len(list) - 1 - i)
		if p := list[i].Prio; p != nil {
			list[i].prio = strconv.Itoa(int(*p))
		}
	}
	return list
}

// candidates are the links that an entry may take.
func (s *State) candidates(m Member) []Link {
	if !m.exact() {
		return s.Links
	}
	if l, present := s.linkCalled(m.Name); present {
		return []Link{l}
	}
	return nil
}

// owner is the index of the entry that a link belongs to; -1 for none.
func owner(members []Member, l Link) int {
	for _, named := range []func(m Member) bool{
		func(m Member) bool { return m.exact() && m.Name == l.Name },
		func(m Member) bool { return m.exact() && l.isCalled(m.Name) },
	} {
		if i := slices.IndexFunc(members, named); i >= 0 {
			return i
		}
	}
	return slices.IndexFunc(members, func(m Member) bool { return m.takes(l) })
}

// pending says why a link can't join the bond now, whose MTU is named unless it is 0;
// "" when it can, or has joined.
func (s *State) pending(l Link, mtu int) string {
	if l.Master == s.Name {
		return ""
	}
	if why := s.barred(l); why != "" || !s.patient {
		return why // or somebody is there to be told
	}
	if what := l.carries(); what != "" {
		return "in use, as it carries " + what
	}
	if limit := l.nearestMTU(mtu); mtu != 0 && limit != mtu {
		return fmt.Sprintf("unable to have the MTU %d (its limit is %d)", mtu, limit)
	}
	return ""
}

// barred says what keeps a link from being used by anybody but who has it; "" for nothing.
func (s *State) barred(l Link) string {
	switch {
	case l.Master != "":
		return "held by " + l.Master
	case l.RFKill:
		return "blocked by rfkill"
	case l.Initializing:
		return "not yet initialised by udev"
	case l.refused != "":
		return l.refused
	}
	if lower, down := s.lowerDown(l); down {
		return "on " + lower + ", which is down"
	}
	return ""
}

// carries says what a link carries, where somebody would miss it; "" for nothing.
func (l Link) carries() string {
	switch {
	case len(l.Addresses) > 0:
		return "the address " + l.Addresses[0].String()
	case l.Routes == 1:
		return "a route"
	case l.Routes > 0:
		return strconv.Itoa(l.Routes) + " routes"
	}
	return strings.Join(l.Upper, ", ")
}
