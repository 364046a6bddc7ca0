package manager

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// A networkdText is a file of ours for networkd: its path below etc or run, and what it says.
type networkdText struct{ path, text string }

// networkdTexts are the files of a handover; the text of one that isn't needed is "". Their
// names sort before others', as the first .network file that matches a link counts. A [Match]
// section asks for all that it has, so names, addresses and patterns have a file each.
//
// The bond is left alone as well: a file that matches everything would take its addresses.
// networkd doesn't take routes off a link that it leaves alone, but rules are of no link: so
// long as it isn't told otherwise, it removes those that it didn't make.
func networkdTexts(h Handover) ([]networkdText, error) {
	names, macs, patterns := []string{h.Bond}, []string(nil), false
	for _, m := range h.Members {
		switch {
		case m.exact():
			names = append(names, m.Name)
		case m == Match{MAC: m.MAC}:
			mac, err := net.ParseMAC(m.MAC)
			if err != nil {
				return nil, fmt.Errorf("%q is no MAC address", m.MAC)
			}
			macs = append(macs, mac.String())
		default:
			patterns = true
		}
	}
	for _, name := range names {
		if !ruleWord(name) {
			return nil, fmt.Errorf("write a .network file for %q: systemd-networkd would take it for a pattern", name)
		}
	}
	network := func(file, key string, values ...string) networkdText {
		text := ""
		if len(values) > 0 {
			text = "# " + writtenBy(h.Bond) + "\n[Match]\n" + key + "=" + strings.Join(values, " ") + "\n\n[Link]\nUnmanaged=yes\n"
		}
		return networkdText{"systemd/network/00-bondctl" + file + "-" + h.Bond + ".network", text}
	}
	var property []string
	if patterns {
		property = []string{MemberProperty + "=" + h.Bond}
	}
	return []networkdText{
		network("", "Name", names...),
		network(".mac", "PermanentMACAddress", macs...),
		network(".pattern", "Property", property...),
		{
			"systemd/networkd.conf.d/50-bondctl-" + h.Bond + ".conf",
			"# " + writtenBy(h.Bond) + "\n[Network]\nManageForeignRoutingPolicyRules=no\n",
		},
	}, nil
}

// writeNetworkd writes the files, for good or till the next boot, and removes what there was.
func (h Handover) writeNetworkd() error {
	files, err := networkdTexts(h)
	if err != nil {
		return err
	}
	dir, other := "run", "etc"
	if h.Lasting {
		dir, other = other, dir
	}
	for _, f := range files {
		path := filepath.Join(root, dir, f.path)
		if f.text != "" {
			err = writeFile(path, f.text)
		} else {
			err = statefile.Remove(path)
		}
		if err = errors.Join(err, statefile.Remove(filepath.Join(root, other, f.path))); err != nil {
			return err
		}
	}
	return nil
}

// removeNetworkd removes the files, wherever they are.
func (h Handover) removeNetworkd() (err error) {
	files, _ := networkdTexts(Handover{Bond: h.Bond})
	for _, f := range files {
		for _, dir := range []string{"run", "etc"} {
			err = errors.Join(err, statefile.Remove(filepath.Join(root, dir, f.path)))
		}
	}
	return err
}

func (networkd) lines(h Handover) []string {
	files, err := networkdTexts(h)
	if err != nil {
		return nil
	}
	var lines []string
	if text, err := rule(h.Bond, h.Members); err == nil && text != "" {
		lines = append(lines, printfLine(text, filepath.Join("/", etcRules, ruleFile(h.Bond))),
			"udevadm control --reload && udevadm trigger --action=change --subsystem-match=net --settle")
	}
	for _, f := range files {
		if f.text != "" {
			lines = append(lines, printfLine(f.text, "/etc/"+f.path))
		}
	}
	lines = append(lines, "systemctl restart systemd-networkd")
	for _, hold := range h.Holds {
		if isNetplans(hold.Restore) && !slices.Contains(lines, netplanLine) {
			lines = append(lines, netplanLine)
		}
	}
	return lines
}

// netplanLine says what more may be done; the files above win all the same.
const netplanLine = `# for good, take the members out of /etc/netplan/*.yaml, and: netplan apply`

// printfLine is the shell command that writes a text, without its comments, to a file.
func printfLine(text, path string) string {
	var words []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && !strings.HasPrefix(line, "#") {
			words = append(words, shellQuote(line))
		}
	}
	return "mkdir -p " + filepath.Dir(path) + " && printf '%s\\n' " + strings.Join(words, " ") + " >" + path
}

// shellQuote makes one word of a text for a shell, in quotes where it takes them.
func shellQuote(text string) string {
	if ruleWord(strings.ReplaceAll(text, "/", "")) && text != "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
