package keeper

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/failover"
)

// A snapshot is what events are told from: who is active, and how each slave's
// link is as the bond sees it.
type snapshot struct {
	index  int // the bond's ifindex; 0: there is none
	active string
	wifi   bool // the active slave is Wi-Fi
	reason bond.Reason
	slaves map[string]string // mii_status by name; down without a carrier, which may be new to the driver; or dormant
	links  map[string]int    // of each slave that has one, how often it has changed
	wired  []string          // those that aren't Wi-Fi
	spare  []string          // Wi-Fi slaves that needn't be associated, since a cable serves
	bridge string            // see [bond.Status]
	path   path
	slaac  []netip.Prefix      // see [bond.Status]
	ipv6   bool                // see [bond.Status]
	has    []netip.Prefix      // the bond's addresses
	own    []bond.HardwareAddr // see [bond.Status.MACs]
	// firstSign is when the active slave's trouble was first seen.
	firstSign time.Time
	// changed is when the active slave became so, where an event tells of it.
	changed time.Time
	// switched are the switches that the keeper has made itself and that no event has told of by
	// then; told is the number of the last one that an event has told of.
	switched []failover.Switch
	told     int
}

// A path is the way that a bond sends now. Where it differs from what it was,
// another network may be behind it.
type path struct {
	slave int // its ifindex
	// changes counts how often the slave's carrier came and went, so that none is
	// missed between two looks.
	changes int
}

// usable says whether there is a way: one whose Wi-Fi handshake isn't through
// is none yet.
func (p path) usable() bool { return p.slave != 0 }

// A place is where the bond is. Where it differs from what it was, another network
// may be there: on another path, or since the machine slept and may have been
// carried elsewhere.
type place struct {
	path
	resumes int // how often the machine has woken up
}

// snapshotOf reduces a status to what events are about.
func snapshotOf(st bond.Status) snapshot {
	s := snapshot{index: st.Index, bridge: st.Bridge, slaac: st.SLAAC, ipv6: st.IPv6, has: st.Addresses, own: st.MACs, slaves: map[string]string{}, links: map[string]int{}}
	for _, m := range st.Members {
		if m.Role != bond.RoleActive && m.Role != bond.RoleBackup {
			continue
		}
		s.slaves[m.Name] = value(m.MIIStatus)
		if value(m.Carrier) && !m.Dormant {
			s.links[m.Name] = m.CarrierChanges
		} else if s.slaves[m.Name] == "up" {
			s.slaves[m.Name] = "down" // the driver will say so when it next looks
		}
		if value(m.Kind) == bond.KindWired {
			s.wired = append(s.wired, m.Name)
		}
		switch {
		case m.Dormant: // it has carrier with each try to associate, and carries nothing
			s.slaves[m.Name] = "dormant"
		case m.Role == bond.RoleActive:
			s.active, s.reason = m.Name, value(st.ActiveReason)
			s.wifi = value(m.Kind) == bond.KindWiFi
			if m.Usable() {
				s.path = path{m.Index, m.CarrierChanges}
			}
		}
	}
	s.spare = s.spares(st)
	return s
}

// spares are the Wi-Fi slaves that wouldn't be preferred to the wired one that serves.
func (s *snapshot) spares(st bond.Status) (names []string) {
	if s.active == "" || s.wifi || s.troubled() {
		return nil
	}
	var least int // the prio of the one that serves
	for _, m := range st.Members {
		if m.Role == bond.RoleActive {
			least = value(m.Prio)
		}
	}
	for _, m := range st.Members {
		if m.Role == bond.RoleBackup && value(m.Kind) == bond.KindWiFi && m.Name != value(st.Primary) && value(m.Prio) <= least {
			names = append(names, m.Name)
		}
	}
	return names
}

