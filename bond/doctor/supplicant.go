package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond/supplicant"
)

// A Supplicant is a wpa_supplicant that names its interfaces. One that is told of them over
// D-Bus, as NetworkManager's, doesn't.
type Supplicant struct {
	PID        int
	Interfaces []string
	Configs    []string
	Ours       bool // a keeper runs it
}

// checkSupplicant tells of wpa_supplicants that are missing, or that are one too many.
func checkSupplicant(f *Facts) (found []Finding) {
	for _, m := range f.Members {
		if m.WPAConf != "" && f.NoSupplicant {
			found = append(found, about(first([]Member{m}), Finding{Severity: Fails,
				Seen: fmt.Sprintf("wpa_conf is %s, and there is no program wpa_supplicant", m.WPAConf),
				Why:  "the keeper has it associate the member, which has no link otherwise",
				Mend: "install wpasupplicant (Debian, Ubuntu) or wpa_supplicant (Fedora, Arch)"}))
		}
	}
	for _, m := range f.present() {
		var foreign []Supplicant
		ours := false
		for _, s := range f.Supplicants {
			if slices.Contains(s.Interfaces, m.Name) {
				ours = ours || s.Ours
				if !s.Ours {
					foreign = append(foreign, s)
				}
			}
		}
		if f.IWD && m.WiFi && m.WPAConf != "" {
			found = append(found, about(m.Name, Finding{Severity: Fails,
				Seen: fmt.Sprintf("iwd runs, and wpa_conf of %s is %s", m.Name, m.WPAConf),
				Why:  "iwd and the keeper's wpa_supplicant tear down each other's connections for ever",
				Mend: "leave wpa_conf out, and iwd goes on associating the member; or have iwd leave it alone (iwd --nointerfaces)"}))
		}
		for i, s := range foreign {
			if i > 0 || ours || m.WPAConf != "" {
				found = append(found, about(m.Name, leftover(m, s)))
			}
		}
	}
	return append(found, f.orphans()...)
}

// leftover is a wpa_supplicant beside another one.
func leftover(m Member, s Supplicant) Finding {
	why := "two of them tear down each other's connections for ever"
	if m.WPAConf != "" {
		why = fmt.Sprintf("the keeper is to associate %s by wpa_conf, and waits until nobody else does", m.Name)
	}
	return Finding{Severity: Fails, Why: why,
		Seen: fmt.Sprintf("a wpa_supplicant that isn't the keeper's has %s: process %d", m.Name, s.PID),
		Mend: fmt.Sprintf("kill %d, and disable the service that starts it; or leave wpa_conf out, if it is to stay", s.PID)}
}

// orphans are wpa_supplicants of a keeper on what is no member.
func (f *Facts) orphans() (found []Finding) {
	for _, s := range f.Supplicants {
		for _, name := range s.Interfaces {
			if _, is := f.member(name); s.Ours && !is && f.Bond != nil {
				found = append(found, Finding{Severity: Warns,
					Seen: fmt.Sprintf("a keeper's wpa_supplicant is left over on %s, which is no member: process %d", name, s.PID),
					Why:  "nobody looks after it, and it keeps others from associating the interface",
					Mend: fmt.Sprintf("kill %d", s.PID)})
			}
		}
	}
	return found
}

// supplicants finds wpa_supplicants.
func (g Gatherer) supplicants(f *Facts, processes []process) {
	f.NoSupplicant = supplicant.Installed() != nil
	for _, p := range processes {
		if p.name != "wpa_supplicant" || !p.trusted() {
			continue
		}
		s := Supplicant{PID: p.pid}
		s.Interfaces, s.Configs = supplicant.Arguments(p.args)
		s.Ours = slices.ContainsFunc(p.args, func(arg string) bool { return strings.HasPrefix(arg, g.Host.StateDir()+"/"+g.Name+"/") })
		f.Supplicants = append(f.Supplicants, s)
	}
}
