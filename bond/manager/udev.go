package manager

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// MemberProperty is the udev property of what a pattern among a bond's members matches. Its
// value is the bond.
const MemberProperty = "BONDCTL_MEMBER"

// root is where the file system is; tests have another.
var root = "/"

// Where udev(7) has rules, till the next boot and for good.
const (
	runRules = "run/udev/rules.d"
	etcRules = "etc/udev/rules.d"
)

// ruleFile is the bond's rule. It comes after those that name links and say what they are,
// and before NetworkManager's own.
func ruleFile(bond string) string { return "84-bondctl-" + bond + ".rules" }

func rulePath(dir, bond string) string { return filepath.Join(root, dir, ruleFile(bond)) }

// writeRule has udev mark what matches a pattern among the members, what is there and what
// comes later, before any manager sees it. Members that are named need no mark. It returns
// when what is there is marked.
func (h Handover) writeRule(ctx context.Context) error {
	text, err := rule(h.Bond, h.Members)
	if err != nil {
		return err
	}
	if text == "" {
		return h.removeRule(ctx)
	}
	dir, other := runRules, etcRules
	if h.Lasting {
		dir, other = other, dir
	}
	path := rulePath(dir, h.Bond)
	if err := writeFile(path, text); err != nil {
		return err
	}
	if err := statefile.Remove(rulePath(other, h.Bond)); err != nil {
		return err
	}
	return reloadRules(ctx)
}

// removeRule has udev take the marks off again. Until it has, there is a file, though with no
// rule in it: so whoever comes after one that was killed knows that there may be marks.
func (h Handover) removeRule(ctx context.Context) error {
	run, etc := rulePath(runRules, h.Bond), rulePath(etcRules, h.Bond)
	if !statefile.Exists(run) && !statefile.Exists(etc) {
		return nil
	}
	if err := errors.Join(writeFile(run, "# "+writtenBy(h.Bond)+"\n"), statefile.Remove(etc)); err != nil {
		return err
	}
	if err := reloadRules(ctx); err != nil {
		return err
	}
	return statefile.Remove(run)
}

// udevTime is how long udev may take for the links that are there.
const udevTime = 30 * time.Second

// reloadRules has udev read its rules, and look at every link again by them. Where udev
// doesn't run there is nobody to tell.
func reloadRules(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(root, "run/udev/control")); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, udevTime)
	defer cancel()
	for _, args := range [][]string{
		{"control", "--reload"},
		{"trigger", "--action=change", "--subsystem-match=net", "--settle"},
	} {
		if out, err := exec.CommandContext(ctx, "udevadm", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("have udev look at the links again: udevadm %s: %w: %q", args[0], err, out)
		}
	}
	return nil
}

// ruleHead leaves out what no pattern matches: what isn't hardware, and what isn't Ethernet or
// Wi-Fi. The first device above a link that isn't one itself is what a member's bus and driver are of.
const ruleHead = `ACTION=="remove", GOTO="bondctl_end"
SUBSYSTEM!="net", GOTO="bondctl_end"
ATTR{type}!="1", GOTO="bondctl_end"
TEST!="device", GOTO="bondctl_end"
ENV{.BONDCTL_NAME}="$name"
SUBSYSTEMS!="net", ENV{.BONDCTL_DRIVER}="$attr{driver}"
`

// rule is the text of the rule for a bond; "" where no member is a pattern. The error says
// what a rule can't have.
func rule(bond string, members []Match) (string, error) {
	patterns := slices.DeleteFunc(slices.Clone(members), Match.exact)
	if len(patterns) == 0 {
		return "", nil
	}
	marks := []string{
		`ENV{` + MemberProperty + `}="` + bond + `"`, `ENV{NM_UNMANAGED}="1"`, `ENV{ID_NET_MANAGED_BY}="bondctl"`,
	}
	var text strings.Builder
	text.WriteString("# " + writtenBy(bond) + "\n" + ruleHead)
	for _, m := range patterns {
		lines, err := m.conditions()
		if err == nil && !ruleWord(bond) {
			err = fmt.Errorf("%q can't be in one", bond)
		}
		if err != nil {
			return "", fmt.Errorf("write a udev rule for %s: %w", bond, err)
		}
		for _, line := range lines {
			text.WriteString(strings.Join(append(line, marks...), ", ") + "\n")
		}
	}
	text.WriteString("LABEL=\"bondctl_end\"\n")
	return text.String(), nil
}

// conditions are lines of keys of which one must match.
func (m Match) conditions() (lines [][]string, err error) {
	lines = [][]string{nil}
	// either multiplies the lines: a rule has no "or" of different keys.
	either := func(conditions ...string) {
		var all [][]string
		for _, line := range lines {
			for _, c := range conditions {
				all = append(all, append(slices.Clone(line), c))
			}
		}
		lines = all
	}
	for _, value := range []string{strings.ReplaceAll(m.Name, "*", ""), m.Driver, m.Bus} {
		if value != "" && !ruleWord(value) {
			return nil, fmt.Errorf("%q can't be in one", value)
		}
	}
	switch m.Kind {
	case "":
	case "wifi":
		either(`ENV{DEVTYPE}=="wlan"`)
	case "wired":
		either(`ENV{DEVTYPE}!="wlan"`)
	default:
		return nil, fmt.Errorf("%q is no kind of link", m.Kind)
	}
	if m.Bus != "" {
		either(`SUBSYSTEMS!="net", TEST=="/sys/bus/` + m.Bus + `/devices/%b"`)
	}
	if m.Driver != "" {
		either(`ENV{.BONDCTL_DRIVER}=="` + m.Driver + `"`)
	}
	if m.Name != "" {
		// systemd.link(5) makes alternative names of these.
		is := `=="` + m.Name + `"`
		either(`ENV{.BONDCTL_NAME}`+is, `ENV{ID_NET_NAME_ONBOARD}`+is, `ENV{ID_NET_NAME_SLOT}`+is, `ENV{ID_NET_NAME_PATH}`+is)
	}
	if m.MAC != "" {
		mac, err := net.ParseMAC(m.MAC)
		if err != nil {
			return nil, fmt.Errorf("%q is no MAC address", m.MAC)
		}
		// A slave, and Wi-Fi with a random address, have the permanent one elsewhere.
		is := `=="` + mac.String() + `"`
		either(`ATTR{address}`+is, `ATTR{bonding_slave/perm_hwaddr}`+is, `ATTR{phy80211/macaddress}`+is)
	}
	return lines, nil
}

// ruleWord says whether a value means itself in a rule: udev takes some characters for
// patterns, for quotes or for substitutions.
func ruleWord(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.:@+~,=", r)
	}) && !strings.Contains(value, "..")
}
