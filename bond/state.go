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

	// inherited is what the bond had before the last boot that was once its members'.
	inherited *Inherited

	// lost is what the bond was stacked with that somebody deleted, as long as the new
	// one isn't.
	lost stack

	// patient makes a member that can't join as it is pending, where it would otherwise
	// be an obstacle to the whole plan: nobody is there to be told.
	patient bool

	// stepwise has a take-over begin with the member whose place the bond takes, and go on
	// with the others when that is done.
	stepwise bool

	// byRoutes says that the strategy is routes: there is no bond. heldBack are the members that a keeper
	// holds back; nil where none decides. memberSysctls are their settings, and strictAll says that
	// net.ipv4.conf.all.rp_filter is 1, which holds for each of them.
	byRoutes      bool
	heldBack      map[string]bool
	manual        *choice // the member that somebody has chosen by hand
	memberSysctls []sysctl
	mptcp         *mptcpState            // nil where the kernel has none, or nobody asks
	leases        map[string]memberLease // what DHCP has lent members
	strictAll     bool

	traffic
	rules   []rtnl.Rule // read where something is to be changed
	sysctls []sysctl    // of those that an image names
	// differing are the settings of members that are in use which a new link hasn't got.
	differing []sysctl
	// bondSettings are the bond's of that kind, read where a member is in use.
	bondSettings []sysctl
	// raMetric is the metric that the bond gives to IPv6 routers' default routes, or will
	// give when it is made; "" where that isn't to be set.
	raMetric string
	ipv6     map[string]setting6 // the bond's settings that [Config.Method6] is about, by name
	no6      bool                // this kernel has no IPv6
}

// A memberLease is what DHCP has lent a member, for how much longer, and over which link; 0 where that isn't known.
type memberLease struct {
	*lease.Lease
	left    time.Duration
	ifindex int
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
	MinMTU       int            // the least that the driver takes; 0 for no limit
	MaxMTU       int            // the greatest
	AltNames     []string       // alternative names (ip-link(8), altname)
	Lower        int            // the ifindex of what it is stacked upon; 0 for nothing
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

	ready6  bool   // IPv6 uses it (IF_READY)
	data    string // what its driver says of it (IFLA_INFO_DATA)
	refused string // why the kernel refused it a moment ago
	resting bool   // somebody has set it down a moment ago, perhaps to rename it
}

// isCalled says whether it has that name, be it an alternative one.
func (l Link) isCalled(name string) bool { return l.Name == name || slices.Contains(l.AltNames, name) }

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

// bridge names what the bond is a port of; "" for nothing. A port's addresses get no
// traffic, which its master takes. A VRF is a master, too, and leaves it that.
func (s *State) bridge() string {
	name := s.lost.Master // it is to be a port again
	if bond, present := s.link(s.Name); present && bond.Master != "" {
		name = bond.Master
	}
	if master, present := s.link(name); present && master.Kind != "vrf" {
		return master.Name
	}
	return ""
}

// A stack is what a bond is stacked with.
type stack struct {
	Master string   `json:"master,omitempty"` // such as the bridge that it is a port of
	Upper  []string `json:"upper,omitempty"`  // such as VLANs, which go with it when it is deleted
	Image  *Image   `json:"image,omitempty"`  // of those that can be made anew
}

// stack is what the bond is stacked with now.
func (s *State) stack() stack {
	bond, _ := s.link(s.Name)
	st := stack{Master: bond.Master, Upper: bond.Upper}
	if movable, _ := s.uppers(bond); movable != nil {
		i := s.imageOfUppers(movable, s.Name)
		st.Image = &i
	}
	return st
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

// linkCalled finds an interface by its name or, where none has it, by an alternative
// one.
func (s *State) linkCalled(name string) (Link, bool) {
	if l, present := s.link(name); present {
		return l, true
	}
	i := slices.IndexFunc(s.Links, func(l Link) bool { return l.isCalled(name) })
	if i < 0 {
		return Link{}, false
	}
	return s.Links[i], true
}

// called is the name of the interface that is called so; what isn't there keeps the
// name that it was asked for by.
func (s *State) called(name string) string {
	if l, present := s.linkCalled(name); present {
		return l.Name
	}
	return name
}

// lowerDown names the device beneath a link while it keeps the link from being set up
// (ENETDOWN): a VLAN's and a MACsec device's does while it is down.
func (s *State) lowerDown(l Link) (name string, down bool) {
	if l.Kind != "vlan" && l.Kind != "macsec" {
		return "", false
	}
	lower, present := s.linkByIndex(l.Lower)
	return lower.Name, present && !lower.Up
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
