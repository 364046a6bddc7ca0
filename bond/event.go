package bond

import (
	"fmt"
	"slices"
	"time"
)

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	EventFailover EventKind = "failover" // another slave is the active one, or none or one is again
	EventJoin     EventKind = "join"     // a member was enslaved
	EventLeave    EventKind = "leave"    // a slave was released, or its device is gone
	EventLinkUp   EventKind = "link_up"  // a slave can be used
	EventLinkDown EventKind = "link_down"
	EventLease    EventKind = "lease"   // DHCP has lent an address, another one, or lends it no more
	EventTrouble  EventKind = "trouble" // something the bond depends on doesn't work; From is what
	EventMended   EventKind = "mended"  // it does again; To is what
)

// An Event is something that happened to a bond, as its keeper saw it.
type Event struct {
	Seq    int       `json:"seq"` // counts a bond's events, from 1
	Time   time.Time `json:"time"`
	Event  EventKind `json:"event"`
	Bond   string    `json:"bond"`
	From   *string   `json:"from"` // the slave or the address before, or the one that left or has no link
	To     *string   `json:"to"`   // the slave or the address after, or the one that joined or has a link
	Reason *Reason   `json:"reason"`
	// Message is in words what From, To and Reason can't say.
	Message *string `json:"message"`
	// SwitchMS is how long a failover took, from the first sign to the switch, or
	// a lease from the path that called for it, in milliseconds; nil where no
	// sign was seen before it.
	SwitchMS *int `json:"switch_ms"`
}

// String says the event in words.
func (e Event) String() string {
	text := fmt.Sprintf("%s %s ", e.Bond, e.Event)
	switch e.Event {
	case EventTrouble:
		text += value(e.From)
	case EventMended:
		text += value(e.To)
	default:
		text += fmt.Sprintf("%s -> %s", orNone(value(e.From)), orNone(value(e.To)))
	}
	if e.Reason != nil {
		text += ": " + string(*e.Reason)
	}
	if e.Message != nil {
		text += ": " + *e.Message
	}
	if e.SwitchMS != nil {
		text += fmt.Sprintf(" (%d ms)", *e.SwitchMS)
	}
	return text
}

// A Snapshot is what events are told from: who is active, and how each slave's
// link is as the bond sees it.
type Snapshot struct {
	Index  int // the bond's ifindex; 0: there is none
	Active string
	Reason Reason
	Slaves map[string]string // mii_status by name, or dormant
	Path   Path
	// FirstSign is when the active slave's trouble was first seen.
	FirstSign time.Time
}

// A Path is the way that a bond sends now. Where it differs from what it was,
// another network may be behind it.
type Path struct {
	Slave int // its ifindex
	// Changes counts how often the slave's carrier came and went
	// (IFLA_CARRIER_CHANGES), so that none is missed between two looks.
	Changes int
}

// Usable says whether there is a way: one whose Wi-Fi handshake isn't through
// is none yet.
func (p Path) Usable() bool { return p.Slave != 0 }

// path is the way that a bond sends.
func (st Status) path() Path {
	for _, m := range st.Members {
		if m.Role == RoleActive && m.usable() && !m.dormant {
			return Path{m.index, m.carrierChanges}
		}
	}
	return Path{}
}

// snapshot reduces a status to what events are about.
func snapshot(st Status) Snapshot {
	s := Snapshot{Index: st.index, Active: value(st.ActiveSlave), Reason: value(st.ActiveReason), Slaves: map[string]string{}, Path: st.path()}
	for _, m := range st.Members {
		if m.Role != RoleActive && m.Role != RoleBackup {
			continue
		}
		s.Slaves[m.Name] = value(m.MIIStatus)
		if !m.dormant {
			continue
		}
		// It has carrier with each try to associate, and carries nothing.
		s.Slaves[m.Name] = "dormant"
		if m.Role == RoleActive {
			s.Active, s.Reason = "", ""
		}
	}
	return s
}

// Since tells what happened between two snapshots. It carries the first sign
// of trouble over to s for as long as the active slave stays the same.
func (s *Snapshot) Since(before Snapshot, bond string, now time.Time) []Event {
	var events []Event
	say := func(kind EventKind, from, to string) {
		events = append(events, Event{Time: now, Event: kind, Bond: bond, From: unlessZero(from), To: unlessZero(to)})
	}
	for _, name := range sortedKeys(s.Slaves, before.Slaves) {
		is, in := s.Slaves[name]
		was, wasIn := before.Slaves[name]
		switch {
		case in && !wasIn:
			say(EventJoin, "", name)
		case !in && wasIn:
			say(EventLeave, name, "")
		case is != was && is == "up":
			say(EventLinkUp, "", name)
		case is != was && was == "up":
			say(EventLinkDown, name, "")
		}
	}
	if s.Active == before.Active {
		s.FirstSign = before.FirstSign
		if s.FirstSign.IsZero() && s.Active != "" && s.Slaves[s.Active] != "up" {
			s.FirstSign = now
		}
		return events
	}
	say(EventFailover, before.Active, s.Active)
	failover := &events[len(events)-1]
	failover.Reason = unlessZero(s.Reason)
	if !before.FirstSign.IsZero() {
		failover.SwitchMS = new(int(now.Sub(before.FirstSign).Milliseconds()))
	}
	return events
}

func sortedKeys(maps ...map[string]string) []string {
	var keys []string
	for _, m := range maps {
		for k := range m {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
