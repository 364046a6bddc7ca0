package bond

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// Named is the configuration with what the bond has taken over named in it, so that a
// file says it, and it holds after a reboot. The messages tell what a file can't say. What
// ends by itself isn't named: it comes again, by DHCP and from IPv6 routers.
func (p Plan) Named(c Config) (Config, []Message) {
	c.Inherited, c.TakeOver = nil, false
	if p.inherited == nil {
		return c, nil
	}
	n := namer{config: c}
	has := p.inherited.Lasting
	if c.MTU == 0 && has.MTU != 0 {
		n.must(n.try(func(c *Config) { c.MTU = has.MTU }), "the MTU %d", has.MTU)
	}
	for _, a := range has.Addresses {
		n.address(a)
	}
	for _, r := range has.Routes {
		n.route(r)
	}
	for _, r := range has.Rules {
		rule, ok := newRule(r)
		n.must(ok && n.try(func(c *Config) { c.Rules = append(c.Rules, rule) }), "the %s", r)
	}
	for _, neighbour := range has.Neighbours {
		n.must(false, "the %s", neighbour)
	}
	for _, s := range has.Sysctls {
		if s.Key == stableSecret {
			s.Value = "a secret"
		}
		n.must(false, "net.%s.conf.%s.%s = %s", s.Family, c.Name, s.Key, s.Value)
	}
	return n.config, n.notes
}

// namer builds what [Plan.Named] returns.
type namer struct {
	config Config
	notes  []Message
}

// try makes a change of the configuration, unless it would be refused with that. It says
// whether the change was made.
func (n *namer) try(change func(*Config)) bool {
	c := n.config
	c.Addresses, c.Gateways = slices.Clone(c.Addresses), slices.Clone(c.Gateways)
	c.Routes, c.Rules = slices.Clone(c.Routes), slices.Clone(c.Rules)
	change(&c)
	c, err := NewConfig(c.Name, settingsOf(&c, ""))
	if err == nil {
		n.config = c
	}
	return err == nil
}

// must tells of what can't be named.
func (n *namer) must(named bool, what string, args ...any) {
	if !named {
		n.notes = append(n.notes, Messagef("a file can't say this, so it is lost at the next boot: "+what, args...))
	}
}

func (n *namer) address(a rtnl.Addr) {
	if !a.Peer.IsValid() && n.try(func(c *Config) { c.Addresses = with(c.Addresses, a.Prefix) }) {
		if a.Label != "" && a.Label != n.config.Name {
			n.must(false, "the label %s of %s", a.Label, a.Prefix)
		}
		return
	}
	n.must(false, "the address %s", a.Prefix)
}

// route names a route: as a gateway where that makes it, since people know that best.
func (n *namer) route(r rtnl.Route) {
	ours := r.Fields()
	ours.Protocol = unix.RTPROT_STATIC
	asGateway := func(c *Config) {
		c.Gateways = append(c.Gateways, r.Gateway)
		if r.Is4() && c.Metric4 == nil && r.Metric != defaultMetric {
			c.Metric4 = new(r.Metric)
		}
	}
	if r.Destination.Bits() == 0 && r.Gateway.IsValid() {
		c := n.config
		if asGateway(&c); c.gatewayRoute(r.Gateway) == ours && n.try(asGateway) {
			return
		}
	}
	route, ok := newRoute(r)
	n.must(ok && n.try(func(c *Config) { c.Routes = append(c.Routes, route) }), "the %s", r)
}
