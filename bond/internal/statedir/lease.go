package statedir

import (
	"net"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statefile"
	"github.com/bondctl/bondctl/bond/lease"
)

// Lent is what DHCP has lent a bond; the zero value is nothing.
type Lent struct {
	Lease *lease.Lease `json:"lease,omitempty"`
	// End is when the lease is over, since the boot. By wall clock a board without
	// a clock of its own would lose its lease when it hears the time.
	End time.Duration `json:"lease_end,omitempty"`
	// GatewayMAC is how the gateway was recognised where the lease was had
	// (RFC 4436); nil where it didn't answer.
	GatewayMAC net.HardwareAddr `json:"gateway_mac,omitempty"`
	// Ifindex is the link over which a member was lent it, under the strategy routes: a phone that is plugged in
	// again is another link of the same name, and may be another phone. 0 where that isn't known.
	Ifindex int `json:"ifindex,omitempty"`
}

// NewLent is a lease that was had just now.
func NewLent(l lease.Lease) Lent {
	return Lent{Lease: &l, End: statefile.SinceBoot() + time.Until(l.Expiry)}
}

// Now is the lease, if it still holds, with its times as the wall clock has them,
// and for how long it does; nil when there is none.
func (l Lent) Now() (*lease.Lease, time.Duration) { return l.at(time.Now(), statefile.SinceBoot()) }

func (l Lent) at(now time.Time, sinceBoot time.Duration) (*lease.Lease, time.Duration) {
	left := l.End - sinceBoot
	if l.Lease == nil || left <= 0 {
		return nil, 0
	}
	moved := *l.Lease
	if expiry := now.Add(left); expiry.Sub(moved.Expiry).Abs() > time.Second { // the clock was set
		moved = moved.EndingAt(expiry)
	}
	return &moved, left
}

// Remembered is lease.json, which is kept of DHCP when the bond and the machine go
// down: a server that is asked for the same address gives it if it can.
type Remembered struct {
	ClientID []byte       `json:"client_id"` // the bond's own option 61; it never changes
	Lease    *lease.Lease `json:"lease"`     // nil: there was none yet
	// Taken is what the DHCP client was known by whose lease was taken over; nil where none
	// was.
	Taken *lease.Identity `json:"taken,omitempty"`
	// Visited are the networks in which leases were had that still hold, the last one first.
	Visited []Visited `json:"visited,omitempty"`
}

// A Visited is a network in which a lease was had, and by what it is recognised.
type Visited struct {
	Lease      lease.Lease      `json:"lease"`
	GatewayMAC net.HardwareAddr `json:"gateway_mac"`
	SSID       []byte           `json:"ssid,omitempty"` // nil where it was had by a cable
	Member     string           `json:"member"`         // over which it was had last
}

// Same says whether two are the same network, seen by the same kind of path.
func (v Visited) Same(o Visited) bool {
	return slices.Equal(v.GatewayMAC, o.GatewayMAC) && v.Lease.Gateway() == o.Lease.Gateway() && slices.Equal(v.SSID, o.SSID)
}

// Remembered reads lease.json; the zero value when there is none.
func (d Dir) Remembered() (Remembered, error) {
	var r Remembered
	err := d.Read(leaseFile, &r)
	return r, err
}

// Remember replaces lease.json.
func (d Dir) Remember(r Remembered) error { return d.Write(leaseFile, r) }
