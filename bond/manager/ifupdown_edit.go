package manager

import (
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond/ifupdown"
)

// A fileEdit is what changes in one of ifupdown's files, by its lines, from 1: those that
// become comments, and the line that takes the place of one.
type fileEdit struct {
	out     map[int]bool
	instead map[int]string
}

// interfacesEdits are the edits that take interfaces away from ifup, by file: their iface
// stanzas, and their names behind auto and the like. A stanza that has a wpa_supplicant run
// keeps that, and configures nothing else: without it nobody would have Wi-Fi associate at
// the next boot.
func interfacesEdits(c ifupdown.Config, names []string) map[string]fileEdit {
	edits := map[string]fileEdit{}
	in := func(file string) fileEdit {
		if _, ok := edits[file]; !ok {
			edits[file] = fileEdit{map[int]bool{}, map[int]string{}}
		}
		return edits[file]
	}
	out := func(file string, first, last int) {
		for n := first; n <= last; n++ {
			in(file).out[n] = true
		}
	}
	kept := map[string]bool{} // interfaces whose wpa_supplicant goes on
	for _, s := range c.Stanzas {
		if s.Keyword != "iface" || len(s.Names) == 0 || !slices.Contains(names, s.Names[0]) || isManual(c, s) {
			continue
		}
		associates := slices.ContainsFunc(s.Options, isWPA) && !kept[s.Names[0]]
		out(s.File, s.First, headerEnd(s))
		if associates {
			kept[s.Names[0]] = true
			in(s.File).instead[headerEnd(s)] = "iface " + s.Names[0] + " inet manual"
		}
		for _, o := range s.Options {
			if !associates || !isWPA(o) {
				out(o.File, o.First, o.Last)
			}
		}
	}
	for _, s := range c.Stanzas {
		if s.Keyword != "auto" && !strings.HasPrefix(s.Keyword, "allow-") {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(s.Names), func(word string) bool {
			name, _, _ := strings.Cut(word, "=")
			return slices.Contains(names, name) && !kept[name] && !onlyManual(c, name)
		})
		if len(left) == len(s.Names) {
			continue
		}
		out(s.File, s.First, s.Last)
		if len(left) > 0 {
			in(s.File).instead[s.Last] = s.Keyword + " " + strings.Join(left, " ")
		}
	}
	return edits
}

// headerEnd is the line before a stanza's first option: a backslash may continue its keyword's.
func headerEnd(s ifupdown.Stanza) int {
	if len(s.Options) == 0 {
		return s.Last
	}
	return s.Options[0].First - 1
}

// isWPA says whether an option is for the wpa_supplicant that wpasupplicant's hooks run.
func isWPA(o ifupdown.Option) bool {
	return strings.HasPrefix(o.Name, "wpa-") || strings.HasPrefix(o.Name, "wpa_")
}

// isManual says whether a stanza leaves the interface without an address, and runs nothing
// that could give it one.
func isManual(c ifupdown.Config, s ifupdown.Stanza) bool {
	return s.Method == "manual" && !slices.ContainsFunc(c.Options(s), func(o ifupdown.Option) bool {
		name := strings.ReplaceAll(o.Name, "_", "-")
		return slices.Contains([]string{"up", "pre-up", "post-up", "address", "bond-master", "bond-slaves"}, name)
	})
}

// onlyManual says whether all that is said of an interface is manual.
func onlyManual(c ifupdown.Config, name string) bool {
	all := c.Ifaces(name)
	return len(all) > 0 && !slices.ContainsFunc(all, func(s ifupdown.Stanza) bool { return !isManual(c, s) })
}

// The marks of a bond: behind the first is a line as it was, behind the second one that stands
// below it in its place.
func wasMark(bond string) string     { return "#bondctl " + bond + "# " }
func insteadMark(bond string) string { return "#bondctl " + bond + "+ " }

// mark makes the edits of a file.
func mark(text, bond string, e fileEdit) string {
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		n++
		if !e.out[n] {
			b.WriteString(line)
			continue
		}
		b.WriteString(wasMark(bond) + line)
		instead, ok := e.instead[n]
		if !ok {
			continue
		}
		end := "\n"
		if !strings.HasSuffix(line, "\n") {
			b.WriteString("\n")
			end = ""
		}
		b.WriteString(insteadMark(bond) + instead + "\n" + instead + end)
	}
	return b.String()
}

// unmark takes the marks of a bond off again: what was marked is as it was, and what else is
// in the file by now stays.
func unmark(text, bond string) string {
	var b strings.Builder
	instead := ""
	for line := range strings.Lines(text) {
		if skip := instead; skip != "" {
			instead = ""
			if strings.TrimSuffix(line, "\n") == skip {
				if !strings.HasSuffix(line, "\n") { // the file had no end of line
					return strings.TrimSuffix(b.String(), "\n")
				}
				continue
			}
		}
		if was, ok := strings.CutPrefix(line, wasMark(bond)); ok {
			b.WriteString(was)
			continue
		}
		if text, ok := strings.CutPrefix(line, insteadMark(bond)); ok {
			instead = strings.TrimSuffix(text, "\n")
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}
