package doctor

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A MACPolicy is what udev makes of the MAC address of a new bond (systemd.link(5)).
type MACPolicy struct {
	File, Policy string // persistent, random or none
}

// checkMACPolicy tells of a bond that has, or would get, an address of udev's making. bondctl
// asks the kernel for its first member's address when it makes a bond, which udev leaves alone;
// it can't where no member is there.
func checkMACPolicy(f *Facts) []Finding {
	if f.MACPolicy == nil || f.MACPolicy.Policy == "none" || !f.carriesBonds() {
		return nil
	}
	if f.Config != nil && (f.Config.MAC != nil || f.Config.MACStable) {
		return nil
	}
	seen := fmt.Sprintf("%s says MACAddressPolicy=%s", f.MACPolicy.File, f.MACPolicy.Policy)
	switch {
	case f.Bond == nil && len(f.Members) > 0 && len(f.present()) == 0:
		seen += ", and no member is there whose address the bond could be made with"
	case f.Bond != nil && len(f.slaves()) > 0 && !slices.ContainsFunc(f.slaves(), func(m Member) bool { return m.PermMAC.String() == f.Bond.Address.String() }):
		seen += fmt.Sprintf(", and the bond has %s, which is no member's", f.Bond.Address)
	default:
		return nil
	}
	return []Finding{{Severity: Warns, Seen: seen,
		Why:  "udev gives the bond an address of its own making, and then no member's: DHCP servers that go by MAC don't know it, and some Wi-Fi drivers refuse it",
		Mend: `mac = "stable" in the configuration, or MACAddressPolicy=none for bonds, as Debian's 98-net-bonding.link has it`}}
}

// macPolicyOf finds what .link files say of a bond, of which the first one that matches counts;
// nil where none matches.
func macPolicyOf(links []file, name string) *MACPolicy {
	for _, f := range links {
		settings := parseSections(f.text)
		if !matchesBond(settings, name) {
			continue
		}
		p := &MACPolicy{File: f.path, Policy: "none"}
		for _, s := range settings {
			if s.section == "Link" && s.key == "MACAddressPolicy" && s.value != "" {
				p.Policy = s.value
			}
		}
		return p
	}
	return nil
}

// matchesBond says whether a .link file is about a new bond of that name, as far as a bond has
// what it asks for. One that asks for what a bond hasn't isn't, nor one that asks for nothing.
func matchesBond(settings []setting, name string) bool {
	asks := false
	for _, s := range settings {
		if s.section != "Match" || s.value == "" {
			continue
		}
		asks = true
		has := ""
		switch s.key {
		case "OriginalName", "Name":
			has = name
		case "Driver":
			has = "bonding"
		case "Type", "Kind":
			has = "bond"
		}
		if has == "" || !matchesAny(s.value, has) {
			return false
		}
	}
	return asks
}

// matchesAny says whether one of several patterns matches; behind an exclamation mark none may.
func matchesAny(patterns, text string) bool {
	patterns, not := strings.CutPrefix(patterns, "!")
	for pattern := range strings.FieldsSeq(patterns) {
		if ok, _ := path.Match(pattern, text); ok {
			return !not
		}
	}
	return not
}

// macPolicy reads udev's .link files, where udev runs.
func (r reader) macPolicy(f *Facts) {
	if f.Name == "" || !r.exists("run/udev/control") {
		return
	}
	links, err := r.dropIns(".link", "etc/systemd/network", "run/systemd/network", "usr/local/lib/systemd/network", "usr/lib/systemd/network", "lib/systemd/network")
	f.unknown(err, "mac-policy")
	f.MACPolicy = macPolicyOf(links, f.Name)
}
