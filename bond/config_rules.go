package bond

import (
	"net/netip"
	"slices"
	"strings"
)

// configRules say which values contradict each other or need one another. Each rule
// has the keys that it is about.
var configRules = []struct {
	keys  []string
	check func(*Config, sayer)
}{
	{[]string{"name"}, (*Config).checkName},
	{[]string{"member"}, (*Config).checkMembers},
	{[]string{"strategy", "mptcp", "member"}, (*Config).checkStrategy},
	{[]string{"member", "primary"}, (*Config).checkPrimary},
	{[]string{"mac", "fail_over_mac"}, (*Config).checkMAC},
	{monitorKeys, (*Config).checkMonitor},
	{[]string{"address"}, (*Config).checkAddresses},
	{[]string{"ipv4.method", "address", "ipv4.use_routes", "ipv4.use_dns", "ipv4.use_mtu", "hostname", "client_id"}, (*Config).checkMethod},
	{[]string{"mtu", "address"}, (*Config).checkMTU},
	{[]string{"gateway", "address"}, (*Config).checkGateways},
	{[]string{"route", "gateway", "address", "ipv4.method", "ipv6.method"}, (*Config).checkRoutes},
	{[]string{"rule", "member"}, (*Config).checkPolicy},
	{[]string{"wifi_standby", "member"}, (*Config).checkStandby},
	{[]string{"search", "dns", "ipv4.method", "address", "ipv4.use_dns"}, (*Config).checkSearch},
	{[]string{"ipv6.method", "address", "gateway", "route", "rule", "arp_ip_target"}, (*Config).checkMethod6},
	{[]string{"probe.target", "arp_interval", "address", "route", "ipv4.method", "ipv6.method"}, (*Config).checkProbe},
}

// A sayer notes a problem: the key to blame, what is wrong and what would be right.
type sayer func(key, format string, args ...any)

func (c *Config) checkName(say sayer) {
	if err := CheckName(c.Name); err != nil {
		say("name", "%v", err)
	}
}

func (c *Config) checkMembers(say sayer) {
	if len(c.Members) == 0 {
		say("member", "a bond wants at least one, and none is named; add %s eth0, or [[member]] and name = \"eth0\" in the file", keyName("member"))
	}
}

func (c *Config) checkPrimary(say sayer) {
	if c.Primary != "" && len(c.Members) > 0 && !c.hasMember(c.Primary) {
		say("primary", "%s is not among the members (%s); name one of them, or make it one", c.Primary, c.memberNames())
	}
}

// checkStandby refuses to have others' wpa_supplicants told when to associate.
func (c *Config) checkStandby(say sayer) {
	associated := slices.ContainsFunc(c.Members, func(m Member) bool { return m.WPAConf != "" })
	if c.WiFiStandby == StandbyCold && len(c.Members) > 0 && !associated {
		say("wifi_standby", "cold is for members that bondctl associates, and none has a wpa_conf; give it one, or leave wifi_standby out")
	}
}

func (c *Config) hasMember(name string) bool {
	return slices.ContainsFunc(c.Members, func(m Member) bool { return m.mayBe(name) })
}

func (c *Config) memberNames() string {
	names := make([]string, len(c.Members))
	for i, m := range c.Members {
		names[i] = m.String()
	}
	return strings.Join(names, ", ")
}

func (c *Config) checkMAC(say sayer) {
	if value(c.Options.FailOverMAC) == FailOverMACActive && (c.MAC != nil || c.MACStable) {
		say("mac", "with fail_over_mac active the bond carries its active slave's address, so it can't have one of its own; leave mac out, or choose fail_over_mac none")
	}
}

var monitorKeys = []string{
	"miimon", "updelay", "downdelay", "peer_notif_delay",
	"arp_interval", "arp_ip_target", "ns_ip6_target", "arp_validate",
}

// checkMonitor checks MII against ARP monitoring. In the kernel the later one silently
// switches the other off, or is refused with a bare EPERM.
func (c *Config) checkMonitor(say sayer) {
	o := &c.Options
	if value(o.ARPInterval) > 0 {
		c.checkARP(say)
		return
	}
	if o.Miimon != nil && *o.Miimon == 0 {
		say("miimon", "0 switches monitoring off, and the bond would never fail over; name a time such as 100ms, or use arp_interval")
	}
	if len(o.ARPIPTarget) > 0 || len(o.NSIP6Target) > 0 {
		say("arp_ip_target", "it means something with arp_interval only; name that as well, or leave arp_ip_target out")
	}
	if v := value(o.ARPValidate); v != "" && v != "none" {
		say("arp_validate", "it means something with arp_interval only; name that as well, or leave arp_validate out")
	}
}

