package bond

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// amiss says what of a bond isn't as it is wanted though the kernel has refused
// nothing: what never will be until somebody does something, and what was taken away.
func (s *State) amiss(r record) (why []string) {
	say := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	if r.Config != nil {
		s.otherThanWanted(r, say)
	}
	s.strays(say)
	bond, _ := s.link(s.Name)
	for _, a := range s.addrsOf(bond.Index) {
		if a.Flags&unix.IFA_F_DADFAILED != 0 {
			say("%s isn't used, for somebody else on the network has it (DAD failed); when that is mended: ip address del %s dev %s",
				a.Prefix.Addr(), a.Prefix, s.Name)
		}
	}
	for _, name := range r.Lost {
		if _, present := s.link(name); !present {
			say("%s went with the %s that was deleted; make it again", name, s.Name)
		}
	}
	return why
}

// otherThanWanted tells what of a configuration doesn't hold.
func (s *State) otherThanWanted(r record, say func(format string, args ...any)) {
	c := *r.Config
	if bridge := s.bridge(); bridge != "" && c.wantsAddress() {
		say("%s is a port of %s; its address belongs there", s.Name, bridge)
	} else {
		s.missing(r, say)
	}
	if c.Metric6 != nil && s.raMetric == "" {
		say("ipv6.metric doesn't hold for the default routes of IPv6 routers, for net.ipv6.conf.%s.%s can't be set", s.Name, raMetric.Key)
	}
	s.otherIPv6(c, say)
	s.foreignTargets(c, say)
}

// wantsAddress says whether the bond is to have an address of its own.
func (c Config) wantsAddress() bool { return len(c.Addresses) > 0 || c.WantsDHCP() }

// missing tells of addresses and gateways that somebody has taken away, where no keeper
// puts them back.
func (s *State) missing(r record, say func(format string, args ...any)) {
	bond, _ := s.link(s.Name)
	for _, p := range r.Config.Addresses {
		_, there := s.addr(bond.Index, p)
		if _, refused := r.Refused[about(addAddress{Link: s.Name, Address: rtnl.NewAddr(p)})]; !there && !refused {
			say("%s is missing", p)
		}
	}
	if r.Config.Inherited != nil {
		for _, a := range r.Config.Inherited.Lasting.Addresses {
			_, there := s.addr(bond.Index, a.Prefix)
			if _, refused := r.Refused[about(addAddress{Link: s.Name, Address: a})]; !there && !refused {
				say("%s is missing", a)
			}
		}
	}
	for _, g := range r.Config.Gateways {
		route := r.Config.gatewayRoute(g)
		if _, refused := r.Refused[about(addRoute{s.Name, route})]; !refused && !s.hasRoute(bond.Index, route) {
			say("the %s is missing", route)
		}
	}
	s.missingPolicy(r, say)
}

// foreignTargets tells of ARP targets that nobody would answer for: the driver asks for
// them on the bond's own networks alone, and on those of its upper devices.
func (s *State) foreignTargets(c Config, say func(format string, args ...any)) {
	networks := s.networks(c)
	if value(c.Options.ARPInterval) == 0 || len(networks) == 0 {
		return // or DHCP is yet to say where it is
	}
	var out []string
	for _, target := range slices.Concat(c.Options.ARPIPTarget, c.Options.NSIP6Target) {
		on := slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(target) })
		if !on && !target.IsLinkLocalUnicast() && slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Addr().Is4() == target.Is4() }) {
			out = append(out, target.String())
		}
	}
	if out != nil {
		say("arp_ip_target %s is in none of the networks of %s, so nobody answers for it; name a host that is", strings.Join(out, ", "), s.Name)
	}
}

// networks are those that the bond is to be in, and those that it or an upper device is
// in.
func (s *State) networks(c Config) []netip.Prefix {
	bond, _ := s.link(s.Name)
	networks := slices.Concat(c.Addresses, bond.Addresses)
	for _, name := range bond.Upper {
		upper, _ := s.link(name)
		networks = append(networks, upper.Addresses...)
	}
	return networks
}
