package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// The help texts are laid out here. The templates of urfave/cli v2 don't wrap lines,
// and write a flag that can be repeated as "--member NAME [ --member NAME ]".

const helpVerb = "help"

func helpCommand() *cli.Command {
	return &cli.Command{
		Name:      helpVerb,
		Usage:     "print the help of a verb, as VERB --help does",
		ArgsUsage: "[VERB]",
		Description: "Without a verb it is that of the program.\n\n" +
			"  bondctl help up\n\n" +
			"Exit status: 0 done, 1 failed, 2 usage.",
	}
}

// helpOn does the work of the verb help. cli doesn't, for it has a verb of that name of
// its own.
func helpOn(w io.Writer, app *cli.App, line commandLine) error {
	if len(line.arguments) == 0 {
		printHelp(w, app, nil)
		return nil
	}
	if len(line.arguments) > 1 {
		return surplus(line.verb, line.arguments[1])
	}
	verb := app.Command(line.arguments[0])
	if verb == nil {
		return unknownVerb(app, line.arguments[0], "bondctl help")
	}
	printHelp(w, app, verb)
	return nil
}

// printHelp prints the help of a verb, or that of the program where there is none.
func printHelp(w io.Writer, app *cli.App, verb *cli.Command) {
	if verb == nil {
		fmt.Fprintf(w, "%s - %s\n\nUsage: %s\n\n", app.Name, app.Usage, app.UsageText)
		printText(w, app.Description)
		printSections(w, append([]section{verbSection(app)}, flagSections("Flags", append(slices.Clone(app.Flags), cli.HelpFlag, cli.VersionFlag))...))
		return
	}
	form := strings.TrimSpace("[FLAG]... " + verb.ArgsUsage)
	fmt.Fprintf(w, "%s %s - %s\n\nUsage: %s %s %s\n\n", app.Name, verb.Name, verb.Usage, app.Name, verb.Name, form)
	printText(w, verb.Description)
	sections := flagSections("Flags", verb.Flags)
	if verb.Name == "up" {
		sections = append(sections, keySection())
	}
	printSections(w, append(sections, flagSections("Flags of every verb", append(slices.Clone(app.Flags), cli.HelpFlag))...))
}

// printText wraps paragraphs; a line that is indented stays as it is.
func printText(w io.Writer, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "  ") {
			fmt.Fprintln(w, line)
			continue
		}
		for _, l := range wrap(line, plainWidth) {
			fmt.Fprintln(w, l)
		}
	}
}

// A section is a list of flags or verbs, each with the text that stands beside it.
type section struct {
	title   string
	entries [][2]string
}

func verbSection(app *cli.App) section {
	s := section{title: "Verbs"}
	for _, c := range app.VisibleCommands() {
		s.entries = append(s.entries, [2]string{c.Name, c.Usage})
	}
	return s
}

// flagSections has a section for each category, and one for the flags without any.
func flagSections(title string, flags []cli.Flag) (all []section) {
	for _, f := range flags {
		if !isVisible(f) {
			continue
		}
		in := title
		if c, ok := f.(cli.CategorizableFlag); ok {
			in = cmp.Or(c.GetCategory(), title)
		}
		i := slices.IndexFunc(all, func(s section) bool { return s.title == in })
		if i < 0 {
			i, all = len(all), append(all, section{title: in})
		}
		_, text := flagTexts(f)
		all[i].entries = append(all[i].entries, [2]string{flagHead(f), text})
	}
	return all
}

// keySection has the keys that only a file can name.
func keySection() section {
	s := section{title: "Keys of the file that are no flags"}
	for _, k := range bond.Keys() {
		if k.Flag != k.Name {
			_, text := usageTexts(keyUsage(k))
			s.entries = append(s.entries, [2]string{k.Name, text})
		}
	}
	return s
}

// printSections prints sections, their texts in one column.
func printSections(w io.Writer, sections []section) {
	column := 0
	for _, s := range sections {
		for _, e := range s.entries {
			column = max(column, len("  ")+len(e[0])+len("  "))
		}
	}
	for _, s := range sections {
		fmt.Fprintf(w, "\n%s:\n", s.title)
		for _, e := range s.entries {
			head := e[0]
			for _, line := range wrap(e[1], plainWidth-column) {
				fmt.Fprintf(w, "  %-*s%s\n", column-len("  "), head, line)
				head = ""
			}
		}
	}
}

// flagHead is a flag as it is written, such as "--config FILE".
func flagHead(f cli.Flag) string {
	head := "--" + strings.Join(f.Names(), ", -")
	if value, _ := flagTexts(f); value != "" {
		head += " " + value
	}
	return head
}

// flagTexts are what stands for a flag's value, and its usage.
func flagTexts(f cli.Flag) (value, text string) {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return "", ""
	}
	value, text = usageTexts(doc.GetUsage())
	if _, repeatable := f.(*cli.StringSliceFlag); repeatable {
		text += " (repeatable)"
	}
	return value, text
}

// usageTexts takes a usage apart: the word for a value, which is in backquotes, and
// the text. At the beginning the word isn't part of the text.
func usageTexts(usage string) (value, text string) {
	before, rest, _ := strings.Cut(usage, "`")
	value, after, _ := strings.Cut(rest, "`")
	text = before + value + after
	if before == "" {
		text = strings.TrimSpace(after)
	}
	return value, text
}

func isVisible(f cli.Flag) bool {
	v, ok := f.(cli.VisibleFlag)
	return !ok || v.IsVisible()
}
