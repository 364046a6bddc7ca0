package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/keeper"
	"github.com/bondctl/bondctl/bond/manager"
	"github.com/bondctl/bondctl/bond/owner"
)

// owners are those that hold members which are about to join a bond: network managers and DHCP
// clients.
type owners struct {
	c      *cli.Context
	host   *bond.Host
	config bond.Config

	joining []string // the members
	clients []owner.Client
	holds   []manager.Hold
	heirs   []*owner.Link // whose leases go on: a bond has one, of a group each member
	taken   bool          // they are written down, and perhaps stopped
}

// findOwners finds those of members that are about to join, and changes nothing. The error
// is a [*bond.ObstacleError] where one can't let go of its interface, and a [*heldError] where
// a network manager isn't to.
func findOwners(c *cli.Context, h *bond.Host, config bond.Config, plan bond.Plan) (*owners, error) {
	joining := plan.Joining()
	found := &owners{c: c, host: h, config: config, joining: joining}
	if joining == nil {
		return found, nil
	}
	var err error
	if found.holds, err = findHolds(c.Context, h, config, joining); err != nil {
		return nil, err
	}
	if found.clients, err = owner.Find(joining); err != nil {
		return nil, fmt.Errorf("find DHCP clients: %w", err)
	}
	switch {
	case config.ByRoutes():
		found.heirs = heirs(found.links(), plan.Leasing())
	case config.WantsDHCP():
		all := heirs(found.links(), joining)
		found.heirs = all[:min(1, len(all))]
	}
	for _, client := range found.clients {
		if what := client.Obstacle(); what != "" {
			return nil, &bond.ObstacleError{Bond: config.Name, What: what, Mend: bond.Messagef("leave the member out for now")}
		}
	}
	if found.heirs != nil && c.Bool("once") {
		heir := found.heirs[0]
		return nil, &bond.ObstacleError{
			Bond: config.Name, What: fmt.Sprintf("%s of %s is lent by DHCP, and with --once nobody would renew it", heir.Lease.Address.Addr(), heir.Interface),
			Mend: bond.Messagef("leave --once out"),
		}
	}
	return found, nil
}

// links are what the owners know of the members that they hold.
func (f *owners) links() (all []*owner.Link) {
	for _, client := range f.clients {
		for i := range client.Links {
			all = append(all, &client.Links[i])
		}
	}
	for i := range f.holds {
		all = append(all, &f.holds[i].Link)
	}
	return all
}

// foretellOwners plans, for a dry run, and says what would become of the owners of members that
// would join, and of those of slaves. The plan knows of their leases.
func foretellOwners(c *cli.Context, h *bond.Host, config bond.Config) (bond.Plan, error) {
	plan, err := h.Plan(config)
	if err != nil {
		return plan, err
	}
	owners, err := findOwners(c, h, config, plan)
	if err == nil && config.TakeOver {
		err = owners.addSlaves()
	}
	if err != nil || len(owners.clients)+len(owners.holds) == 0 {
		return plan, err
	}
	owners.tell()
	config.Lent = owners.lent()
	return h.Plan(config)
}

// heirs are the links of members that have a lease, in the order of these; nil for none.
func heirs(links []*owner.Link, members []string) (all []*owner.Link) {
	for _, name := range members {
		if i := slices.IndexFunc(links, func(l *owner.Link) bool { return l.Interface == name && l.Lease != nil }); i >= 0 {
			all = append(all, links[i])
		}
	}
	return all
}

// lent are the addresses that they were lent, and for how long yet, for bond.Config.
func (f *owners) lent() map[netip.Prefix]time.Duration {
	lent := map[netip.Prefix]time.Duration{}
	for _, link := range f.links() {
		if link.Lease != nil {
			lent[link.Lease.Address] = time.Until(link.Lease.Expiry)
		}
	}
	return lent
}

// time is how long they may take to let go.
func (f *owners) time() time.Duration { return time.Duration(len(f.holds)+len(f.clients)) * changeTime }

