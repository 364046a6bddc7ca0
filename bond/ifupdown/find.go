package ifupdown

import (
	"path/filepath"
	"strings"
)

// Ifaces are the iface stanzas of a logical interface; there may be one a family, or
// more.
func (c Config) Ifaces(name string) (list []Stanza) {
	for _, s := range c.Stanzas {
		if s.Keyword == "iface" && s.Names != nil && s.Names[0] == name {
			list = append(list, s)
		}
	}
	return list
}

// Selects tells whether a stanza is an auto, allow-hotplug or the like that has an
// interface brought up. A pattern such as /eth*=lan is held against the name; one of
// another attribute, such as mac/02:*, fits none, for that isn't known here.
func (s Stanza) Selects(name string) bool {
	if s.Keyword != "auto" && !strings.HasPrefix(s.Keyword, "allow-") {
		return false
	}
	for _, one := range s.Names {
		if fits(one, name) {
			return true
		}
	}
	return false
}

func fits(selection, name string) bool {
	selection, _, _ = strings.Cut(selection, "=")
	pattern, ok := strings.CutPrefix(selection, "/")
	if !ok {
		return selection == name
	}
	pattern, _, _ = strings.Cut(pattern, "/") // the number of the one that is meant
	ok, err := filepath.Match(pattern, name)
	return ok && err == nil
}

// Options are all that an iface has: those that it inherits, which its own come after.
func (c Config) Options(s Stanza) []Option {
	return c.options(s, 0)
}

func (c Config) options(s Stanza, depth int) (list []Option) {
	if s.Inherits != "" && depth < maxDepth { // two may name each other
		if parent, ok := c.parent(s); ok {
			list = c.options(parent, depth+1)
		}
	}
	return append(list, s.Options...)
}

// parent is the first iface or template with the name that another inherits from,
// and with its family if it has one.
func (c Config) parent(s Stanza) (Stanza, bool) {
	for _, p := range c.Stanzas {
		if (p.Keyword == "iface" || p.Keyword == "template") && p.Names != nil && p.Names[0] == s.Inherits &&
			(s.Family == "" || p.Family == "" || p.Family == s.Family) {
			return p, true
		}
	}
	return Stanza{}, false
}
