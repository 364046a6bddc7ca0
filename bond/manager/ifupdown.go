package manager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bondctl/bondctl/bond/ifupdown"
	"github.com/bondctl/bondctl/bond/owner"
)

// ifUpDown is Debian's ifupdown. No process of it stays: ifup(8) is run at boot, when networking
// is restarted and as udev finds an interface, and ifdown(8) as one vanishes, where it has
// dhclient give its address back. What it goes by is in interfaces(5); what it has brought up,
// in a file below /run.
type ifUpDown struct{}

const ifState = "run/network/ifstate"

// What had an interface up is a unit, or else the program itself.
const ifupProgram = "ifup"

func isUnit(restore string) bool { return strings.HasPrefix(restore, "ifup@") }

func (ifUpDown) runs() bool {
	if !slices.ContainsFunc([]string{"sbin/ifup", "usr/sbin/ifup"}, func(path string) bool {
		_, err := os.Stat(filepath.Join(root, path))
		return err == nil
	}) {
		return false
	}
	c, err := readInterfaces("")
	return err == nil && slices.ContainsFunc(c.Stanzas, func(s ifupdown.Stanza) bool {
		return s.Keyword == "iface" && !slices.Contains(s.Names, "lo")
	})
}

// readInterfaces reads interfaces(5), and what is marked for a bond as if it weren't.
func readInterfaces(bond string) (ifupdown.Config, error) {
	disk := ifupdown.OnDisk()
	return ifupdown.Parse(ifupdown.DefaultFile, ifupdown.Files{
		Read: func(path string) ([]byte, error) {
			text, err := disk.Read(filepath.Join(root, path))
			if bond != "" {
				text = []byte(unmark(string(text), bond))
			}
			return text, err
		},
		Glob: func(pattern string) ([]string, error) {
			paths, err := disk.Glob(filepath.Join(root, pattern))
			for i, path := range paths {
				paths[i] = filepath.Join("/", strings.TrimPrefix(path, filepath.Clean(root)))
			}
			return paths, err
		},
	})
}

func (ifUpDown) holds(_ context.Context, interfaces []string) ([]Hold, error) {
	c, err := readInterfaces("")
	if err != nil {
		return nil, err
	}
	up, err := readIfState()
	if err != nil {
		return nil, err
	}
	var holds []Hold
	for _, name := range interfaces {
		stanzas := ifupStanzas(c, up, name)
		if len(stanzas) == 0 || isMasked(ifupUnit(name)) {
			continue
		}
		h := Hold{Link: owner.Link{Interface: name}, Manager: Ifupdown}
		var where []string
		for _, s := range stanzas {
			where = append(where, s.File+":"+strconv.Itoa(s.First))
		}
		h.Follows = strings.Join(where, ", ")
		if isActive(ifupUnit(name)) {
			h.Restore = ifupUnit(name)
		} else if up[name] != "" {
			h.Restore = ifupProgram
		}
		if !hasSystemd() {
			h.Obstacle = fmt.Sprintf("ifupdown looks after %s, by %s, and only systemd can be told to leave that out till the next boot: make those lines comments", name, h.Follows)
		}
		holds = append(holds, h)
	}
	return holds, nil
}

// ifupStanzas are those by which ifup gives an interface addresses, or anything else that a
// member must not have: where it has brought the interface up, or will.
func ifupStanzas(c ifupdown.Config, up map[string]string, name string) (found []ifupdown.Stanza) {
	for _, s := range c.Ifaces(logical(c, up, name)) {
		if !isManual(c, s) {
			found = append(found, s)
		}
	}
	return found
}

// logical is the iface by which an interface is up, or will be: auto eth0=home has it be home.
// It is "" where ifup leaves the interface alone.
func logical(c ifupdown.Config, up map[string]string, name string) string {
	if iface, ok := up[name]; ok {
		return iface
	}
	for _, s := range c.Stanzas {
		if !s.Selects(name) {
			continue
		}
		for _, word := range s.Names {
			if physical, iface, ok := strings.Cut(word, "="); ok && physical == name {
				return iface
			}
		}
		return name
	}
	return ""
}

// readIfState has the interfaces that ifup has brought up, with the iface that each is by.
func readIfState() (map[string]string, error) {
	text, err := readFile(filepath.Join(root, ifState))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	up := map[string]string{}
	for line := range strings.Lines(string(text)) {
		// A third field, since 0.8, counts those that ifup started together.
		if name, logical, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			up[name], _, _ = strings.Cut(logical, " ")
		}
	}
	return up, nil
}

// interfaces are those of a handover that ifup knows by their names: members, those that
// it looked after, and the bond itself, which a stanza may make as well.
func (h Handover) interfaces() []string {
	names := []string{h.Bond}
	for _, m := range h.Members {
		if m.exact() {
			names = append(names, m.Name)
		}
	}
	for _, hold := range h.Holds {
		names = append(names, hold.Interface)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// edits are those of a handover, in files as they are without it.
func (h Handover) edits() (map[string]fileEdit, error) {
	c, err := readInterfaces(h.Bond)
	if err != nil {
		return nil, err
	}
	up, err := readIfState()
	if err != nil {
		return nil, err
	}
	names := h.interfaces()
	for _, name := range names {
		for _, state := range []map[string]string{up, nil} { // now, and the next time
			if iface := logical(c, state, name); iface != "" {
				names = append(names, iface)
			}
		}
	}
	return interfacesEdits(c, names), nil
}

func (ifUpDown) lines(h Handover) (lines []string) {
	edits, err := h.edits()
	if err != nil {
		return nil
	}
	for _, file := range slices.Sorted(maps.Keys(edits)) {
		lines = append(lines, edits[file].sed(file))
	}
	for _, hold := range h.Holds {
		if isUnit(hold.Restore) {
			lines = append(lines, "systemctl mask --runtime "+shellQuote(hold.Restore))
		}
	}
	return lines
}

// sed is the shell command that makes the edits.
func (e fileEdit) sed(file string) string {
	var script []string
	rows := slices.Sorted(maps.Keys(e.out))
	for i := 0; i < len(rows); {
		first, last := rows[i], rows[i]
		text, replaced := e.instead[first]
		for i++; !replaced && i < len(rows) && rows[i] == last+1 && e.instead[rows[i]] == ""; i++ {
			last++
		}
		switch {
		case replaced:
			script = append(script, shellQuote(fmt.Sprintf(`%dc\%s`, first, text)))
		case first == last:
			script = append(script, fmt.Sprintf("%ds/^/#/", first))
		default:
			script = append(script, fmt.Sprintf("%d,%ds/^/#/", first, last))
		}
	}
	return "sed -i -e " + strings.Join(script, " -e ") + " " + shellQuote(file)
}
