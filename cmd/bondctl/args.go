package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond/nearest"
)

// A commandLine is a command line taken apart: flags that hold for every verb,
// the verb, its flags, its arguments. People write flags behind arguments, too,
// which urfave/cli v2 would take for arguments.
type commandLine struct {
	verb                     *cli.Command
	global, flags, arguments []string
	help                     bool
}

// args is the command line in the order that urfave/cli v2 reads.
func (l commandLine) args() []string {
	if l.verb == nil {
		return l.global
	}
	return slices.Concat(l.global, []string{l.verb.Name}, l.flags, []string{"--"}, l.arguments)
}

// has says whether a flag without a value was given to a verb.
func (l commandLine) has(verb, flag string) bool {
	return l.verb != nil && l.verb.Name == verb && slices.Contains(l.flags, flag)
}

// arrange takes a command line apart. The error is about the first mistake in it. The
// rest is taken apart all the same, for the exit status may depend on it.
func arrange(app *cli.App, args []string) (commandLine, error) {
	a := arranger{app: app}
	for len(args) > 0 {
		rest, err := a.next(args)
		if a.err == nil {
			a.err = err
		}
		args = rest
	}
	return a.commandLine, a.err
}

type arranger struct {
	commandLine
	app     *cli.App
	literal bool // behind "--" nothing is a flag
	err     error
}

// next takes one argument, or a flag with its value, and returns the rest.
func (a *arranger) next(args []string) (rest []string, err error) {
	arg, rest := args[0], args[1:]
	switch {
	case arg == "--" && !a.literal:
		a.literal = true
		return rest, nil
	case a.literal || !strings.HasPrefix(arg, "-") || arg == "-":
		return rest, a.word(arg)
	}
	written, value, inline := strings.Cut(arg, "=")
	name := strings.TrimPrefix(strings.TrimPrefix(written, "-"), "-")
	to, flag := a.find(name)
	if flag == nil {
		return rest, a.unknownFlag(printable(written), name)
	}
	_, isBool := flag.(*cli.BoolFlag)
	switch {
	case isBool && inline:
		return rest, usage(fmt.Sprintf("%s takes no value, and was given %q; write %s alone", written, value, written), a.hint())
	case isBool:
		*to = append(*to, "--"+name)
		return rest, nil
	case !inline && len(rest) == 0:
		return rest, usage(fmt.Sprintf("%s wants a value, as in %s", written, flagHead(flag)), a.hint())
	case !inline:
		value, rest = rest[0], rest[1:]
	}
	*to = append(*to, "--"+name+"="+value)
	return rest, nil
}

// word takes an argument that is no flag: the verb, or an argument of the verb.
func (a *arranger) word(word string) error {
	if a.verb != nil {
		a.arguments = append(a.arguments, word)
		return nil
	}
	if a.verb = a.app.Command(word); a.verb != nil {
		return nil
	}
	return unknownVerb(a.app, word, a.hint())
}

// unknownVerb is the error of an unknown verb, with the one that was perhaps meant.
func unknownVerb(app *cli.App, word, hint string) error {
	if meant := nearest.Word(word, verbNames(app)); meant != "" {
		return usage(fmt.Sprintf("unknown verb %q; did you mean %s?", word, meant), hint)
	}
	return usage(fmt.Sprintf("unknown verb %q; there are %s", word, verbs(app)), hint)
}

// find looks for a flag among the verb's and then among those of all verbs.
func (a *arranger) find(name string) (to *[]string, flag cli.Flag) {
	if slices.Contains(cli.HelpFlag.Names(), name) {
		a.help = true
		return new([]string), cli.HelpFlag // it is no flag that cli reads
	}
	if a.verb != nil {
		if f := findFlag(a.verb.Flags, name); f != nil {
			return &a.flags, f
		}
	}
	if slices.Contains(cli.VersionFlag.Names(), name) {
		return &a.global, cli.VersionFlag
	}
	return &a.global, findFlag(a.app.Flags, name)
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	i := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return nil
	}
	return flags[i]
}

// unknownFlag is the error of an unknown flag, with the flag that was perhaps meant.
func (a *arranger) unknownFlag(written, name string) error {
	known := append([]cli.Flag{cli.HelpFlag}, a.app.Flags...)
	if a.verb != nil {
		known = append(known, a.verb.Flags...)
		written += " of " + a.verb.Name
	} else if of := a.verbWith(name); of != "" {
		return usage(fmt.Sprintf("%s is a flag of %s; write it behind the verb", written, of), "bondctl "+of+" --help")
	}
	message := "unknown flag " + written
	if meant := nearest.Word(name, flagNames(known)); meant != "" {
		message += "; did you mean --" + meant + "?"
	}
	return usage(message, a.hint())
}

// flagNames are the long names of the flags that aren't hidden.
func flagNames(flags []cli.Flag) (names []string) {
	for _, f := range flags {
		if isVisible(f) {
			names = append(names, f.Names()[0])
		}
	}
	return names
}

// verbWith is a verb that has a flag; "" when none does.
func (a *arranger) verbWith(flag string) string {
	for _, c := range a.app.Commands {
		if findFlag(c.Flags, flag) != nil {
			return c.Name
		}
	}
	return ""
}

func (a *arranger) hint() string {
	if a.verb == nil {
		return "bondctl --help"
	}
	return "bondctl " + a.verb.Name + " --help"
}

// verbs lists the verbs there are.
func verbs(app *cli.App) string { return strings.Join(verbNames(app), ", ") }

func verbNames(app *cli.App) (names []string) {
	for _, c := range app.VisibleCommands() {
		names = append(names, c.Name)
	}
	return names
}

// defaultName is the bond that is meant when none is named.
const defaultName = "bond0"

// bondName is the verb's only argument: the bond's name.
func bondName(c *cli.Context) (string, error) {
	switch c.NArg() {
	case 0:
		return defaultName, nil
	case 1:
		return c.Args().First(), checkName(c.Args().First())
	}
	return "", surplus(c.Command, c.Args().Get(1))
}

func surplus(verb *cli.Command, word string) error {
	form := strings.TrimSpace("bondctl " + verb.Name + " " + verb.ArgsUsage)
	return usage(fmt.Sprintf("%q is one argument too many; write %s", word, form), "bondctl "+verb.Name+" --help")
}
