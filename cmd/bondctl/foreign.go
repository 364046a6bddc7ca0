package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// systemd-networkd removes the rules and routes that it didn't set, unless networkd.conf(5) says otherwise.
const (
	foreignRules  = "ManageForeignRoutingPolicyRules"
	foreignRoutes = "ManageForeignRoutes"
)

// warnOfNetworkd says what keeps systemd-networkd from taking a group's rules and routes away, where it runs.
func warnOfNetworkd(c *cli.Context, h *bond.Host, config bond.Config) {
	if _, err := os.Stat("/run/systemd/netif/state"); !config.ByRoutes() || !h.InitialNamespace() || err != nil {
		return
	}
	files := []string{"/etc/systemd/networkd.conf"}
	for _, dir := range []string{"/usr/lib/systemd", "/run/systemd", "/etc/systemd"} {
		more, _ := filepath.Glob(dir + "/networkd.conf.d/*.conf")
		files = append(files, more...)
	}
	keeps := map[string]bool{}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			leavesForeign(string(text), keeps)
		}
	}
	if !keeps[foreignRules] || !keeps[foreignRoutes] {
		warn(c, "systemd-networkd runs, and removes rules and routes of others when it starts or is reloaded: mkdir -p /etc/systemd/networkd.conf.d; printf '[Network]\\n%s=no\\n%s=no\\n' > /etc/systemd/networkd.conf.d/bondctl.conf; systemctl restart systemd-networkd", foreignRules, foreignRoutes)
	}
}

// leavesForeign notes what a networkd.conf(5) says of others' rules and routes.
func leavesForeign(text string, keeps map[string]bool) {
	section := ""
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = line
		}
		key, value, _ := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); section == "[Network]" && (key == foreignRules || key == foreignRoutes) {
			switch strings.ToLower(strings.TrimSpace(value)) {
			case "no", "false", "0", "n", "f", "off":
				keeps[key] = true
			default:
				keeps[key] = false
			}
		}
	}
}
