package bond

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// The settings of a link by which the kernel runs IPv6 (Documentation/networking/ip-sysctl.rst).
const (
	acceptRA    = "accept_ra"
	disableIPv6 = "disable_ipv6"
)

// An addedSysctl is a setting of a link that bondctl has set. To give it back is to set it
// to what a new link has.
type addedSysctl struct {
	Link string `json:"link"`
	Key  string `json:"key"` // below net.ipv6.conf.LINK
}

// A setting6 is the value of one of a link's IPv6 settings, and the one that a new link
// would have; "" where it can't be set.
type setting6 struct{ has, initial string }

// settings6 are the settings that a method wants.
func settings6(method string) map[string]string {
	switch method {
	case MethodStatic:
		return map[string]string{acceptRA: "0"}
	case MethodNone:
		return map[string]string{disableIPv6: "1"}
	}
	return nil
}

// giveIPv6 plans what the kernel is to do about IPv6 on the bond, but for taking it away:
// first, so that addresses can be added.
func (p *planner) giveIPv6() {
	p.setIPv6(func(key, to string) bool { return key != disableIPv6 || to != "1" })
}

// takeIPv6 plans to take IPv6 away from the bond, and with it all that the bond has of
// it: last, when what is to be removed by name has been.
func (p *planner) takeIPv6() {
	p.setIPv6(func(key, to string) bool { return key == disableIPv6 && to == "1" })
}

// setIPv6 plans the bond's IPv6 settings of which which says so. One that bondctl has set
// and that isn't wanted any more it gives back.
func (p *planner) setIPv6(which func(key, to string) bool) {
	bond, _ := p.state.link(p.Bond)
	want := settings6(p.wanted.method6)
	for _, key := range []string{acceptRA, disableIPv6} {
		s := p.state.ipv6[key]
		to, wanted := want[key]
		if !wanted && slices.Contains(p.state.added().Sysctls, addedSysctl{p.Bond, key}) {
			to = p.wanted.inherited.setting6(key, s.initial)
		}
		if s.has != "" && to != "" && s.has != to && which(key, to) {
			p.add(setSysctl{p.Bond, s.has, sysctl{Link: bond.Index, Family: "ipv6", Key: key, Value: to}})
		}
	}
}

// setting6 is the IPv6 setting that was inherited, or another value where none was.
func (i *Inherited) setting6(key, or string) string {
	if i != nil {
		for _, c := range i.Lasting.Sysctls {
			if c.Family == "ipv6" && c.Key == key {
				return c.Value
			}
		}
	}
	return or
}

// forgetRouters plans to remove what the kernel made of routers' advertisements while
// it still listened to them.
func (p *planner) forgetRouters(bond Link) {
	if p.wanted.method6 != MethodStatic {
		return
	}
	for _, r := range p.state.routes {
		if r.Link == bond.Index && r.Protocol == unix.RTPROT_RA {
			p.add(delRoute{p.Bond, r})
		}
	}
	for _, a := range p.state.slaac() {
		if !slices.Contains(p.wanted.addresses, a.Prefix) {
			p.add(delAddress{p.Bond, a})
		}
	}
}

// setsOurs says whether a step sets one of the bond's IPv6 settings.
func (s *State) setsOurs(step setSysctl) (addedSysctl, bool) {
	_, ours := s.ipv6[step.To.Key]
	return addedSysctl{step.Link, step.To.Key}, ours && step.Link == s.Name
}

// disablesIPv6 says whether a step takes IPv6 away from a link.
func disablesIPv6(step setSysctl) bool { return step.To.Key == disableIPv6 && step.To.Value == "1" }

// withoutIPv6 is what of an image is of IPv4.
func (i *Image) withoutIPv6() {
	i.Addresses = slices.DeleteFunc(i.Addresses, func(a rtnl.Addr) bool { return a.Prefix.Addr().Is6() })
	i.Routes = slices.DeleteFunc(i.Routes, func(r rtnl.Route) bool { return !r.Is4() })
}
