package upstream

import (
	"maps"
	"time"
)

// A Slave is one that a bond could use.
type Slave struct {
	Name string
	Prio int
	Up   bool // the kernel takes it for one that can be active
	State
}

// Reselect says when a preferred slave takes over again; the values are the kernel's words.
type Reselect string

// The values of Reselect.
const (
	Always  Reselect = "always"
	Better  Reselect = "better"
	Failure Reselect = "failure"
)

// A Choice is whom a bond uses, and what counts for that.
type Choice struct {
	Active  string
	Primary string // "" for none
	Reselect
	Manual bool    // somebody chose the active slave by hand
	Slaves []Slave // in the kernel's order
	// Faster says whether a slave's speed is better than another one's, for Reselect Better; nil where somebody
	// else chooses by that.
	Faster func(than, then string) bool
}

// Aside are slaves that aren't used because of their paths: those that are dead, and those that were and to
// which nobody has returned yet.
type Aside map[string]bool

// Note brings it up to date.
func (a Aside) Note(c Choice) {
	here := map[string]Slave{}
	for _, s := range c.Slaves {
		here[s.Name] = s
		if s.State == Dead {
			a[s.Name] = true
		}
	}
	maps.DeleteFunc(a, func(name string, _ bool) bool {
		s, in := here[name]
		// Of one without a link the kernel itself returns to it.
		return !in || !s.Up || s.State != Dead && name == c.Active
	})
	if to := c.returns(a); to == "" {
		maps.DeleteFunc(a, func(name string, _ bool) bool { return here[name].State == OK })
	}
}

// Next is whom to make active; "" to leave it as it is.
func (c Choice) Next(a Aside) string {
	if c.dead() {
		return c.leaves()
	}
	return c.returns(a)
}

// dead says whether the active slave's path is.
func (c Choice) dead() bool {
	for _, s := range c.Slaves {
		if s.Name == c.Active {
			return s.State == Dead && s.Up
		}
	}
	return false
}

// leaves is who takes over from a slave whose path is dead: one whose path works, or else of which nothing is
// known.
func (c Choice) leaves() string {
	for _, state := range []State{OK, Unknown} {
		if to := c.preferred(func(s Slave) bool { return s.State == state }); to != "" {
			return to
		}
	}
	return ""
}

// returns is the slave that was left aside, and that the kernel would have active.
func (c Choice) returns(a Aside) string {
	to := c.preferred(func(s Slave) bool { return s.State != Dead })
	switch {
	case to == "", to == c.Active, c.Active == "", !a[to], c.Manual, c.state(to) != OK, c.dead():
		return ""
	case c.Reselect == Failure, c.Reselect == Better && (c.Faster == nil || !c.Faster(to, c.Active)):
		return ""
	case to != c.Primary && c.prio(to) <= c.prio(c.Active):
		return "" // the kernel doesn't move between equals
	}
	return to
}

// preferred is the slave that goes before all others of which is says so (bond_find_best_slave).
func (c Choice) preferred(is func(Slave) bool) string {
	best := -1
	for i, s := range c.Slaves {
		switch {
		case !s.Up || !is(s):
		case s.Name == c.Primary:
			return s.Name
		case best < 0 || s.Prio > c.Slaves[best].Prio:
			best = i
		}
	}
	if best < 0 {
		return ""
	}
	return c.Slaves[best].Name
}

func (c Choice) state(name string) State {
	for _, s := range c.Slaves {
		if s.Name == name {
			return s.State
		}
	}
	return Unknown
}

func (c Choice) prio(name string) int {
	for _, s := range c.Slaves {
		if s.Name == name {
			return s.Prio
		}
	}
	return 0
}

// mostSwitches is how many there are in a minute at most.
const mostSwitches = 4

// A Limit bounds the switches a minute.
type Limit struct{ times [mostSwitches]time.Time }

// Wait is when the next switch may be made, zero for now.
func (l *Limit) Wait(now time.Time) time.Time {
	if at := l.times[0].Add(time.Minute); !l.times[0].IsZero() && now.Before(at) {
		return at
	}
	return time.Time{}
}

// Made counts a switch.
func (l *Limit) Made(now time.Time) {
	copy(l.times[:], l.times[1:])
	l.times[mostSwitches-1] = now
}
