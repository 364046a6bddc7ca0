package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/resolve"
)

// configDir has the configuration files, each named after its bond.
const configDir = "/etc/bondctl"

const upDescription = `Wanted is what the configuration file says, and then the flags; what neither names is at its default. With neither file nor flags it is what was last wanted of this bond. A list of flags, such as --member, replaces the file's as a whole, and a slave that is no longer wanted is released. A member that is absent is no error: the keeper, which up leaves running, takes it in when it appears. A keeper that runs already follows the new wish. If a step fails, everything is put back as it was.

Where systemd runs, the keeper is the service bondctl@NAME, which is started anew after a crash; elsewhere a process of its own. With --save it is there after a reboot, too: what is wanted is written to the file, and what was in that to NAME.toml.old.

  bondctl up --primary eth0 --member eth0 --member wlan0
  bondctl up office --config office.toml --dry-run
  bondctl up office --config office.toml --save

The file has the flags' names as its keys, with underscores for dashes, but for members and addresses:

  primary = "eth0"
  miimon = "100ms"

  [[member]]              # in order of preference
  name = "eth0"           # or name with *, kind, mac, driver, bus, prio

  [[member]]
  kind = "wifi"           # or wired
  wpa_conf = "/etc/wpa_supplicant.conf"

  [ipv4]                  # and [ipv6], for addresses, gateway and dns
  method = "dhcp"         # auto, dhcp, static, none
  # addresses = ["192.0.2.10/24"]
  # gateway = "192.0.2.1"
  # dns, use_routes, use_dns, use_mtu

With wpa_conf the keeper runs a wpa_supplicant; without it, whoever associates
the interface goes on to do so.

A TIME is a duration such as 100ms or 4s, or a plain number of milliseconds as in the kernel's documentation.

Exit status: 0 done, be it with a member absent or without a link; 1 failed and put back; 2 usage or configuration, all that is wrong at once, and nothing was touched.`

func upCommand() *cli.Command {
	return &cli.Command{
		Name:        "up",
		Usage:       "make the bond what is wanted, changing only what differs",
		ArgsUsage:   "[NAME]",
		Description: upDescription,
		Flags:       upFlags(),
		Action:      up,
	}
}

func up(c *cli.Context) error {
	name, err := bondName(c)
	if err != nil {
		return err
	}
	for _, flag := range notYet {
		if c.IsSet(flag) {
			return usage(fmt.Sprintf("--%s: not supported yet; leave it out", flag), "bondctl up --help")
		}
	}
	wait, err := time.ParseDuration(c.String("wait"))
	if err != nil || wait < 0 {
		return usage(fmt.Sprintf("--wait: %q is not a duration; write one such as 10s, or 0", c.String("wait")), "bondctl up --help")
	}
	config, source, err := namedConfig(c, name)
	if err != nil {
		return err
	}
	if err := checkKeepersWork(c, config); err != nil {
		return err
	}
	h, err := open(c)
	if err != nil {
		return err
	}
	defer h.Close()
	if config == nil {
		if config, err = recordedConfig(h, name); err != nil {
			return err
		}
		if source, err = h.RecordedSource(name); err != nil {
			return err
		}
		if err := checkKeepersWork(c, config); err != nil {
			return err
		}
	}
	h.Source = source
	var s *saving
	if c.Bool("save") {
		if s, err = newSaving(c, h, *config); err != nil {
			return err
		}
		defer s.close()
	}
	if c.Bool("dry-run") {
		plan, err := h.Plan(*config)
		if err != nil {
			return err
		}
		say(c, name, plan)
		s.foretell(c)
		return nil
	}
	return reconcile(c, h, *config, s, wait)
}

