package bond

import (
	"fmt"
	"strings"
)

// RefusedError says why bondctl doesn't touch something that isn't its own.
// Nothing was changed.
type RefusedError struct {
	What string
	hint string
}

func (e *RefusedError) Error() string { return e.What }

// Hint is what the user can do about it.
func (e *RefusedError) Hint() string { return e.hint }

// refusal looks for what must not be touched.
func refusal(w wanted, s State) error {
	if link, present := s.link(s.Name); present && s.Bond == nil {
		kind := link.Kind
		if kind == "" {
			kind = "hardware"
		}
		return &RefusedError{fmt.Sprintf("%s exists and is no bond (%s)", s.Name, kind), "choose another name for the bond"}
	}
	if s.Bond != nil && !s.madeBond() {
		if why := s.inUse(); why != "" {
			return &RefusedError{
				fmt.Sprintf("%s exists and bondctl didn't make it: %s", s.Name, why),
				fmt.Sprintf("to take it away: bondctl down --force %s", s.Name),
			}
		}
	}
	for _, m := range w.members {
		if m.pending != "" || m.link.Master == s.Name {
			continue
		}
		if what, mend := m.link.carries(); what != "" {
			return &RefusedError{fmt.Sprintf("%s carries %s, which would be cut off in the bond", m.name, what), mend}
		}
	}
	return nil
}

// inUse says how a bond that bondctl didn't make differs from the pristine one
// that the module makes by itself; "" when it doesn't.
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
