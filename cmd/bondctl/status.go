package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "show which slave is active and why, the health, the members",
		ArgsUsage: "[NAME]",
		Description: "Needs no privilege. Bonds of other modes and those that bondctl didn't make are shown as well.\n\n" +
			"--check prints one line in every case: how the bond fares and why, with --all the worst one first; or what went wrong, which stderr says as well. " +
			"With --json that is the status or, in its place, an object with the key error, and with name where that bond is configured but missing.\n\n" +
			"  bondctl status\n" +
			"  bondctl status --all --json\n" +
			"  bondctl status office --check || echo office needs help\n\n" +
			"Exit status: 0 done, 1 no such bond or failed, 2 usage. With --check: 0 ok, 1 degraded, " +
			"2 down or configured but missing, 3 anything else.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "show every bond"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON: an object, with --all an array"},
			&cli.BoolFlag{Name: "watch", Usage: "show it anew whenever something changes"},
			&cli.BoolFlag{Name: "check", Usage: "for monitoring: print one line, in every case, and let the exit status tell the health"},
		},
		Action: showStatus,
	}
}

func showStatus(c *cli.Context) error {
	name, err := bondName(c)
	if err != nil {
		return err
	}
	if c.Bool("all") && c.NArg() > 0 {
		return usage("--all and a bond's name exclude each other; leave one of them out", "bondctl status --help")
	}
	if c.Bool("watch") && c.Bool("check") {
		return usage("--watch and --check exclude each other, as a watch has no end; leave one of them out", "bondctl status --help")
	}
	h, err := openHost(c)
	if err != nil {
		return err
	}
	defer h.Close()
	v := view{host: h, name: name, all: c.Bool("all"), json: c.Bool("json"), screen: newScreen(c.App.Writer)}
	switch {
	case c.Bool("watch"):
		return v.watch(c.Context)
	case c.Bool("check"):
		return v.check()
	}
	return v.show()
}

// view shows the status of one bond or of all.
type view struct {
	host      *bond.Host
	name      string
	all, json bool
	screen    screen
}

// show prints the status once.
func (v view) show() error {
	list, missing, err := v.look()
	if err != nil {
		return err
	}
	return v.print(list, missing)
}

// look reads the status of the bond, or of all and the names of those that should be
// there and aren't.
func (v view) look() (list []bond.Status, missing []string, err error) {
	if v.all {
		list, missing, err = v.showable()
	} else {
		list = make([]bond.Status, 1)
		list[0], err = v.host.Status(v.name)
	}
	if err == nil && v.host.InitialNamespace() {
		for i := range list {
			nameMeddlers(&list[i])
		}
	}
	return list, missing, err
}

// showable is what --all shows.
func (v view) showable() (list []bond.Status, missing []string, err error) {
	names, err := v.host.Names()
	if err != nil {
		return nil, nil, err
	}
	list, missing, err = v.host.Statuses(names)
	// A bond that isn't configured has gone since it was listed.
	return list, slices.DeleteFunc(missing, func(name string) bool { return !v.configured(name) }), err
}

func (v view) print(list []bond.Status, missing []string) error {
	switch {
	case v.json && v.all:
		return writeJSON(v.screen, list, "  ")
	case v.json:
		return writeJSON(v.screen, list[0], "  ")
	case len(list)+len(missing) == 0:
		fmt.Fprintln(v.screen, "no bonds")
	}
	for i, st := range list {
		if i > 0 {
			fmt.Fprintln(v.screen)
		}
		v.screen.status(st)
	}
	for _, name := range missing {
		v.noBond(name, missingText)
	}
	return v.screen.err
}

// watch shows the status now and after each change, until it is interrupted or nobody
// reads it.
// On a terminal it redraws.
func (v view) watch(ctx context.Context) error {
	ctx = v.screen.whileRead(ctx)
	changes, err := v.host.Changes(ctx)
	if err != nil {
		return err
	}
	for {
		v.screen.clear()
		err := v.show()
		if errors.Is(err, bond.ErrNoBond) {
			v.noBond(v.name, "no such bond")
			err = v.screen.err
		}
		if err != nil {
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

// noBond says that there is no bond to show.
func (v view) noBond(name, why string) {
	if v.json {
		fmt.Fprintln(v.screen, "null")
		return
	}
	fmt.Fprintf(v.screen, "%s: %s\n", printable(name), why)
}

// configured says whether a bond should be there.
func (v view) configured(name string) bool {
	if recorded, err := v.host.Recorded(name); err == nil && recorded != nil {
		return true
	}
	_, err := os.Stat(configFile(name))
	return err == nil
}
