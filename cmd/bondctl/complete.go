package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// A completer finds what may stand in a place of a command line. The names are those of
// this machine, as far as anybody may see them.
type completer struct {
	bonds      func() []string
	members    func(bond string) []string
	devices    func() []string
	namespaces func() []string
}

func newCompleter() completer {
	return completer{
		bonds:      bondNames,
		members:    memberNames,
		devices:    deviceNames,
		namespaces: func() []string { return fileNames(namespaceDir, "") },
	}
}

// bondNames are those of the bonds that exist or should.
func bondNames() []string {
	names := fileNames(configDir, ".toml")
	if h, err := bond.Open(); err == nil {
		defer h.Close()
		there, _ := h.Names()
		names = append(names, there...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// memberNames are those of a bond's slaves.
func memberNames(name string) (names []string) {
	h, err := bond.Open()
	if err != nil {
		return nil
	}
	defer h.Close()
	st, _ := h.Brief(name)
	for _, m := range st.Members {
		if m.MIIStatus != nil {
			names = append(names, m.Name)
		}
	}
	return names
}

// deviceNames are those of the interfaces that could be members.
func deviceNames() []string {
	none := append(bondNames(), "lo", "bonding_masters")
	return slices.DeleteFunc(fileNames("/sys/class/net", ""), func(name string) bool { return slices.Contains(none, name) })
}

// fileNames are the names of a folder's files with a suffix, without it.
func fileNames(dir, suffix string) (names []string) {
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), suffix); ok {
			names = append(names, name)
		}
	}
	return names
}

// completed is a word that may stand there, and what it means; "" where that is plain.
type completed struct{ text, usage string }

// filesWord stands for the names of files, which a shell completes best.
const filesWord = ":files"

// complete lists what may stand in the place of the last word, by those before it.
func (c completer) complete(words []string) []completed {
	if len(words) == 0 {
		return nil
	}
	before, word := words[:len(words)-1], words[len(words)-1]
	a := arranger{app: newApp(io.Discard, io.Discard)}
	for len(before) > 0 {
		if flag := a.awaiting(before); flag != nil {
			return beginning(word, c.values(&a, flag))
		}
		before, _ = a.next(before)
	}
	name, _, inline := strings.Cut(word, "=")
	switch {
	case a.literal || !strings.HasPrefix(word, "-"):
		return beginning(word, c.arguments(&a))
	case !inline:
		return beginning(word, a.flagWords())
	}
	_, flag := a.find(strings.TrimLeft(name, "-"))
	if flag == nil {
		return nil
	}
	values := c.values(&a, flag)
	for i, v := range values {
		if v.text != filesWord {
			values[i].text = name + "=" + v.text
		}
	}
	return beginning(word, values)
}

// beginning are the words that begin with what is there already, and that a shell takes
// as they are.
func beginning(with string, words []completed) []completed {
	return slices.DeleteFunc(words, func(w completed) bool {
		return w.text != filesWord && (!strings.HasPrefix(w.text, with) || strings.ContainsFunc(w.text, isShells))
	})
}

func isShells(r rune) bool {
	return strings.ContainsRune("\"'`\\$&|;<>(){}[]*?!~#", r) || !unicode.IsPrint(r) || unicode.IsSpace(r)
}

// awaiting is the flag whose value comes next; nil where none is awaited.
func (a *arranger) awaiting(before []string) cli.Flag {
	if len(before) > 1 || a.literal || !strings.HasPrefix(before[0], "-") {
		return nil
	}
	_, flag := a.find(strings.TrimLeft(before[0], "-"))
	if _, isBool := flag.(*cli.BoolFlag); isBool {
		return nil
	}
	return flag
}

// flagWords are the flags that may still be given.
func (a *arranger) flagWords() (words []completed) {
	flags := append(slices.Clone(a.app.Flags), cli.HelpFlag)
	if a.verb == nil {
		flags = append(flags, cli.VersionFlag)
	} else {
		flags = append(slices.Clone(a.verb.Flags), flags...)
	}
	given := slices.Concat(a.flags, a.global)
	for _, f := range flags {
		name := "--" + f.Names()[0]
		_, repeatable := f.(*cli.StringSliceFlag)
		isGiven := slices.ContainsFunc(given, func(g string) bool { return g == name || strings.HasPrefix(g, name+"=") })
		if isVisible(f) && (repeatable || !isGiven) {
			_, text := flagTexts(f)
			words = append(words, completed{name, text})
		}
	}
	return words
}

// values are those that a flag takes, as far as they are known.
func (c completer) values(a *arranger, flag cli.Flag) []completed {
	switch value, text := flagTexts(flag); {
	case value == "FILE":
		return []completed{{text: filesWord}}
	case value == "WORD":
		_, list, _ := strings.Cut(text, ": ")
		list, _, _ = strings.Cut(list, " (")
		return plain(strings.Split(list, ", "))
	case flag.Names()[0] == "netns":
		return plain(c.namespaces())
	case flag.Names()[0] == "member", flag.Names()[0] == "primary":
		return c.named(a, c.devices)
	}
	return nil
}

// arguments are those that aren't flags: the verb, and the verb's own.
func (c completer) arguments(a *arranger) []completed {
	if a.verb == nil {
		return a.verbWords()
	}
	first := len(a.arguments) == 0
	switch {
	case a.verb.Name == helpVerb && first:
		return a.verbWords()
	case a.verb.Name == "completion" && first:
		return plain(shellNames())
	case a.verb.Name == "switch" && first:
		members := func() []string { return append(c.members(defaultName), c.bonds()...) }
		return c.named(a, members)
	case a.verb.Name == "switch" && len(a.arguments) == 1:
		return c.named(a, func() []string { return c.members(a.arguments[0]) })
	case a.verb.Name == "wifi" && first:
		return plain(wifiActionNames())
	case a.verb.Name == "wifi" && len(a.arguments) == 1:
		return c.named(a, c.bonds)
	case a.verb.Name == importVerb && first && !slices.Contains(a.flags, "--running"):
		return []completed{{text: filesWord}}
	case a.verb.ArgsUsage == "[NAME]" && first, a.verb.Name == importVerb && first:
		return c.named(a, c.bonds)
	}
	return nil
}

func (a *arranger) verbWords() (words []completed) {
	for _, verb := range a.app.VisibleCommands() {
		words = append(words, completed{verb.Name, verb.Usage})
	}
	return words
}

// named are names, unless they are those of another namespace, which few may enter.
func (c completer) named(a *arranger, names func() []string) []completed {
	if slices.ContainsFunc(a.global, func(flag string) bool { return strings.HasPrefix(flag, "--netns=") }) {
		return nil
	}
	return plain(names())
}

func plain(texts []string) (words []completed) {
	for _, text := range texts {
		words = append(words, completed{text: text})
	}
	return words
}
