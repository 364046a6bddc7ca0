package manager

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond/owner"
)

// The managers that can't be asked to hand a link over, and are named with what does it.
const (
	Connman = "connman"
	IWD     = "iwd"
)

// bystander is a manager that is only told of: somebody else must have it let go.
type bystander struct {
	unit string
	// obstacle says how an interface is looked after, and what ends that; "" where it isn't.
	obstacle func(name string) string
}

func (b bystander) runs() bool { return isActive(b.unit) }

func (b bystander) holds(_ context.Context, interfaces []string) (holds []Hold, err error) {
	manager := strings.TrimSuffix(b.unit, ".service")
	for _, name := range interfaces {
		if what := b.obstacle(name); what != "" && isThere(name) {
			holds = append(holds, Hold{Link: owner.Link{Interface: name}, Manager: manager, Obstacle: what})
		}
	}
	return holds, nil
}

func (bystander) lines(Handover) []string                 { return nil }
func (bystander) release(context.Context, Handover) error { return nil }
func (bystander) reclaim(context.Context, Handover) error { return nil }

// stranger is a manager that this program doesn't know: another one wrote of it.
type stranger string

func (stranger) runs() bool                                        { return false }
func (s stranger) holds(context.Context, []string) ([]Hold, error) { return nil, s.err() }
func (stranger) lines(Handover) []string                           { return nil }
func (s stranger) release(context.Context, Handover) error         { return s.err() }
func (s stranger) reclaim(context.Context, Handover) error         { return s.err() }

func (s stranger) err() error {
	return fmt.Errorf("tell %q of a bond: only a newer bondctl knows how", string(s))
}

// connmanDefault are those that connman leaves alone where its configuration doesn't say
// (connman.conf(5)): each is the beginning of a name.
var connmanDefault = []string{"vmnet", "vboxnet", "virbr", "ifb", "ve-", "vb-", "ham", "veth"}

func connmanObstacle(name string) string {
	const conf = "/etc/connman/main.conf"
	listed := connmanDefault
	if text, err := readFile(filepath.Join(root, conf)); err == nil {
		if value, ok := iniValue(string(text), "[General]", "NetworkInterfaceBlacklist"); ok {
			listed = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	if slices.ContainsFunc(listed, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		return ""
	}
	return fmt.Sprintf("connman looks after %s; add that to NetworkInterfaceBlacklist in %s, and, where nobody is logged in over %[1]s, for it loses its address: systemctl restart connman", name, conf)
}

// iwdObstacle is for Wi-Fi that iwd gives addresses: what it associates with is welcome.
func iwdObstacle(name string) string {
	const conf = "/etc/iwd/main.conf"
	if _, err := os.Stat(filepath.Join(root, "sys/class/net", name, "phy80211")); err != nil {
		return ""
	}
	text, err := readFile(filepath.Join(root, conf))
	if err != nil {
		return ""
	}
	for _, key := range []string{"EnableNetworkConfiguration", "enable_network_config"} { // the old one, too
		if value, _ := iniValue(string(text), "[General]", key); value == "true" || value == "1" {
			return fmt.Sprintf("iwd gives %s its address; set %s=false in %s, and, where nobody is logged in over %[1]s, for it loses its address: systemctl restart iwd", name, key, conf)
		}
	}
	return ""
}

// iniValue is the last value of a key in a section, with its brackets.
func iniValue(text, section, key string) (value string, ok bool) {
	in := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			in = line
		}
		if name, v, found := strings.Cut(line, "="); found && in == section && strings.TrimSpace(name) == key {
			value, ok = strings.TrimSpace(v), true
		}
	}
	return value, ok
}
