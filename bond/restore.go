package bond

import (
	"slices"
	"time"

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
	r.uppers()
	if r.byRoutes() {
		r.then.promotes = true
		r.mptcp()
		r.defaults()
		r.removeAdded() // while the settings are bondctl's
		r.sysctls()
		r.advertisements()
	} else {
		r.sysctls()
		r.removeAdded()
	}
	r.known()
	r.addresses()
	r.routes()
	r.neighbours()
	r.rules()
	r.active()
	r.Steps = append(r.Steps, r.last...)
	return r.Plan
}

// restorer builds the Plan of NewRestore.
type restorer struct {
	Plan
	before  *Image
	now     *State
	elapsed time.Duration

	made    []upper // the links that are made anew
	last    []Step  // those that nothing waits for
	then    traffic // what links carry once the steps so far are done
	others  []int   // links that somebody else has taken since
	selects bool    // the steps have the kernel select the active slave anew
}

// byRoutes says whether it is the way back of a group.
func (r *restorer) byRoutes() bool { return r.before.Strategy == StrategyRoutes }

func (r *restorer) add(s Step) { r.Steps = append(r.Steps, s) }

// links gives the bond and the links back what they were. A bond that bondctl has
// made goes at once, so that no member is without it longer than it must be.
func (r *restorer) links() {
	switch b := r.before.Bond; {
	case b == nil:
	case b.Made:
		if bond, present := r.now.link(r.now.Name); r.now.Bond != nil && present && (b.Index == 0 || b.Index == bond.Index) {
			r.release(r.now.Bond, func(name string) bool { return r.keepsMTU6(name, bond) })
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

// keepsMTU6 says whether IPv6 would keep the bond's MTU on a slave
// (net.ipv6.conf.LINK.mtu): the kernel doesn't tell it of the MTU that a slave gets
// back as its bond is deleted, and a link that is to be down learns it from nobody else.
func (r *restorer) keepsMTU6(name string, bond Link) bool {
	link, _ := r.now.link(name)
	was, known := r.before.link(link.Index)
	return known && !was.Up && was.MTU != bond.MTU
}

// link gives back what a link was that isn't to be in the bond. A slave leaves it
// with the bond, or has been released. One that is none any more was left down;
// one that is up, or has another master, somebody has taken since.
func (r *restorer) link(was linkImage, link Link) {
	_, slave := r.now.slave(link.Name)
	if r.byRoutes() { // which changes no more than this, whatever others have set since
		was.MAC, was.MTU = link.MAC, link.MTU
	}
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
