package resolve

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// maxServers is how many servers the C library asks (MAXNS in resolv.conf(5)).
const maxServers = 3

// kept is what of the original goes on to hold beside a bond's servers.
type kept struct {
	search   []string
	options  []string
	sortlist []string
}

// parse reads a resolv.conf as the C library does: a keyword counts at the start of
// its line alone, and the last search list or domain replaces those before.
func parse(text []byte) kept {
	var k kept
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 || !strings.HasPrefix(line, words[0]) || !isPrintable(words) {
			continue
		}
		switch values := words[1:]; words[0] {
		case "search":
			k.search = values
		case "domain":
			k.search = values[:1]
		case "sortlist":
			k.sortlist = values
		case "options":
			for _, option := range values {
				if option != "trust-ad" && !slices.Contains(k.options, option) {
					k.options = append(k.options, option)
				}
			}
		}
	}
	return k
}

// servers are the name servers of a resolv.conf; a word that is none counts as the zero Addr.
func servers(text []byte) (all []netip.Addr) {
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "nameserver" {
			addr, _ := netip.ParseAddr(words[1])
			all = append(all, addr)
		}
	}
	return all
}

// isPrintable tells whether words are of nothing but printable ASCII.
func isPrintable(words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool {
		return strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r > '~' })
	})
}

// compose is the resolv.conf for the settings of bonds, by name, and what was
// left out for want of room. The note tells the reader where the original is.
func compose(bonds map[string]Settings, original []byte, note string) (text []byte, left []netip.Addr) {
	names := slices.Sorted(maps.Keys(bonds))
	k := parse(original)
	asked, search := takeTurns(bonds, names), domains(bonds, names)
	if len(search) == 0 {
		search = k.search
	}
	if len(asked) > maxServers {
		asked, left = asked[:maxServers], asked[maxServers:]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by bondctl for %s.\n%s", strings.Join(names, " and "), note)
	b.WriteString(lines(Settings{Servers: asked, Domains: search}))
	for _, list := range []struct {
		keyword string
		words   []string
	}{{"options", k.options}, {"sortlist", k.sortlist}} {
		if len(list.words) > 0 {
			fmt.Fprintln(&b, list.keyword, strings.Join(list.words, " "))
		}
	}
	if len(left) > 0 {
		fmt.Fprintf(&b, "# Not asked, for only %d count: %s\n", maxServers, join(left))
	}
	return []byte(b.String()), left
}

// lines are settings as resolv.conf has them.
func lines(s Settings) string {
	var b strings.Builder
	for _, addr := range s.Servers {
		fmt.Fprintln(&b, "nameserver", addr)
	}
	if len(s.Domains) > 0 {
		fmt.Fprintln(&b, "search", strings.Join(s.Domains, " "))
	}
	return b.String()
}

// takeTurns lists the bonds' servers, the first of each before the second of any.
func takeTurns(bonds map[string]Settings, names []string) []netip.Addr {
	var servers []netip.Addr
	for turn, more := 0, true; more; turn++ {
		more = false
		for _, name := range names {
			of := bonds[name].Servers
			if turn >= len(of) {
				continue
			}
			more = true
			if !slices.Contains(servers, of[turn]) {
				servers = append(servers, of[turn])
			}
		}
	}
	return servers
}

// domains lists the bonds' search domains.
func domains(bonds map[string]Settings, names []string) []string {
	var all []string
	for _, name := range names {
		for _, domain := range bonds[name].Domains {
			if !slices.Contains(all, domain) {
				all = append(all, domain)
			}
		}
	}
	return all
}

func join(addrs []netip.Addr) string {
	var words []string
	for _, addr := range addrs {
		words = append(words, addr.String())
	}
	return strings.Join(words, ", ")
}
