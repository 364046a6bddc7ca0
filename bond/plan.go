package bond

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Plan is the way from what the kernel has to what is wanted.
type Plan struct {
	Bond  string
	Steps []Step
	// Notes are for the user: what is pending, rounded, or interrupted.
	Notes []string
	// Retry is when to look again at members that the kernel refused, where
	// the host is cautious; 0 is not at all.
	Retry time.Duration
	// Members is how many members are in the bond once the plan is applied.
	Members int
	// Associations are the Wi-Fi members that a keeper is to have associate
	// once the plan is applied.
	Associations []Association
	// After is how the bond was when Reconcile had applied the plan and looked
	// again: its [Host.Status], but for what drivers must be asked for.
	After Status
}

// NewPlan compares what is wanted with what is there. It changes nothing, and
// for a bond that is as wanted it has no steps. machineID is the text of
// /etc/machine-id, which only mac "stable" asks for.
//
// The error is a [*ConfigError] for what can't be wanted of these members, and
// a [*RefusedError] for what bondctl won't touch.
func NewPlan(c Config, s State, machineID string) (Plan, error) {
	w, err := settle(c, s, machineID)
	if err != nil {
		return Plan{}, err
	}
	if err := refusal(w, s); err != nil {
		return Plan{}, err
	}
	p := &planner{wanted: w, state: s, Plan: Plan{Bond: c.Name, Notes: w.notes, Associations: w.associations()}}
	if s.Bond == nil {
		p.create()
	} else {
		p.change()
	}
	p.giveBackLeft()
	p.layer3()
	return p.Plan, nil
}

// An Association is a Wi-Fi interface, and the wpa_supplicant.conf(5) by which
// it is to associate.
type Association struct {
	Interface string
	Index     int // its ifindex: another by the same name is another one
	Config    string
}

// Empty says that there is nothing to change.
func (p Plan) Empty() bool { return len(p.Steps) == 0 }

// joins says whether a member is to be enslaved.
func (p Plan) joins() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { _, ok := s.(Enslave); return ok })
}

// words says the plan's steps in one line.
func (p Plan) words() string {
	said := make([]string, len(p.Steps))
	for i, step := range p.Steps {
		said[i] = step.String()
	}
	return strings.Join(said, "; ")
}

func (b *BondState) slaveNames() []string {
	names := make([]string, len(b.Slaves))
	for i, m := range b.Slaves {
		names[i] = m.Name
	}
	return names
}

const activeBackup = "active-backup"

// planner builds a Plan.
type planner struct {
	Plan
	wanted wanted
	state  State

	emptied bool // every slave is released first
}

func (p *planner) add(s Step) { p.Steps = append(p.Steps, s) }

// create plans a bond that isn't there.
func (p *planner) create() {
	w := p.wanted
	create := CreateBond{Name: p.Bond, MAC: w.mac, MTU: w.mtu}
	for _, row := range table {
		to, _ := row.text(&w.options)
		if p.speaks(row.key) {
			create.Options = append(create.Options, Change{row.key, row.def, to})
		}
	}
	if _, present := p.state.link(w.primary); present {
		create.Options = append(create.Options, Change{"primary", "", w.primary})
	}
	if create.MAC == nil && *w.options.FailOverMAC != FailOverMACActive {
		create.MAC = p.firstMAC()
	}
	p.add(create)
	p.enslave()
}

// speaks says whether a new bond can be told an option: the delays belong to
// MII monitoring and are refused without it.
func (p *planner) speaks(key string) bool {
	mii := *p.wanted.options.Miimon > 0
	switch {
	case isDelay(key) || key == "miimon":
		return mii
	case strings.HasPrefix(key, "arp_") || key == "ns_ip6_target":
		return !mii
	}
	return true
}

// firstMAC is the address of the first member that can join: the kernel would
// give it to the bond all the same, but said at creation udev's
// MACAddressPolicy leaves it alone.
func (p *planner) firstMAC() HardwareAddr {
	for _, m := range p.wanted.members {
		if m.pending == "" {
			return HardwareAddr(m.link.MAC)
		}
	}
	return nil
}

// change plans from a bond that is there. New members come in before old ones
// go, so that it isn't left without any in between.
func (p *planner) change() {
	p.emptied = len(p.state.Bond.Slaves) > 0 && (p.differs("fail_over_mac") || !p.anyReady())
	if p.emptied {
		p.release(func(string) bool { return true })
	}
	p.failOverMAC()
	p.options()
	p.bondLink()
	p.enslave()
	if !p.emptied {
		p.release(func(name string) bool { return !p.isWanted(name) })
	}
}

func (p *planner) anyReady() bool {
	return slices.ContainsFunc(p.wanted.members, func(m wantedMember) bool { return m.pending == "" })
}