// since tells what happened between two snapshots. It carries the first sign
// of trouble over to s for as long as the active slave is in trouble.
func (s *snapshot) since(before snapshot, now time.Time) []bond.Event {
	var events, flapped []bond.Event
	say := func(kind bond.EventKind, from, to string) {
		events = append(events, bond.Event{Time: now, Event: kind, From: unlessZero(from), To: unlessZero(to)})
	}
	names := slices.Collect(maps.Keys(s.slaves))
	names = slices.AppendSeq(names, maps.Keys(before.slaves))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		is, in := s.slaves[name]
		was, wasIn := before.slaves[name]
		switch {
		case in && !wasIn:
			say(bond.EventJoin, "", name)
		case !in && wasIn:
			say(bond.EventLeave, name, "")
		case is != was && is == "up":
			say(bond.EventLinkUp, "", name)
		case is != was && was == "up":
			say(bond.EventLinkDown, name, "")
		case s.flapped(before, name):
			say(bond.EventLinkDown, name, "")
			flapped = append(flapped, bond.Event{Time: now, Event: bond.EventLinkUp, To: new(name)})
		}
	}
	failovers := s.failovers(before, now)
	for _, e := range failovers {
		if e.SwitchMS != nil {
			lostAt(events, *e.From, e.Time.Add(-time.Duration(*e.SwitchMS)*time.Millisecond))
		}
	}
	if s.active == before.active {
		if s.troubled() {
			s.firstSign = before.firstSign
			if s.firstSign.IsZero() {
				s.firstSign = now
			}
		}
	}
	return slices.Concat(events, failovers, flapped)
}

// flapped says whether a slave has its link again, without which no look has seen it: the carrier has
// changed twice at least. Once may be that the count was read before the carrier. The active slave of Wi-Fi has
// roamed.
func (s *snapshot) flapped(before snapshot, name string) bool {
	was, linked := before.links[name]
	is, again := s.links[name]
	return linked && again && is >= was+2 && before.slaves[name] == "up" && s.slaves[name] == "up" && (!before.wifi || name != before.active)
}

// stale says whether what is told of the links is older than a switch of the keeper's own: the kernel
// isn't read in one instant.
func (s *snapshot) stale(before snapshot) bool {
	for _, own := range s.switched[:s.led(before.active)] {
		was, linked := before.links[own.From]
		if is, still := s.links[own.From]; !own.Lost.IsZero() && linked && still && is == was {
			return true
		}
	}
	return false
}

// failovers tells how the active slave came to be another one, or the same again: by the
// keeper's own switches as far as they lead there, of which a look may have missed some.
func (s *snapshot) failovers(before snapshot, now time.Time) (events []bond.Event) {
	from := before.active
	s.told = before.told
	for _, own := range s.switched[:s.led(from)] {
		e := bond.Event{Time: cmp.Or(own.Made, now), Event: bond.EventFailover, From: new(own.From), To: new(own.To)}
		if !own.Lost.IsZero() {
			e.SwitchMS = new(int(e.Time.Sub(own.Lost).Milliseconds()))
		}
		events, from, s.told = append(events, e), own.To, own.Number
	}
	if from != s.active {
		e := bond.Event{Time: now, Event: bond.EventFailover, From: unlessZero(from), To: unlessZero(s.active)}
		if !before.firstSign.IsZero() {
			e.SwitchMS = new(int(now.Sub(before.firstSign).Milliseconds()))
		}
		events = append(events, e)
	}
	if n := len(events); n > 0 {
		events[n-1].Reason = unlessZero(s.reason)
		s.changed = events[n-1].Time
	}
	return events
}

// led is how many of the keeper's own switches lead from a slave to the one that is active.
// More of them may have been made since the bond was looked at.
func (s *snapshot) led(from string) (n int) {
	for i, own := range s.switched {
		if own.From != from {
			break
		}
		if from = own.To; from == s.active {
			n = i + 1
		}
	}
	return n
}

// lostAt has the event that a slave lost its link tell when that was heard of.
func lostAt(events []bond.Event, slave string, at time.Time) {
	for i, e := range events {
		if e.Event == bond.EventLinkDown && *e.From == slave && at.Before(e.Time) {
			events[i].Time = at
		}
	}
}

// troubled says whether the active slave is about to be left.
func (s *snapshot) troubled() bool {
	return s.active != "" && s.slaves[s.active] != "up"
}

// value is what p points to; the zero value for nil.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// unlessZero is nil for a zero value: there is nothing to tell.
func unlessZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
