package bond

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// The kinds of a member.
const (
	KindWired = "wired"
	KindWiFi  = "wifi"
)

// exact says whether the entry names one interface, whatever that is.
func (m Member) exact() bool {
	return m.Name != "" && !strings.Contains(m.Name, "*") && !m.asksMore()
}

func (m Member) asksMore() bool {
	return m.Kind != "" || m.MAC != nil || m.Driver != "" || m.Bus != ""
}

// String is the interface's name or, of a pattern, what it asks for.
func (m Member) String() string {
	if m.exact() {
		return m.Name
	}
	var asks []string
	for _, a := range [][2]string{{"name", m.Name}, {"kind", m.Kind}, {"mac", m.MAC.String()}, {"driver", m.Driver}, {"bus", m.Bus}} {
		if a[1] != "" {
			asks = append(asks, a[0]+"="+a[1])
		}
	}
	return strings.Join(asks, " ")
}

// takes says whether a link is what the entry asks for. A pattern takes
// hardware alone: no bridge, bond, VLAN, veth or other virtual device, and no
// Wi-Fi interface that is an access point, say.
func (m Member) takes(l Link) bool {
	if m.exact() {
		return l.Name == m.Name
	}
	named := m.Name == ""
	if !named {
		named, _ = path.Match(m.Name, l.Name)
	}
	return named && l.Hardware &&
		(m.Kind == "" || (m.Kind == KindWiFi) == l.WiFi) &&
		(m.MAC == nil || m.MAC.String() == l.PermMAC.String()) &&
		(m.Driver == "" || m.Driver == l.Driver) &&
		(m.Bus == "" || m.Bus == l.Bus)
}

// mayBe says whether the entry could take an interface of that name.
func (m Member) mayBe(name string) bool {
	if m.Name == "" {
		return true
	}
	ok, _ := path.Match(m.Name, name)
	return ok
}

// mayBeWiFi says whether an entry that nothing is there for could take Wi-Fi.
// A bare name tells it only by udev's convention, that Wi-Fi begins with wl
// (systemd.net-naming-scheme(7)).
func (m Member) mayBeWiFi() bool {
	switch {
	case m.Kind != "":
		return m.Kind == KindWiFi
	case m.exact() || m.Name != "" && !m.asksMore():
		return strings.HasPrefix(m.Name, "wl") || strings.HasPrefix(m.Name, "*")
	}
	return true
}

// expand finds the links for each entry, in order of preference. Several that
// match one entry rank by name; a link that several entries match belongs to
// the one that names it, or else to the first. An entry that nothing matches
// is absent.
func (s *State) expand(members []Member) []wantedMember {
	var list []wantedMember
	for i, m := range members {
		var matched []wantedMember
		for _, l := range s.candidates(m) {
			if l.Name != s.Name && owner(members, l) == i {
				matched = append(matched, wantedMember{Member: m, name: l.Name, link: l, pending: s.pending(l)})
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
	if l, present := s.link(m.Name); present {
		return []Link{l}
	}
	return nil
}

// owner is the place of the entry that a link belongs to; -1 for none.
func owner(members []Member, l Link) int {
	if i := slices.IndexFunc(members, func(m Member) bool { return m.exact() && m.Name == l.Name }); i >= 0 {
		return i
	}
	return slices.IndexFunc(members, func(m Member) bool { return m.takes(l) })
}

// pending says why a link can't join the bond now: "" when it can or has.
func (s *State) pending(l Link) string {
	switch {
	case l.Master == s.Name:
		return ""
	case l.Master != "":
		return "held by " + l.Master
	case l.RFKill:
		return "blocked by rfkill"
	case l.Initializing:
		return "not yet initialised by udev"
	case l.Refused != "":
		return l.Refused
	}
	if what, _ := l.carries(); what != "" && s.patient {
		return "in use, as it carries " + what
	}
	return ""
}

// carries says what would be cut off if the link joined a bond, and how it is
// taken away first; "" for nothing.
func (l Link) carries() (what string, mend Message) {
	switch {
	case len(l.Addresses) > 0:
		return "the address " + l.Addresses[0].String(),
			Messagef("give the address to the bond with %s and take it from the member first: ip address flush dev %s scope global",
				keyName(inFamily(l.Addresses[0].Addr(), "addresses")), l.Name)
	case l.Routes == 1:
		return "a route", Messagef("take it away first: ip route flush dev %s", l.Name)
	case l.Routes > 0:
		return strconv.Itoa(l.Routes) + " routes", Messagef("take them away first: ip route flush dev %s", l.Name)
	case len(l.Upper) > 0:
		// As the link goes down for a moment, so does what is stacked upon
		// it, and routes and IPv6 addresses are lost.
		return strings.Join(l.Upper, ", "),
			Messagef("put it upon the bond instead; take it away first: ip link delete %s", l.Upper[0])
	}
	return "", Message{}
}
