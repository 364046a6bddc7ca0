package keeper

import (
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/wlan"
)

// A roam is the way of an active Wi-Fi slave from one access point to another. It
// has no link meanwhile, and where no other member has one, the bond has no active
// slave: that would look like two failovers. So all that happens from the loss of
// the link on is held back, until it is clear what it was.
type roam struct {
	slave string       // which may be on its way; "" for none
	since time.Time    // when it was seen without a link
	held  []bond.Event // what has happened from then on
}

// roamTime is how long the way may take. Where the old access point has vanished, a
// supplicant scans all channels for another one, which takes three to four seconds,
// and joins it in less than one. What takes longer is a loss that is felt.
const roamTime = 5 * time.Second

// begin takes note if the active Wi-Fi slave has lost its link, and no other slave
// is active in its place. It may have a link again already, for the kernel isn't read
// in one instant: first the bond, then its slaves.
func (r *roam) begin(before, now snapshot, at time.Time) {
	slave := before.active
	is, in := now.slaves[slave]
	lost := in && now.active == "" || now.active == slave && is != "up"
	if r.slave == "" && before.wifi && before.slaves[slave] == "up" && lost {
		r.slave, r.since = slave, at
	}
}

// holds says whether it keeps an event until it is clear what it is part of.
func (r *roam) holds(e bond.Event) bool {
	if r.slave == "" {
		return false
	}
	r.held = append(r.held, e)
	return true
}

// end returns what is to be told if it is clear now: where the slave has a link again
// and is active, one event in place of those of the way.
func (r *roam) end(now snapshot, at time.Time) []bond.Event {
	is, in := now.slaves[r.slave]
	switch {
	case r.slave == "":
		return nil
	case now.active == r.slave && is == "up":
		r.held = slices.DeleteFunc(r.held, r.onTheWay)
		r.held = append(r.held, bond.Event{
			Time: at, Event: bond.EventRoam, From: new(r.slave), To: new(r.slave), Count: 1,
			SwitchMS: new(int(at.Sub(r.since).Milliseconds())),
		})
	case in && (now.active == "" || now.active == r.slave):
		return nil // it may still come back
	}
	return r.flush()
}

// onTheWay says whether an event is a part of the roam.
func (r *roam) onTheWay(e bond.Event) bool {
	switch e.Event {
	case bond.EventLinkDown, bond.EventLinkUp, bond.EventFailover:
		return value(e.From) == r.slave || value(e.To) == r.slave
	}
	return false
}

// flush returns what is held back, and holds back no more.
func (r *roam) flush() []bond.Event {
	told := r.held
	*r = roam{}
	return told
}

// release returns what is held back once the slave has been away for too long.
func (r *roam) release(now time.Time) []bond.Event {
	if r.slave == "" || now.Before(r.due()) {
		return nil
	}
	return r.flush()
}

// due is when what is held back is to be told at the latest; zero where nothing is.
func (r *roam) due() time.Time {
	if r.slave == "" {
		return time.Time{}
	}
	return r.since.Add(roamTime)
}

// accessPoint says in words at which access point a slave is; nil where that isn't
// known. Where it was before isn't: some drivers change it without a word.
func accessPoint(slave string) *string {
	c, err := wlan.Open()
	if err != nil {
		return nil
	}
	defer c.Close()
	stations, err := c.Stations()
	if err != nil || stations[slave].BSSID == nil {
		return nil
	}
	return new("now at access point " + stations[slave].BSSID.String())
}
