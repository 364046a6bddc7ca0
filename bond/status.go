package bond

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/bondctl/bondctl/bond/lease"
)

// Status is how a bond fares. Its JSON keys are the names of the kernel's sysfs files,
// its times are in milliseconds, and nil is what doesn't exist or isn't known.
type Status struct {
	Name string `json:"name"`
	// Strategy is StrategyBond or StrategyRoutes. Under the latter what only a bond has is nil, and null in JSON.
	Strategy     string     `json:"strategy"`
	Active       *string    `json:"active"` // the member that carries what names no source
	Mode         string     `json:"mode"`
	ActiveSlave  *string    `json:"active_slave"`
	ActiveSince  *time.Time `json:"active_since"` // known to a keeper alone
	ActiveReason *Reason    `json:"active_reason"`
	Primary      *string    `json:"primary"` // the wanted one, present or not
	// FastFailover says whether the keeper is to be faster than miimon; nil where nothing is
	// recorded of the bond.
	FastFailover *bool `json:"fast_failover"`
	Options
	// Better are the figures by which the keeper chooses the active slave under primary_reselect
	// better, where the kernel doesn't know each speed; nil where the kernel chooses.
	Better *string `json:"better"`
	// Probe says how the keeper watches paths; nil where it doesn't.
	Probe        *ProbeStatus   `json:"probe"`
	MIIStatus    string         `json:"mii_status"`
	Address      HardwareAddr   `json:"address"`   // the bond's MAC
	Addresses    []netip.Prefix `json:"addresses"` // of global scope
	MTU          int            `json:"mtu"`
	Health       Health         `json:"health"`
	HealthReason string         `json:"health_reason"`
	Lease        *LeaseStatus   `json:"lease"` // what DHCP has lent the bond
	Trial        *TrialStatus   `json:"trial"` // a change that may still be put back
	Members      []MemberStatus `json:"members"`

	Index  int            `json:"-"` // the bond's ifindex
	Bridge string         `json:"-"` // what it is a port of, so that its addresses get no traffic; "" for nothing
	SLAAC  []netip.Prefix `json:"-"` // of Addresses, those that the kernel made of what IPv6 routers advertise
	IPv6   bool           `json:"-"` // the bond has a default route of IPv6, and an address to use it with
	// Gateways are those of the default routes over the bond, whoever set them.
	Gateways []netip.Addr   `json:"-"`
	MACs     []HardwareAddr `json:"-"` // of every link of this machine: what comes from them is its own
}

// LeaseStatus is what DHCP has lent the bond, as its keeper tells.
type LeaseStatus struct {
	lease.Lease
	// GatewayMAC is how the gateway was recognised where the lease was had
	// (RFC 4436); nil where it didn't answer.
	GatewayMAC HardwareAddr `json:"gateway_mac,omitempty"`
}

// Health sums a bond up.
type Health string

// The values of Health.
const (
	HealthOK       Health = "ok"       // every wanted member could take over
	HealthDegraded Health = "degraded" // it works, but something is amiss
	HealthDown     Health = "down"     // it carries nothing
)

// Reason says why the active slave is the active one.
type Reason string

// The values of Reason.
const (
	ReasonPrimary  Reason = "primary"   // it is the primary
	ReasonPrio     Reason = "prio"      // no other member that is up has as high a prio
	ReasonOnlyLink Reason = "only_link" // no other member is up
	ReasonManual   Reason = "manual"    // somebody chose it with switch
	ReasonPath     Reason = "path"      // another is preferred, but its path is dead, or was a moment ago
	ReasonHeld     Reason = "held"      // another is preferred, but primary_reselect keeps this one
	ReasonUnknown  Reason = "unknown"
)

// Role is a member's part in the bond.
type Role string

// The values of Role.
const (
	RoleActive  Role = "active"
	RoleBackup  Role = "backup"
	RolePending Role = "pending" // present, but not in the bond
	RoleAbsent  Role = "absent"
)

