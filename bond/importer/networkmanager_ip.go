package importer

import (
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// address notes a key of [ipv4] or [ipv6].
func (c *connection) address(l *link, section string, k key) {
	value := k.entry.Text()
	number := strings.TrimRight(k.name, "0123456789")
	switch {
	case k.name == "method":
		c.method(l, section, k)
	case number == "address" || k.name == "addresses":
		c.addresses(l, section, k)
	case k.name == "gateway":
		l.set(section+".gateway", value, k.at)
	case k.name == "dns":
		for _, server := range separated(k.value) {
			l.set("dns", server, k.at)
		}
	case k.name == "dns-search":
		for _, domain := range separated(k.value) {
			if strings.HasPrefix(domain, "~") {
				l.leave(k.at, domain+": bondctl has no routing domains")
				continue
			}
			l.set("search", domain, k.at)
		}
	case strings.HasSuffix(k.name, "_options"): // route reads them
	case number == "route":
		c.route(l, section, k)
	case k.name == "route-metric":
		if value != "-1" {
			l.set(section+".metric", value, k.at)
		}
	case k.name == "ignore-auto-dns" && section == "ipv4":
		c.not(l, "ipv4.use_dns", k)
	case k.name == "ignore-auto-routes" && section == "ipv4":
		c.not(l, "ipv4.use_routes", k)
	case k.name == "dhcp-hostname" && section == "ipv4":
		l.set("hostname", value, k.at)
	case k.name == "dhcp-client-id" && section == "ipv4":
		l.set("client_id", value, k.at)
	default:
		l.leave(k.at, "bondctl's configuration has no such key")
	}
}

// not notes a switch that NetworkManager has the other way round.
func (c *connection) not(l *link, key string, k key) {
	if yes, known := truth(k.value); known && yes {
		l.set(key, false, k.at)
	}
}

func (c *connection) method(l *link, section string, k key) {
	at := k.at
	switch section + "." + k.value {
	case "ipv4.auto":
		l.set("ipv4.method", bond.MethodDHCP, at)
	case "ipv4.disabled":
		l.set("ipv4.method", bond.MethodNone, at)
	case "ipv6.disabled":
		l.set("ipv6.method", bond.MethodNone, at)
	case "ipv6.manual", "ipv6.link-local":
		l.set("ipv6.method", bond.MethodStatic, at)
	case "ipv4.manual", "ipv6.auto", "ipv6.ignore":
	case "ipv6.dhcp":
		l.leave(at, "bondctl has no DHCPv6; what routers advertise is used")
	default:
		l.leave(at, "bondctl has no such method")
	}
}

// addresses notes addresses with the gateway that may follow one: address1=CIDR,GATEWAY.
func (c *connection) addresses(l *link, section string, k key) {
	for part := range strings.SplitSeq(strings.Trim(k.value, ";"), ";") {
		text, gateway, _ := strings.Cut(part, ",")
		l.set(section+".addresses", hostPrefix(strings.TrimSpace(text)), k.at)
		if gateway = strings.TrimSpace(gateway); gateway != "" && gateway != "0.0.0.0" && gateway != "::" {
			l.set(section+".gateway", gateway, k.at)
		}
	}
}

// route notes a route: route1=NETWORK,GATEWAY,METRIC. What else is to be known of it is in
// route1_options.
func (c *connection) route(l *link, section string, k key) {
	parts := append(strings.Split(k.value, ","), "", "")
	r := route{to: network(strings.TrimSpace(parts[0]), section == "ipv6"), via: strings.TrimSpace(parts[1]), metric: strings.TrimSpace(parts[2])}
	if r.via == "0.0.0.0" || r.via == "::" {
		r.via = ""
	}
	if options, ok := c.find(section, k.name+"_options"); ok {
		for option := range strings.SplitSeq(options.value, ",") {
			name, value, _ := strings.Cut(option, "=")
			switch name {
			case "table":
				r.table = value
			case "src":
				r.source = value
			case "onlink":
				r.onlink = map[bool]string{true: "true"}[value == "true"]
			default:
				l.leave(options.at, "bondctl's routes have no "+name)
			}
		}
	}
	l.addRoute(r, k.at)
}