// checkKeepersWork refuses what takes a keeper where none is to be left, and
// what the keeper would find missing.
func checkKeepersWork(c *cli.Context, config *bond.Config) error {
	if config == nil {
		return nil
	}
	once := func(what string) error {
		return usage(fmt.Sprintf("--once: %s is the keeper's work, and --once leaves none; leave one of them out", what), "bondctl up --help")
	}
	if c.Bool("once") && config.Method == bond.MethodDHCP {
		return once("DHCP")
	}
	var problems []bond.Problem
	for _, m := range config.Members {
		if m.WPAConf == "" {
			continue
		}
		if c.Bool("once") {
			return once("wpa_conf of " + m.String())
		}
		if _, err := os.Stat(m.WPAConf); err != nil {
			problems = append(problems, bond.Problem{
				Where:   "member " + m.String(),
				Message: fmt.Sprintf("wpa_conf %s: %v", m.WPAConf, errors.Unwrap(err)),
			})
		}
	}
	if problems != nil {
		return &bond.ConfigError{Problems: problems}
	}
	return nil
}

// reconcile does the work of up and says what came of it.
func reconcile(c *cli.Context, h *bond.Host, config bond.Config, s *saving, wait time.Duration) error {
	loadBonding()
	if c.Bool("once") {
		if err := dismissKeeper(c, h, config); err != nil {
			return err
		}
	}
	plan, err := h.Reconcile(c.Context, config)
	if err != nil {
		return err
	}
	say(c, config.Name, plan)
	if err := s.save(c); err != nil {
		return err
	}
	// The bond is as wanted, so what fails now is no failure of up.
	if c.Bool("once") {
		handOverNames(c, h, config)
	} else if err := leaveKeeper(c, h, config.Name); err != nil {
		warn(c, "%v", err)
	}
	st := plan.After
	if wait > 0 && plan.Members > 0 {
		if st, err = waitUsable(c, h, config, st, wait); err != nil {
			return err
		}
	}
	sayAddress(c, config, st)
	if !plan.Empty() {
		fmt.Fprintln(c.App.Writer, statusLine(st))
	}
	return nil
}

// sayAddress says why a bond has no address, and where one may come from.
func sayAddress(c *cli.Context, config bond.Config, st bond.Status) {
	switch {
	case len(st.Addresses) > 0 || config.Method == bond.MethodNone:
	case c.Bool("once"):
		warn(c, "%s has no address: --address gives it one, or the keeper by DHCP, and --once leaves none", config.Name)
	default:
		warn(c, "%s has no address yet; its keeper asks for one by DHCP", config.Name)
	}
}

// handOverNames does for a bond without a keeper what else that would do.
func handOverNames(c *cli.Context, h *bond.Host, config bond.Config) {
	servers, domains := config.NameServers(nil)
	if !h.InitialNamespace() {
		if len(servers) > 0 {
			warn(c, "the name servers are handed to nobody: this isn't the machine's own network namespace")
		}
		return
	}
	var resolver resolve.Resolver
	if err := resolver.Recover(c.Context); err != nil {
		warn(c, "%v", err)
	}
	outcome, err := resolver.Set(c.Context, config.Name, resolve.Settings{Servers: servers, Domains: domains})
	for _, note := range outcome.Notes {
		warn(c, "%s", note)
	}
	if err != nil {
		warn(c, "%v", err)
	}
}

// dismissKeeper ends the bond's keeper, unless what is wanted will be refused.
func dismissKeeper(c *cli.Context, h *bond.Host, config bond.Config) error {
	if h.Keeper(config.Name) == 0 {
		return nil
	}
	if _, err := h.Plan(config); err != nil {
		return err
	}
	return takeDownKeeper(c, h, config.Name)
}

// waitUsable waits for an active slave and, where an address by DHCP is asked
// for, for that. It returns how the bond is then.
func waitUsable(c *cli.Context, h *bond.Host, config bond.Config, st bond.Status, wait time.Duration) (bond.Status, error) {
	lease := config.Method == bond.MethodDHCP && st.Lease == nil
	if st.ActiveSlave != nil && !lease {
		return st, nil
	}
	end := time.Now().Add(wait)
	err := h.WaitActive(c.Context, config.Name, wait)
	if err == nil && lease {
		err = h.WaitAddress(c.Context, config.Name, time.Until(end))
	}
	switch {
	case errors.Is(err, bond.ErrNoActive):
		warn(c, "%s has no active slave after %s; it stays, and takes the first member that gets a link", config.Name, wait)
	case errors.Is(err, bond.ErrNoAddress): // which is said below
	case err != nil:
		return st, err
	}
	return h.Status(config.Name)
}