// MemberStatus is how one member fares.
type MemberStatus struct {
	Name          string       `json:"name"`
	Kind          *string      `json:"kind"` // wired or wifi
	Role          Role         `json:"role"`
	PendingReason *string      `json:"pending_reason"`
	Prio          *int         `json:"prio"`
	MIIStatus     *string      `json:"mii_status"` // up, going down, down, going back
	Carrier       *bool        `json:"carrier"`
	Speed         *int         `json:"speed"`  // Mb/s
	Duplex        *string      `json:"duplex"` // full or half
	Driver        *string      `json:"driver"`
	Address       HardwareAddr `json:"address"`
	PermHWAddr    HardwareAddr `json:"perm_hwaddr"`
	// Addresses are those that the member carries itself, which a slave shouldn't.
	Addresses        []netip.Prefix `json:"addresses"`
	LinkFailureCount *int           `json:"link_failure_count"`
	WiFi             *WiFiStatus    `json:"wifi"`
	// Gateway, Metric and Table are of the member's own routes, under the strategy routes.
	Gateway *netip.Addr `json:"gateway"`
	Metric  *uint32     `json:"metric"`
	Table   *uint32     `json:"table"`
	// Unadvertised says, under the strategy routes, that the default route of its IPv6 router hasn't the metric yet that it
	// is to have: the router is to advertise anew.
	Unadvertised bool `json:"-"`
	// Resting says that the keeper leaves a Wi-Fi member unassociated while a cable serves
	// (wifi_standby cold).
	Resting bool `json:"resting"`
	// Path is what the keeper knows of the path behind the member; nil where it isn't watched.
	Path *PathStatus `json:"path"`

	// WantsDHCP says that the keeper is to have a member's own IPv4 address leased, under the strategy routes.
	WantsDHCP bool `json:"-"`

	Index   int  `json:"-"` // the interface's ifindex; 0 without one
	Dormant bool `json:"-"` // a Wi-Fi link whose handshake isn't through (operstate dormant)
	// CarrierChanges counts how often carrier came and went (IFLA_CARRIER_CHANGES).
	CarrierChanges int `json:"-"`

	wifi    bool // it is Wi-Fi
	blocked bool // by rfkill
}

// WiFiStatus is a member's Wi-Fi link.
type WiFiStatus struct {
	SSID    string `json:"ssid"` // in valid UTF-8, whatever was sent
	SSIDHex string `json:"ssid_hex"`
	Signal  *int   `json:"signal"`  // dBm
	Bitrate *int   `json:"bitrate"` // bit/s
}

// Status reads a bond's status; it needs no privilege. The error is ErrNoBond
// when there is no such bond; [Host.Recorded] tells whether there should be.
func (h *Host) Status(name string) (Status, error) {
	st, err := h.Brief(name)
	if err != nil {
		return Status{}, err
	}
	return st, addLinkData([]Status{st})
}

// Statuses reads the status of several bonds in one look, and names those that don't
// exist.
func (h *Host) Statuses(names []string) (list []Status, missing []string, err error) {
	all, err := h.scan()
	if err != nil {
		return nil, nil, err
	}
	list = []Status{}
	for _, name := range names {
		st, err := h.statusIn(all, name)
		if errors.Is(err, errStale) {
			st, err = h.Brief(name)
		}
		switch {
		case errors.Is(err, ErrNoBond):
			missing = append(missing, name)
		case err != nil:
			return nil, nil, err
		default:
			list = append(list, st)
		}
	}
	return list, missing, addLinkData(list)
}

// Brief is [Host.Status] for a program that looks often. It doesn't ask drivers for
// link, speed and duplex, nor Wi-Fi for its network: these stay unknown.
func (h *Host) Brief(name string) (Status, error) {
	for {
		all, err := h.scan()
		if err != nil {
			return Status{}, err
		}
		if st, err := h.statusIn(all, name); !errors.Is(err, errStale) {
			return st, err
		}
	}
}

// statusIn is the status of one bond of a scan. The errors are ErrNoBond and,
// when the scan is too old, errStale.
func (h *Host) statusIn(all scan, name string) (Status, error) {
	r, err := h.store.record(name)
	if err != nil {
		return Status{}, err
	}
	var members []Member
	if r.Config != nil {
		members = r.Config.Members
	}
	s, err := h.stateIn(all, name, members)
	if err != nil {
		return Status{}, err
	}
	if s.Bond == nil && !r.byRoutes() {
		return Status{}, fmt.Errorf("%s: %w", name, ErrNoBond)
	}
	return h.statusOf(s, r)
}

// statusOf is the status of a bond by its state, its record and its keeper.
func (h *Host) statusOf(s State, r record) (Status, error) {
	if r.byRoutes() {
		return h.routesStatusOf(s, r)
	}
	k, kept, err := h.store.of(s.Name).Keeper()
	if err != nil {
		return Status{}, err
	}
	if err := h.readRules(&s, r.Config); err != nil {
		return Status{}, err
	}
	t, err := h.Trial(s.Name)
	if err != nil {
		return Status{}, err
	}
	st := newStatus(s, r)
	st.Trial = t.status()
	more := append(s.amiss(r), refusedOfBond(r.Refused)...)
	if full := h.store.full(); full != "" {
		more = append(more, full)
	}
	switch {
	case kept && !k.Alive():
		k.Troubles = nil // nobody would take back what is mended
		more = append(more, "its keeper has ended, so nothing is mended or renewed until an up starts another")
	case k.Active != "" && k.Active == s.Bond.ActiveSlave:
		st.ActiveSince = &k.ActiveSince
	}
	if l, _ := k.Lent.Now(); l != nil {
		st.Lease = &LeaseStatus{*l, HardwareAddr(k.GatewayMAC)}
	}
	if k.Alive() {
		for i, m := range st.Members {
			st.Members[i].Resting = slices.Contains(k.Resting, m.Name)
		}
		st.addPaths(k)
	}
	st.Health, st.HealthReason = health(st, s, k.Troubles, more...)
	if k.Alive() {
		st.Better = unlessZero(k.Better)
		st.addDHCP(r.Config, k)
	}
	return st, nil
}

