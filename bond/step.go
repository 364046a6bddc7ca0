package bond

import (
	"fmt"
	"slices"
	"strings"
)

// A Step is one change of the kernel's state. String says it in words.
type Step interface {
	fmt.Stringer
	link() string // the link that it changes
}

// A change is an option's step from one value to another, as text.
type change struct{ Key, From, To string }

func (c change) String() string {
	return fmt.Sprintf("%s %s -> %s", c.Key, orNone(c.From), orNone(c.To))
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// createBond makes the bond with its options, and brings it up: one RTM_NEWLINK.
type createBond struct {
	Name    string
	Options []change // From is what a bond has by default
	MAC     HardwareAddr
	MTU     int
	Mode    string
	Down    bool
}

func (s createBond) link() string { return s.Name }
func (s createBond) String() string {
	said := []string{"mode " + s.Mode}
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

// deleteBond takes the bond away; the kernel releases its slaves.
type deleteBond struct{ Name string }

func (s deleteBond) link() string   { return s.Name }
func (s deleteBond) String() string { return "delete " + s.Name }

// setOptions changes options of a bond that exists.
type setOptions struct {
	Bond    string
	Changes []change // From may be To where the kernel wants an option said again beside another
}

func (s setOptions) link() string { return s.Bond }
func (s setOptions) String() string {
	var said []string
	for _, c := range s.Changes {
		if c.From != c.To {
			said = append(said, c.String())
		}
	}
	return fmt.Sprintf("set on %s: %s", s.Bond, strings.Join(said, ", "))
}

// split divides a step of which the kernel has refused something, so that the rest can
// be had: a bond is made without anything, and each option set by itself but those of
// miimon, which go together. It is nil where there is nothing to divide.
func split(step Step) (parts []Step) {
	switch s := step.(type) {
	case createBond:
		if len(s.Options) > 0 {
			return []Step{createBond{Name: s.Name, Mode: s.Mode, MTU: defaultMTU, Down: s.Down}, setOptions{s.Name, s.Options}}
		}
	case setOptions:
		var timing []change
		for _, c := range s.Changes {
			if isDelay(c.Key) || c.Key == "miimon" {
				timing = append(timing, c)
			} else {
				parts = append(parts, setOptions{s.Bond, []change{c}})
			}
		}
		if timing != nil {
			parts = append(parts, setOptions{s.Bond, timing})
		}
		if len(parts) == 1 {
			return nil
		}
	}
	return parts
}

// messages divides the changes into the messages that the kernel takes.
//
// While miimon is 0 the kernel refuses any delay (EPERM), even 0, and a later miimon
// rescales it. So miimon and the delays go in one message; where miimon is to become 0
// the delays go first, with the old miimon.
func (s setOptions) messages() [][]change {
	i := slices.IndexFunc(s.Changes, func(c change) bool { return c.Key == "miimon" })
	if i < 0 || s.Changes[i].To != "0" {
		return [][]change{s.Changes}
	}
	var delays, rest []change
	for _, c := range s.Changes {
		if isDelay(c.Key) {
			delays = append(delays, c)
		} else {
			rest = append(rest, c)
		}
	}
	if len(delays) == 0 || s.Changes[i].From == "0" {
		return [][]change{rest}
	}
	old := s.Changes[i].From
	return [][]change{append([]change{{"miimon", old, old}}, delays...), rest}
}

func isDelay(key string) bool {
	return key == "updelay" || key == "downdelay" || key == "peer_notif_delay"
}

// setLink changes a link's admin state, MAC address and MTU. What is as wanted it
// leaves alone.
type setLink struct {
	Name     string
	From, To linkSettings
}

func (s setLink) link() string { return s.Name }
func (s setLink) String() string {
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

// giveBack gives a link that is no member any more the settings that it had.
type giveBack struct {
	Name string
	To   linkSettings
}

func (s giveBack) link() string { return s.Name }
func (s giveBack) String() string {
	return fmt.Sprintf("give %s back: %s, address %s, mtu %d", s.Name, upDown(s.To.Up), s.To.MAC, s.To.MTU)
}

// enslave enslaves a member: it is set down in the same message, for the kernel takes
// none that is up, and sets it up itself.
type enslave struct {
	Bond, Member string
	Was          linkSettings
}

func (s enslave) link() string   { return s.Member }
func (s enslave) String() string { return fmt.Sprintf("enslave %s to %s", s.Member, s.Bond) }

// release releases a slave. The kernel gives it back its MAC address and MTU, and
// leaves it down.
type release struct{ Bond, Member string }

func (s release) link() string   { return s.Member }
func (s release) String() string { return fmt.Sprintf("release %s from %s", s.Member, s.Bond) }

// setMaster makes the bond a port of a bridge (IFLA_MASTER).
type setMaster struct{ Bond, Master string }

func (s setMaster) link() string   { return s.Bond }
func (s setMaster) String() string { return fmt.Sprintf("make %s a port of %s", s.Bond, s.Master) }

// setPrio sets a slave's failover priority (IFLA_BOND_SLAVE_PRIO).
type setPrio struct{ Bond, Member, From, To string }

func (s setPrio) link() string { return s.Member }
func (s setPrio) String() string {
	return fmt.Sprintf("set prio of %s in %s: %s -> %s", s.Member, s.Bond, s.From, s.To)
}

// setActive makes a slave the active one (IFLA_BOND_ACTIVE_SLAVE).
type setActive struct{ Bond, From, To string }

func (s setActive) link() string { return s.Bond }
func (s setActive) String() string {
	return fmt.Sprintf("switch %s from %s to %s", s.Bond, orNone(s.From), s.To)
}
