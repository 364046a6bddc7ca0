package main

import (
	_ "embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

//go:embed completion.bash
var bashScript string

//go:embed completion.zsh
var zshScript string

//go:embed completion.fish
var fishScript string

// shells are those that can complete command lines. Their scripts ask the program.
var shells = map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}

// wordsFlag has the verb answer a script. Behind it are the words of the command line,
// the last of which is to be completed.
const wordsFlag = "words"

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a script by which a shell completes command lines",
		ArgsUsage: "SHELL",
		Description: "SHELL is bash, zsh or fish. Verbs, flags, the words that a flag takes and the names of bonds and interfaces are completed, once the shell's configuration reads the script:\n\n" +
			"  source <(bondctl completion bash)     # in ~/.bashrc\n" +
			"  source <(bondctl completion zsh)      # in ~/.zshrc, behind compinit\n" +
			"  bondctl completion fish | source      # in ~/.config/fish/config.fish\n\n" +
			"Exit status: 0 done, 1 failed, 2 usage.",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: wordsFlag, Hidden: true}},
		Action: completion,
	}
}

func completion(c *cli.Context) error {
	if c.Bool(wordsFlag) {
		printWords(c.App.Writer, newCompleter().complete(c.Args().Slice()))
		return nil
	}
	shell := c.Args().First()
	script, known := shells[shell]
	switch {
	case c.NArg() > 1:
		return surplus(c.Command, c.Args().Get(1))
	case !known:
		which := fmt.Sprintf("no script for %q", shell)
		if shell == "" {
			which = "no shell is named"
		}
		return usage(which+"; there are "+strings.Join(shellNames(), ", "), "bondctl completion --help")
	}
	_, err := io.WriteString(c.App.Writer, script)
	return err
}

func shellNames() []string { return slices.Sorted(maps.Keys(shells)) }

// printWords answers a script: a line for each word, and what it means behind a tab.
func printWords(w io.Writer, words []completed) {
	for _, word := range words {
		fmt.Fprintln(w, strings.TrimSuffix(word.text+"\t"+word.usage, "\t"))
	}
}
