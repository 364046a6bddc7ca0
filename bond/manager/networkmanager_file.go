package manager

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// The folders of NetworkManager.conf(5) for a file that holds till the next boot, and for one
// that lasts.
const (
	nmRunFolder = "run/NetworkManager/conf.d"
	nmEtcFolder = "etc/NetworkManager/conf.d"
)

// nmFile is the file that has NetworkManager leave a bond's members alone.
func nmFile(bond string, lasting bool) string {
	folder := nmRunFolder
	if lasting {
		folder = nmEtcFolder
	}
	return filepath.Join(root, folder, "90-bondctl-"+bond+".conf")
}

// nmSection has what the file says: a device section of its own, which takes nothing from
// what others have said; "" where nothing can be said there, as NetworkManager matches by one
// thing at a time.
func nmSection(h Handover) string {
	var specs []string
	for _, m := range h.Members {
		if spec := nmSpec(m); spec != "" {
			specs = append(specs, spec)
		}
	}
	for _, hold := range h.Holds { // matched by patterns, maybe
		if spec := nmSpec(Match{Name: hold.Interface}); !h.names(hold.Interface) {
			specs = append(specs, spec)
		}
	}
	if len(specs) == 0 {
		return ""
	}
	return fmt.Sprintf("[device-bondctl-%s]\nmatch-device=%s\nmanaged=0\n", h.Bond, strings.Join(specs, ","))
}

// names says whether a member is given by that name alone.
func (h Handover) names(name string) bool {
	for _, m := range h.Members {
		if m.exact() && m.Name == name {
			return true
		}
	}
	return false
}

// nmSpec is a member as NetworkManager.conf(5) has it under "Device List Format"; "" where it
// can't be said there.
func nmSpec(m Match) string {
	escape := strings.NewReplacer(`\`, `\\`, `,`, `\,`, `;`, `\;`).Replace
	switch m {
	case Match{Name: m.Name}:
		if m.exact() {
			return "interface-name:=" + escape(m.Name)
		}
		return "interface-name:" + escape(m.Name)
	case Match{MAC: m.MAC}:
		return "mac:" + m.MAC
	case Match{Driver: m.Driver}:
		return "driver:" + escape(m.Driver)
	case Match{Kind: "wifi"}:
		return "type:wifi"
	case Match{Kind: "wired"}:
		return "type:ethernet"
	}
	return ""
}

// writeNMFile writes the file, and removes the one of the other kind only then: there is
// always one.
func writeNMFile(h Handover) error {
	text := nmSection(h)
	if text == "" {
		return removeNMFiles(h.Bond)
	}
	if !ruleWord(h.Bond) { // with a ] in a file NetworkManager wouldn't start again
		return fmt.Errorf("tell NetworkManager about %q: that can't be in its files", h.Bond)
	}
	path := nmFile(h.Bond, h.Lasting)
	if err := writeFile(path, "# "+writtenBy(h.Bond)+"\n"+text); err != nil {
		return err
	}
	return statefile.Remove(nmFile(h.Bond, !h.Lasting))
}

func removeNMFiles(bond string) error {
	return removeFiles(nmFile(bond, false), nmFile(bond, true))
}

func (networkManager) lines(h Handover) []string {
	var lines []string
	if text := nmSection(h); text != "" {
		lines = append(lines, "write to "+nmFile(h.Bond, true)+":")
		for line := range strings.Lines(text) {
			lines = append(lines, "  "+strings.TrimSuffix(line, "\n"))
		}
		lines = append(lines, "nmcli general reload conf")
	}
	for _, hold := range h.Holds {
		lines = append(lines, "nmcli device set "+shellQuote(hold.Interface)+" managed no")
	}
	return lines
}
