package bond

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Step is one change of the kernel's state. It knows both sides, before and
// after, so that it can be said in words and taken back.
type Step interface {
	// String says the step in words, as --dry-run and --verbose print it.
	String() string
	// inverse is what takes the step back, in order.
	inverse() []Step
}

// A Change is an option's step from one value to another, as text.
type Change struct{ Key, From, To string }

func (c Change) String() string {
	return fmt.Sprintf("%s %s -> %s", c.Key, orNone(c.From), orNone(c.To))
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// CreateBond makes the bond with its options, and brings it up: one RTM_NEWLINK.
type CreateBond struct {
	Name    string
	Options []Change // From is what a bond has by default
	MAC     HardwareAddr
	MTU     int
}

func (s CreateBond) String() string {
	said := []string{"mode active-backup"}
	for _, c := range s.Options {
		if c.From != c.To {
			said = append(said, c.Key+" "+c.To)
		}
	}
	if s.MAC != nil {
		said = append(said, "address "+s.MAC.String())
	}
	if s.MTU != defaultMTU {
		said = append(said, fmt.Sprintf("mtu %d", s.MTU))
	}
	return fmt.Sprintf("create %s: %s", s.Name, strings.Join(said, ", "))
}

func (s CreateBond) inverse() []Step { return []Step{DeleteBond{s.Name}} }

// DeleteBond takes the bond away; the kernel releases its slaves.
type DeleteBond struct{ Name string }

func (s DeleteBond) String() string  { return "delete " + s.Name }
func (s DeleteBond) inverse() []Step { return nil } // nothing is ever planned behind it that could fail and be undone

// SetOptions changes options of a bond that exists.
type SetOptions struct {
	Bond    string
	Changes []Change // From may be To where the kernel wants an option said again beside another
}

func (s SetOptions) String() string {
	var said []string
	for _, c := range s.Changes {
		if c.From != c.To {
			said = append(said, c.String())
		}
	}
	return fmt.Sprintf("set on %s: %s", s.Bond, strings.Join(said, ", "))
}

// inverse leaves the mode for last: the one that a bond goes back to may refuse
// what active-backup knows (EACCES for primary), 0 and none included.
func (s SetOptions) inverse() []Step {
	var mode, rest []Change
	for _, c := range s.Changes {
		back := Change{c.Key, c.To, c.From}
		if c.Key == "mode" {
			mode = append(mode, back)
		} else {
			rest = append(rest, back)
		}
	}
	var steps []Step
	for _, changes := range [][]Change{rest, mode} {
		if changes != nil {
			steps = append(steps, SetOptions{s.Bond, changes})
		}
	}
	return steps
}

// messages parts the changes into the messages that the kernel takes.
//
// A delay is refused (EPERM) while miimon is 0, 0 itself included, and a later
// miimon rescales it: so miimon and the delays travel together, and where
// miimon is to become 0 the delays go first, under the old miimon.
func (s SetOptions) messages() [][]Change {
	i := slices.IndexFunc(s.Changes, func(c Change) bool { return c.Key == "miimon" })
	if i < 0 || s.Changes[i].To != "0" {
		return [][]Change{s.Changes}
	}
	var delays, rest []Change
	for _, c := range s.Changes {
		if isDelay(c.Key) {
			delays = append(delays, c)
		} else {
			rest = append(rest, c)
		}
	}
	if len(delays) == 0 || s.Changes[i].From == "0" {
		return [][]Change{rest}
	}
	old := s.Changes[i].From
	return [][]Change{append([]Change{{"miimon", old, old}}, delays...), rest}
}

func isDelay(key string) bool {
	return key == "updelay" || key == "downdelay" || key == "peer_notif_delay"
}

// SetLink brings a link's admin state, MAC address and MTU from one setting to
// another; what it finds as wanted it leaves alone.
type SetLink struct {
	Name     string
	From, To LinkSettings
}

func (s SetLink) String() string {
	var said []string
	if s.From.Up != s.To.Up {
		said = append(said, upDown(s.To.Up))
	}
	if s.From.MAC.String() != s.To.MAC.String() && s.To.MAC != nil {
		said = append(said, "address "+s.To.MAC.String())
	}
	if s.From.MTU != s.To.MTU {
		said = append(said, fmt.Sprintf("mtu %d", s.To.MTU))
	}
	return fmt.Sprintf("set %s %s", s.Name, strings.Join(said, ", "))
}

func upDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

func (s SetLink) inverse() []Step { return []Step{SetLink{s.Name, s.To, s.From}} }

// GiveBack brings a link that is no member any more to the settings that it had.
type GiveBack struct {
	Name string
	To   LinkSettings
}

func (s GiveBack) String() string {
	return fmt.Sprintf("give %s back: %s, address %s, mtu %d", s.Name, upDown(s.To.Up), s.To.MAC, s.To.MTU)
}
func (s GiveBack) inverse() []Step { return nil } // the inverse of what released the link takes it in again

// Enslave takes a member in: down and into the bond in one message, since the
// kernel takes no member that is up, and ups it itself.
type Enslave struct {
	Bond, Member string
	Was          LinkSettings
}

func (s Enslave) String() string { return fmt.Sprintf("enslave %s to %s", s.Member, s.Bond) }

func (s Enslave) inverse() []Step {
	return []Step{Release{Bond: s.Bond, Member: s.Member}, GiveBack{s.Member, s.Was}}
}

// Release lets a slave go. The kernel gives it back its MAC address and MTU,
// and leaves it down.
type Release struct {
	Bond, Member string
	Prio         string // that it had; "" where it is not known
}

func (s Release) String() string { return fmt.Sprintf("release %s from %s", s.Member, s.Bond) }

func (s Release) inverse() []Step {
	back := []Step{Enslave{Bond: s.Bond, Member: s.Member}}
	if s.Prio != "" && s.Prio != "0" {
		back = append(back, SetPrio{s.Bond, s.Member, "0", s.Prio})
	}
	return back
}

// SetPrio sets a slave's failover priority (IFLA_BOND_SLAVE_PRIO).
type SetPrio struct{ Bond, Member, From, To string }

func (s SetPrio) String() string {
	return fmt.Sprintf("set prio of %s in %s: %s -> %s", s.Member, s.Bond, s.From, s.To)
}
func (s SetPrio) inverse() []Step { return []Step{SetPrio{s.Bond, s.Member, s.To, s.From}} }

// SetActive makes a slave the active one (IFLA_BOND_ACTIVE_SLAVE).
type SetActive struct{ Bond, From, To string }

func (s SetActive) String() string {
	return fmt.Sprintf("switch %s from %s to %s", s.Bond, orNone(s.From), s.To)
}
func (s SetActive) inverse() []Step { return nil } // a plan never has it among others

// AddAddress gives the bond an address (RTM_NEWADDR).
type AddAddress struct {
	Bond    string
	Address netip.Prefix
}

func (s AddAddress) String() string  { return fmt.Sprintf("add %s to %s", s.Address, s.Bond) }
func (s AddAddress) inverse() []Step { return []Step{DelAddress(s)} }

// DelAddress takes an address from the bond (RTM_DELADDR).
type DelAddress struct {
	Bond    string
	Address netip.Prefix
}

func (s DelAddress) String() string  { return fmt.Sprintf("remove %s from %s", s.Address, s.Bond) }
func (s DelAddress) inverse() []Step { return []Step{AddAddress(s)} }

// SetLifetime says when an address of the bond ends by itself (RTM_NEWADDR with
// IFA_CACHEINFO): so a lease isn't used any longer, if no keeper should be there
// to see its end.
type SetLifetime struct {
	Bond    string
	Address netip.Prefix
	Valid   time.Duration // in whole seconds; 0 for ever
}

func (s SetLifetime) String() string {
	if s.Valid == 0 {
		return fmt.Sprintf("let %s on %s hold for ever", s.Address, s.Bond)
	}
	return fmt.Sprintf("let %s on %s hold for %s", s.Address, s.Bond, s.Valid)
}
func (s SetLifetime) inverse() []Step { return nil } // a shorter life is set right by the next lease

// AddRoute adds a route over the bond (RTM_NEWROUTE).
type AddRoute struct {
	Bond  string
	Route Route
}

func (s AddRoute) String() string  { return fmt.Sprintf("add %s over %s", s.Route, s.Bond) }
func (s AddRoute) inverse() []Step { return []Step{DelRoute(s)} }

// DelRoute takes away a route over the bond (RTM_DELROUTE).
type DelRoute struct {
	Bond  string
	Route Route
}

func (s DelRoute) String() string  { return fmt.Sprintf("remove %s over %s", s.Route, s.Bond) }
func (s DelRoute) inverse() []Step { return []Step{AddRoute(s)} }