// takeOver has managers hand over and stops clients, and has the keeper go on with the lease.
// They are written down first, so that all is given back whatever happens. It is called under
// the apply lock.
func (f *owners) takeOver() error {
	if f == nil || len(f.clients)+len(f.holds) == 0 && !f.config.TakeOver {
		return nil
	}
	f.taken = true
	if err := owner.LedgerOf(f.host.StateDir(), f.config.Name).Add(f.clients); err != nil {
		return fmt.Errorf("note which DHCP clients are stopped: %w", err)
	}
	for _, heir := range f.heirs {
		if err := f.inherit(heir); err != nil {
			return err
		}
	}
	f.tell()
	if err := f.release(); err != nil {
		return err
	}
	return f.stop()
}

// leased is the member whose lease an heir's is from now on; "" where it is the bond's.
func (f *owners) leased(heir *owner.Link) string {
	if f.config.ByRoutes() {
		return heir.Interface
	}
	return ""
}

// inherit has the keeper go on with a link's lease.
func (f *owners) inherit(heir *owner.Link) error {
	err := keeper.Inherit(f.host, f.config.Name, f.leased(heir), *heir.Lease, heir.Identity)
	if errors.Is(err, keeper.ErrKept) {
		warn(f.c, "the lease of %s, which %s has, isn't renewed: %s has one, or a keeper that asks for it", heir.Lease.Address.Addr(), heir.Interface, f.config.Name)
		return nil
	}
	return err
}

