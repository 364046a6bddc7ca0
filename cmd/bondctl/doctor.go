package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/doctor"
	"github.com/bondctl/bondctl/bond/manager"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:      "doctor",
		Usage:     "say what keeps the bond from working, and what mends it",
		ArgsUsage: "[NAME]",
		Description: "It checks the kernel, the members, and everybody else who has a say in them. " +
			"It changes nothing, and of what is wrong it says what was seen, why it matters, and what mends it, the worst first. " +
			"A bond whose checks are all right gets one line. What is only noted, such as a radio's power saving, counts as ok.\n\n" +
			"It goes by what up has recorded, or by the usual file. For a bond that is yet to be made, --config and up's other flags say what is wanted. " +
			"Without any of them the machine alone is looked at.\n\n" +
			"It needs no privilege, but says what it couldn't see without. To find a backup that receives nothing, it sends a few broadcasts " +
			"(UDP, port 9) over the bond.\n\n" +
			"  bondctl doctor\n" +
			"  bondctl doctor --member eth0 --member wlan0\n" +
			"  bondctl doctor office --json\n\n" +
			"Exit status: 0 ok, notes included, 1 something warns, 2 something fails: the bond, or a member, can't work; 3 anything else, usage included.",
		Flags:  append([]cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON: an object"}}, wantedFlags()...),
		Action: examine,
	}
}

// The exit statuses of doctor beside 0 and checkFailed.
const (
	doctorWarns exitError = 1
	doctorFails exitError = 2
)

func examine(c *cli.Context) error {
	name, err := bondName(c)
	if err != nil {
		return err
	}
	h, err := openHost(c)
	if err != nil {
		return err
	}
	defer h.Close()
	config, err := examined(c, h, name)
	if err != nil {
		return err
	}
	g := doctor.Gatherer{Host: h, Root: "/", Name: name, Config: config, Holds: holdsFor(name, config)}
	report := g.Gather(c.Context).Examine()
	if c.Bool("json") {
		err = writeJSON(c.App.Writer, report, "  ")
	} else {
		err = printReport(c.App.Writer, report)
	}
	switch {
	case err != nil:
		return err
	case report.Worst() == doctor.Fails:
		return doctorFails
	case report.Worst() == doctor.Warns:
		return doctorWarns
	}
	return nil
}

// examined is what is wanted: what the command line says, or else what is recorded, or else
// what the usual file says; nil for none of them.
func examined(c *cli.Context, h *bond.Host, name string) (*bond.Config, error) {
	if !c.IsSet("config") && flagSettings(c) == nil {
		recorded, err := h.Recorded(name)
		if err != nil {
			return nil, err
		}
		if recorded != nil {
			return &recorded.Config, nil
		}
	}
	wanted, err := namedConfig(c, name)
	if wanted == nil || err != nil {
		return nil, err
	}
	return &wanted.Config, nil
}

// holdsFor finds the members that network managers look after, and how they are handed over to
// a bond. Those that a manager has handed over before go without a word.
func holdsFor(name string, config *bond.Config) func(context.Context, []string) ([]doctor.Hold, error) {
	return func(ctx context.Context, interfaces []string) (all []doctor.Hold, err error) {
		_, resting, err := manager.LedgerOf(name).Handovers()
		ctx, cancel := context.WithTimeout(ctx, meddleTime)
		defer cancel()
		holds, errHolds := manager.Holds(ctx, interfaces)
		for _, h := range holds {
			if h.Obstacle != "" || !saidBefore([]manager.Hold{h}, resting) {
				all = append(all, holdOf(h, name, config))
			}
		}
		return all, errors.Join(err, errHolds)
	}
}

func holdOf(h manager.Hold, name string, config *bond.Config) doctor.Hold {
	hold := doctor.Hold{Manager: h.Manager, Interface: h.Interface, What: fmt.Sprintf("%s looks after %s", h.Manager, h.Interface)}
	if h.Follows != "" {
		hold.What += ", by " + h.Follows
	}
	if h.Obstacle != "" {
		hold.What, hold.Lines = h.Obstacle, []string{"leave the member out for now"}
		return hold
	}
	hold.Lines = []string{fmt.Sprintf("bondctl up %s --take-over has it hand the member over till the next boot, and with --save for good; by hand:", name)}
	members := []manager.Match{{Name: h.Interface}}
	if config != nil {
		members = matches(*config)
	}
	for _, handover := range manager.Plan(name, members, []manager.Hold{h}) {
		if handover.Manager == h.Manager {
			hold.Lines = append(hold.Lines, handover.Lines()...)
		}
	}
	return hold
}

// preflight makes the checks of what would make an up fail halfway. The error has the worst
// finding.
func preflight(name string) error {
	report := doctor.Preflight("/", name).Before()
	if report.Worst() != doctor.Fails {
		return nil
	}
	worst := report.Findings[0]
	return &unfitError{worst.Seen + "; " + worst.Why, worst.Mend}
}

// An unfitError says why there can be no bond on this machine. Nothing was changed.
type unfitError struct{ message, hint string }

func (e *unfitError) Error() string { return e.message }
func (e *unfitError) Hint() string  { return e.hint }
