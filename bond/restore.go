package bond

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// NewRestore plans the way back from how things are to how they were. It is the
// one way back: of an attempt that failed, of a down, and of either after a crash.
// It changes nothing, and what the image doesn't speak of stays.
//
// The steps of such a plan stand by themselves: whoever carries it out goes on
// where one can't be had any more, for the links that are left want theirs.
func NewRestore(before Image, now State) Plan {
	r := &restorer{Plan: Plan{Bond: now.Name}, before: &before, now: &now, then: now.traffic.clone(), elapsed: statefile.SinceBoot() - before.Taken}
	r.links()
	r.sysctls()
	r.removeAdded()
	r.addresses()
	r.routes()
	r.rules()
	r.active()
	return r.Plan
}

// restorer builds the Plan of NewRestore.
type restorer struct {
	Plan
	before  *Image
	now     *State
	elapsed time.Duration

	then    traffic // what links carry once the steps so far are done
	others  []int   // links that somebody else has taken since
	selects bool    // the steps have the kernel select the active slave anew
}

func (r *restorer) add(s Step) { r.Steps = append(r.Steps, s) }

// links gives the bond and the links back what they were. What is stacked on the
// bond goes with it; a member that isn't in it any more comes back first, so that
// the bond isn't left without any in between.
func (r *restorer) links() {
	switch b := r.before.Bond; {
	case b == nil:
	case b.Made:
		if bond, present := r.now.link(r.now.Name); r.now.Bond != nil && present && (b.Index == 0 || b.Index == bond.Index) {
			r.add(deleteBond{r.now.Name})
			r.then.linkGone(bond.Index)
		}
	default:
		r.bond(b.State)
	}
	for _, was := range r.before.Links {
		if link, present := r.now.linkByIndex(was.Index); present && link.Name != r.now.Name {
			r.link(was, link)
		}
	}
}

// link gives back what a link was that isn't to be in the bond. A slave leaves it
// with the bond, or has been released. One that is none any more was left down;
// one that is up, or has another master, somebody has taken since.
func (r *restorer) link(was linkImage, link Link) {
	_, slave := r.now.slave(link.Name)
	same := sameSettings(link.settings(), was.linkSettings)
	made := r.before.Bond != nil && r.before.Bond.Made
	switch {
	case slave && (r.before.Bond == nil || r.keeps(link.Name)):
		to := link.settings()
		to.Up = was.Up
		if link.Up != was.Up {
			r.add(setLink{link.Name, link.settings(), to})
		}
		return
	case r.keeps(link.Name):
		return // it is taken in again
	case !slave && (link.Master != "" || made && link.Up && !same):
		r.others = append(r.others, link.Index)
		return
	}
	if slave || !same {
		r.add(giveBack{link.Name, was.linkSettings})
		r.then.linkDown(link.Index)
	}
}

func sameSettings(a, b linkSettings) bool {
	return a.Up == b.Up && a.MTU == b.MTU && (b.MAC == nil || a.MAC.String() == b.MAC.String())
}

// keeps says whether a link is to be a slave of the bond that there was.
func (r *restorer) keeps(name string) bool {
	b := r.before.Bond
	return b != nil && b.State != nil && slices.ContainsFunc(b.State.Slaves, func(s SlaveState) bool { return s.Name == name })
}

// bond gives back a bond that there was: its options, its slaves and its own link.
func (r *restorer) bond(was *BondState) {
	link, _ := r.now.link(r.now.Name)
	own := r.ownLink()
	has := r.now.Bond
	if has == nil {
		create := createBond{Name: r.Bond, Mode: was.Mode, Options: newBondOptions(&was.Options), MAC: own.MAC, MTU: own.MTU, Down: !own.Up}
		r.add(create)
		has = &BondState{Mode: was.Mode, Options: was.Options}
		link = Link{Name: r.Bond, Up: own.Up, MAC: []byte(own.MAC), MTU: own.MTU}
	}
	emptied := r.options(has, was, link)
	// The release of the last slave draws a random MAC address.
	leaves := len(has.Slaves) > 0 && !slices.ContainsFunc(has.Slaves, func(s SlaveState) bool { return r.keeps(s.Name) })
	current := link.settings()
	current.Up = current.Up && has.Mode == was.Mode
	if emptied || leaves {
		current.MAC = nil
	}
	if emptied || !leaves {
		r.own(current, was)
	}
	for _, slave := range was.Slaves {
		r.slave(slave, has, emptied)
	}
	if !emptied {
		r.release(has, func(name string) bool { return !r.keeps(name) })
	}
	if leaves && !emptied {
		r.own(current, was)
	}
	r.primary(has, was)
}

