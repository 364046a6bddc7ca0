package bond

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/mptcp"
	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// An Image is how things were before bondctl changed them, and what it has added
// since. [NewRestore] plans the way back to it. What an image doesn't speak of
// stays as it is. Another process may carry out the way back: package json writes
// an image and reads it.
//
// The journal is one: it is written before the first change, and grows with each
// member that is taken in.
type Image struct{ contents }

// contents are those of an [Image].
type contents struct {
	BootID string `json:"boot_id"`
	// Taken is when, since the boot: what ends by itself has less time left by now.
	Taken time.Duration `json:"taken"`

	// Strategy is "routes" for a group of links without a bond.
	Strategy string `json:"strategy,omitempty"`
	// Bond is the bond as it was; nil where it isn't spoken of.
	Bond *bondImage `json:"bond,omitempty"`
	// Links are the links as they were, the bond's own included.
	Links []linkImage `json:"links"`
	// Addresses and Routes are those that the links had, in the kernel's order;
	// Rules are those that name them.
	Addresses []rtnl.Addr  `json:"addresses,omitempty"`
	Routes    []rtnl.Route `json:"routes,omitempty"`
	Rules     []rtnl.Rule  `json:"rules,omitempty"`
	// Neighbours are those that somebody set.
	Neighbours []rtnl.Neighbour `json:"neighbours,omitempty"`
	Sysctls    []sysctl         `json:"sysctls,omitempty"`
	// Uppers are the links that stood upon those links, or upon the bond.
	Uppers []upper `json:"uppers,omitempty"`

	// MPTCPLimits are those that there were; nil where they aren't spoken of.
	MPTCPLimits *mptcp.Limits `json:"mptcp_limits,omitempty"`

	// Added is what bondctl has put in place, and so takes away.
	Added added `json:"added"`
	// Inherited is what of this the bond has taken over.
	Inherited *Inherited `json:"inherited,omitempty"`
}

// A bondImage is a bond as it was.
type bondImage struct {
	// Made says that there was none: bondctl has made it, or adopted a pristine
	// one. Index is its ifindex then, 0 while it is about to be made.
	Made  bool `json:"made"`
	Index int  `json:"ifindex"`

	State *BondState `json:"state,omitempty"` // how it was, unless Made
	// PrimaryNamed says that another primary has been named since, which can't be
	// read while it isn't enslaved.
	PrimaryNamed bool `json:"primary_named,omitempty"`
}

// A linkImage is a link as it was. It is known again by its ifindex, for it may
// have been renamed since.
type linkImage struct {
	Name string `json:"name"`
	linkSettings
}

// A sysctl is a setting of a link, net.FAMILY.conf.LINK.KEY.
type sysctl struct {
	Link   int    `json:"ifindex"`
	Family string `json:"family"` // ipv4 or ipv6
	Key    string `json:"key"`
	Value  string `json:"value"`
}

// namesRules says whether it takes the kernel's rules to go back to the image.
func (i *Image) namesRules() bool { return i.Rules != nil || i.Added.Rules != nil }

// in finds the setting among those of a state; without a value where it isn't.
func (s sysctl) in(list []sysctl) sysctl {
	for _, has := range list {
		if has.Link == s.Link && has.Family == s.Family && has.Key == s.Key {
			return has
		}
	}
	return sysctl{Link: s.Link, Family: s.Family, Key: s.Key}
}

// added is what bondctl has put in place, each by the name of its link.
type added struct {
	Addresses []addedAddress `json:"addresses"`
	Routes    []addedRoute   `json:"routes"`
	Rules     []rtnl.Rule    `json:"rules,omitempty"` // of no link
	Sysctls   []addedSysctl  `json:"sysctls,omitempty"`
	// Endpoints are of Multipath TCP, under the strategy routes.
	Endpoints []addedEndpoint `json:"mptcp_endpoints,omitempty"`
}

// An addedAddress is an address that bondctl gave a link.
type addedAddress struct {
	Link   string       `json:"link"`
	Prefix netip.Prefix `json:"prefix"`
}

// An addedRoute is a route that bondctl added over a link.
type addedRoute struct {
	Link  string     `json:"link"`
	Route rtnl.Route `json:"route"`
}

