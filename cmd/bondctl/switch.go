package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
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
			"Exit status: 0 done, 1 failed or refused (the member has no link), 2 usage.",
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
	h, err := openHost(c)
	if err != nil {
		return err
	}
	defer h.Close()
	slave, until, err := h.Switch(c.Context, name, member, how(c))
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s: %s is active; %s\n", printable(name), printable(slave), printable(until))
	return nil
}
