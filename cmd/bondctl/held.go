package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/manager"
)

// A heldError says which members network managers look after, and how they are handed over.
type heldError struct {
	bond      string
	holds     []manager.Hold
	handovers []manager.Handover
}

func (e *heldError) Error() string {
	var lines []string
	for _, h := range e.holds {
		line := fmt.Sprintf("%s looks after %s", h.Manager, h.Interface)
		if h.Follows != "" {
			line += ", by " + h.Follows
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// Hint has the flag first, and then what to do by hand.
func (e *heldError) Hint() string {
	lines := []string{"--take-over has it hand them over till the next boot, and with --save for good; bondctl down hands them back"}
	for _, h := range e.handovers {
		if by := h.Lines(); len(by) > 0 {
			lines = append(lines, "by hand, for "+h.Manager+":")
			for _, line := range by {
				lines = append(lines, "  "+line)
			}
		}
	}
	return strings.Join(lines, "\n")
}

// findHolds finds the members about to join that network managers look after. The error is a
// [*heldError] where they aren't to hand them over.
func findHolds(ctx context.Context, h *bond.Host, config bond.Config, joining []string) ([]manager.Hold, error) {
	if !h.InitialNamespace() {
		return nil, nil // managers are in the first one
	}
	holds, err := manager.Holds(ctx, joining)
	if err != nil || len(holds) == 0 {
		return nil, err
	}
	for _, hold := range holds {
		if hold.Obstacle != "" {
			return nil, &bond.ObstacleError{Bond: config.Name, What: hold.Obstacle, Mend: bond.Messagef("leave the member out for now")}
		}
	}
	if config.TakeOver {
		return holds, nil
	}
	_, resting, err := manager.LedgerOf(config.Name).Handovers()
	if err != nil || saidBefore(holds, resting) {
		return holds, err
	}
	return nil, &heldError{bond: config.Name, holds: holds, handovers: manager.Plan(config.Name, matches(config), holds)}
}

// saidBefore tells whether each that holds a link has handed links over for good: that was said
// once for all.
func saidBefore(holds []manager.Hold, resting []manager.Handover) bool {
	return !slices.ContainsFunc(holds, func(hold manager.Hold) bool {
		return !slices.ContainsFunc(resting, func(h manager.Handover) bool { return h.Manager == hold.Manager })
	})
}

// matches are a bond's members as managers are told of them.
func matches(config bond.Config) (all []manager.Match) {
	for _, m := range config.Members {
		match := manager.Match{Name: m.Name, Kind: m.Kind, Driver: m.Driver, Bus: m.Bus}
		if m.MAC != nil {
			match.MAC = m.MAC.String()
		}
		all = append(all, match)
	}
	return all
}

// release has the managers hand over: the members that they look after, and those that are yet
// to come.
func (f *owners) release() error {
	if !f.host.InitialNamespace() || len(f.holds) == 0 && !f.config.TakeOver {
		return nil
	}
	return manager.LedgerOf(f.config.Name).Release(f.c.Context, manager.Plan(f.config.Name, matches(f.config), f.holds))
}

// reclaim has network managers look after a bond's links again, but for those in use.
func reclaim(ctx context.Context, c *cli.Context, h *bond.Host, name string, inUse []string) {
	if !h.InitialNamespace() {
		return
	}
	back, err := manager.LedgerOf(name).Reclaim(ctx, inUse)
	for _, hold := range back {
		fmt.Fprintf(c.App.Writer, "have %s look after %s again\n", hold.Manager, printable(hold.Interface))
	}
	if err != nil {
		warn(c, "%v", err)
	}
}
