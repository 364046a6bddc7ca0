package resolve

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Settings are what a bond's network says about names. They can be kept as JSON.
type Settings struct {
	// Servers are asked in this order.
	Servers []netip.Addr `json:"servers"`
	// Domains are the search list: what is appended to a short name. They don't
	// count without a server.
	Domains []string `json:"domains,omitempty"`
}

// checked are the settings that are valid, each once and in its usual form, and
// a note on each of the others.
func (s Settings) checked(bond string) (Settings, []string) {
	var valid Settings
	var notes []string
	for _, given := range s.Servers {
		addr, ok := serverAddr(given, bond)
		if !ok {
			notes = append(notes, fmt.Sprintf("%q is no address of a DNS server, left out", given))
		} else if !slices.Contains(valid.Servers, addr) {
			valid.Servers = append(valid.Servers, addr)
		}
	}
	for _, name := range s.Domains {
		name = strings.TrimSuffix(name, ".")
		if !isHostName(name) {
			notes = append(notes, fmt.Sprintf("%q is no domain name, left out", name))
		} else if !slices.Contains(valid.Domains, name) {
			valid.Domains = append(valid.Domains, name)
		}
	}
	return valid, notes
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// serverAddr is the address as the files name it: a link-local one of IPv6 with
// the bond as its zone (RFC 4007), any other with none. A server may be local.
func serverAddr(addr netip.Addr, bond string) (netip.Addr, bool) {
	plain := addr.Unmap().WithZone("")
	switch {
	case !plain.IsValid(), plain.IsUnspecified(), plain.IsMulticast(), plain == broadcast:
		return plain, false
	case plain.Is6() && plain.IsLinkLocalUnicast():
		return plain.WithZone(bond), addr.Zone() == "" || addr.Zone() == bond
	default:
		return plain, addr.Zone() == ""
	}
}

// isHostName checks a name by RFC 1123 section 2.1.
func isHostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool { return r != '-' && !isAlphanumeric(r) }) {
			return false
		}
	}
	return true
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// checkName refuses names of links that a file or a shell script could take for
// something else. The kernel allows any byte but '/', ':' and white space, and 15
// of them (IFNAMSIZ).
func checkName(bond string) error {
	odd := func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune("._-@+", r) }
	if bond == "" || len(bond) > 15 || !isAlphanumeric(rune(bond[0])) || strings.ContainsFunc(bond, odd) {
		return fmt.Errorf("set DNS servers: %q is no name for a bond", bond)
	}
	return nil
}
