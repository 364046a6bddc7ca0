package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts a command line in the order that urfave/cli v2 reads: flags
// that hold for every verb, the verb, its flags, its arguments. People may
// write flags behind arguments, too; cli would take those for arguments. What
// can't be meant is a usage error.
func arrange(app *cli.App, args []string) ([]string, error) {
	a := arranger{app: app}
	for len(args) > 0 {
		rest, err := a.next(args)
		if err != nil {
			return nil, err
		}
		args = rest
	}
	if a.verb == nil {
		return a.global, nil
	}
	out := append(a.global, a.verb.Name)
	return slices.Concat(out, a.flags, []string{"--"}, a.arguments), nil
}

type arranger struct {
	app                      *cli.App
	verb                     *cli.Command
	global, flags, arguments []string
	literal                  bool // behind "--" nothing is a flag
}

// next takes one argument, or a flag with its value, and returns the rest.
func (a *arranger) next(args []string) ([]string, error) {
	arg, rest := args[0], args[1:]
	switch {
	case arg == "--" && !a.literal:
		a.literal = true
		return rest, nil
	case a.literal || !strings.HasPrefix(arg, "-") || arg == "-":
		return rest, a.word(arg)
	}
	name, value, inline := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	to, flag := a.find(name)
	if flag == nil {
		return nil, a.unknownFlag(name)
	}
	_, isBool := flag.(*cli.BoolFlag)
	switch {
	case isBool && inline:
		return nil, usage(fmt.Sprintf("--%s takes no value, and was given %q", name, value), a.help())
	case isBool:
		*to = append(*to, "--"+name)
		return rest, nil
	case !inline && len(rest) == 0:
		return nil, usage(fmt.Sprintf("--%s wants a value", name), a.help())
	case !inline:
		value, rest = rest[0], rest[1:]
	}
	*to = append(*to, "--"+name+"="+value)
	return rest, nil
}

// word takes what is no flag: the verb, or an argument of it.
func (a *arranger) word(word string) error {
	if a.verb != nil {
		a.arguments = append(a.arguments, word)
		return nil
	}
	if a.verb = a.app.Command(word); a.verb == nil {
		return usage(fmt.Sprintf("unknown verb %q; there are %s", word, strings.Join(a.verbs(), ", ")), "bondctl --help")
	}
	return nil
}

func (a *arranger) verbs() []string {
	var names []string
	for _, c := range a.app.Commands {
		names = append(names, c.Name)
	}
	return names
}

// find looks for a flag among the verb's and then among those of all verbs.
func (a *arranger) find(name string) (to *[]string, flag cli.Flag) {
	if a.verb != nil {
		if f := findFlag(a.verb.Flags, name); f != nil {
			return &a.flags, f
		}
		if isHelp(name) {
			return &a.flags, &cli.BoolFlag{}
		}
	}
	if isHelp(name) || name == "version" {
		return &a.global, &cli.BoolFlag{}
	}
	return &a.global, findFlag(a.app.Flags, name)
}

func isHelp(name string) bool { return name == "help" || name == "h" }

func findFlag(flags []cli.Flag, name string) cli.Flag {
	i := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return nil
	}
	return flags[i]
}

func (a *arranger) unknownFlag(name string) error {
	of := ""
	if a.verb != nil {
		of = " of " + a.verb.Name
	}
	return usage(fmt.Sprintf("unknown flag --%s%s", name, of), a.help())
}

func (a *arranger) help() string {
	if a.verb == nil {
		return "bondctl --help"
	}
	return "bondctl " + a.verb.Name + " --help"
}

// bondName is the verb's only argument: the bond's name.
func bondName(c *cli.Context, fallback string) (string, error) {
	switch c.NArg() {
	case 0:
		return fallback, nil
	case 1:
		return c.Args().First(), checkName(c.Args().First())
	}
	return "", surplus(c, c.Args().Get(1))
}

func surplus(c *cli.Context, word string) error {
	return usage(fmt.Sprintf("%q is one argument too many", word), "bondctl "+c.Command.Name+" --help")
}
