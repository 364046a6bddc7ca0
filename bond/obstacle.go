package bond

import (
	"fmt"
	"strings"
)

// An ObstacleError says what is in the way: something that isn't bondctl's own, or a
// member that can't do what is asked of it. Nothing was changed.
type ObstacleError struct {
	Bond string
	What string
	// Mend says how the user can clear it away; empty where that isn't known.
	Mend Message
	// Force says that [Host.Down] by force clears it away: it is the bond itself.
	Force bool
}

func (e *ObstacleError) Error() string { return e.What }

// obstacle looks for what must not be touched.
func obstacle(w wanted, s State) error {
	if link, present := s.link(s.Name); present && s.Bond == nil {
		kind := link.Kind
		if kind == "" {
			kind = "hardware"
		}
		return &ObstacleError{
			Bond: s.Name, What: fmt.Sprintf("%s exists and is no bond (%s)", s.Name, kind),
			Mend: Messagef("choose another name for the bond"),
		}
	}
	if s.Bond != nil && !s.madeBond() {
		if why := s.inUse(); why != "" {
			return &ObstacleError{Bond: s.Name, What: fmt.Sprintf("%s exists and bondctl didn't make it: %s", s.Name, why), Force: true}
		}
	}
	for _, m := range w.members {
		if m.pending != "" || m.link.Master == s.Name {
			continue
		}
		if _, others := s.uppers(m.link); others != nil {
			// As the link goes down for a moment, so does what is stacked upon
			// it, and routes and IPv6 addresses are lost.
			return &ObstacleError{Bond: s.Name, What: fmt.Sprintf("%s carries %s, which would be cut off in the bond", m.name, strings.Join(others, ", ")),
				Mend: Messagef("make the bond without %s for now, and put %s upon the bond", m.name, others[0])}
		}
	}
	return nil
}

// cutOff is an obstacle where something that members carry has no place on the bond.
func cutOff(w wanted, c Config) error {
	if w.cutOff == "" || c.TakeOver {
		return nil
	}
	return &ObstacleError{Bond: c.Name, What: "it would be cut off: " + w.cutOff,
		Mend: Messagef("leave the member out, or give that up with --take-over; bondctl up --dry-run --take-over says what is interrupted")}
}

// inUse says how a bond that bondctl didn't make differs from the unused one that the
// module makes by itself; "" when it doesn't.
func (s *State) inUse() string {
	var why []string
	link, _ := s.link(s.Name)
	if m := s.Bond.Mode; m != "balance-rr" && m != activeBackup {
		why = append(why, "it has mode "+m)
	}
	if names := s.Bond.slaveNames(); len(names) > 0 {
		why = append(why, "it has members ("+strings.Join(names, ", ")+")")
	}
	if link.Up {
		why = append(why, "it is up")
	}
	if len(link.Addresses) > 0 {
		why = append(why, "it carries "+link.Addresses[0].String())
	}
	if link.Master != "" {
		why = append(why, "it belongs to "+link.Master)
	}
	if len(link.Upper) > 0 {
		why = append(why, "it carries "+strings.Join(link.Upper, ", "))
	}
	return strings.Join(why, ", ")
}
