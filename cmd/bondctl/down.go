package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/keeper"
)

func downCommand() *cli.Command {
	return &cli.Command{
		Name:      "down",
		Usage:     "take the bond away and give every member back as it was found",
		ArgsUsage: "[NAME]",
		Description: "down stops the keeper first, and gives its lease back. A service that up --save enabled starts again at the next boot, unless systemctl disable bondctl@NAME says otherwise. Each member gets back its admin state, MAC address and MTU and all that it carried. DHCP clients that up stopped are started again, with the lease that they had, and network managers look after the members again that they handed over. A bond is refused without --force if bondctl didn't make it, if it carries something which would go with it, or if the machine would be left without an address, as the member that had it isn't there. Where there is no such bond, that is said, and is no error.\n\n" +
			"Where members get addresses back, a guardian waits beside down as it does beside up. The gateways must answer over the members as they did over the bond, or else the bond is put back, with its keeper. A change of up that waits to be confirmed goes with the bond; one that was cut short, and its guardian as well, is put back first.\n\n" +
			"  bondctl down\n" +
			"  bondctl down office\n\n" +
			"Exit status: 0 done or nothing to do, 1 failed, put back or refused, 2 usage.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "verify", Value: defaultDownVerify, Usage: "put the bond back unless who answered before, each gateway that the members get back and the machine that you are logged in from, answers within `DURATION`; 0: don't ask (default: " + defaultDownVerify + ")"},
			&cli.BoolFlag{Name: "force", Usage: "take away a bond that is refused otherwise; the members of one that bondctl didn't make are left down"},
		},
		Action: onBond(down),
	}
}

// takeDownKeeper ends the keeper and what it leaves running.
func takeDownKeeper(c *cli.Context, h *bond.Host, name string) error {
	if err := stopKeeper(c, h, name); err != nil {
		return err
	}
	notes, err := keeper.TakeDown(c.Context, h, name)
	warnAll(c, notes)
	return err
}

func warnAll(c *cli.Context, notes []string) {
	for _, note := range notes {
		warn(c, "%s", note)
	}
}

func down(c *cli.Context, h *bond.Host, name string) error {
	limit, err := verifyFlag(c)
	if err != nil {
		return err
	}
	if err := endTrial(c, h, name); err != nil {
		return err
	}
	if err := h.MayTakeDown(name, c.Bool("force")); err != nil {
		return err
	}
	t := &downTrial{trial: trial{c: c, h: h, config: bond.Config{Name: name}}}
	if err := t.begin(limit); err != nil {
		return err
	}
	plan, err := t.takeDown()
	if errors.Is(err, bond.ErrNoBond) {
		fmt.Fprintf(c.App.Writer, "%s: no such bond, nothing to do\n", name)
		giveBackOwners(c, h, name) // an up was killed that had done no more
		return nil
	}
	for _, note := range plan.Notes {
		warn(c, "%s", note)
	}
	for _, step := range plan.Steps {
		fmt.Fprintln(c.App.Writer, printable(step.String()))
	}
	if err == nil {
		giveBackOwners(c, h, name)
	}
	return err
}
