package bond

import (
	"slices"
	"strconv"
)

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
	if own := r.ownLink(); fom != nil && value(has.Options.FailOverMAC) == FailOverMACNone && len(was.Slaves) == 0 {
		// The last chance: from then on the driver takes no MAC address.
		to := link.settings()
		to.MAC = own.MAC
		r.add(setLink{r.Bond, link.settings(), to})
	}
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
		r.Steps = append(r.Steps, r.now.legs(link)...)
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

// activeLast are a bond's slaves in the order in which they are let go.
func activeLast(b *BondState) []SlaveState {
	slaves := slices.Clone(b.Slaves)
	slices.SortStableFunc(slaves, func(x, y SlaveState) int {
		return rank(x.Name == b.ActiveSlave) - rank(y.Name == b.ActiveSlave)
	})
	return slaves
}
