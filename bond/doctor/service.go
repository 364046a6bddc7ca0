package doctor

import (
	"fmt"
	"slices"
	"strings"
)

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
