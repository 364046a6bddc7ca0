package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

const defaultWaitLimit = "30s"

func waitCommand() *cli.Command {
	return &cli.Command{
		Name:      "wait",
		Usage:     "wait until the bond can be used",
		ArgsUsage: "[NAME]",
		Description: "It waits until the bond, or a group of the strategy routes, has what is named: a link, that is an active member; an address as well, that isn't link-local; " +
			"or a default route as well. It waits for a bond that is yet to be made, too, and changes nothing. A service for network-online.target is in the README.\n\n" +
			"  bondctl wait\n" +
			"  bondctl wait office --for route --timeout 2m\n\n" +
			"Exit status: 0 it has, 1 not in time, 2 usage.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "for", Value: string(bond.HasAddress), Usage: "wait for `WHAT`: link, address or route (default: " + string(bond.HasAddress) + ")"},
			&cli.StringFlag{Name: "timeout", Value: defaultWaitLimit, Usage: "wait no longer than `DURATION`; 0: as long as it takes (default: " + defaultWaitLimit + ")"},
		},
		Action: onBond(wait),
	}
}

func wait(c *cli.Context, h *bond.Host, name string) error {
	const help = "bondctl wait --help"
	what := bond.Usable(c.String("for"))
	if !slices.Contains([]bond.Usable{bond.HasLink, bond.HasAddress, bond.HasRoute}, what) {
		return usage(fmt.Sprintf("--for: %q is none of what can be waited for; it takes link, address or route", what), help)
	}
	limit, err := time.ParseDuration(c.String("timeout"))
	if err != nil || limit < 0 {
		return usage(fmt.Sprintf("--timeout: %q is not a duration; write one such as 30s, or 0", c.String("timeout")), help)
	}
	err = h.WaitUsable(c.Context, name, what, limit)
	if !errors.Is(err, bond.ErrUnusable) {
		return err
	}
	st, statusErr := h.Status(name)
	switch {
	case c.Context.Err() != nil:
		return fmt.Errorf("%s: it was interrupted", name)
	case errors.Is(statusErr, bond.ErrNoBond):
		return hinted(fmt.Errorf("%s: there is no such bond after %s", name, limit), "bondctl up --help")
	case statusErr != nil || what.Lacks(st) == "": // it has it by now
		return statusErr
	}
	return hinted(fmt.Errorf("%s has no %s after %s: %s", name, what.Lacks(st), limit, st.HealthReason), "bondctl status "+name)
}
