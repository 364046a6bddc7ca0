package importer

import (
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// A networkReader takes the sections of a .network for one link.
type networkReader struct {
	link     *link
	isMember bool
}

func (n *networkReader) read(u *unit, isMember bool) {
	n.isMember = isMember
	for _, s := range u.sections {
		switch s.name {
		case "Match":
		case "Route":
			n.route(s)
		case "RoutingPolicyRule":
			n.rule(s)
		default:
			for _, k := range s.keys {
				if k.value != "" {
					n.key(s.name, k)
				}
			}
		}
	}
}

// idle are keys that change nothing here.
var idle = []string{
	"Network.Description", "Network.Bond", "Link.RequiredForOnline", "Link.RequiredFamilyForOnline", "Network.ConfigureWithoutCarrier", "Network.BindCarrier", "Network.IgnoreCarrierLoss",
	"Network.LLDP", "Network.EmitLLDP", "Link.ActivationPolicy", "Network.KeepConfiguration", "Network.ActiveSlave", "Link.Unmanaged",
}

func (n *networkReader) key(section string, k key) {
	l := n.link
	switch name := section + "." + k.name; name {
	case "Network.DHCP":
		n.dhcp(k)
	case "Network.PrimarySlave":
		if yes, _ := truth(k.value); yes {
			l.isPrimary = &entry{"primary", l.name, k.at}
		}
	case "Network.Address", "Address.Address":
		l.set(family(k.value)+".addresses", hostPrefix(k.value), k.at)
	case "Network.Gateway":
		l.set(gatewayKey(k.value), k.value, k.at)
	case "Network.DNS":
		for server := range strings.FieldsSeq(k.value) {
			host, _, named := strings.Cut(server, "#")
			if named {
				l.leave(k.at, "bondctl hands name servers on without the name that a certificate has")
			}
			l.set("dns", host, k.at)
		}
	case "Network.Domains":
		n.domains(k)
	case "Network.IPv6AcceptRA":
		if yes, known := truth(k.value); known && !yes {
			l.set("ipv6.method", bond.MethodStatic, k.at)
		}
	case "Network.LinkLocalAddressing":
		if yes, known := truth(k.value); known && !yes || k.value == "ipv4" {
			l.set("ipv6.method", bond.MethodNone, k.at)
		}
	case "Network.VLAN", "Network.Bridge", "Network.VRF", "Network.MACVLAN", "Network.IPVLAN":
		l.leave(k.at, "bondctl doesn't make it; leave it to networkd")
	case "Link.MTUBytes":
		l.set("mtu", k.value, k.at)
	case "Link.MACAddress":
		l.set("mac", k.value, k.at)
	default:
		n.lease(name, k)
	}
}

func hostPrefix(address string) string {
	if strings.Contains(address, "/") {
		return address
	}
	return address + map[string]string{"ipv4": "/32", "ipv6": "/128"}[family(address)]
}

func (n *networkReader) dhcp(k key) {
	switch value := strings.ToLower(k.value); value {
	case "yes", "true", "both", "1", "on":
		n.link.set("ipv4.method", bond.MethodDHCP, k.at)
		n.link.leave(k.at, "DHCP is taken for IPv4; bondctl has no DHCPv6; what routers advertise is used")
	case "ipv4", "v4":
		n.link.set("ipv4.method", bond.MethodDHCP, k.at)
	case "ipv6", "v6":
		n.link.leave(k.at, "bondctl has no DHCPv6; what routers advertise is used")
	}
}

// domains keeps those that are searched. One with a tilde only says which names a link's
// servers are asked for.
func (n *networkReader) domains(k key) {
	for domain := range strings.FieldsSeq(k.value) {
		switch {
		case domain == "~.":
			n.link.leave(k.at, "~. (all names go here): bondctl has no routing domains")
		case strings.HasPrefix(domain, "~"):
			n.link.leave(k.at, domain+": bondctl has no routing domains")
		default:
			n.link.set("search", domain, k.at)
		}
	}
}

// lease notes what is wanted of a lease.
func (n *networkReader) lease(name string, k key) {
	l := n.link
	section, rest, _ := strings.Cut(name, ".")
	flag := func(key string) {
		if yes, known := truth(k.value); known {
			l.set(key, yes, k.at)
		} else {
			l.leave(k.at, "it takes yes or no")
		}
	}
	isDHCP := section == "DHCPv4" || section == "DHCP"
	switch {
	case isDHCP && rest == "UseDNS":
		flag("ipv4.use_dns")
	case isDHCP && (rest == "UseRoutes" || rest == "UseGateway"):
		flag("ipv4.use_routes")
	case isDHCP && rest == "UseMTU":
		flag("ipv4.use_mtu")
	case isDHCP && rest == "RouteMetric":
		l.set("ipv4.metric", k.value, k.at)
	case isDHCP && rest == "Hostname":
		l.set("hostname", k.value, k.at)
	case isDHCP && rest == "SendHostname":
		if yes, known := truth(k.value); known && !yes {
			l.set("hostname", "", k.at)
		}
	case name == "IPv6AcceptRA.RouteMetric":
		l.set("ipv6.metric", k.value, k.at)
	default:
		for _, one := range idle {
			if one == name {
				return
			}
		}
		l.leave(k.at, "bondctl's configuration has no such option")
	}
}

func (n *networkReader) route(s section) {
	var r route
	var at place
	for _, k := range s.keys {
		at = spanning(at, k.at)
		switch k.name {
		case "Destination":
			r.to = k.value
		case "Gateway":
			r.via = k.value
		case "Metric":
			r.metric = k.value
		case "Table":
			r.table = k.value
		case "PreferredSource":
			r.source = k.value
		case "GatewayOnLink":
			if yes, _ := truth(k.value); yes {
				r.onlink = "true"
			}
		case "Scope", "Protocol":
		default:
			n.link.leave(k.at, "bondctl's routes have no such key")
		}
	}
	if strings.HasPrefix(r.via, "_") {
		n.link.leave(at, "bondctl has no gateway that is named by "+r.via)
		return
	}
	if at.file == "" {
		return
	}
	if r.to == "" {
		r.to = "default"
	}
	r.to = network(r.to, family(r.via) == "ipv6")
	n.link.addRoute(r, at)
}

func (n *networkReader) rule(s section) {
	names := map[string]string{"From": "from", "To": "to", "Table": "table", "Priority": "priority", "FirewallMark": "fwmark", "IncomingInterface": "iif"}
	var keys []bond.Setting
	var at place
	for _, k := range s.keys {
		at = spanning(at, k.at)
		name, known := names[k.name]
		if !known {
			n.link.leave(k.at, "bondctl's rules have no such key, so it has none of them")
			return
		}
		value := k.value
		if name == "from" || name == "to" {
			value = network(value, false)
		}
		keys = append(keys, bond.Setting{Key: "rule." + name, Value: value})
	}
	if keys != nil {
		n.link.other = append(n.link.other, entry{"rule", keys, at})
	}
}

// spanning is a place that has both.
func spanning(at, more place) place {
	if at.file != more.file {
		return more
	}
	at.last = max(at.last, more.last)
	if len(at.text) < 200 {
		at.text += ", " + more.text
	}
	return at
}