// link finds a link of the image by its ifindex.
func (i *Image) link(index int) (linkImage, bool) {
	if i == nil || index == 0 {
		return linkImage{}, false
	}
	at := slices.IndexFunc(i.Links, func(l linkImage) bool { return l.Index == index })
	if at < 0 {
		return linkImage{}, false
	}
	return i.Links[at], true
}

// madeBond says whether a state's bond is the one that bondctl has made.
func (s *State) madeBond() bool {
	if s.Before == nil || s.Before.Bond == nil || !s.Before.Bond.Made {
		return false
	}
	link, present := s.link(s.Name)
	return present && (s.Before.Bond.Index == 0 || s.Before.Bond.Index == link.Index)
}

// added is what bondctl has put in place of a state.
func (s *State) added() added {
	if s.Before == nil {
		return added{}
	}
	return s.Before.Added
}

// clone copies an image; that of nil is the empty one.
func (i *Image) clone() *Image {
	if i == nil {
		return &Image{}
	}
	c := *i
	c.Links = slices.Clone(i.Links)
	c.Addresses, c.Routes, c.Rules, c.Sysctls = slices.Clone(i.Addresses), slices.Clone(i.Routes), slices.Clone(i.Rules), slices.Clone(i.Sysctls)
	c.Neighbours, c.Uppers = slices.Clone(i.Neighbours), slices.Clone(i.Uppers)
	c.Added.Addresses, c.Added.Routes = slices.Clone(i.Added.Addresses), slices.Clone(i.Added.Routes)
	c.Added.Rules, c.Added.Sysctls = slices.Clone(i.Added.Rules), slices.Clone(i.Added.Sysctls)
	c.Added.Endpoints = slices.Clone(i.Added.Endpoints)
	if i.Bond != nil {
		b := *i.Bond
		c.Bond = &b
	}
	return &c
}

// only is what the image says of one link, and of what stood upon it.
func (i *Image) only(index int) Image {
	one := Image{contents{Taken: i.Taken, Strategy: i.Strategy}}
	link, known := i.link(index)
	if known {
		one.Links = []linkImage{link}
	}
	of := map[int]bool{index: true}
	for _, u := range i.Uppers {
		if known && u.Lower == link.Name {
			one.Uppers = append(one.Uppers, u)
			of[u.Index] = true
		}
	}
	one.Addresses = filter(i.Addresses, func(a rtnl.Addr) bool { return of[a.Link] })
	one.Routes = filter(i.Routes, func(r rtnl.Route) bool { return slices.ContainsFunc(r.Links(), func(l int) bool { return of[l] }) })
	one.Rules = filter(i.Rules, func(r rtnl.Rule) bool { return known && names(r, link.Name) })
	one.Neighbours = filter(i.Neighbours, func(n rtnl.Neighbour) bool { return of[n.Link] })
	one.Sysctls = filter(i.Sysctls, func(c sysctl) bool { return of[c.Link] })
	return one
}

// filter is a list with what counts; nil for nothing.
func filter[T any](list []T, counts func(T) bool) (some []T) {
	for _, item := range list {
		if counts(item) {
			some = append(some, item)
		}
	}
	return some
}

// without is the state once a slave has been let go: the kernel gives it its own
// MAC address back and leaves it down, which costs it IPv6 addresses and routes.
func (s *State) without(slave SlaveState) State {
	then := *s
	b := *s.Bond
	b.Slaves = slices.DeleteFunc(slices.Clone(b.Slaves), func(o SlaveState) bool { return o.Name == slave.Name })
	then.Bond, then.Links = &b, slices.Clone(s.Links)
	for i := range then.Links {
		link := &then.Links[i]
		if link.Name != slave.Name {
			continue
		}
		link.Master, link.Up, link.MAC = "", false, slave.PermHWAddr
		then.traffic = s.traffic.clone()
		then.linkDown(link.Index)
	}
	return then
}

// Image takes down how the links of these names are: their settings, and what
// they carry.
func (s *State) Image(names ...string) *Image {
	i := &Image{contents{Taken: statefile.SinceBoot()}}
	for _, name := range names {
		if link, present := s.link(name); present {
			i.take(s, link, link.settings())
		}
	}
	return i
}

