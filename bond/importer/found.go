package importer

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// found is what a reader makes of files.
type found struct {
	files []string
	links []*link
	// spread says that each link has a file of its own, so that their order says nothing.
	spread bool
	// lastHolds says that of two values of a key it is the last that holds.
	lastHolds bool

	left  []Remark // of no link
	notes []Remark
	above []above
	// off says how to switch off what some links of these files have.
	off func(links []*link, files []string) []string
}

// above is something that stands on other links, such as a bridge, which bondctl doesn't
// make.
type above struct {
	on     []string // names, or patterns of them
	remark Remark
}

// isOn says whether it stands on one of some links, or on what does: bond0.5 is on bond0.
func (a above) isOn(links []*link) bool {
	return slices.ContainsFunc(a.on, func(on string) bool {
		lower, _, _ := strings.Cut(on, ".")
		return slices.ContainsFunc(links, func(l *link) bool {
			ok, err := path.Match(on, l.name)
			return l.name != "" && (l.name == lower || ok && err == nil)
		})
	})
}

// standing are the remarks on what stands on some links.
func (f *found) standing(links []*link) (list []Remark) {
	for _, a := range f.above {
		if a.isOn(links) {
			list = append(list, a.remark)
		}
	}
	return list
}

// A link is an interface as a file has it.
type link struct {
	name string         // "" for one that is only matched
	asks []bond.Setting // what it is matched by: member.kind, member.mac and so on
	at   place

	isBond bool
	mode   *entry
	slaves []entry // names that a bond lists itself, in its order
	master string  // the bond that it says to belong to

	isPrimary *entry
	wifi      bool
	lastHolds bool
	watched   bool // the tool saw failed links by means of its own
	wpaConf   *entry

	// addressed says that the files say which addresses it has, be it none.
	addressed bool
	settings  []entry // by bondctl's keys
	other     []entry // routes of other tables, and rules
	left      []Remark
	notes     []Remark
}

// An entry is a setting in bondctl's terms.
type entry struct {
	key   string
	value any // as a [bond.Setting] has it
	at    place
}

// A place is where something was written.
type place struct {
	file        string
	first, last int
	text        string // without secrets
}

func (p place) because(reason string) Remark {
	return Remark{File: p.file, First: p.first, Last: p.last, Text: p.text, Reason: reason}
}

func (l *link) set(key string, value any, at place) {
	if l.lastHolds && !isList(key) {
		l.unset(key)
	}
	l.settings = append(l.settings, entry{key, value, at})
}

func (l *link) unset(key string) {
	l.settings = slices.DeleteFunc(l.settings, func(e entry) bool { return e.key == key })
}

// isList says whether a key has several values.
func isList(key string) bool {
	return slices.Contains([]string{"ipv4.addresses", "ipv6.addresses", "dns", "search", "arp_ip_target"}, key)
}

func (l *link) leave(at place, reason string)  { l.left = append(l.left, at.because(reason)) }
func (l *link) remark(at place, reason string) { l.notes = append(l.notes, at.because(reason)) }

// has finds the first setting of a key.
func (l *link) has(key string) (entry, bool) {
	for _, e := range l.settings {
		if e.key == key {
			return e, true
		}
	}
	return entry{}, false
}

// String is the link's name, or what it is matched by.
func (l *link) String() string {
	if l.name != "" {
		return l.name
	}
	var asks []string
	for _, s := range l.asks {
		text, _ := s.Value.(string)
		asks = append(asks, strings.TrimPrefix(s.Key, "member.")+"="+text)
	}
	return strings.Join(asks, " ")
}

// setting is the link as a bond's member.
func (l *link) setting() bond.Setting {
	var keys []bond.Setting
	if l.name != "" {
		keys = append(keys, bond.Setting{Key: "member.name", Value: l.name})
	}
	keys = append(keys, l.asks...)
	return bond.Setting{Key: "member", Value: keys}
}

// mayBeWiFi says whether a member is or looks like a Wi-Fi interface.
func (l *link) mayBeWiFi() bool {
	for _, s := range l.asks {
		if s.Key == "member.kind" {
			return s.Value == bond.KindWiFi
		}
	}
	return l.wifi || strings.HasPrefix(l.name, "wl") || l.wpaConf != nil
}

// isNotWired says whether bondctl takes into account that a member may be Wi-Fi.
func (l *link) isNotWired() bool {
	for _, s := range l.asks {
		if s.Key == "member.kind" {
			return s.Value == bond.KindWiFi
		}
	}
	return l.mayBeWiFi() || l.name == "" || strings.HasPrefix(l.name, "*")
}

// offOf says how to switch off what links have.
func (f *found) offOf(links []*link) []string {
	if f.off == nil {
		return nil
	}
	mine := map[string]bool{}
	for _, l := range links {
		mine[l.at.file] = true
		for _, e := range slices.Concat(l.settings, l.other) {
			mine[e.at.file] = true
		}
		for _, r := range l.left {
			mine[r.File] = true
		}
	}
	var files []string
	for _, name := range f.files {
		if mine[name] {
			files = append(files, name)
		}
	}
	return f.off(links, files)
}

// moveAway is how formats are switched off that have a file for each link.
func moveAway(why string) func([]*link, []string) []string {
	return func(_ []*link, files []string) []string {
		if files == nil {
			return nil
		}
		return []string{"move these files away, " + why + ": " + strings.Join(files, ", ")}
	}
}

func (f *found) bonds() (list []*link) {
	for _, l := range f.links {
		if l.isBond {
			list = append(list, l)
		}
	}
	return list
}

// called finds a link by name, or makes one.
func (f *found) called(name string, at place) *link {
	for _, l := range f.links {
		if l.name == name {
			return l
		}
	}
	l := &link{name: name, at: at, lastHolds: f.lastHolds}
	f.links = append(f.links, l)
	return l
}

// members are the links of a bond: those that it lists, and then those that say so.
func (f *found) members(b *link) (list []*link) {
	seen := map[*link]bool{b: true}
	add := func(l *link) {
		if !seen[l] {
			seen[l] = true
			list = append(list, l)
		}
	}
	for _, e := range b.slaves {
		name := e.value.(string)
		if name == b.name {
			b.leave(e.at, "a bond can't be a member of itself")
			continue
		}
		add(f.called(name, e.at))
	}
	listed := len(list)
	for _, l := range f.links {
		if l.master == b.name && l.master != "" {
			add(l)
		}
	}
	if f.spread {
		rest := list[listed:]
		slices.SortStableFunc(rest, func(x, y *link) int { return cmp.Compare(b.rank(x), b.rank(y)) })
	}
	return list
}

// rank puts the primary first, and Wi-Fi last.
func (l *link) rank(m *link) int {
	primary, named := l.has("primary")
	switch {
	case m.isPrimary != nil, named && primary.value == m.name:
		return 0
	case m.mayBeWiFi():
		return 2
	}
	return 1
}