// Names lists the bonds that exist, whoever made them, and those that bondctl made and
// that are missing.
func (h *Host) Names() ([]string, error) {
	names, err := h.sysfs.Bonds()
	if err != nil {
		return nil, err
	}
	for _, name := range h.store.names() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// newStatus is the status by the state and the record alone.
func newStatus(s State, r record) Status {
	s.patient = true // who reads it is to know what waits
	link, _ := s.link(s.Name)
	st := Status{
		Name: s.Name, Strategy: StrategyBond, Active: unlessZero(s.Bond.ActiveSlave), Mode: s.Bond.Mode, Options: s.Bond.Options, MIIStatus: s.Bond.MIIStatus,
		ActiveSlave: unlessZero(s.Bond.ActiveSlave), Primary: unlessZero(s.Bond.Primary),
		Address: link.MAC, MTU: link.MTU,
		Addresses: append([]netip.Prefix{}, link.Addresses...),
		Members:   []MemberStatus{},
		Index:     link.Index, Bridge: s.bridge(),
		IPv6: s.leavesByIPv6(), Gateways: s.gateways(),
	}
	for _, a := range s.slaac() {
		st.SLAAC = append(st.SLAAC, a.Prefix)
	}
	for _, l := range s.Links {
		st.MACs = append(st.MACs, l.MAC, l.PermMAC)
	}
	st.ARPIPTarget = append([]netip.Addr{}, st.ARPIPTarget...)
	st.NSIP6Target = append([]netip.Addr{}, st.NSIP6Target...)
	if r.Config != nil {
		st.Primary = unlessZero(s.called(r.Config.Primary))
		st.FastFailover = new(r.Config.FailsOverFast())
		st.Probe = r.Config.Probe.status()
		for _, m := range s.expand(*r.Config) {
			st.Members = append(st.Members, wantedStatus(s, m, r.Refused))
		}
	}
	for _, slave := range s.Bond.Slaves {
		if !slices.ContainsFunc(st.Members, func(m MemberStatus) bool { return m.Name == slave.Name }) {
			st.Members = append(st.Members, slaveStatus(s, slave))
		}
	}
	if s.Bond.ActiveSlave != "" {
		st.ActiveReason = new(reason(st, r.Manual.holds(s)))
	}
	return st
}

// wantedStatus is the status of a member that is wanted, enslaved or not.
func wantedStatus(s State, m wantedMember, refused map[string]string) MemberStatus {
	if slave, in := s.slave(m.name); in {
		return slaveStatus(s, slave)
	}
	prio, _ := strconv.Atoi(m.prio)
	st := MemberStatus{Addresses: []netip.Prefix{}, Name: m.name, Role: RoleAbsent, Prio: &prio, PendingReason: &m.pending}
	if m.link.Name == "" {
		return st
	}
	st.Role = RolePending
	st.addLink(m.link)
	if m.pending == "" {
		st.PendingReason = new(cmp.Or(refused[m.name], "not enslaved; the next up takes it in"))
	}
	return st
}

// slaveStatus is the status of a slave.
func slaveStatus(s State, slave SlaveState) MemberStatus {
	link, _ := s.link(slave.Name)
	role := RoleBackup
	if slave.Name == s.Bond.ActiveSlave {
		role = RoleActive
	}
	st := MemberStatus{
		Name: slave.Name, Role: role, Prio: slave.Prio,
		MIIStatus: unlessZero(slave.MIIStatus), LinkFailureCount: new(slave.LinkFailureCount),
		PermHWAddr: slave.PermHWAddr, Addresses: []netip.Prefix{},
	}
	st.addLink(link)
	return st
}

// addLink adds what the link of a member tells.
func (m *MemberStatus) addLink(l Link) {
	m.Index, m.wifi, m.Dormant, m.CarrierChanges = l.Index, l.WiFi, l.WiFi && l.OperState == "dormant", l.Changes
	m.blocked = l.RFKill
	m.Kind = new("wired")
	if l.WiFi {
		m.Kind = new("wifi")
	}
	m.Address, m.Driver, m.Carrier = l.MAC, unlessZero(l.Driver), l.Carrier
	m.Addresses = append(m.Addresses, l.Addresses...)
}

// unlessZero is nil for a zero value: it isn't known.
func unlessZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
