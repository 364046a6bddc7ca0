package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// configDir has the configuration files, each named after its bond.
const configDir = "/etc/bondctl"

func upCommand() *cli.Command {
	return &cli.Command{
		Name:      "up",
		Usage:     "make the bond what is wanted, changing only what differs",
		ArgsUsage: "[NAME]",
		Description: "Wanted is what the configuration file says, and then the flags; what neither names is at\n" +
			"its default. Without either it is what was last wanted of this bond. A member that is absent\n" +
			"is no error: it joins with a later up. If a step fails everything is put back as it was.",
		Flags:  upFlags(),
		Action: up,
	}
}

// upFlags are the verb's own flags, and one for each key of the configuration.
func upFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "config", Usage: "read the configuration from `FILE` (default: " + configDir + "/NAME.toml if it exists)"},
		&cli.BoolFlag{Name: "once", Usage: "make the bond and leave no keeper running"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print what would be done, and do nothing"},
		&cli.StringFlag{Name: "wait", Value: "10s", Usage: "wait up to `DURATION` for an active slave; 0: don't wait"},
		&cli.StringSliceFlag{Name: "member", Usage: "a member as `NAME[,prio=N]`, present or not (repeatable, in order of preference)"},
		&cli.StringFlag{Name: "primary", Usage: "the `MEMBER` that is active whenever it can be"},
		&cli.StringFlag{Name: "mac", Usage: "the bond's MAC `ADDRESS`, or stable: one derived from the machine's id and the bond's name"},
		&cli.StringFlag{Name: "mtu", Usage: "the bond's and its members' MTU in `BYTES` (default: 1500)"},
		&cli.StringSliceFlag{Name: "address", Usage: "an address of the bond as `CIDR`, such as 192.0.2.10/24 (repeatable)"},
		&cli.StringSliceFlag{Name: "gateway", Usage: "the `ADDRESS` of the default gateway (one of a family)"},
	}
	for _, o := range bond.OptionDocs() {
		flags = append(flags, optionFlag(o))
	}
	for _, name := range append(notYet, "dhcp") {
		flags = append(flags, &cli.BoolFlag{Name: name, Hidden: true})
	}
	return append(flags, &cli.StringSliceFlag{Name: "dns", Hidden: true})
}

// notYet are flags that are promised and not built: they are refused by name.
var notYet = []string{"save", "verify", "confirm", "take-over"}

// optionFlag is the flag of a bonding option.
func optionFlag(o bond.OptionDoc) cli.Flag {
	name := strings.ReplaceAll(o.Key, "_", "-")
	if o.Key == "arp_ip_target" {
		return &cli.StringSliceFlag{Name: name, Usage: "`ADDRESS`: " + o.Usage}
	}
	value := "`N`: "
	switch words := o.Words; {
	case o.Key == "fail_over_mac":
		value = "`auto|" + strings.Join(words, "|") + "`: "
	case words != nil:
		value = "`" + strings.Join(words, "|") + "`: "
	case o.IsTime:
		value = "`TIME`: "
	}
	return &cli.StringFlag{Name: name, Usage: value + o.Usage + " (default: " + o.Default + ")"}
}

// noKey are up's flags that are no keys of the configuration.
var noKey = map[string]bool{"config": true, "once": true, "dry-run": true, "wait": true}

func up(c *cli.Context) error {
	name, err := bondName(c, bond.DefaultName)
	if err != nil {
		return err
	}
	for _, flag := range notYet {
		if c.IsSet(flag) {
			return usage(fmt.Sprintf("--%s: not supported yet", flag), "bondctl up --help")
		}
	}
	wait, err := time.ParseDuration(c.String("wait"))
	if err != nil || wait < 0 {
		return usage(fmt.Sprintf("--wait: %q is not a duration such as 10s, or 0", c.String("wait")), "bondctl up --help")
	}
	h, err := open(c)
	if err != nil {
		return err
	}
	defer h.Close()
	config, err := wantedConfig(c, h, name)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		plan, err := h.Plan(config)
		if err != nil {
			return err
		}
		say(c, name, plan)
		return nil
	}
	if !c.Bool("once") {
		warn(c, "bondctl has no keeper yet: a member that appears later joins with the next up, as with --once")
	}
	return reconcile(c, h, config, wait)
}

// reconcile does the work of up and says what came of it.
func reconcile(c *cli.Context, h *bond.Host, config bond.Config, wait time.Duration) error {
	loadBonding()
	plan, err := h.Reconcile(c.Context, config)
	if err != nil {
		return err
	}
	say(c, config.Name, plan)
	if wait > 0 && plan.Members > 0 {
		if err := waitActive(c, h, config.Name, wait); err != nil {
			return err
		}
	}
	st, err := h.Status(config.Name)
	if err != nil {
		return err
	}
	if len(st.Addresses) == 0 && config.Method != "none" {
		warn(c, "%s has no address; --address gives it one", config.Name)
	}
	if !plan.Empty() {
		fmt.Fprintln(c.App.Writer, statusLine(st))
	}
	return nil
}

func waitActive(c *cli.Context, h *bond.Host, name string, wait time.Duration) error {
	_, err := h.WaitActive(c.Context, name, wait)
	if errors.Is(err, bond.ErrNoActive) && c.Context.Err() == nil {
		warn(c, "%s has no active slave after %s; it stays, and takes the first member that gets a link", name, wait)
		return nil
	}
	return err
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

// wantedConfig brings together the file and the flags; without either it is
// what was last wanted.
func wantedConfig(c *cli.Context, h *bond.Host, name string) (bond.Config, error) {
	file, err := fileSettings(c, name)
	if err != nil {
		return bond.Config{}, err
	}
	flags := flagSettings(c)
	if file != nil || flags != nil {
		return bond.NewConfig(name, file, flags)
	}
	recorded, err := h.Recorded(name)
	if err != nil {
		return bond.Config{}, err
	}
	if recorded == nil {
		return bond.Config{}, usage(
			fmt.Sprintf("what is wanted of %s? no flag says it, there is no %s, and nothing is recorded", name, filepath.Join(configDir, name+".toml")),
			fmt.Sprintf("bondctl up %s --primary eth0 --member eth0 --member wlan0", name))
	}
	return *recorded, nil
}

// fileSettings reads the configuration file; nil when there is none.
func fileSettings(c *cli.Context, name string) ([]bond.Setting, error) {
	path := c.String("config")
	if !c.IsSet("config") {
		path = filepath.Join(configDir, name+".toml")
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !c.IsSet("config") {
		return nil, nil
	}
	if err != nil {
		return nil, &bond.ConfigError{Problems: []bond.Problem{{Where: path, Message: errors.Unwrap(err).Error()}}}
	}
	settings, err := bond.ParseTOML(path, text)
	if settings == nil && err == nil {
		settings = []bond.Setting{} // empty, but there
	}
	return settings, err
}

// flagSettings turns the flags that were given into settings.
func flagSettings(c *cli.Context) []bond.Setting {
	var settings []bond.Setting
	for _, f := range c.Command.Flags {
		flag := f.Names()[0]
		if noKey[flag] || !c.IsSet(flag) {
			continue
		}
		values := c.StringSlice(flag)
		if values == nil {
			values = []string{c.String(flag)}
		}
		for _, v := range values {
			settings = append(settings, bond.Setting{
				Key: strings.ReplaceAll(flag, "-", "_"), Where: "--" + flag, Value: v,
			})
		}
	}
	return settings
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
