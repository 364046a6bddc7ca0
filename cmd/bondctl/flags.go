package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// The groups of up's flags that are keys of the file, too.
const (
	wantedGroup = "What is wanted"
	optionGroup = "Options of the bonding driver, and so what is wanted, too"
)

// defaultWait is how long up waits for an active slave unless told otherwise.
const defaultWait = "10s"

// upFlags are the verb's own flags, and one for each key of the configuration.
func upFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "config", Usage: "read the configuration from `FILE` (default: " + configDir + "/NAME.toml where that exists)"},
		&cli.BoolFlag{Name: "once", Usage: "make the bond and leave no keeper running, nor a lease: a member that appears later joins with the next up"},
		&cli.BoolFlag{Name: "save", Usage: "once the bond is as wanted, write " + configDir + "/NAME.toml and have systemd start the keeper at boot"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print what would be done, and do nothing"},
		&cli.StringFlag{Name: "wait", Value: defaultWait, Usage: "wait up to `DURATION` for an active slave and, with DHCP asked for, an address; 0: don't wait (default: " + defaultWait + ")"},
		&cli.StringSliceFlag{Name: "member", Category: wantedGroup, KeepSpace: true, Usage: "`NAME[,prio=N]` an interface of the bond, present or not, in order of preference; the order gives the prio unless one is written"},
		&cli.StringFlag{Name: "primary", Category: wantedGroup, Usage: "the `MEMBER` that is active whenever it can be"},
		&cli.StringFlag{Name: "mac", Category: wantedGroup, Usage: "the bond's MAC `ADDRESS`, or stable: derived from the machine's id and the bond's name (default: the first member's)"},
		&cli.StringFlag{Name: "mtu", Category: wantedGroup, Usage: "the bond's and its members' MTU in `BYTES` (default: 1500)"},
		&cli.StringSliceFlag{Name: "address", Category: wantedGroup, KeepSpace: true, Usage: "an address of the bond as `CIDR`, such as 192.0.2.10/24"},
		&cli.StringSliceFlag{Name: "gateway", Category: wantedGroup, KeepSpace: true, Usage: "the `ADDRESS` of the default gateway, one of a family"},
		&cli.BoolFlag{Name: "dhcp", Category: wantedGroup, Usage: "have the keeper ask for an IPv4 address by DHCP, which it does as well where no IPv4 address is named"},
		&cli.StringSliceFlag{Name: "dns", Category: wantedGroup, KeepSpace: true, Usage: "the `ADDRESS` of a name server, in the place of leased ones"},
	}
	for _, o := range bond.OptionDocs() {
		flags = append(flags, optionFlag(o))
	}
	for _, name := range notYet {
		flags = append(flags, &cli.BoolFlag{Name: name, Hidden: true})
	}
	return flags
}

// notYet are flags that are promised and not built: they are refused by name.
var notYet = []string{"verify", "confirm", "take-over"}

// optionFlag is the flag of a bonding option.
func optionFlag(o bond.OptionDoc) cli.Flag {
	name := strings.ReplaceAll(o.Key, "_", "-")
	value, text := "N", o.Usage
	switch {
	case o.Key == "arp_ip_target":
		return &cli.StringSliceFlag{Name: name, Category: optionGroup, KeepSpace: true, Usage: "`ADDRESS` " + text}
	case o.Words != nil:
		value = "WORD"
		text += ": " + strings.Join(o.Words, ", ")
	case o.IsTime:
		value = "TIME"
	case o.High == o.Low+1:
		text += fmt.Sprintf(": %d or %d", o.Low, o.High)
	default:
		text += fmt.Sprintf(": %d to %d", o.Low, o.High)
	}
	return &cli.StringFlag{Name: name, Category: optionGroup, Usage: fmt.Sprintf("`%s` %s (default: %s)", value, text, o.Default)}
}

// noKey are up's flags that are no keys of the configuration.
var noKey = map[string]bool{"config": true, "once": true, "dry-run": true, "save": true, "wait": true}

// flagSettings turns the flags that were given into settings.
func flagSettings(c *cli.Context) []bond.Setting {
	var settings []bond.Setting
	given := c.LocalFlagNames()
	for _, f := range c.Command.Flags {
		flag := f.Names()[0]
		if noKey[flag] || !slices.Contains(given, flag) {
			continue
		}
		for _, v := range flagValues(c, flag) {
			settings = append(settings, bond.Setting{
				Key: strings.ReplaceAll(flag, "-", "_"), Where: "--" + flag, Value: v,
			})
		}
	}
	return settings
}

// flagValues are the values that a flag was given, as a Setting has them.
func flagValues(c *cli.Context, flag string) []any {
	if yes, ok := c.Value(flag).(bool); ok {
		return []any{yes}
	}
	var values []any
	for _, v := range c.StringSlice(flag) {
		values = append(values, v)
	}
	if values == nil {
		values = []any{c.String(flag)}
	}
	return values
}

// nameOnce has flags know their names. Looking for a flag, cli asks every one
// for its names, and works them out with a regular expression each time: some
// two thousand times for one up, which took a fifth of its time.
func nameOnce(flags []cli.Flag) {
	for i, f := range flags {
		names := f.Names()
		if slice, ok := f.(*cli.StringSliceFlag); ok {
			flags[i] = namedSliceFlag{slice, names}
		} else {
			flags[i] = namedFlag{f, names}
		}
	}
}

// A namedFlag is a flag that knows its names.
type namedFlag struct {
	cli.Flag

	names []string
}

// A namedSliceFlag is that for one which cli tells not to split at commas.
type namedSliceFlag struct {
	*cli.StringSliceFlag

	names []string
}

// Names are the flag's names.
func (f namedFlag) Names() []string { return f.names }

// Names are the flag's names.
func (f namedSliceFlag) Names() []string { return f.names }
