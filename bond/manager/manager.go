package manager

import (
	"context"
	"errors"
	"slices"

	"github.com/bondctl/bondctl/bond/owner"
)

// The managers that are known.
const (
	NetworkManager = "NetworkManager"
	Networkd       = "systemd-networkd"
	Ifupdown       = "ifupdown"
)

// A Hold is a link that a manager looks after.
type Hold struct {
	// Link is the interface, and what the manager's own DHCP client was lent for it.
	owner.Link
	Manager string `json:"manager"`
	// Follows names what the manager does there: a connection, a .network file, a stanza; ""
	// where it does nothing yet. Restore is that for the manager itself, to take it up again.
	Follows string `json:"follows,omitempty"`
	Restore string `json:"restore,omitempty"`
	// Obstacle says why the link can't be handed over; "" where it can.
	Obstacle string `json:"obstacle,omitempty"`
}

// A Match is a member of a bond as its configuration has it: a name or, where anything else is
// set or the name has a *, whatever hardware matches it all.
type Match struct {
	Name   string `json:"name,omitempty"`
	Kind   string `json:"kind,omitempty"` // wired or wifi
	MAC    string `json:"mac,omitempty"`  // the permanent one
	Driver string `json:"driver,omitempty"`
	Bus    string `json:"bus,omitempty"` // such as usb or pci
}

// A Handover is what one manager hands over to a bond.
type Handover struct {
	Manager string  `json:"manager"`
	Bond    string  `json:"bond"`
	Members []Match `json:"members"` // all of the bond's
	Holds   []Hold  `json:"holds"`   // the links that it looked after
	// Lasting says that the handover outlives a reboot.
	Lasting bool `json:"lasting,omitempty"`
	// Untold says that the manager is yet to be told, or hasn't done as it was.
	Untold bool `json:"untold,omitempty"`
	// Left is what goes on of the handover while the rest is handed back; nil for nothing.
	Left *Handover `json:"-"`
}

// backend is what this package asks of a manager.
type backend interface {
	// runs says, at next to no cost, whether the manager may look after anything here.
	runs() bool
	// holds are those of the interfaces that it looks after.
	holds(ctx context.Context, interfaces []string) ([]Hold, error)
	// lines are what somebody does to hand over by hand, each a shell command or a line of a
	// file that the line before names.
	lines(h Handover) []string
	// release has it leave the members alone. It may be called again, also where Lasting
	// has changed, and returns once the manager has let go.
	release(ctx context.Context, h Handover) error
	// reclaim has it look after the links again, as it did. It may be called where release was
	// not, or not to its end, and where it was called already.
	reclaim(ctx context.Context, h Handover) error
}

// backends are those of the managers, in the order in which they are asked.
var backends = []struct {
	name string
	backend
}{
	{NetworkManager, networkManager{}},
	{Networkd, networkd{}},
	{Ifupdown, ifUpDown{}},
	{Connman, bystander{"connman.service", connmanObstacle}},
	{IWD, bystander{"iwd.service", iwdObstacle}},
}

func backendOf(name string) backend {
	for _, b := range backends {
		if b.name == name {
			return b
		}
	}
	return stranger(name)
}

// Holds are those of the interfaces that managers look after. It must be called where the
// managers are: in the machine's first network namespace. It goes on where a manager doesn't
// answer; the error has all that went wrong.
func Holds(ctx context.Context, interfaces []string) (all []Hold, err error) {
	if len(interfaces) == 0 {
		return nil, nil
	}
	for _, b := range backends {
		if !b.runs() {
			continue
		}
		found, failed := b.holds(ctx, interfaces)
		all, err = append(all, found...), errors.Join(err, failed)
	}
	return all, err
}

// Plan are the handovers to a bond with these members: of the managers that hold some, and of
// others that run and might take what comes later.
func Plan(bond string, members []Match, holds []Hold) (all []Handover) {
	for _, b := range backends {
		mine := slices.DeleteFunc(slices.Clone(holds), func(h Hold) bool { return h.Manager != b.name })
		if len(mine) > 0 || b.runs() {
			all = append(all, Handover{Manager: b.name, Bond: bond, Members: members, Holds: mine})
		}
	}
	return all
}

// Lines are what somebody does to hand over by hand, and lastingly: shell commands, and files
// with what belongs in them.
func (h Handover) Lines() []string { return backendOf(h.Manager).lines(h) }

// Has says whether a link is among those that were handed over.
func (h Handover) Has(name string) bool {
	return slices.ContainsFunc(h.Holds, func(hold Hold) bool { return hold.Interface == name })
}
