package doctor

import (
	"fmt"
	"strings"
)

// A NameService is what a program has noted of name servers for a member.
type NameService struct {
	Program   string // systemd-resolved or resolvconf
	Interface string
	Entry     string // by what resolvconf knows it, such as eth0.dhclient
	Servers   string
}

// checkDNS tells of name servers that are noted for a slave and not for the bond.
func checkDNS(f *Facts) (found []Finding) {
	for _, d := range f.DNS {
		m, is := f.member(d.Interface)
		if !is || !m.Enslaved {
			continue
		}
		mend := fmt.Sprintf("resolvectl revert %s", d.Interface)
		if d.Program == "resolvconf" {
			mend = fmt.Sprintf("resolvconf -d %s", d.Entry)
		}
		found = append(found, about(d.Interface, Finding{Severity: Warns, Mend: mend,
			Seen: fmt.Sprintf("%s has the name servers %s for %s, which is in the bond", d.Program, d.Servers, d.Interface),
			Why:  "they stay when that member goes, and queries to them may leave by no link at all"}))
	}
	return found
}

// nameServices reads what resolved and resolvconf have noted of members.
func (r reader) nameServices(f *Facts) {
	for _, m := range f.present() {
		// Since systemd 254 resolved's own notes are for itself alone.
		text, err := r.text(fmt.Sprintf("run/systemd/resolve/netif/%d", m.Index))
		if servers := unquoted(text, "SERVERS"); err == nil && servers != "" {
			f.DNS = append(f.DNS, NameService{Program: "systemd-resolved", Interface: m.Name, Servers: servers})
		}
		for _, folder := range []string{"run/resolvconf/interface", "run/resolvconf/interfaces"} {
			for _, entry := range r.names(folder) {
				if entry != m.Name && !strings.HasPrefix(entry, m.Name+".") {
					continue
				}
				if servers := nameServers(r.line(folder + "/" + entry)); servers != nil {
					f.DNS = append(f.DNS, NameService{Program: "resolvconf", Interface: m.Name, Entry: entry, Servers: strings.Join(servers, " ")})
				}
			}
		}
	}
}

// unquoted is the value of a key in a file of KEY=value lines; "" where it isn't there.
func unquoted(text, key string) string {
	for _, s := range parseSections(text) {
		if s.key == key {
			return strings.Trim(s.value, `"`)
		}
	}
	return ""
}

// nameServers are those of a resolv.conf(5).
func nameServers(text string) (servers []string) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "nameserver" {
			servers = append(servers, fields[1])
		}
	}
	return servers
}
