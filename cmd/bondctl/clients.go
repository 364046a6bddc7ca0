package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/keeper"
	"github.com/bondctl/bondctl/bond/owner"
)

// findClients finds the DHCP clients that hold members which are about to join. The error is
// a [*bond.ObstacleError] where one can't let go of its interface.
func findClients(c *cli.Context, config bond.Config, joining []string) ([]owner.Client, error) {
	if len(joining) == 0 {
		return nil, nil
	}
	found, err := owner.Find(joining)
	if err != nil {
		return nil, fmt.Errorf("find DHCP clients: %w", err)
	}
	for _, client := range found {
		if what := client.Obstacle(); what != "" {
			return nil, &bond.ObstacleError{Bond: config.Name, What: what, Mend: bond.Messagef("leave the member out for now")}
		}
	}
	if link := heir(found, joining); link != nil && config.WantsDHCP() && c.Bool("once") {
		return nil, &bond.ObstacleError{
			Bond: config.Name, What: fmt.Sprintf("%s of %s is lent by DHCP, and with --once nobody would renew it", link.Lease.Address.Addr(), link.Interface),
			Mend: bond.Messagef("leave --once out"),
		}
	}
	return found, nil
}

// heir is the first member's link whose lease can go on; nil where none can.
func heir(clients []owner.Client, joining []string) *owner.Link {
	for _, name := range joining {
		for _, client := range clients {
			for i, link := range client.Links {
				if link.Interface == name && link.Lease != nil {
					return &client.Links[i]
				}
			}
		}
	}
	return nil
}

// clientsText says what becomes of the DHCP clients, a line each.
func clientsText(c *cli.Context, config bond.Config, clients []owner.Client, joining []string) (lines []string) {
	next := heir(clients, joining)
	for _, client := range clients {
		line := fmt.Sprintf("stop %s, which holds %s", client, strings.Join(client.Interfaces(), ", "))
		goesOn := false
		for i, link := range client.Links {
			switch {
			case link.Lease == nil || !config.WantsDHCP():
			case next != nil && &client.Links[i] == next:
				line += fmt.Sprintf("; its lease of %s goes on", link.Lease.Address.Addr())
				goesOn = true
			default:
				warn(c, "the lease of %s, which %s has, isn't renewed: a bond has one", link.Lease.Address.Addr(), link.Interface)
			}
		}
		if client.IPv6 {
			warn(c, "the IPv6 lease that %s has for %s isn't renewed: its address holds as long as it was lent for", client, strings.Join(client.Interfaces(), ", "))
		} else if !goesOn && next == nil && config.WantsDHCP() {
			warn(c, "it isn't known what %s was lent for %s; the bond asks anew, as who it was", client, strings.Join(client.Interfaces(), ", "))
		}
		lines = append(lines, line)
	}
	return lines
}

// takeOverClients stops the DHCP clients that hold members which are about to join, and has
// the keeper go on with the lease. They are written down first, so that they are started
// again whatever happens. It returns those that it stopped, or was about to when it failed.
//
// It is for [bond.How.Begin]: right before the first change, under the apply lock.
func takeOverClients(c *cli.Context, h *bond.Host, config bond.Config, joining []string) ([]owner.Client, error) {
	found, err := findClients(c, config, joining)
	if len(found) == 0 || err != nil {
		return nil, err
	}
	ledger := owner.LedgerOf(h.StateDir(), config.Name)
	if err := ledger.Add(found); err != nil {
		return found, fmt.Errorf("note which DHCP clients are stopped: %w", err)
	}
	if link := heir(found, joining); link != nil && config.WantsDHCP() {
		err := keeper.Inherit(h, config.Name, *link.Lease, link.Identity)
		if errors.Is(err, keeper.ErrKept) {
			warn(c, "the lease of %s, which %s has, isn't renewed: %s has one, or a keeper that asks for it", link.Lease.Address.Addr(), link.Interface, config.Name)
		} else if err != nil {
			return found, err
		}
	}
	lines := clientsText(c, config, found, joining)
	for i, client := range found {
		if err := client.Stop(c.Context); err != nil {
			return found, err
		}
		fmt.Fprintln(c.App.Writer, printable(lines[i]))
	}
	return found, nil
}

// giveBackClients starts DHCP clients again that were stopped for a bond; nil is for all of
// them. Their interfaces must be as they were by then.
func giveBackClients(c *cli.Context, h *bond.Host, name string, clients []owner.Client) {
	ctx := context.WithoutCancel(c.Context) // an interrupted up has them started, too
	started, err := owner.LedgerOf(h.StateDir(), name).GiveBack(ctx, clients)
	for _, client := range started {
		fmt.Fprintf(c.App.Writer, "start %s again on %s\n", client.Program, printable(strings.Join(client.Interfaces(), ", ")))
	}
	if err != nil {
		warn(c, "%v", err)
	}
}

// returnClients is giveBackClients when an up has failed that took clients over.
func returnClients(c *cli.Context, h *bond.Host, name string, clients []owner.Client) {
	if len(clients) == 0 {
		return
	}
	if err := keeper.Disinherit(h, name); err != nil {
		warn(c, "%v", err)
	}
	giveBackClients(c, h, name, clients)
}
