package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/reach"
)

func switchCommand() *cli.Command {
	return &cli.Command{
		Name:      "switch",
		Usage:     "make a member the active slave now",
		ArgsUsage: "[NAME] MEMBER",
		Description: "It stays active until the kernel selects anew: when its link fails, and, as primary_reselect " +
			"says, when the link returns of the primary or of a member with a higher prio. The answer says which it will be.\n\n" +
			"  bondctl switch wlan0\n" +
			"  bondctl switch office wlan0\n\n" +
			"Exit status: 0 done, 1 refused (the member has no link), or failed and switched back, 2 usage.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "verify", Value: defaultSwitchVerify, Usage: "switch back unless who answered before, each default route's gateway and the machine that you are logged in from, answers within `DURATION`; 0: don't ask (default: " + defaultSwitchVerify + ")"},
		},
		Action: switchActive,
	}
}

func switchActive(c *cli.Context) error {
	name, member := defaultName, c.Args().First()
	switch c.NArg() {
	case 0:
		return usage("no member is named; write bondctl switch [NAME] MEMBER", "bondctl switch --help")
	case 1:
	case 2:
		name, member = member, c.Args().Get(1)
	default:
		return surplus(c.Command, c.Args().Get(2))
	}
	if err := checkName(name); err != nil {
		return err
	}
	if err := bond.CheckMemberName(member); err != nil {
		return usage(err.Error(), "")
	}
	limit, err := verifyFlag(c)
	if err != nil {
		return err
	}
	h, err := openHost(c)
	if err != nil {
		return err
	}
	defer h.Close()
	w := how(c)
	if limit > 0 {
		if w.Verify, err = verifySwitch(c, h, name, member, limit); err != nil {
			return err
		}
	}
	slave, until, err := h.Switch(c.Context, name, member, w)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s: %s is active; %s\n", printable(name), printable(slave), printable(until))
	return nil
}

// defaultSwitchVerify is how long the gateways have to answer over another slave.
const defaultSwitchVerify = "5s"

// verifySwitch asks who answers over the bond, and returns what asks them again.
func verifySwitch(c *cli.Context, h *bond.Host, name, member string, limit time.Duration) (func(context.Context) error, error) {
	gateways, err := h.Gateways(name)
	if err != nil {
		return nil, err
	}
	asks := questionsTo(h, gateways, func(link string) bool { return link == name }).Answered(c.Context)
	if len(asks) == 0 {
		return nil, nil
	}
	return func(ctx context.Context) error {
		return asks.Silent(ctx, h, limit, reach.Unchanged).Err("over "+member, limit)
	}, nil
}
