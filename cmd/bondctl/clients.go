package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/keeper"
	"github.com/bondctl/bondctl/bond/owner"
)

// clients are the DHCP clients that hold members which are about to join a bond.
type clients struct {
	c      *cli.Context
	host   *bond.Host
	config bond.Config

	joining []string // the members
	all     []owner.Client
	heir    *owner.Link // whose lease goes on; nil for none
	taken   bool        // they are written down, and perhaps stopped
}

// findClients finds those of members that are about to join, and changes nothing. The error
// is a [*bond.ObstacleError] where one can't let go of its interface.
func findClients(c *cli.Context, h *bond.Host, config bond.Config, joining []string) (*clients, error) {
	found := &clients{c: c, host: h, config: config, joining: joining}
	var err error
	if found.all, err = owner.Find(joining); err != nil {
		return nil, fmt.Errorf("find DHCP clients: %w", err)
	}
	found.heir = heir(found.all, joining)
	if !config.WantsDHCP() {
		found.heir = nil
	}
	for _, client := range found.all {
		if what := client.Obstacle(); what != "" {
			return nil, &bond.ObstacleError{Bond: config.Name, What: what, Mend: bond.Messagef("leave the member out for now")}
		}
	}
	if found.heir != nil && c.Bool("once") {
		return nil, &bond.ObstacleError{
			Bond: config.Name, What: fmt.Sprintf("%s of %s is lent by DHCP, and with --once nobody would renew it", found.heir.Lease.Address.Addr(), found.heir.Interface),
			Mend: bond.Messagef("leave --once out"),
		}
	}
	return found, nil
}

// foretellClients plans, for a dry run, and says what would become of the DHCP clients of
// members that would join. The plan knows of their leases.
func foretellClients(c *cli.Context, h *bond.Host, config bond.Config) (bond.Plan, error) {
	plan, err := h.Plan(config)
	if err != nil || plan.Joining() == nil {
		return plan, err
	}
	clients, err := findClients(c, h, config, plan.Joining())
	if err != nil || len(clients.all) == 0 {
		return plan, err
	}
	clients.tell()
	config.Lent = clients.lent()
	return h.Plan(config)
}

// heir is the link whose lease goes on: of the first member that has one; nil for none.
func heir(all []owner.Client, joining []string) *owner.Link {
	for _, name := range joining {
		for _, client := range all {
			for i, link := range client.Links {
				if link.Interface == name && link.Lease != nil {
					return &client.Links[i]
				}
			}
		}
	}
	return nil
}

// lent are the addresses that they were lent, and for how long yet, for bond.Config.
func (f *clients) lent() map[netip.Prefix]time.Duration {
	lent := map[netip.Prefix]time.Duration{}
	for _, client := range f.all {
		for _, link := range client.Links {
			if link.Lease != nil {
				lent[link.Lease.Address] = time.Until(link.Lease.Expiry)
			}
		}
	}
	return lent
}

// takeOver stops them, and has the keeper go on with the lease. They are written down first,
// so that they are started again whatever happens. It is called under the apply lock.
func (f *clients) takeOver() error {
	if f == nil || len(f.all) == 0 {
		return nil
	}
	f.taken = true
	if err := owner.LedgerOf(f.host.StateDir(), f.config.Name).Add(f.all); err != nil {
		return fmt.Errorf("note which DHCP clients are stopped: %w", err)
	}
	if f.heir != nil {
		err := keeper.Inherit(f.host, f.config.Name, *f.heir.Lease, f.heir.Identity)
		if errors.Is(err, keeper.ErrKept) {
			warn(f.c, "the lease of %s, which %s has, isn't renewed: %s has one, or a keeper that asks for it", f.heir.Lease.Address.Addr(), f.heir.Interface, f.config.Name)
		} else if err != nil {
			return err
		}
	}
	f.tell()
	return f.stop()
}

// stop stops them, and those that have taken their places meanwhile: a client that goes to
// the background is another process from then on.
func (f *clients) stop() error {
	for left := f.all; len(left) > 0; {
		for _, client := range left {
			if err := client.Stop(f.c.Context); err != nil {
				return err
			}
		}
		var err error
		if left, err = owner.Find(f.joining); err != nil {
			return err
		}
		if err := owner.LedgerOf(f.host.StateDir(), f.config.Name).Add(left); err != nil {
			return err
		}
	}
	return nil
}

// tell says what becomes of them: as results, and as warnings what doesn't go on.
func (f *clients) tell() {
	for _, client := range f.all {
		line := fmt.Sprintf("stop %s, which holds %s", client, strings.Join(client.Interfaces(), ", "))
		for i := range client.Links {
			if link := &client.Links[i]; link == f.heir {
				line += fmt.Sprintf("; its lease of %s goes on", link.Lease.Address.Addr())
			}
		}
		fmt.Fprintln(f.c.App.Writer, printable(line))
		f.warnOf(client)
	}
}

// warnOf says which of a client's leases don't go on.
func (f *clients) warnOf(client owner.Client) {
	if client.IPv6 {
		warn(f.c, "what %s was lent for %s isn't renewed: an IPv6 address holds as long as it was lent for", client, strings.Join(client.Interfaces(), ", "))
		return
	}
	for i, link := range client.Links {
		switch {
		case !f.config.WantsDHCP() || &client.Links[i] == f.heir:
		case link.Lease != nil:
			warn(f.c, "the lease of %s, which %s has, isn't renewed: a bond has one", link.Lease.Address.Addr(), link.Interface)
		case f.heir == nil:
			warn(f.c, "it isn't known what %s was lent for %s; the keeper asks for an address", client, link.Interface)
		}
	}
}

// giveBack is for an up that has failed: it takes the lease from the keeper, and starts the
// clients again.
func (f *clients) giveBack() {
	if f == nil || !f.taken {
		return
	}
	if err := keeper.Disinherit(f.host, f.config.Name); err != nil {
		warn(f.c, "%v", err)
	}
	giveBackClients(f.c, f.host, f.config.Name)
}

// giveBackClients starts the DHCP clients again that were stopped for a bond, but for those
// whose interfaces are still its slaves. It is for down, for an up that has failed, and for
// whoever puts either back.
func giveBackClients(c *cli.Context, h *bond.Host, name string) {
	ctx := context.WithoutCancel(c.Context) // an interrupted up has them started, too
	var slaves []string
	st, err := h.Brief(name)
	if err != nil && !errors.Is(err, bond.ErrNoBond) {
		warn(c, "%v", err)
		return
	}
	for _, m := range st.Members {
		if m.Role == bond.RoleActive || m.Role == bond.RoleBackup {
			slaves = append(slaves, m.Name)
		}
	}
	started, err := owner.LedgerOf(h.StateDir(), name).GiveBack(ctx, slaves)
	for _, client := range started {
		fmt.Fprintf(c.App.Writer, "start %s again on %s\n", client.Program, printable(strings.Join(client.Interfaces(), ", ")))
	}
	if err != nil {
		warn(c, "%v", err)
	}
}
