package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// helpOf is what a command line for help prints.
func helpOf(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), args, &stdout, &stderr); status != 0 || stderr.Len() > 0 {
		t.Fatalf("%q: exit status %d, stderr %q", args, status, &stderr)
	}
	return stdout.String()
}

func TestHelp(t *testing.T) {
	app := newApp(io.Discard, io.Discard)
	texts := map[string]string{"": helpOf(t, "--help")}
	for _, c := range app.Commands {
		text := helpOf(t, c.Name, "--help")
		texts[c.Name] = text
		if !strings.Contains(texts[""], "\n  "+c.Name+" ") {
			t.Errorf("bondctl --help doesn't know %s", c.Name)
		}
		if !strings.Contains(text, strings.TrimSpace("Usage: bondctl "+c.Name+" [FLAG]... "+c.ArgsUsage)+"\n") {
			t.Errorf("bondctl %s --help doesn't say how it is used", c.Name)
		}
		checkFlags(t, c.Name, text, append(c.Flags, app.Flags...))
	}
	checkFlags(t, "", texts[""], append([]cli.Flag{cli.VersionFlag}, app.Flags...))
	for verb, text := range texts {
		if !strings.Contains(text, "Exit status: 0 ") || !strings.Contains(text, "\n  bondctl ") {
			t.Errorf("bondctl %s --help is without exit statuses or examples", verb)
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line) > 80 || strings.TrimRight(line, " ") != line || strings.ContainsAny(line, "\t`") {
				t.Errorf("bondctl %s --help: wider than 80, a blank at its end, a tab or a backquote: %q", verb, line)
			}
		}
	}
}

func checkFlags(t *testing.T, verb, text string, flags []cli.Flag) {
	t.Helper()
	for _, f := range append(flags, cli.HelpFlag) {
		if named := strings.Contains(text, "\n  "+flagHead(f)); named != isVisible(f) {
			t.Errorf("bondctl %s --help: %s is named: %t", verb, flagHead(f), named)
		}
	}
}

// TestHelpKeys has each key in the help, as a flag or by its name, with what it
// is by default.
func TestHelpKeys(t *testing.T) {
	text := strings.Join(strings.Fields(helpOf(t, "up", "--help")), " ")
	for _, k := range bond.Keys() {
		head := k.Name
		if k.Flag == k.Name {
			head = flagHead(keyFlag(k))
		}
		_, usage := usageTexts(keyUsage(k))
		if entry := " " + head + " " + usage; !strings.Contains(text, entry) {
			t.Errorf("the help doesn't say %q", entry)
		}
		if k.Usage == "" {
			t.Errorf("%s is without a usage", k.Name)
		}
	}
}

// TestHelpAnywhere asks for help in every way that people try.
func TestHelpAnywhere(t *testing.T) {
	for _, tt := range []struct{ name, args, verb string }{
		{"letter", "-h", ""},
		{"one dash", "-help", ""},
		{"before the verb", "--help down", "down"},
		{"letter behind the verb", "down -h", "down"},
		{"behind arguments", "switch testbond0 nope0 --help", "switch"},
		{"among flags", "up --once --help --member nope0", "up"},
		{"verb", "help", ""},
		{"verb and verb", "help down", "down"},
		{"help on help", "help help", "help"},
		{"flag of the verb", "help --help", "help"},
		{"flag of the verb and verb", "--help help", "help"},
		{"with surplus arguments", "down testbond0 nope0 nope1 --help", "down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			title, _, _ := strings.Cut(helpOf(t, strings.Fields(tt.args)...), " - ")
			if want := strings.TrimSpace("bondctl " + tt.verb); title != want {
				t.Errorf("help of %q, want %q", title, want)
			}
		})
	}
}