func (c *Config) checkARP(say sayer) {
	o := &c.Options
	if value(o.Miimon) > 0 {
		say("arp_interval", "miimon and arp_interval exclude each other; leave one of them out")
	}
	if len(o.ARPIPTarget) == 0 && len(o.NSIP6Target) == 0 {
		say("arp_interval", "ARP monitoring needs somebody to ask; name one or more with arp_ip_target")
	}
	for _, key := range []string{"updelay", "downdelay", "peer_notif_delay"} {
		if text, named := mustRow(key).text(o); named && text != "0" {
			say(key, "delays are counted in miimon, which is off with arp_interval; leave %s out", key)
		}
	}
}

func (c *Config) checkAddresses(say sayer) {
	for i, p := range c.Addresses {
		if slices.IndexFunc(c.Addresses, func(o netip.Prefix) bool { return o.Addr() == p.Addr() }) != i {
			say(inFamily(p.Addr(), "addresses"), "%s is there twice; name it once", p.Addr())
		}
	}
}

// inFamily is a key in the table of an address's family.
func inFamily(a netip.Addr, key string) string {
	if a.Is4() {
		return "ipv4." + key
	}
	return "ipv6." + key
}

// checkMethod checks ipv4.method against the rest of its table.
func (c *Config) checkMethod(say sayer) {
	named := slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() })
	switch {
	case c.Method == MethodStatic && !named:
		say("ipv4.method", "static wants an address; name one with addresses = [\"192.0.2.10/24\"]")
	case c.Method == MethodNone && named:
		say("ipv4.method", "none and an IPv4 address contradict each other; leave one of them out")
	}
	if c.WantsDHCP() {
		return
	}
	for _, key := range []string{"ipv4.use_routes", "ipv4.use_dns", "ipv4.use_mtu", "hostname", "client_id"} {
		if k, _ := findKey(key); k.get(c) != nil {
			say(key, "it means something with DHCP only; leave it out, or write method = \"dhcp\"")
		}
	}
}

// minMTU6 is the smallest MTU with which the kernel runs IPv6 (IPV6_MIN_MTU).
const minMTU6 = 1280

func (c *Config) checkMTU(say sayer) {
	named := slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() })
	if named && c.MTU != 0 && c.MTU < minMTU6 {
		say("mtu", "IPv6 wants %d at least, and the bond is to have an IPv6 address; name a greater one", minMTU6)
	}
}

func (c *Config) checkGateways(say sayer) {
	seen := map[bool]netip.Addr{}
	for _, g := range c.Gateways {
		key := inFamily(g, "gateway")
		if other, ok := seen[g.Is4()]; ok {
			say(key, "%s and %s: there is one default route of a family; name one of them", other, g)
			continue
		}
		seen[g.Is4()] = g
		switch on := slices.IndexFunc(c.Addresses, func(p netip.Prefix) bool { return p.Contains(g) }); {
		case slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr() == g }):
			say(key, "%s is the bond's own address; name the router's", g)
		case on < 0 && !(g.Is6() && g.IsLinkLocalUnicast()):
			say(key, "%s is in none of the bond's networks, so it can't be reached; give the bond an address beside it with %s",
				g, keyName(inFamily(g, "addresses")))
		case on >= 0 && !isHost(g, c.Addresses[on]):
			say(key, "%s is the own or the broadcast address of the network %s; name the router's", g, c.Addresses[on].Masked())
		}
	}
}

// checkSearch refuses domains without anybody to ask.
func (c *Config) checkSearch(say sayer) {
	leased := c.WantsDHCP() && valueOr(c.UseDNS, true)
	if len(c.Search) > 0 && len(c.DNS) == 0 && !leased {
		say("search", "it means something with name servers only; name one with dns as well, or leave search out")
	}
}

// checkMethod6 checks ipv6.method against all that is of IPv6.
func (c *Config) checkMethod6(say sayer) {
	if c.Method6 != MethodNone {
		return
	}
	is6 := func(a netip.Addr) bool { return a.Is6() }
	const contradicts = "ipv6.method none and %s contradict each other; leave one of them out"
	if slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
		say("ipv6.method", "none and an IPv6 address contradict each other; leave one of them out")
	}
	if i := slices.IndexFunc(c.Gateways, is6); i >= 0 {
		say("ipv6.gateway", contradicts, "an IPv6 gateway")
	}
	for i, r := range c.Routes {
		if r.To.Addr().Is6() {
			say(inElement("route", i, "to"), contradicts, "an IPv6 route")
		}
	}
	for i, r := range c.Rules {
		if p := r.prefix(); p.IsValid() && p.Addr().Is6() {
			say(inElement("rule", i, ""), contradicts, "a rule for IPv6")
		}
	}
	if len(c.Options.NSIP6Target) > 0 {
		say("arp_ip_target", contradicts, "an IPv6 target")
	}
}
