package bond

import (
	"slices"
	"strconv"
)

func (p *planner) anyReady() bool {
	return slices.ContainsFunc(p.wanted.members, func(m wantedMember) bool { return m.pending == "" })
}

func (p *planner) isWanted(name string) bool {
	return slices.ContainsFunc(p.wanted.members, func(m wantedMember) bool { return m.name == name })
}

// release plans to release slaves, the active one last. Those that aren't wanted any
// more are given back as they were found.
func (p *planner) release(which func(name string) bool) {
	for _, slave := range activeLast(p.state.Bond) {
		if !which(slave.Name) {
			continue
		}
		p.add(release{p.Bond, slave.Name})
		link, _ := p.state.link(slave.Name)
		if found, known := p.state.found(link); known && !p.isWanted(slave.Name) {
			p.giveBack(found, p.state.without(slave))
			if bond, _ := p.state.link(p.Bond); found.Up && found.MAC.String() == bond.MAC.String() {
				p.note("%s goes on with the MAC address %s, which %s carries, too: on one network they disturb each other; give one of them another", slave.Name, found.MAC, p.Bond)
			}
		}
	}
}

// giveBack plans to give a link back what it had; then is the state by then.
func (p *planner) giveBack(found linkImage, then State) {
	p.Steps = append(p.Steps, NewRestore(p.state.Before.only(found.Index), then).Steps...)
}

// found is how a link was before it became a member, if that is known. A device that
// was unplugged and came back is another one, by its ifindex.
func (s *State) found(link Link) (linkImage, bool) { return s.Before.link(link.Index) }

// giveBackReleased gives back the links that were released and haven't got all of theirs
// back, as after a crash. One that has another master, or is up with other settings than
// it had, is somebody else's by now.
func (p *planner) giveBackReleased() {
	if p.state.Before == nil {
		return
	}
	for i := range p.state.Links {
		link := &p.state.Links[i]
		found, ok := p.state.found(*link)
		if !ok || link.Master != "" || p.isWanted(link.Name) || link.Up && !sameSettings(link.settings(), found.linkSettings) {
			continue
		}
		if link.Up {
			p.add(giveBack{link.Name, found.linkSettings}) // all that is left of it is to be noted
		}
		p.giveBack(found, p.state)
	}
}

// enslave plans to enslave the members that aren't yet, and to set every member's
// prio.
func (p *planner) enslave() {
	for _, m := range p.order() {
		if m.pending != "" {
			continue
		}
		p.Members++
		if p.wanted.joinsLater(m.name) {
			continue
		}
		slave, in := p.state.slave(m.name)
		if !in || p.emptied {
			was := m.link.settings()
			// A link that is down may have been released by a bond that was deleted by
			// hand, or by a down that was cut short.
			if found, ok := p.state.found(m.link); ok && (in || !was.Up) {
				was = found.linkSettings
			}
			p.add(enslave{p.Bond, m.name, was})
			slave.Prio = new(0)
		} else if !m.link.Up && p.canBeUp(m.link) {
			// The driver sets a slave up when it enslaves it, and never again: not
			// after somebody has set it down, nor when rfkill unblocks it.
			up := m.link.settings()
			up.Up = true
			p.add(setLink{m.name, m.link.settings(), up})
		}
		if has := value(slave.Prio); slave.Prio != nil && strconv.Itoa(has) != m.prio {
			p.add(setPrio{p.Bond, m.name, strconv.Itoa(has), m.prio})
		}
	}
}

// canBeUp says whether a slave that is down is to be set up. One that somebody has just
// set down is left so for a while.
func (p *planner) canBeUp(slave Link) bool {
	_, lowerDown := p.state.lowerDown(slave)
	return !slave.RFKill && !slave.resting && !lowerDown
}

// order is the members in order of preference. But the first is the one that traffic
// goes over now: so it goes on over it, and the neighbours know its MAC address.
func (p *planner) order() []wantedMember {
	first := p.wanted.takeover.bearer()
	if p.emptied {
		first = p.state.Bond.ActiveSlave
	}
	members := slices.Clone(p.wanted.members)
	slices.SortStableFunc(members, func(a, b wantedMember) int { return rank(a.name != first) - rank(b.name != first) })
	return members
}

func rank(later bool) int {
	if later {
		return 1
	}
	return 0
}