// own gives the bond's own link back what it was. With active and follow the driver
// takes no MAC address, and says nothing.
func (r *restorer) own(current linkSettings, was *BondState) {
	own := r.ownLink()
	if value(was.Options.FailOverMAC) != FailOverMACNone {
		own.MAC = current.MAC
	}
	if own.Index != 0 && !sameSettings(current, own) {
		r.add(setLink{r.Bond, current, own})
	}
}

// ownLink is how the bond's own link was; zero where the image doesn't say.
func (r *restorer) ownLink() linkSettings {
	i := slices.IndexFunc(r.before.Links, func(l linkImage) bool { return l.Name == r.Bond })
	if i < 0 {
		return linkSettings{}
	}
	return r.before.Links[i].linkSettings
}

// options gives back the options. The mode comes last: the one that a bond goes
// back to may refuse what another knows (EACCES for primary), 0 and none
// included. It changes only on a bond that is down and has no slaves, and
// fail_over_mac on one without slaves: then all of them are released first.
func (r *restorer) options(has, was *BondState, link Link) (emptied bool) {
	mode := has.Mode != was.Mode
	fomOnly := func(key string) bool { return key == "fail_over_mac" }
	fom := optionChanges(&has.Options, &was.Options, fomOnly)
	changes := optionChanges(&has.Options, &was.Options, func(key string) bool { return !fomOnly(key) })
	emptied = len(has.Slaves) > 0 && (mode || fom != nil)
	if emptied {
		r.release(has, func(string) bool { return true })
	}
	r.selects = r.selects || changes != nil
	if mode && (has.Primary != "" || r.before.Bond.PrimaryNamed) {
		changes = append(changes, change{"primary", has.Primary, ""})
	}
	for _, part := range [][]change{fom, changes} {
		if part != nil {
			r.add(setOptions{r.Bond, part})
		}
	}
	if mode {
		if link.Up {
			down := link.settings()
			down.Up = false
			r.add(setLink{r.Bond, link.settings(), down})
			r.then.linkDown(link.Index)
		}
		r.add(setOptions{r.Bond, []change{{"mode", has.Mode, was.Mode}}})
	}
	return emptied
}

// release lets slaves go, the active one last.
func (r *restorer) release(has *BondState, which func(name string) bool) {
	for _, slave := range activeLast(has) {
		if which(slave.Name) {
			r.add(release{r.Bond, slave.Name})
			link, _ := r.now.link(slave.Name)
			r.then.linkDown(link.Index)
			r.selects = true
		}
	}
}

// slave takes a slave in again, and gives it its prio.
func (r *restorer) slave(was SlaveState, has *BondState, emptied bool) {
	link, present := r.now.link(was.Name)
	if !present || link.Master != "" && link.Master != r.Bond {
		return
	}
	i := slices.IndexFunc(has.Slaves, func(s SlaveState) bool { return s.Name == was.Name })
	prio := new(0)
	if i >= 0 && !emptied {
		prio = has.Slaves[i].Prio
	} else {
		r.add(enslave{Bond: r.Bond, Member: was.Name, Was: link.settings()})
		r.then.linkDown(link.Index)
		r.selects = true
	}
	if prio != nil && was.Prio != nil && *prio != *was.Prio {
		r.add(setPrio{r.Bond, was.Name, strconv.Itoa(*prio), strconv.Itoa(*was.Prio)})
	}
}

// primary gives back the primary. The kernel shows one only while it is a slave, but
// remembers its name.
func (r *restorer) primary(has, was *BondState) {
	if was.Mode == activeBackup && (has.Primary != was.Primary || r.before.Bond.PrimaryNamed) {
		r.add(setOptions{r.Bond, []change{{"primary", has.Primary, was.Primary}}})
	}
}

// active makes the slave active again that was: one that was let go comes back as
// a backup, and many an option has the kernel select anew.
func (r *restorer) active() {
	b := r.before.Bond
	if b == nil || b.State == nil || b.State.ActiveSlave == "" {
		return
	}
	from := ""
	if r.now.Bond != nil {
		from = r.now.Bond.ActiveSlave
	}
	link, present := r.now.link(b.State.ActiveSlave)
	if (r.selects || from != link.Name) && present && (link.Master == "" || link.Master == r.Bond) {
		r.add(setActive{r.Bond, from, link.Name})
	}
}

