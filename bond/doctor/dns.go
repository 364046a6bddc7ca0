package doctor

import (
	"fmt"
	"slices"
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

// A Service is a running program whose configuration names a member.
type Service struct {
	Program, Interface, File, Line string
}

// A daemon is a program that may serve on an interface that its configuration names.
type daemon struct {
	process, program string
	files            []string
	keys             []string // in front of the names, with = or : or a space between
}

// daemons are those that are often told of interfaces.
var daemons = []daemon{
	{"dnsmasq", "dnsmasq", []string{"etc/dnsmasq.conf", "etc/dnsmasq.d/*.conf"}, []string{"interface", "bind-interface", "listen-interface"}},
	{"hostapd", "hostapd", []string{"etc/hostapd/*.conf"}, []string{"interface"}},
	{"chronyd", "chrony", []string{"etc/chrony.conf", "etc/chrony/chrony.conf", "etc/chrony/conf.d/*.conf"}, []string{"binddevice", "bindacqdevice"}},
	{"avahi-daemon", "avahi", []string{"etc/avahi/avahi-daemon.conf"}, []string{"allow-interfaces"}},
	{"smbd", "Samba", []string{"etc/samba/smb.conf"}, []string{"interfaces"}},
	{"keepalived", "keepalived", []string{"etc/keepalived/keepalived.conf", "etc/keepalived/conf.d/*.conf"}, []string{"interface"}},
	{"dhcpd", "the DHCP server", []string{"etc/default/isc-dhcp-server"}, []string{"INTERFACESv4", "INTERFACESv6", "INTERFACES"}},
	{"radvd", "radvd", []string{"etc/radvd.conf"}, []string{"interface"}},
}

// checkServices tells of services that name a member.
func checkServices(f *Facts) (found []Finding) {
	for _, s := range f.Services {
		if _, is := f.member(s.Interface); !is {
			continue
		}
		found = append(found, about(s.Interface, Finding{Severity: Warns,
			Seen: fmt.Sprintf("%s is to work on %s: %s says %q", s.Program, s.Interface, s.File, s.Line),
			Why:  "what comes over a member in a bond has the bond for its interface, so the service hears and says nothing there",
			Mend: fmt.Sprintf("name %s there instead, and restart %s", f.Name, s.Program)}))
	}
	return found
}

// services reads the configurations of those that run.
func (r reader) services(f *Facts, processes []process) {
	names := f.names()
	if len(names) == 0 {
		return
	}
	for _, d := range daemons {
		if !slices.ContainsFunc(processes, func(p process) bool { return p.name == d.process }) {
			continue
		}
		files, err := r.files(d.files...)
		f.unknown(err, "services")
		for _, file := range files {
			f.Services = append(f.Services, d.naming(file, names)...)
		}
	}
}

// naming finds the lines of a configuration that name one of the interfaces, one line for each.
func (d daemon) naming(f file, interfaces []string) (all []Service) {
	for line := range strings.Lines(f.text) {
		line = strings.TrimSpace(line)
		words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t=:,\"'{}();", r) })
		if line == "" || strings.ContainsRune("#;!", rune(line[0])) || len(words) < 2 || !slices.Contains(d.keys, words[0]) {
			continue
		}
		for _, name := range interfaces {
			if slices.Contains(words[1:], name) {
				all = append(all, Service{Program: d.program, Interface: name, File: f.path, Line: line})
			}
		}
	}
	return all
}