// say prints a plan: its steps are results, its notes warnings.
func say(c *cli.Context, name string, plan bond.Plan) {
	for _, note := range plan.Notes {
		warn(c, "%s", note)
	}
	if plan.Empty() {
		fmt.Fprintf(c.App.Writer, "%s: nothing to change\n", name)
	}
	for _, step := range plan.Steps {
		fmt.Fprintln(c.App.Writer, printable(step.String()))
	}
}

func warn(c *cli.Context, format string, args ...any) {
	fmt.Fprintf(c.App.ErrWriter, "bondctl: warning: %s\n", printable(fmt.Sprintf(format, args...)))
}

// namedConfig brings together the file and the flags; it is nil when there is
// neither.
func namedConfig(c *cli.Context, name string) (*bond.Config, bond.Source, error) {
	path, named := configPath(c, name)
	file, err := fileSettings(path, named)
	if err != nil {
		return nil, bond.Source{}, err
	}
	flags := flagSettings(c)
	if file == nil && flags == nil {
		return nil, bond.Source{}, nil
	}
	source := bond.Source{Flags: flags != nil}
	if file != nil {
		// A keeper reads it again, from another folder.
		if source.File, err = filepath.Abs(path); err != nil {
			return nil, bond.Source{}, err
		}
	}
	config, err := bond.NewConfig(name, file, flags)
	return &config, source, err
}

// fileConfig is what a file alone says; nil when there is none and none needs
// to be there.
func fileConfig(name, path string, named bool) (*bond.Config, error) {
	settings, err := fileSettings(path, named)
	if settings == nil || err != nil {
		return nil, err
	}
	config, err := bond.NewConfig(name, settings)
	return &config, err
}

// recordedConfig is what was last wanted.
func recordedConfig(h *bond.Host, name string) (*bond.Config, error) {
	config, err := h.Recorded(name)
	if config == nil && err == nil {
		err = usage(
			fmt.Sprintf("nothing says what is wanted of %s: no flag, no %s, and no up before", name, configFile(name)),
			fmt.Sprintf("bondctl up %s --primary eth0 --member eth0 --member wlan0", name))
	}
	return config, err
}

// configFile is where a bond's configuration is looked for.
func configFile(name string) string { return filepath.Join(configDir, name+".toml") }

// configPath is the configuration file that --config names, or else the usual
// one, which needn't be there.
func configPath(c *cli.Context, name string) (path string, named bool) {
	if c.IsSet("config") {
		return c.String("config"), true
	}
	return configFile(name), false
}

// fileSettings reads a configuration file; nil when there is none and none
// needs to be there.
func fileSettings(path string, named bool) ([]bond.Setting, error) {
	where := path
	if named {
		where = fmt.Sprintf("--config: %q", path)
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return nil, nil
	case err != nil:
		return nil, &bond.ConfigError{Problems: []bond.Problem{{Where: where, Message: errors.Unwrap(err).Error()}}}
	}
	settings, err := bond.ParseTOML(printable(path), text)
	if settings == nil && err == nil {
		settings = []bond.Setting{} // empty, but there
	}
	return settings, err
}

// loadBonding loads the bonding driver without the bond0 that it would make by
// itself when the kernel loads it. If that can't be done, the kernel says why
// when the bond is made.
func loadBonding() {
	if _, err := os.Stat("/sys/module/bonding"); errors.Is(err, fs.ErrNotExist) && os.Geteuid() == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = exec.CommandContext(ctx, "modprobe", "--quiet", "bonding", "max_bonds=0").Run()
	}
}
