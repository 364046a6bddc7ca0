package keeper

import (
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// returns decides, under the strategy routes, which members are held back: one that has lost its link is, until it has
// been well for updelay, for a port that has just returned passes nothing on yet. The kernel leaves out what has no
// carrier by itself.
type returns struct {
	members map[string]*returning
}

// A returning is what is known of a member's link.
type returning struct {
	changes int       // of its carrier
	up      bool      // it was, at the last look
	since   time.Time // when it came up, or was first seen
	lost    time.Time // when it was found without its link; zero while it has one
	held    bool
}

// decide takes in how the members are now, and whose paths are dead: those are as good as without a link, unless that
// is true of all. It returns which are to be held back, and when that may be otherwise; zero where only an event can
// bring that about.
func (r *returns) decide(st bond.Status, dead []string, now time.Time) (held map[string]bool, due time.Time) {
	held = map[string]bool{}
	if !slices.ContainsFunc(st.Members, func(m bond.MemberStatus) bool { return canServe(m) && !slices.Contains(dead, m.Name) }) {
		dead = nil // it is what is beyond them that is down, and the best link stays
	}
	known := r.members
	r.members = map[string]*returning{}
	later := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	for _, m := range st.Members {
		if m.Role != bond.RoleActive && m.Role != bond.RoleBackup {
			continue
		}
		one, up := known[m.Name], linked(m) && !slices.Contains(dead, m.Name)
		if one == nil {
			// One that comes to a group that is kept has just been plugged in; at a keeper's start it may have
			// been well for long, unless an earlier keeper has held it back.
			one = &returning{changes: m.CarrierChanges, up: up, held: known != nil || value(m.MIIStatus) == "going back", since: now}
		}
		one.see(up, m.CarrierChanges, millis(st.Downdelay), now)
		if !one.lost.IsZero() && !one.held {
			later(one.lost.Add(millis(st.Downdelay)))
		}
		r.members[m.Name] = one
	}
	r.release(st, now, later)
	for name, one := range r.members {
		held[name] = one.held
	}
	return held, due
}

// see takes in how a member is. What came and went between two looks has been lost as well.
func (r *returning) see(up bool, changes int, downdelay time.Duration, now time.Time) {
	switch {
	case !up:
		if r.up || r.lost.IsZero() {
			r.lost = now
		}
		r.held = r.held || now.Sub(r.lost) >= downdelay
	case !r.up || changes != r.changes:
		r.held = r.held || downdelay == 0 || !r.lost.IsZero() && now.Sub(r.lost) >= downdelay
		r.since, r.lost = now, time.Time{}
	}
	r.up, r.changes = up, changes
}

// release lets go of those that are held back no longer: who has been well for updelay, unless primary_reselect has
// the one stay that serves; and where nobody else serves the preferred one at once.
func (r *returns) release(st bond.Status, now time.Time, later func(time.Time)) {
	serves := -1 // the place of the first one that serves
	for i, m := range st.Members {
		if one := r.members[m.Name]; one != nil && one.up && !one.held && canServe(m) && serves < 0 {
			serves = i
		}
	}
	for i, m := range st.Members {
		one := r.members[m.Name]
		if one == nil || !one.up || !one.held {
			continue
		}
		end := one.since.Add(millis(st.Updelay))
		stays := value(st.PrimaryReselect) == bond.ReselectFailure && serves >= 0 && i < serves
		switch {
		case serves < 0:
			one.held = false
			if canServe(m) {
				serves = i
			}
		case stays:
		case now.Before(end):
			later(end)
		default:
			one.held = false
		}
	}
}

// canServe says whether a member can take another one's place: it has a link and an address.
func canServe(m bond.MemberStatus) bool { return linked(m) && len(m.Addresses) > 0 }

// linked says whether something can be sent over a member.
func linked(m bond.MemberStatus) bool { return value(m.Carrier) && !m.Dormant }

func millis(m *bond.Millis) time.Duration { return time.Duration(value(m)) * time.Millisecond }
