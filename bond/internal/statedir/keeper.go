package statedir

import (
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statefile"
	"github.com/bondctl/bondctl/bond/upstream"
)

// Keeper is keeper.json: what the bond's keeper knows, for others to use and show.
// It outlives the keeper, however that ends, until [Dir.RemoveKeeper].
type Keeper struct {
	// Process is the keeper's; zero once it has ended by itself.
	statefile.Process
	Lent
	// MemberLents are what DHCP has lent members, under the strategy routes.
	MemberLents map[string]Lent `json:"member_leases,omitempty"`
	// Active has been the active slave since ActiveSince; "" for none.
	Active      string    `json:"active,omitempty"`
	ActiveSince time.Time `json:"active_since,omitzero"`
	Troubles    []Trouble `json:"troubles,omitempty"` // in the order of their names
	Asking      Asking    `json:"asking,omitzero"`
	// Better are the figures by which the keeper chooses the active slave, where the kernel can't; ""
	// where it doesn't.
	Better string `json:"better,omitempty"`
	// Resting are the Wi-Fi members that needn't be associated while a cable serves.
	Resting []string `json:"resting,omitempty"`
	// Paths are those that are watched, by their slaves' names, and PathTargets who is asked over them.
	Paths       []Path   `json:"paths,omitempty"`
	PathTargets []string `json:"path_targets,omitempty"`
	// Behind is what was met behind slaves, each for as long as it keeps its link.
	Behind []Behind `json:"behind,omitempty"`
}

// LentTo is what DHCP has lent a member, or the bond where member is "".
func (k Keeper) LentTo(member string) Lent {
	if member == "" {
		return k.Lent
	}
	return k.MemberLents[member]
}

// Lend notes it, or that nothing is lent any more.
func (k *Keeper) Lend(member string, l Lent) {
	switch {
	case member == "":
		k.Lent = l
		return
	case l.Lease == nil:
		delete(k.MemberLents, member)
		return
	}
	if k.MemberLents == nil {
		k.MemberLents = map[string]Lent{}
	}
	k.MemberLents[member] = l
}

// Behind is what was met behind a slave.
type Behind struct {
	Slave string `json:"slave"`
	// Changes counts how often the slave's carrier had come and gone (IFLA_CARRIER_CHANGES).
	Changes int      `json:"carrier_changes"`
	Network *Network `json:"network,omitempty"`
	// Forwards is for how many milliseconds the slave's port passed nothing on after its link
	// came up, where it sent messages of a spanning tree meanwhile; nil where it isn't known.
	Forwards *int `json:"forwards_ms,omitempty"`
}

// A Path is what is known of the path behind a slave.
type Path struct {
	Slave string         `json:"slave"`
	State upstream.State `json:"state"`
	RTT   *float64       `json:"rtt_ms,omitempty"` // of the last answer
	Loss  *int           `json:"loss,omitempty"`   // percent of the latest questions that had none
	// Gateway is who is asked where each member has one of its own, under the strategy routes.
	Gateway netip.Addr `json:"gateway,omitzero"`
	// Aside says that the slave isn't used because of its path, or wasn't and isn't returned to yet.
	Aside bool `json:"aside,omitempty"`
}

// A Network is the one that a lease was had or kept in.
type Network struct {
	Address netip.Prefix     `json:"address"`
	Gateway netip.Addr       `json:"gateway,omitzero"`
	MAC     net.HardwareAddr `json:"gateway_mac,omitempty"`
}

// Asking is what DHCP servers are being asked; the zero value is nothing.
type Asking struct {
	Since time.Time `json:"since"`
	// Address is the one of which it is asked whether it holds; the zero Addr where any
	// will do.
	Address netip.Addr `json:"address,omitzero"`
}

// A Trouble is something that doesn't work.
type Trouble struct {
	Source    Source `json:"source"`
	Interface string `json:"interface,omitempty"` // "" where it is the whole bond's
	Text      string `json:"text"`                // what is wrong
}

// A Source is what part of a keeper has met a trouble.
type Source string

// The sources of troubles.
const (
	SourceConfiguration Source = "configuration" // the file that says what is wanted
	SourceKeeper        Source = "keeper"        // making the bond what is wanted
	SourceDHCP          Source = "dhcp"
	SourceAddress       Source = "address" // one of the bond's is somebody else's as well
	SourceDNS           Source = "dns"
	SourceSupplicant    Source = "supplicant" // the association of an interface
	SourceFailover      Source = "failover"   // a slave that comes and goes
)

// Name is what the trouble is shown by: its interface or, where it has none, its
// source.
func (t Trouble) Name() string {
	if t.Interface != "" {
		return t.Interface
	}
	return string(t.Source)
}

// Keeper reads keeper.json. Without one the bond isn't kept, and k is zero.
func (d Dir) Keeper() (k Keeper, kept bool, err error) {
	var read *Keeper
	if err := d.Read(keeperFile, &read); err != nil || read == nil {
		return Keeper{}, false, err
	}
	return *read, true, nil
}

// WriteKeeper replaces keeper.json. It is for the keeper alone.
func (d Dir) WriteKeeper(k Keeper) error { return d.Write(keeperFile, k) }

// RemoveKeeper notes that the bond is to have no keeper any more, and that nothing
// is lent to it.
func (d Dir) RemoveKeeper() error { return d.Remove(keeperFile) }

// LockKeeper takes the lock that a bond's keeper has. The error is
// statefile.ErrLocked when another process has it.
func (d Dir) LockKeeper() (unlock func(), err error) {
	if err := statefile.MakeDir(d.path); err != nil {
		return nil, err
	}
	return statefile.TryLock(filepath.Join(d.path, "keeper.lock"))
}
