package importer

import (
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// network notes an option of a stanza that is about addresses.
func (i *ifaceReader) network(name, value string, at place) {
	l := i.link
	family := "ipv4"
	if i.stanza.Family == "inet6" || i.stanza.Family == "" && strings.Contains(value, ":") {
		family = "ipv6"
	}
	switch name {
	case "address":
		i.addAddress(value, at)
	case "gateway":
		l.set(gatewayKey(value), value, at)
	case "metric":
		l.set(family+".metric", value, at)
	case "mtu":
		l.set("mtu", value, at)
	case "hwaddress", "address-mac":
		l.mac(value, at)
	case "dns-nameservers", "dns-nameserver":
		if name == "dns-nameserver" {
			l.remark(at, "resolvconf knows dns-nameservers alone, so this did nothing; it is taken")
		}
		for _, server := range separated(value) {
			l.set("dns", server, at)
		}
	case "dns-search", "dns-domain", "dns-searches":
		for _, domain := range separated(value) {
			l.set("search", domain, at)
		}
	case "hostname":
		l.set("hostname", value, at)
	case "client", "clientid", "client-id":
		l.set("client_id", value, at)
	case "accept-ra", "autoconf", "privext":
		i.autoconf(name, value, at)
	default:
		l.leave(at, "bondctl's configuration has no such option")
	}
}

// addAddress notes an address with the mask that may stand in a line of its own.
func (i *ifaceReader) addAddress(value string, at place) {
	text, err := cidr(value, i.mask)
	if err != nil {
		i.link.leave(at, err.Error())
		return
	}
	i.link.set(family(text)+".addresses", text, at)
}

func gatewayKey(address string) string { return family(address) + ".gateway" }

// mac notes an address of a link: "ether 02:..." or the address alone.
func (l *link) mac(value string, at place) {
	value = strings.TrimSpace(strings.TrimPrefix(value, "ether "))
	if value == "random" {
		l.leave(at, "bondctl has no random address; stable is one of this machine")
		return
	}
	l.set("mac", value, at)
}

func (i *ifaceReader) autoconf(name, value string, at place) {
	switch {
	case i.stanza.Family != "inet6" || value != "0" && name == "privext":
		i.link.leave(at, "bondctl's configuration has no such option")
	case value == "0" && name != "privext":
		i.link.set("ipv6.method", bond.MethodStatic, at)
	}
}
