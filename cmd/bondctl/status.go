package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// The exit statuses of status --check.
const (
	checkDegraded = 1
	checkDown     = 2 // or configured and missing
	checkFailed   = 3 // everything else, usage included
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "show the active slave and why it is active, the bond's health, and its members",
		ArgsUsage: "[NAME]",
		Description: "Needs no privilege. Bonds of other modes and those that bondctl didn't make are shown as well.\n\n" +
			"Exit status with --check: 0 ok, 1 degraded, 2 down or configured but missing, 3 anything else.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "show every bond"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON: an object, with --all an array"},
			&cli.BoolFlag{Name: "watch", Usage: "show it anew whenever something changes"},
			&cli.BoolFlag{Name: "check", Usage: "let the exit status tell the health"},
		},
		Action: showStatus,
	}
}

// wantsCheck says whether a command line that may be wrong asks for the exit
// statuses of status --check.
func wantsCheck(args []string) bool {
	return slices.Contains(args, "status") && (slices.Contains(args, "--check") || slices.Contains(args, "-check"))
}

func showStatus(c *cli.Context) error {
	name, err := bondName(c, bond.DefaultName)
	if err != nil {
		return err
	}
	if c.Bool("all") && c.NArg() > 0 {
		return usage("--all and a bond's name exclude each other", "bondctl status --help")
	}
	h, err := open(c)
	if err != nil {
		return err
	}
	defer h.Close()
	v := view{host: h, name: name, all: c.Bool("all"), json: c.Bool("json"), screen: newScreen(c.App.Writer)}
	if c.Bool("watch") {
		return v.watch(c.Context)
	}
	list, err := v.show()
	if c.Bool("check") {
		return v.check(list, err)
	}
	return err
}

// view shows the status of one bond or of all.
type view struct {
	host      *bond.Host
	name      string
	all, json bool
	screen    screen
}

// show prints the status once, and returns what it printed.
func (v view) show() ([]bond.Status, error) {
	names := []string{v.name}
	if v.all {
		var err error
		if names, err = v.host.Names(); err != nil {
			return nil, err
		}
	}
	list := []bond.Status{}
	for _, name := range names {
		st, err := v.host.Status(name)
		if v.all && errors.Is(err, bond.ErrNoBond) {
			continue // gone since it was listed
		}
		if err != nil {
			return nil, err
		}
		list = append(list, st)
	}
	return list, v.print(list)
}

func (v view) print(list []bond.Status) error {
	switch {
	case v.json && v.all:
		return v.encode(list)
	case v.json:
		return v.encode(list[0])
	case len(list) == 0:
		_, err := fmt.Fprintln(v.screen, "no bonds")
		return err
	}
	for i, st := range list {
		if i > 0 {
			fmt.Fprintln(v.screen)
		}
		v.screen.status(st)
	}
	return nil
}

func (v view) encode(value any) error {
	e := json.NewEncoder(v.screen)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// watch shows the status now and after each change, until it is interrupted.
// On a terminal it redraws.
func (v view) watch(ctx context.Context) error {
	changes, err := v.host.Changes(ctx)
	if err != nil {
		return err
	}
	for {
		v.screen.clear()
		_, err := v.show()
		switch {
		case errors.Is(err, bond.ErrNoBond):
			if v.json {
				fmt.Fprintln(v.screen, "null")
			} else {
				fmt.Fprintf(v.screen, "%s: no such bond\n", v.name)
			}
		case err != nil:
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case _, open := <-changes:
			if !open && ctx.Err() == nil {
				return errors.New("watch: the kernel's messages were lost")
			}
			if !open {
				return nil
			}
		}
	}
}

// check turns what was shown into an exit status.
func (v view) check(list []bond.Status, err error) error {
	worst := exitError(0)
	if errors.Is(err, bond.ErrNoBond) && v.configured() {
		fmt.Fprintf(v.screen, "%s: configured, but there is no such bond\n", v.name)
		return exitError(checkDown)
	}
	if err != nil {
		return err
	}
	for _, st := range list {
		switch st.Health {
		case bond.HealthDegraded:
			worst = max(worst, checkDegraded)
		case bond.HealthDown:
			worst = max(worst, checkDown)
		}
	}
	if worst == 0 {
		return nil
	}
	return worst
}

// configured says whether the bond should be there.
func (v view) configured() bool {
	if recorded, err := v.host.Recorded(v.name); err == nil && recorded != nil {
		return true
	}
	_, err := os.Stat(filepath.Join(configDir, v.name+".toml"))
	return err == nil
}
