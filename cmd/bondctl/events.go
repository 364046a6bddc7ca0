package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

func eventsCommand() *cli.Command {
	return &cli.Command{
		Name:      "events",
		Usage:     "show failovers and member changes, as the keeper saw them",
		ArgsUsage: "[NAME]",
		Description: "The keeper remembers the last 256. Needs no privilege.\n\n" +
			"  bondctl events --follow\n" +
			"  bondctl events --json | tail -n 1\n\n" +
			"Exit status: 0 done, 1 no such bond or failed, 2 usage.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "follow", Usage: "go on with what happens from now on"},
			&cli.BoolFlag{Name: "json", Usage: "print a line of JSON each"},
		},
		Action: showEvents,
	}
}

func showEvents(c *cli.Context) error {
	name, err := bondName(c)
	if err != nil {
		return err
	}
	h, err := open(c)
	if err != nil {
		return err
	}
	defer h.Close()
	if config, err := h.Recorded(name); err != nil || config == nil {
		if err == nil {
			err = fmt.Errorf("%s: %w", name, bond.ErrNoBond)
		}
		return err
	}
	var grown <-chan struct{}
	if c.Bool("follow") {
		if grown, err = h.FollowHistory(c.Context, name); err != nil {
			return err
		}
	}
	shown := 0
	for {
		history, err := h.History(name)
		if err != nil {
			return err
		}
		if n := len(history); n == 0 || history[n-1].Seq < shown {
			shown = 0 // the bond was made anew
		}
		for _, e := range history {
			if e.Seq <= shown {
				continue
			}
			if err := printEvent(c, e); err != nil {
				return err
			}
			shown = e.Seq
		}
		if grown == nil {
			return nil
		}
		if _, open := <-grown; !open {
			return nil // interrupted
		}
	}
}

func printEvent(c *cli.Context, e bond.Event) error {
	if c.Bool("json") {
		return json.NewEncoder(c.App.Writer).Encode(e)
	}
	_, err := fmt.Fprintf(c.App.Writer, "%s  %s\n", e.Time.Local().Format(time.DateTime+".000"), printable(e.String()))
	return err
}
