package bond

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/lease"
)

// State is what the kernel says of one bond and of every interface beside it,
// read at one moment.
type State struct {
	Name  string
	Bond  *BondState // nil: there is no such bond
	Links []Link     // every interface of the namespace, the bond included

	// Before is how things were before bondctl's first change, and what it has added
	// since; nil where it has changed nothing.
	Before *Image
	// Lease is what DHCP has lent the bond, and LeaseLeft for how much longer; nil for
	// nothing.
	Lease     *lease.Lease
	LeaseLeft time.Duration

	// patient makes a member that carries something pending, where it would otherwise
	// be an obstacle to the whole plan: nobody is there to be told.
	patient bool

	traffic
	rules   []rtnl.Rule // read where something is to be changed
	sysctls []sysctl    // of those that an image names
}

// BondState is a bond as the kernel has it.
type BondState struct {
	Mode        string
	Options     Options
	Primary     string // "" while the primary isn't enslaved, though the kernel remembers its name
	ActiveSlave string
	MIIStatus   string
	Slaves      []SlaveState // in the kernel's order
}

// SlaveState is one slave as the bonding driver has it (bonding_slave in sysfs).
type SlaveState struct {
	Name             string
	MIIStatus        string // up, going down, down, going back
	LinkFailureCount int
	PermHWAddr       HardwareAddr // what it had before it was enslaved
	Prio             *int         // nil before Linux 6.0
}

// Link is one network interface.
type Link struct {
	Name         string
	Index        int
	Kind         string // IFLA_INFO_KIND: bond, veth, ...; "" for hardware
	Master       string // what it is enslaved to, "" nothing
	Up           bool   // admin state (IFF_UP)
	MAC          HardwareAddr
	MTU          int
	Upper        []string       // interfaces stacked upon it, such as VLANs
	Addresses    []netip.Prefix // of global scope
	Routes       int            // over it that somebody added (the kernel's own don't count)
	Hardware     bool           // for patterns: there is a device behind it, and it is no access point
	WiFi         bool
	PermMAC      HardwareAddr // as it was made (IFLA_PERM_ADDRESS); MAC where the driver doesn't tell
	Driver, Bus  string
	OperState    string // up, dormant (a Wi-Fi link whose handshake isn't through), ...
	Carrier      *bool  // nil while it is down
	Changes      int    // of its carrier since it was made (IFLA_CARRIER_CHANGES)
	RFKill       bool   // blocked by rfkill
	SpeedUnknown bool   // ethtool gives no speed
	Initializing bool   // udev has not done with it yet

	refused string // why the kernel refused it a moment ago
}

// linkSettings are what enslaving changes of a link, and what is given back.
type linkSettings struct {
	Index int          `json:"ifindex"`
	Up    bool         `json:"up"`
	MAC   HardwareAddr `json:"mac"`
	MTU   int          `json:"mtu"`
}

func (l Link) settings() linkSettings {
	return linkSettings{Index: l.Index, Up: l.Up, MAC: bytes.Clone(l.MAC), MTU: l.MTU}
}

// link finds an interface by its name. It copies none on the way, for there may be
// hundreds.
func (s *State) link(name string) (Link, bool) {
	for i := range s.Links {
		if s.Links[i].Name == name {
			return s.Links[i], true
		}
	}
	return Link{}, false
}

// linkByIndex finds an interface that may have been renamed.
func (s *State) linkByIndex(index int) (Link, bool) {
	for i := range s.Links {
		if s.Links[i].Index == index {
			return s.Links[i], true
		}
	}
	return Link{}, false
}

// slave finds one of the bond's slaves.
func (s *State) slave(name string) (SlaveState, bool) {
	if s.Bond == nil {
		return SlaveState{}, false
	}
	i := slices.IndexFunc(s.Bond.Slaves, func(m SlaveState) bool { return m.Name == name })
	if i < 0 {
		return SlaveState{}, false
	}
	return s.Bond.Slaves[i], true
}
