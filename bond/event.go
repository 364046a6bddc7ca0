package bond

import (
	"fmt"
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
	EventRoam     EventKind = "roam"  // the active slave, a Wi-Fi one, lost its link and soon had it again
	EventWake     EventKind = "wake"  // a Wi-Fi member at rest (wifi_standby cold) is associated again, as the cable has no link
	EventLease    EventKind = "lease" // DHCP has lent an address, another one, or lends it no more
	// EventConnections: those over From, an address that the bond has no more, were ended. Where
	// a lease's address is gone, the lease event says so.
	EventConnections EventKind = "connections"
	EventPathDead    EventKind = "path_dead" // nobody answers behind From, whose link is up; it isn't used
	EventPathOK      EventKind = "path_ok"   // somebody does again, behind To

	EventTrouble EventKind = "trouble" // something the bond depends on doesn't work; From is what
	EventMended  EventKind = "mended"  // it does again; To is what
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
	// Message says in words what From, To and Reason can't.
	Message *string `json:"message"`
	// SwitchMS is how long it took, in milliseconds: a failover from the first sign of
	// trouble to the switch, a roam from the loss of the link until it could be used
	// again, a wake from the keeper's word to the association, a lease from the new path that called for it. It is nil where no sign was
	// seen before.
	SwitchMS *int `json:"switch_ms"`
	// OutageMS is for how long a failover kept everything from this machine, in milliseconds:
	// from the first sign of trouble until something came over the slave that took over. It is
	// known a moment after the event, and nil where no frames showed it: mostly there were
	// none. A drill measures it in any case.
	OutageMS *int `json:"outage_ms"`
	// Count is how often it happened. Of what happens again and again the first few
	// times are events of their own; then one event, the last of its kind, From and
	// To, stands for all since, and Message says how often in what time.
	Count int `json:"count"`
}

// String says the event in words.
func (e Event) String() string {
	text := fmt.Sprintf("%s %s ", e.Bond, e.Event)
	switch e.Event {
	case EventTrouble, EventPathDead:
		text += value(e.From)
	case EventMended, EventRoam, EventWake, EventPathOK:
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
	if e.OutageMS != nil {
		text += fmt.Sprintf(", outage %d ms", *e.OutageMS)
	}
	return text
}