// stop stops them, and those that have taken their places meanwhile: a client that goes to
// the background is another process from then on.
func (f *owners) stop() error {
	for left := f.clients; len(left) > 0; {
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
func (f *owners) tell() {
	for _, hold := range f.holds {
		f.say(fmt.Sprintf("have %s leave %s alone", hold.Manager, hold.Interface), &hold.Link)
		f.warnOf(&hold.Link)
	}
	for _, client := range f.clients {
		links := make([]*owner.Link, len(client.Links))
		for i := range links {
			links[i] = &client.Links[i]
		}
		f.say(fmt.Sprintf("stop %s, which holds %s", client, strings.Join(client.Interfaces(), ", ")), links...)
		if client.IPv6 {
			warn(f.c, "what %s was lent for %s isn't renewed: an IPv6 address holds as long as it was lent for", client, strings.Join(client.Interfaces(), ", "))
			continue
		}
		for _, link := range links {
			f.warnOf(link)
			if link.Lease == nil && f.heirs == nil && f.config.WantsDHCP() {
				warn(f.c, "it isn't known what %s was lent for %s; the keeper asks for an address", client, link.Interface)
			}
		}
	}
}

// say says what becomes of an owner of links, and of the lease if that goes on.
func (f *owners) say(line string, links ...*owner.Link) {
	for _, link := range links {
		if f.isHeir(link) {
			line += fmt.Sprintf("; its lease of %s goes on", link.Lease.Address.Addr())
		}
	}
	fmt.Fprintln(f.c.App.Writer, printable(line))
}

func (f *owners) isHeir(link *owner.Link) bool {
	return link.Lease != nil && slices.ContainsFunc(f.heirs, func(h *owner.Link) bool { return h.Interface == link.Interface })
}

// warnOf says where a link's lease doesn't go on.
func (f *owners) warnOf(link *owner.Link) {
	switch {
	case link.Lease == nil || f.isHeir(link):
	case f.config.ByRoutes():
		warn(f.c, "the lease of %s, which %s has, isn't renewed: the file has other addresses for it", link.Lease.Address.Addr(), link.Interface)
	case f.config.WantsDHCP():
		warn(f.c, "the lease of %s, which %s has, isn't renewed: a bond has one", link.Lease.Address.Addr(), link.Interface)
	}
}

// addSlaves adds the managers that look after slaves, and haven't handed them over.
func (f *owners) addSlaves() error {
	st, err := f.host.Brief(f.config.Name)
	if errors.Is(err, bond.ErrNoBond) || !f.host.InitialNamespace() {
		return nil
	}
	if err != nil {
		return err
	}
	inForce, _, err := manager.LedgerOf(f.config.Name).Handovers()
	if err != nil {
		return err
	}
	holds, err := manager.Holds(f.c.Context, slavesOf(st))
	for _, hold := range holds {
		has := func(h manager.Handover) bool { return h.Manager == hold.Manager && h.Has(hold.Interface) }
		switch {
		case hold.Obstacle != "":
			warn(f.c, "%s", hold.Obstacle)
		case !slices.ContainsFunc(inForce, has):
			f.holds = append(f.holds, hold)
		}
	}
	return err
}

// slavesOf are the members that are enslaved.
func slavesOf(st bond.Status) (names []string) {
	for _, m := range st.Members {
		if m.Role == bond.RoleActive || m.Role == bond.RoleBackup {
			names = append(names, m.Name)
		}
	}
	return names
}

// hasOwners says whether somebody gets links of a bond back, and goes on with the lease.
func hasOwners(h *bond.Host, name string) (bool, error) {
	clients, err := owner.LedgerOf(h.StateDir(), name).Clients()
	if len(clients) > 0 || err != nil || !h.InitialNamespace() {
		return len(clients) > 0, err
	}
	handovers, _, err := manager.LedgerOf(name).Handovers()
	return slices.ContainsFunc(handovers, func(h manager.Handover) bool { return len(h.Holds) > 0 }), err
}

// giveBack is for an up that has failed: it takes the lease from the keeper, and gives the
// links back.
func (f *owners) giveBack() {
	if f == nil || !f.taken {
		return
	}
	for _, heir := range f.heirs {
		if err := keeper.Disinherit(f.host, f.config.Name, f.leased(heir)); err != nil {
			warn(f.c, "%v", err)
		}
	}
	giveBackOwners(f.c, f.host, f.config.Name)
}

// giveBackOwners starts the DHCP clients again that were stopped for a bond, and has network
// managers look after its links again. While the bond stands, they get back what it doesn't want
// any more. It is for down, for an up that has released members or has failed, and for whoever
// puts either back.
func giveBackOwners(c *cli.Context, h *bond.Host, name string) {
	ctx := context.WithoutCancel(c.Context) // an interrupted up has them started, too
	st, err := h.Brief(name)
	if err != nil && !errors.Is(err, bond.ErrNoBond) {
		warn(c, "%v", err)
		return
	}
	used, err := inUse(h, st, name)
	if err != nil {
		warn(c, "%v", err)
		return
	}
	reclaim(ctx, c, h, name, used)
	started, err := owner.LedgerOf(h.StateDir(), name).GiveBack(ctx, used)
	for _, client := range started {
		fmt.Fprintf(c.App.Writer, "start %s again on %s\n", client.Program, printable(strings.Join(client.Interfaces(), ", ")))
	}
	if err != nil {
		warn(c, "%v", err)
	}
}

// inUse are the links that owners don't get back while the bond stands: slaves, members that are
// yet to join, and what is lent an address with which the bond goes on.
func inUse(h *bond.Host, st bond.Status, name string) (names []string, err error) {
	for _, m := range st.Members {
		names = append(names, m.Name)
	}
	var links []owner.Link
	clients, err := owner.LedgerOf(h.StateDir(), name).Clients()
	for _, c := range clients {
		links = append(links, c.Links...)
	}
	if err == nil && h.InitialNamespace() {
		var handovers []manager.Handover
		handovers, _, err = manager.LedgerOf(name).Handovers()
		for _, handover := range handovers {
			for _, hold := range handover.Holds {
				links = append(links, hold.Link)
			}
		}
	}
	for _, link := range links {
		if link.Lease != nil && slices.Contains(st.Addresses, link.Lease.Address) {
			names = append(names, link.Interface)
		}
	}
	return names, err
}

// giveBackReleased is giveBackOwners for an up that is done: members that it has released go
// back to their owners.
func giveBackReleased(c *cli.Context, h *bond.Host, name string) {
	if owned, err := hasOwners(h, name); err != nil {
		warn(c, "%v", err)
	} else if owned {
		giveBackOwners(c, h, name)
	}
}