// sysctls gives back the settings of links.
func (r *restorer) sysctls() {
	for _, was := range r.before.Sysctls {
		if link, present := r.now.linkByIndex(was.Link); present {
			r.add(setSysctl{Link: link.Name, To: was})
		}
	}
}

// removeAdded takes away what bondctl has put in place, as far as it is still
// there.
func (r *restorer) removeAdded() {
	for _, added := range r.before.Added.Routes {
		link, _ := r.now.link(added.Link)
		if r.then.hasRoute(link.Index, added.Route) {
			r.add(delRoute{link.Name, added.Route})
			r.then.removeRoute(link.Index, added.Route)
		}
	}
	for _, added := range slices.Backward(r.before.Added.Addresses) {
		link, _ := r.now.link(added.Link)
		if a, has := r.then.addr(link.Index, added.Prefix); has {
			r.remove(link, a)
		}
	}
}

func (r *restorer) remove(link Link, a rtnl.Addr) {
	r.add(delAddress{link.Name, a})
	r.then.removeAddr(a)
}

// addresses gives the links back the addresses that they miss.
func (r *restorer) addresses() {
	for _, was := range r.before.Addresses {
		link, present := r.linkOf(was.Link)
		was = was.On(link.Index).After(r.elapsed)
		if !present || was.Valid == 0 || slices.Contains(r.others, link.Index) {
			continue
		}
		has, there := r.then.addr(link.Index, was.Prefix)
		switch {
		case !there:
			r.precede(link, was)
			r.add(addAddress{link.Name, was})
		case !was.Like(has):
			r.add(setAddress{link.Name, was})
		}
	}
}

// linkOf finds the link of something in the image. The bond may have been made
// anew, with another ifindex, which is 0 while it is still to be.
func (r *restorer) linkOf(index int) (Link, bool) {
	if own := r.ownLink(); own.Index == index && index != 0 && r.before.Bond != nil && r.before.Bond.State != nil {
		link, _ := r.now.link(r.Bond)
		link.Name = r.Bond
		return link, true
	}
	return r.now.linkByIndex(index)
}

// precede takes away the IPv4 addresses of the same network that are to come
// behind one that is missing: the first of a network is the one that is used. They
// are added again in their turn.
func (r *restorer) precede(link Link, missing rtnl.Addr) {
	if !missing.Prefix.Addr().Is4() {
		return
	}
	after := false
	for _, was := range r.before.Addresses {
		if was.Link == missing.Link && was.Prefix == missing.Prefix {
			after = true
			continue
		}
		has, there := r.then.addr(link.Index, was.Prefix)
		if after && there && was.Prefix.Masked() == missing.Prefix.Masked() {
			r.remove(link, has)
		}
	}
}

// routes adds the routes that are missing, those without a gateway first: others
// lead by what they reach.
func (r *restorer) routes() {
	missing := slices.DeleteFunc(slices.Clone(r.before.Routes), func(was rtnl.Route) bool {
		return slices.ContainsFunc(r.then.routes, was.Like)
	})
	slices.SortStableFunc(missing, func(a, b rtnl.Route) int {
		return cmp.Compare(rank(a.Gateway.IsValid() || a.Paths != ""), rank(b.Gateway.IsValid() || b.Paths != ""))
	})
	for _, was := range missing {
		names := ""
		all := true
		for _, index := range was.Links() {
			link, present := r.linkOf(index)
			all = all && present && !slices.Contains(r.others, link.Index)
			was = was.On(index, link.Index)
			names = cmp.Or(names, link.Name)
		}
		was = was.After(r.elapsed)
		if all && was.Expires != 0 && !r.cutOff(was) {
			r.add(addRoute{names, was})
		}
	}
}

// cutOff says whether a route goes over a link that is to be down: the kernel
// takes none.
func (r *restorer) cutOff(route rtnl.Route) bool {
	return slices.ContainsFunc(route.Links(), func(index int) bool {
		was, known := r.before.link(index)
		return known && !was.Up
	})
}

// rules adds the rules that are missing.
func (r *restorer) rules() {
	for _, was := range r.before.Rules {
		if !slices.ContainsFunc(r.now.rules, was.Like) {
			r.add(addRule{cmp.Or(was.IIF, was.OIF), was})
		}
	}
}

// activeLast are a bond's slaves in the order in which they are let go.
func activeLast(b *BondState) []SlaveState {
	slaves := slices.Clone(b.Slaves)
	slices.SortStableFunc(slaves, func(x, y SlaveState) int {
		return rank(x.Name == b.ActiveSlave) - rank(y.Name == b.ActiveSlave)
	})
	return slaves
}
