package bond

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// A Plan is the way from what the kernel has to what is wanted.
type Plan struct {
	Bond  string
	Steps []Step
	// Notes tell the user what is pending, what the kernel rounds, and what is
	// interrupted.
	Notes []Message
	// Retry is after how long to try again what the kernel refused, where
	// [How.Refusals] remembers that; 0 is for nothing.
	Retry time.Duration
	// Takes says that the bond takes over what members carry, such as the address by
	// which its user is connected.
	Takes bool
	// Loses says that the bond or one of its slaves loses an address that it has, or a
	// default route.
	Loses bool
	// Drops are members whose addresses can't work on the bond's network, and go.
	Drops []string
	// Interrupts says what the steps interrupt, and for how long.
	Interrupts []Message
	// Policy is what the members' rules and routes come to, under the strategy routes; nil for a bond.
	Policy []PolicyTable
	// Members is the number of members in the bond once the plan is applied.
	Members int
	// Associations are the members that a keeper is to associate once the plan
	// is applied.
	Associations []Association
	// Before is the bond when Reconcile looked first, which was at Looked; the zero
	// Status where there was none. It has no health.
	Before Status
	Looked time.Time
	// After is the bond's [Host.Brief] when Reconcile had applied the plan.
	After Status

	joining   []string   // members that a group takes in
	leasing   []string   // those of them that are to be leased an address
	refused   []string   // members that wait, as the kernel refused them a moment ago
	inherited *Inherited // what the bond has by then that was the members'
}

// NewPlan compares what is wanted with what is there. It changes nothing, and
// for a bond that is as wanted it has no steps. machineID is the text of
// /etc/machine-id, which only mac "stable" asks for.
//
// The error is a [*ConfigError] for what is wrong in the configuration or can't be
// wanted of these members, and an [*ObstacleError] for what bondctl won't touch.
func NewPlan(c Config, s State, machineID string) (Plan, error) {
	if err := c.Check(); err != nil {
		return Plan{}, err
	}
	return newPlan(c, s, machineID)
}

// newPlan is [NewPlan] of a configuration that has been checked.
func newPlan(c Config, s State, machineID string) (Plan, error) {
	if c.ByRoutes() {
		return newRoutesPlan(c, s)
	}
	if s.Before != nil && s.Before.Strategy == StrategyRoutes {
		return Plan{}, &ObstacleError{Bond: c.Name, What: c.Name + " is a group of the strategy routes, whose members are to be given back first",
			Mend: Messagef("bondctl down %s", c.Name)}
	}
	w, err := newWanted(c, s, machineID)
	if err != nil {
		return Plan{}, err
	}
	if err := obstacle(w, s); err != nil {
		return Plan{}, err
	}
	if err := cutOff(w, c); err != nil {
		return Plan{}, err
	}
	p := &planner{wanted: w, state: s, Plan: Plan{
		Bond: c.Name, Drops: w.takeover.drops(), Notes: w.notes, Associations: w.associations(), refused: w.refused(), inherited: w.inherited, Takes: len(w.takeover.from) > 0,
	}}
	if s.Bond == nil {
		p.create()
	} else {
		p.change()
	}
	if c.TakeOver {
		p.dropStrays()
	}
	p.giveBackReleased()
	p.network()
	p.interrupts()
	p.Loses = slices.ContainsFunc(p.Steps, p.loses)
	return p.Plan, nil
}

// loses says whether a step takes an address or a default route from the bond, or from one of
// its slaves.
func (p *planner) loses(step Step) bool {
	from := func(name string) bool {
		_, slave := p.state.slave(name)
		return name == p.Bond || slave
	}
	switch step := step.(type) {
	case delAddress:
		return from(step.Link)
	case delRoute:
		return from(step.Link) && step.Route.Destination.Bits() == 0
	}
	return false
}

// An Association says that a Wi-Fi interface is to associate by a
// wpa_supplicant.conf(5), or a wired one to authenticate at its port (802.1X).
type Association struct {
	Interface string
	Index     int // its ifindex: another by the same name is another one
	Config    string
	Wired     bool
	// Changes are those of a wired interface's carrier, by which it may be at another
	// port now.
	Changes int
}

// Empty says that there is nothing to change.
func (p Plan) Empty() bool { return len(p.Steps) == 0 }

// same says whether two plans do the same to the same devices. A device that went and
// came back by its name is another one.
func (p Plan) same(o Plan) bool { return reflect.DeepEqual(p.Steps, o.Steps) }

// enslaves says whether a member is to be enslaved.
func (p Plan) enslaves(member string) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { e, ok := s.(enslave); return ok && e.Member == member })
}

// givesBack says whether a link is to get back what it had.
func (p Plan) givesBack(link string) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { g, ok := s.(giveBack); return ok && g.Name == link })
}

// String says the plan's steps in one line.
func (p Plan) String() string { return strings.Join(texts(p.Steps), "; ") }

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
	create := createBond{Name: p.Bond, Mode: activeBackup, Options: newBondOptions(&w.options), MAC: w.mac, MTU: w.mtu}
	if _, present := p.state.link(w.primary); present && !w.joinsLater(w.primary) {
		create.Options = append(create.Options, change{"primary", "", w.primary})
	}
	if create.MAC == nil && *w.options.FailOverMAC != FailOverMACActive {
		create.MAC = p.firstMAC()
	}
	p.add(create)
	p.giveIPv6()
	p.takeIPv6()
	p.takeOverFirst()
	p.enslave()
	p.moved()
	p.restack()
}

