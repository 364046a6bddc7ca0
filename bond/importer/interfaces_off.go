package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond/ifupdown"
)

// offLines tells which lines have ifup still do what bondctl is to do.
func offLines(c ifupdown.Config, links []*link) (list []string) {
	names := map[string]bool{}
	for _, l := range links {
		names[l.name] = true
	}
	for _, file := range c.Files {
		var whole [][2]int
		var shared []string
		for _, s := range c.Stanzas {
			mine, others := concerned(s, names)
			switch {
			case s.File != file || mine == nil:
			case others:
				shared = append(shared, fmt.Sprintf("take %s out of line %d of %s", strings.Join(mine, " and "), s.First, file))
			case whole != nil && whole[len(whole)-1][1]+1 == s.First:
				whole[len(whole)-1][1] = s.Last
			default:
				whole = append(whole, [2]int{s.First, s.Last})
			}
		}
		if whole != nil {
			list = append(list, fmt.Sprintf("comment out, or delete, lines %s of %s", ranges(whole), file))
		}
		list = append(list, shared...)
	}
	return list
}

func ranges(all [][2]int) string {
	var texts []string
	for _, r := range all {
		if r[0] == r[1] {
			texts = append(texts, fmt.Sprint(r[0]))
		} else {
			texts = append(texts, fmt.Sprintf("%d-%d", r[0], r[1]))
		}
	}
	return strings.Join(texts, ", ")
}

// concerned are the links that a stanza is about, and whether it is about others, too.
func concerned(s ifupdown.Stanza, links map[string]bool) (mine []string, others bool) {
	switch {
	case s.Keyword == "iface":
		name, _, _ := strings.Cut(append(s.Names, "")[0], ":")
		if links[name] {
			return []string{name}, false
		}
	case s.Keyword == "auto" || strings.HasPrefix(s.Keyword, "allow-"):
		for _, one := range s.Names {
			selects := ifupdown.Stanza{Keyword: "auto", Names: []string{one}}
			if slices.ContainsFunc(slices.Collect(maps.Keys(links)), selects.Selects) {
				mine = append(mine, one)
				others = others || strings.HasPrefix(one, "/") // a pattern may select others
			} else {
				others = true
			}
		}
	}
	return mine, others
}