func (p *planner) isWanted(name string) bool {
	return slices.ContainsFunc(p.wanted.members, func(m wantedMember) bool { return m.name == name })
}

// release plans to let slaves go, the active one last. Those that aren't
// wanted any more are given back as they were found.
func (p *planner) release(which func(name string) bool) {
	slaves := slices.Clone(p.state.Bond.Slaves)
	slices.SortStableFunc(slaves, func(a, b SlaveState) int {
		return rank(a.Name == p.state.Bond.ActiveSlave) - rank(b.Name == p.state.Bond.ActiveSlave)
	})
	for _, slave := range slaves {
		if !which(slave.Name) {
			continue
		}
		prio := ""
		if slave.Prio != nil {
			prio = strconv.Itoa(*slave.Prio)
		}
		p.add(Release{p.Bond, slave.Name, prio})
		link, _ := p.state.link(slave.Name)
		if found, known := p.state.found(link); known && !p.isWanted(slave.Name) {
			p.add(GiveBack{slave.Name, found})
			if bond, _ := p.state.link(p.Bond); found.Up && found.MAC.String() == HardwareAddr(bond.MAC).String() {
				p.note("%s goes on with the MAC address %s, which %s carries, too: on one network they disturb each other; give one of them another", slave.Name, found.MAC, p.Bond)
			}
		}
	}
}

// found is how a link was before it became a member, if that is known of this
// very device: one that was unplugged and came back has another ifindex.
func (s *State) found(link Link) (LinkSettings, bool) {
	for _, found := range s.Ours.Found { // it may have been renamed since
		if link.Index != 0 && link.Index == found.Index {
			return found, true
		}
	}
	return LinkSettings{}, false
}

// left is how to give back a link that isn't a slave any more and hasn't been
// given back: whoever let it go was cut short. A bond leaves what it lets go
// down; a link that is up, or has another master, somebody has taken since.
func (s *State) left(link Link) (LinkSettings, bool) {
	found, ok := s.found(link)
	return found, ok && link.Master == "" && !link.Up
}

func (p *planner) giveBackLeft() {
	if len(p.state.Ours.Found) == 0 {
		return
	}
	for i := range p.state.Links {
		link := &p.state.Links[i]
		if link.Up || link.Master != "" {
			continue // the quick way to know most of them
		}
		if found, ok := p.state.left(*link); ok && !p.isWanted(link.Name) {
			p.add(GiveBack{link.Name, found})
		}
	}
}

// failOverMAC plans a change of fail_over_mac, which the kernel refuses
// (ENOTEMPTY) while the bond has slaves: they have been released.
func (p *planner) failOverMAC() {
	if !p.differs("fail_over_mac") {
		return
	}
	if p.emptied && p.anyReady() {
		p.note("fail_over_mac changes only without members: traffic over %s stops until they are back", p.Bond)
	}
	row := mustRow("fail_over_mac")
	from, _ := row.text(&p.state.Bond.Options)
	to, _ := row.text(&p.wanted.options)
	p.add(SetOptions{p.Bond, []Change{{row.key, from, to}}})
}

func (p *planner) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// options plans what of the options differs, except fail_over_mac.
func (p *planner) options() {
	var changes []Change
	b := p.state.Bond
	if b.Mode != activeBackup {
		changes = append(changes, Change{"mode", b.Mode, activeBackup})
	}
	timing := p.differs("miimon") || p.differs("updelay") || p.differs("downdelay") || p.differs("peer_notif_delay")
	for _, row := range table {
		from, known := row.text(&b.Options)
		to, _ := row.text(&p.wanted.options)
		again := timing && (row.key == "miimon" || isDelay(row.key))
		if row.key != "fail_over_mac" && known && (from != to || again) {
			changes = append(changes, Change{row.key, from, to})
		}
	}
	if c, ok := p.primary(); ok {
		changes = append(changes, c)
	}
	if changes != nil {
		p.add(SetOptions{p.Bond, changes})
	}
}

func (p *planner) differs(key string) bool {
	row := mustRow(key)
	from, known := row.text(&p.state.Bond.Options)
	to, _ := row.text(&p.wanted.options)
	return known && from != to
}

// primary plans a change of the primary. The kernel shows the primary only
// while it is enslaved, but remembers its name: so an absent primary is no
// drift, and saying it again would force a switch just as a failover may be
// on its way. It is said when its interface is about to be enslaved.
func (p *planner) primary() (Change, bool) {
	has, want := p.state.Bond.Primary, p.wanted.primary
	if has == want {
		return Change{}, false
	}
	for _, m := range p.wanted.members {
		if m.name == want && m.pending == "" {
			return Change{"primary", has, want}, true
		}
	}
	if has == "" {
		return Change{}, false
	}
	return Change{"primary", has, ""}, true
}

