package bond

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// reindex replaces the ifindex of a device that came back under another one.
func (i *Image) reindex(from, to int) {
	for n := range i.Links {
		if i.Links[n].Index == from {
			i.Links[n].Index = to
		}
	}
	for n, a := range i.Addresses {
		if a.Link == from {
			i.Addresses[n] = a.On(to)
		}
	}
	for n, r := range i.Routes {
		i.Routes[n] = r.On(from, to)
	}
	for n, neighbour := range i.Neighbours {
		if neighbour.Link == from {
			i.Neighbours[n] = neighbour.On(to)
		}
	}
	for n := range i.Sysctls {
		if i.Sysctls[n].Link == from {
			i.Sysctls[n].Link = to
		}
	}
}

// is says whether a link is the device that the image speaks of, come back: it has its
// name and its MAC address.
func (l linkImage) is(link Link) bool {
	return l.Name == link.Name && l.MAC != nil && (l.MAC.String() == link.MAC.String() || l.MAC.String() == link.PermMAC.String())
}

// hadAnything says whether a link carried anything.
func (i *Image) hadAnything(index int) bool {
	one := i.only(index)
	return len(one.Addresses)+len(one.Routes)+len(one.Rules)+len(one.Neighbours) > 0
}

// owed is what devices carried that aren't there now: they get it back when they return.
// It is nil for nothing.
func (i *Image) owed(s *State) *Image {
	if i == nil {
		return nil
	}
	owed := &Image{contents{Taken: i.Taken}}
	for _, l := range i.Links {
		if _, present := s.linkByIndex(l.Index); !present && i.hadAnything(l.Index) {
			owed.add(i.only(l.Index))
		}
	}
	if owed.Links == nil {
		return nil
	}
	return owed
}

// add adds what another image has of links and of what they carry.
func (i *Image) add(o Image) {
	i.Links = append(i.Links, o.Links...)
	i.Addresses = append(i.Addresses, o.Addresses...)
	for _, r := range o.Routes {
		i.Routes = with(i.Routes, r)
	}
	for _, r := range o.Rules {
		if !slices.ContainsFunc(i.Rules, r.Like) {
			i.Rules = append(i.Rules, r)
		}
	}
	i.Neighbours = append(i.Neighbours, o.Neighbours...)
	i.Sysctls = append(i.Sysctls, o.Sysctls...)
	i.Uppers = append(i.Uppers, o.Uppers...)
}

// returned divides what is owed: back is for devices that are there again, under the
// ifindexes that they have now, and rest for the others. Each is nil for nothing.
func (i *Image) returned(s *State) (back, rest *Image) {
	back, rest = &Image{contents{Taken: i.Taken}}, &Image{contents{Taken: i.Taken}}
	for _, l := range i.Links {
		one := i.only(l.Index)
		if link, present := s.link(l.Name); present && l.is(link) && link.Master == "" {
			one.reindex(l.Index, link.Index)
			back.add(one)
		} else {
			rest.add(one)
		}
	}
	if back.Links == nil {
		back = nil
	}
	if rest.Links == nil {
		rest = nil
	}
	return back, rest
}

// payBack gives devices that are back what they are owed since an earlier down, and
// returns the steps that it took. The caller has the lock.
func (h *Host) payBack(name string, how How) ([]Step, error) {
	owed, err := h.store.owed(name)
	if owed == nil || err != nil {
		return nil, err
	}
	s, err := h.Observe(Config{Name: name})
	if err != nil {
		return nil, err
	}
	back, rest := owed.returned(&s)
	if back == nil {
		return nil, nil
	}
	s.sysctls = s.readSysctls(back.Sysctls)
	done, refused := h.kernel.restore(NewRestore(*back, s).Steps, how)
	if err := joined(refused); err != nil {
		return done, err
	}
	return done, h.store.keepOwed(name, rest)
}

// noteOwed says what is kept for devices that aren't there.
func noteOwed(owed *Image, bond string) (notes []Message) {
	if owed == nil {
		return nil
	}
	for _, l := range owed.Links {
		one := owed.only(l.Index)
		has := texts(one.Addresses)
		if len(has) == 0 {
			has = append(texts(one.Routes), texts(one.Rules)...)
		}
		notes = append(notes, Messagef("%s isn't there; what it had (%s) is kept till the next boot, and bondctl down %s gives it back once it is there", l.Name, strings.Join(has, ", "), bond))
	}
	return notes
}

// owed is what is kept for devices that weren't there at an earlier down of this boot.
func (s store) owed(name string) (*Image, error) {
	var i *Image
	err := s.of(name).Read(statedir.Owed, &i)
	if err != nil || i == nil || i.BootID != statefile.BootID() {
		return nil, err
	}
	return i, nil
}

// keepOwed writes down what is owed; nil removes what was.
func (s store) keepOwed(name string, owed *Image) error {
	if owed == nil {
		return s.of(name).Remove(statedir.Owed)
	}
	owed.BootID = statefile.BootID()
	if err := s.of(name).Write(statedir.Owed, owed); err != nil {
		return fmt.Errorf("keep what members are owed: %w", err)
	}
	return nil
}

// mergeOwed is what an earlier down owes, and of other devices what a later one does.
func mergeOwed(a, b *Image) *Image {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	out := a.clone()
	for _, l := range b.Links {
		same := func(o linkImage) bool { return o.Name == l.Name }
		if !slices.ContainsFunc(out.Links, same) {
			out.add(b.only(l.Index))
		}
	}
	return out
}
