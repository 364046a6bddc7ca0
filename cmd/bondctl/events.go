package main

import (
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
			"What happens again and again, as with a cable that flaps, is shown three times at once, and then as one event with how often it happened. " +
			"A Wi-Fi member that changes from one access point to another is shown as one roam, unless it takes more than 5 s.\n\n" +
			"  bondctl events --follow\n" +
			"  bondctl events --json | tail -n 1\n\n" +
			"Exit status: 0 done, 1 no such bond or failed, 2 usage.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "follow", Usage: "go on with what happens from now on"},
			&cli.BoolFlag{Name: "json", Usage: "print a line of JSON each"},
		},
		Action: onBond(showEvents),
	}
}

func showEvents(c *cli.Context, h *bond.Host, name string) error {
	config, err := h.Recorded(name)
	if err != nil {
		return err
	}
	history, err := h.History(name)
	if err != nil {
		return err
	}
	if config == nil && len(history) == 0 { // without one a keeper may still tell what is in the way
		return fmt.Errorf("%s: %w", name, bond.ErrNoBond)
	}
	var grown <-chan struct{}
	if c.Bool("follow") {
		ctx := c.App.Writer.(*output).whileRead(c.Context)
		if grown, err = h.FollowHistory(ctx, name); err != nil {
			return err
		}
	}
	for shown := 0; ; {
		history, err := h.History(name)
		if err != nil {
			return err
		}
		if shown, err = printNew(c, history, shown); err != nil || !c.Bool("follow") {
			return err
		}
		if _, open := <-grown; !open {
			return nil // interrupted, or read no more
		}
	}
}

// printNew prints the events after the one numbered shown, and returns the last one's
// number.
func printNew(c *cli.Context, history []bond.Event, shown int) (int, error) {
	if n := len(history); n == 0 || history[n-1].Seq < shown {
		shown = 0 // the bond was made anew
	}
	for _, e := range history {
		if e.Seq <= shown {
			continue
		}
		if err := printEvent(c, e); err != nil {
			return shown, err
		}
		shown = e.Seq
	}
	return shown, nil
}

func printEvent(c *cli.Context, e bond.Event) error {
	if c.Bool("json") {
		return writeJSON(c.App.Writer, e, "")
	}
	_, err := fmt.Fprintf(c.App.Writer, "%s  %s\n", e.Time.Local().Format(time.DateTime+".000"), printable(e.String()))
	return err
}