// take adds a link to the image, with the settings that it is to have again. What the
// image says already that it carried it is to have again, too. Addresses and routes
// that the kernel makes by itself come back by themselves.
func (i *Image) take(s *State, link Link, settings linkSettings) {
	i.Links = slices.DeleteFunc(i.Links, func(l linkImage) bool { return l.Index == link.Index })
	for _, other := range slices.Clone(i.Links) {
		// A device that comes and goes is another one each time.
		switch _, present := s.linkByIndex(other.Index); {
		case present || other.Name != link.Name:
		case other.is(link) && i.hadAnything(other.Index):
			i.Links = slices.DeleteFunc(i.Links, func(l linkImage) bool { return l.Index == other.Index })
			i.reindex(other.Index, link.Index) // what it had it is to have again
			settings.Up = settings.Up || other.Up
		default:
			i.drop(other.Index)
		}
	}
	i.Links = append(i.Links, linkImage{link.Name, settings})
	i.takeCarried(s.carries(link))
}

// takeCarried adds what a link carried.
func (i *Image) takeCarried(c carried) {
	for _, a := range c.Addresses {
		if !slices.ContainsFunc(i.Addresses, a.Same) {
			i.Addresses = append(i.Addresses, a)
		}
	}
	for _, r := range c.Routes {
		if !slices.ContainsFunc(i.Routes, r.Like) {
			i.Routes = append(i.Routes, r)
		}
	}
	for _, r := range c.Rules {
		if !slices.ContainsFunc(i.Rules, r.Like) {
			i.Rules = append(i.Rules, r)
		}
	}
	for _, n := range c.Neighbours {
		if !slices.ContainsFunc(i.Neighbours, n.Like) {
			i.Neighbours = append(i.Neighbours, n)
		}
	}
}

// names says whether a rule is about what comes or goes over a link.
func names(r rtnl.Rule, link string) bool { return r.IIF == link || r.OIF == link }

// drop takes a link out of the image: it is as it was, or gone for good.
func (i *Image) drop(index int) {
	gone := i.only(index)
	i.Links = slices.DeleteFunc(i.Links, func(l linkImage) bool { return l.Index == index })
	i.Uppers = slices.DeleteFunc(i.Uppers, func(u upper) bool {
		return slices.ContainsFunc(gone.Uppers, func(g upper) bool { return g.Name == u.Name })
	})
	i.Addresses = slices.DeleteFunc(i.Addresses, func(a rtnl.Addr) bool { return slices.Contains(gone.Addresses, a) })
	i.Routes = slices.DeleteFunc(i.Routes, func(r rtnl.Route) bool { return len(r.Links()) == 1 && slices.Contains(gone.Routes, r) })
	i.Rules = slices.DeleteFunc(i.Rules, func(r rtnl.Rule) bool { return slices.Contains(gone.Rules, r) })
	i.Neighbours = slices.DeleteFunc(i.Neighbours, func(n rtnl.Neighbour) bool { return slices.Contains(gone.Neighbours, n) })
	i.Sysctls = slices.DeleteFunc(i.Sysctls, func(c sysctl) bool { return slices.Contains(gone.Sysctls, c) })
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

// serves says whether a route over a link does what a wanted one would, be it one of
// several paths: whoever set it, but not the kernel, and not a router (RTPROT_RA).
func serves(r rtnl.Route, link int, want rtnl.Route) bool {
	if want.Protocol == RouteProtocol {
		return r.Holds(want.By(link))
	}
	set := r.Protocol == unix.RTPROT_STATIC || r.Protocol == unix.RTPROT_BOOT || r.Protocol == unix.RTPROT_DHCP
	from := !want.Source.IsValid() || r.Source == want.Source
	return set && from && r.Destination == want.Destination && r.Leads(link, want.Gateway) && r.Table == want.Table &&
		r.Metric == want.Metric && r.Type == want.Type && (r.Protocol == unix.RTPROT_DHCP) == (want.Protocol == unix.RTPROT_DHCP)
}
