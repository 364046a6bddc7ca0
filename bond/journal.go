package bond

import (
	"maps"
	"slices"
)

// ours is what of a state a journal knows to be bondctl's.
func (j *journal) ours(s *State) Ours {
	if j == nil {
		return Ours{}
	}
	link, present := s.link(s.Name)
	return Ours{
		Bond:  present && (j.Ifindex == 0 || j.Ifindex == link.Index),
		Found: j.Found, Addresses: j.Addresses, Routes: j.Routes,
	}
}

// across is the journal while a plan is being applied, when what was found
// before and what is found now may both have to be given back, and after it.
func (j *journal) across(p Plan, s State) (during, after *journal) {
	during, after = j.clone(), j.clone()
	link, _ := s.link(s.Name) // index 0: the plan will create it
	during.Ifindex, after.Ifindex = link.Index, link.Index
	for _, step := range p.Steps {
		switch step := step.(type) {
		case Enslave:
			during.Found[step.Member] = step.Was
			after.Found[step.Member] = step.Was
		case Release:
			delete(after.Found, step.Member)
		case GiveBack:
			maps.DeleteFunc(after.Found, func(_ string, found LinkSettings) bool { return found.Index == step.To.Index })
		case AddAddress:
			during.Addresses = with(during.Addresses, step.Address)
			after.Addresses = with(after.Addresses, step.Address)
		case DelAddress:
			after.Addresses = without(after.Addresses, step.Address)
		case AddRoute:
			during.Routes = with(during.Routes, step.Route)
			after.Routes = with(after.Routes, step.Route)
		case DelRoute:
			after.Routes = without(after.Routes, step.Route)
		}
	}
	return during, after
}

// clone copies a journal; that of nil is empty.
func (j *journal) clone() *journal {
	if j == nil {
		return &journal{Found: map[string]LinkSettings{}}
	}
	c := *j
	c.Found = maps.Clone(j.Found)
	if c.Found == nil {
		c.Found = map[string]LinkSettings{}
	}
	c.Addresses = slices.Clone(j.Addresses)
	c.Routes = slices.Clone(j.Routes)
	return &c
}

// with adds what isn't there yet: an address that is mended is ours already.
func with[T comparable](list []T, item T) []T {
	if slices.Contains(list, item) {
		return list
	}
	return append(list, item)
}

func without[T comparable](list []T, item T) []T {
	return slices.DeleteFunc(list, func(t T) bool { return t == item })
}
