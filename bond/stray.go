package bond

import (
	"fmt"
	"slices"
	"strings"
)

// strays tells of addresses and routes that somebody has given to a slave. They shadow the
// bond's: what goes out by them has another source, and ends when the slave isn't active.
func (s *State) strays(say func(format string, args ...any)) {
	if s.Bond == nil {
		return
	}
	for _, slave := range s.Bond.Slaves {
		link, _ := s.link(slave.Name)
		var what []string
		for _, a := range link.Addresses {
			what = append(what, a.String())
		}
		for _, r := range s.routes {
			if r.Over(link.Index) {
				what = append(what, "the "+r.String())
			}
		}
		const most = 3
		if left := len(what) - most; left > 0 {
			what = append(slices.Clip(what[:most]), fmt.Sprintf("%d more", left))
		}
		if what != nil {
			say("%s carries %s, which only %s should", slave.Name, strings.Join(what, ", "), s.Name)
		}
	}
}

// dropStrays plans to take such things off.
func (p *planner) dropStrays() {
	if p.state.Bond == nil {
		return
	}
	for _, slave := range p.state.Bond.Slaves {
		link, _ := p.state.link(slave.Name)
		for _, r := range p.state.routes {
			if r.Link == link.Index && r.Paths == "" {
				p.add(delRoute{link.Name, r})
			}
		}
		p.Steps = append(p.Steps, p.state.legs(link)...)
		for _, a := range slices.Backward(p.state.addrsOf(link.Index)) {
			if isGlobal(a) {
				p.add(delAddress{link.Name, a})
			}
		}
	}
}