// bondLink plans the bond's own admin state, MAC address and MTU.
func (p *planner) bondLink() {
	link, _ := p.state.link(p.Bond)
	from := link.settings()
	to := from
	to.Up = true
	to.MTU = p.wanted.mtu
	// With active and follow the driver takes no address, and says nothing.
	if *p.wanted.options.FailOverMAC == FailOverMACNone {
		if p.wanted.mac != nil {
			to.MAC = p.wanted.mac
		}
		if p.emptied {
			// The last slave's release makes the kernel choose a random
			// address; the bond's own is given back before the next enters.
			from.MAC = nil
		}
	}
	if from.Up != to.Up || from.MTU != to.MTU || from.MAC.String() != to.MAC.String() {
		p.add(SetLink{p.Bond, from, to})
	}
}

// enslave plans the members that are not in yet, and every one's prio.
func (p *planner) enslave() {
	for _, m := range p.order() {
		if m.pending != "" {
			continue
		}
		p.Members++
		slave, in := p.state.slave(m.name)
		if !in || p.emptied {
			was := m.link.settings()
			// A link that is down may have been left so by a bond that was
			// deleted by hand, or by a down that was cut short.
			if found, ok := p.state.found(m.link); ok && (in || !was.Up) {
				was = found
			}
			p.add(Enslave{p.Bond, m.name, was})
			slave.Prio = new(0)
		} else if !m.link.Up && !m.link.RFKill {
			// The driver ups a slave as it takes it in, and never again: not
			// after somebody has set it down, nor when rfkill lets it go.
			up := m.link.settings()
			up.Up = true
			p.add(SetLink{m.name, m.link.settings(), up})
		}
		if has := value(slave.Prio); slave.Prio != nil && strconv.Itoa(has) != m.prio {
			p.add(SetPrio{p.Bond, m.name, strconv.Itoa(has), m.prio})
		}
	}
}

// order is the members in order of preference; when all were released, the
// active one comes first.
func (p *planner) order() []wantedMember {
	if !p.emptied {
		return p.wanted.members
	}
	members := slices.Clone(p.wanted.members)
	slices.SortStableFunc(members, func(a, b wantedMember) int {
		return rank(a.name != p.state.Bond.ActiveSlave) - rank(b.name != p.state.Bond.ActiveSlave)
	})
	return members
}

func rank(later bool) int {
	if later {
		return 1
	}
	return 0
}

// lifetimeSlack is by how much the kernel's idea of a lease's end may be wrong:
// both count in seconds, at different moments.
const lifetimeSlack = 10 * time.Second

// lifetime plans that the leased address ends with its lease, and that one which
// was leased and is wanted for good doesn't.
func (p *planner) lifetime(has BondState) {
	for _, a := range p.wanted.static {
		if _, ends := has.Lifetimes[a]; ends && slices.Contains(p.state.Ours.Addresses, a) {
			p.add(SetLifetime{Bond: p.Bond, Address: a})
		}
	}
	lease := p.state.Lease
	if lease == nil || !slices.Contains(p.wanted.addresses, lease.Address) || slices.Contains(p.wanted.static, lease.Address) {
		return
	}
	left := p.state.LeaseLeft.Truncate(time.Second)
	valid, ends := has.Lifetimes[lease.Address]
	if ends && (valid-left).Abs() <= lifetimeSlack || left <= 0 {
		return
	}
	p.add(SetLifetime{p.Bond, lease.Address, left})
}

// layer3 plans the addresses and routes. What others have put
// on the bond is left alone; what bondctl did put there and is no longer
// wanted goes.
func (p *planner) layer3() {
	var has BondState
	if p.state.Bond != nil {
		has = *p.state.Bond
	}
	w, ours := p.wanted, p.state.Ours
	for _, a := range w.addresses {
		if !slices.Contains(has.Addresses, a) {
			p.add(AddAddress{p.Bond, a})
		}
	}
	p.lifetime(has)
	for _, r := range ours.Routes {
		if slices.Contains(has.Routes, r) && !slices.Contains(w.routes, r) {
			p.add(DelRoute{p.Bond, r})
		}
	}
	for _, r := range w.routes {
		if !slices.Contains(has.Routes, r) {
			p.add(AddRoute{p.Bond, r})
		}
	}
	// Last, for others of its network and routes over it may go with it; the
	// next look finds which.
	for _, a := range ours.Addresses {
		if slices.Contains(has.Addresses, a) && !slices.Contains(w.addresses, a) {
			p.add(DelAddress{p.Bond, a})
		}
	}
}