// restack puts a bond that somebody deleted back where it was a port, and makes anew
// what stood on it and went with it.
func (p *planner) restack() {
	lost := p.state.lost
	bond, _ := p.state.link(p.Bond)
	if master, present := p.state.link(lost.Master); present && bond.Master == "" {
		p.add(setMaster{p.Bond, master.Name})
	}
	made := map[string]bool{}
	if lost.Image != nil {
		image := *lost.Image.clone()
		image.Uppers = slices.DeleteFunc(image.Uppers, func(u upper) bool { _, taken := p.state.linkByIndex(u.Index); return taken })
		for _, step := range NewRestore(image, p.state.withBond()).Steps {
			p.add(step)
			made[step.link()] = true
		}
	}
	others := slices.DeleteFunc(slices.Clone(lost.Upper), func(name string) bool { return made[name] })
	if len(others) > 0 {
		p.note("%s went with the %s that was deleted: make it again", strings.Join(others, ", "), p.Bond)
	}
}

// newBondOptions are the options with which a bond is made. Without MII monitoring the
// kernel refuses the delays.
func newBondOptions(o *Options) (list []change) {
	mii := value(o.Miimon) > 0
	for _, row := range optionTable {
		to, known := row.text(o)
		of := isDelay(row.key) || row.key == "miimon"
		ofARP := strings.HasPrefix(row.key, "arp_") || row.key == "ns_ip6_target"
		if known && (!of || mii) && (!ofARP || !mii) {
			list = append(list, change{row.key, row.def, to})
		}
	}
	return list
}

// optionChanges are the options that differ, of those that of names. miimon and the
// delays go together, for each rescales the others.
func optionChanges(from, to *Options, of func(key string) bool) (list []change) {
	timing := false
	for _, key := range []string{"miimon", "updelay", "downdelay", "peer_notif_delay"} {
		timing = timing || differs(from, to, key)
	}
	for _, row := range optionTable {
		has, known := row.text(from)
		wants, named := row.text(to)
		again := timing && (row.key == "miimon" || isDelay(row.key))
		if of(row.key) && known && named && (has != wants || again) {
			list = append(list, change{row.key, has, wants})
		}
	}
	return list
}

// differs says whether an option differs that the kernel knows.
func differs(from, to *Options, key string) bool {
	row := mustRow(key)
	has, known := row.text(from)
	wants, named := row.text(to)
	return known && named && has != wants
}

// firstMAC is the address of the member whose place the bond takes or, where it takes
// none, of the first that can join. The kernel would give it to the bond by itself, but
// one that is set at creation is left alone by udev's MACAddressPolicy.
func (p *planner) firstMAC() HardwareAddr {
	for _, m := range p.order() {
		if m.pending == "" {
			return m.link.MAC
		}
	}
	return nil
}

// change plans the changes of a bond that is there. New members are enslaved before
// old ones are released, so that there is always one.
func (p *planner) change() {
	p.emptied = len(p.state.Bond.Slaves) > 0 && (p.differs("fail_over_mac") || !p.anyReady())
	if p.emptied {
		p.release(func(string) bool { return true })
	}
	p.failOverMAC()
	p.options()
	p.bondLink()
	p.giveIPv6()
	p.takeOverFirst()
	p.enslave()
	p.moved()
	if !p.emptied {
		p.release(func(name string) bool { return !p.isWanted(name) })
	}
	p.restack()
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
	p.add(setOptions{p.Bond, []change{{row.key, from, to}}})
}

func (p *planner) note(format string, args ...any) {
	p.Notes = append(p.Notes, Messagef(format, args...))
}

// options plans the options that differ, except fail_over_mac.
func (p *planner) options() {
	var changes []change
	b := p.state.Bond
	if b.Mode != activeBackup {
		changes = append(changes, change{"mode", b.Mode, activeBackup})
	}
	changes = append(changes, optionChanges(&b.Options, &p.wanted.options, func(key string) bool { return key != "fail_over_mac" })...)
	if c, ok := p.primary(); ok {
		changes = append(changes, c)
	}
	if changes != nil {
		p.add(setOptions{p.Bond, changes})
	}
}

func (p *planner) differs(key string) bool {
	return differs(&p.state.Bond.Options, &p.wanted.options, key)
}

// primary plans a change of the primary. The kernel shows the primary only while it is
// enslaved, and remembers its name: so an absent primary is no difference. To set it
// again would force a switch, perhaps in the middle of a failover. It is set when its
// interface is about to be enslaved.
func (p *planner) primary() (change, bool) {
	has, want := p.state.Bond.Primary, p.wanted.primary
	if has == want {
		return change{}, false
	}
	for _, m := range p.wanted.members {
		if m.name == want && p.wanted.joinsLater(want) {
			return change{}, false
		}
		if m.name == want && m.pending == "" {
			return change{"primary", has, want}, true
		}
	}
	if has == "" {
		return change{}, false
	}
	return change{"primary", has, ""}, true
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
			// When the last slave is released the kernel draws a random address. The
			// bond gets its own back before the next one is enslaved.
			from.MAC = nil
		}
	}
	if from.Up != to.Up || from.MTU != to.MTU || from.MAC.String() != to.MAC.String() {
		p.add(setLink{p.Bond, from, to})
	}
}
