package main

import (
	"errors"
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

// upFlags are the verb's own flags, and those that say what is wanted.
func upFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.BoolFlag{Name: "once", Usage: "make the bond and leave no keeper running, nor a lease: a member that appears later joins with the next up"},
		&cli.BoolFlag{Name: "save", Usage: "once the bond is as wanted, write " + configDir + "/NAME.toml and have systemd start the keeper at boot"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print what would be done and what it interrupts, and do nothing"},
		&cli.BoolFlag{Name: "take-over", Usage: "have network managers hand the members over, and give up what members carry that the bond has no room for; down gives both back"},
		&cli.StringFlag{Name: "wait", Value: defaultWait, Usage: "wait up to `DURATION` for an active slave and, with DHCP asked for, an address; 0: don't wait (default: " + defaultWait + ")"},
		&cli.StringFlag{Name: "verify", Usage: "put everything back unless who answered before, each default route's gateway and the machine that you are logged in from, answers through the bond within `DURATION` from when a slave is active; 0: don't ask (default: " + defaultVerify.String() + " where something is taken over from a member, or the bond loses an address or a default route)"},
		&cli.StringFlag{Name: "confirm", Usage: "put everything back after `DURATION` unless Enter is pressed or bondctl confirm comes from any session"},
	}, wantedFlags()...)
}

// wantedFlags are --config, and a flag for each key of the configuration.
func wantedFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "config", Usage: "read the configuration from `FILE` (default: " + configDir + "/NAME.toml where that exists)"},
	}
	for _, k := range bond.Keys() {
		if k.Flag == k.Name {
			flags = append(flags, keyFlag(k))
		}
	}
	return flags
}

// flagName is the flag that sets a key, without its dashes in front.
func flagName(key string) string { return strings.ReplaceAll(key, "_", "-") }

// keyFlag is the flag that sets a key of the configuration.
func keyFlag(k bond.Key) cli.Flag {
	name, group := flagName(k.Name), wantedGroup
	if k.Option {
		group = optionGroup
	}
	switch {
	case k.Switch:
		return &cli.BoolFlag{Name: name, Category: group, Usage: keyUsage(k)}
	case k.List:
		return &cli.StringSliceFlag{Name: name, Category: group, KeepSpace: true, Usage: keyUsage(k)}
	}
	return &cli.StringFlag{Name: name, Category: group, Usage: keyUsage(k)}
}

// keyUsage says what a key is, and what it is by default.
func keyUsage(k bond.Key) string {
	if k.Default == "" {
		return k.Usage
	}
	return k.Usage + " (default: " + k.Default + ")"
}

// onCommandLine is where a flag's setting was written.
const onCommandLine = "command line"

// flagSettings turns the flags that were given into settings.
func flagSettings(c *cli.Context) (settings []bond.Setting) {
	given := c.LocalFlagNames()
	for _, k := range bond.Keys() {
		add := func(value any) {
			settings = append(settings, bond.Setting{Key: k.Name, Where: onCommandLine, Value: value})
		}
		switch flag := flagName(k.Name); {
		case k.Flag != k.Name || !slices.Contains(given, flag):
		case k.Switch:
			add(true)
		case k.List:
			for _, v := range c.StringSlice(flag) {
				add(v)
			}
		default:
			add(c.String(flag))
		}
	}
	return settings
}

// errorText is an error's text. It names a configuration's keys as flags where they
// were given as flags, or where nobody wrote them.
func errorText(err error) string {
	text := err.Error()
	if wrong, ok := errors.AsType[*bond.ConfigError](err); ok {
		var lines []string
		for _, p := range wrong.Problems {
			lines = append(lines, problemText(p))
		}
		text = strings.Replace(text, wrong.Error(), strings.Join(lines, "\n"), 1)
	}
	return text
}

func problemText(p bond.Problem) string {
	switch p.Where {
	case onCommandLine:
		return "--" + flagName(p.Key) + ": " + p.Message.Naming(flagOfKey)
	case "":
		return p.Key + ": " + p.Message.Naming(flagOfKey)
	}
	return p.String()
}

// flagOfKey names a key as a flag, if it has one.
func flagOfKey(k bond.Key) string {
	if k.Flag == "" {
		return k.Name
	}
	return "--" + flagName(k.Flag)
}

// nameOnce has each flag remember its names. To find a flag, cli asks every one for
// its names, and each time takes them apart by a regular expression: some two thousand
// times for one up, which took a fifth of its time.
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

// A namedFlag is a flag that remembers its names.
type namedFlag struct {
	cli.Flag

	names []string
}

// A namedSliceFlag does, too, and is one that cli can tell not to split values at
// commas.
type namedSliceFlag struct {
	*cli.StringSliceFlag

	names []string
}

// Names are the flag's names.
func (f namedFlag) Names() []string { return f.names }

// Names are the flag's names.
func (f namedSliceFlag) Names() []string { return f.names }
