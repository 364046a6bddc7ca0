package importer

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

func isYAML(f file) bool {
	ext := filepath.Ext(f.path)
	return ext == ".yaml" || ext == ".yml" || ext == ""
}

func isNetplan(f file) bool {
	return isYAML(f) && hasLine(f, "network:", "bonds:")
}

func hasLine(f file, starts ...string) bool {
	for line := range bytes.Lines(f.text) {
		for _, start := range starts {
			if strings.HasPrefix(string(line), start) {
				return true
			}
		}
	}
	return false
}

// netplan reads netplan's YAML.
func netplan(files []file) (*found, error) {
	f := &found{lastHolds: true}
	f.off = func(links []*link, files []string) []string {
		var names []string
		for _, l := range links {
			if l.name != "" {
				names = append(names, l.name)
			}
		}
		return []string{"take " + strings.Join(names, ", ") + " out of " + strings.Join(files, ", ") + ", and have netplan's renderer leave the members alone, as bondctl up --take-over --save does"}
	}
	ids := map[string]*link{}
	for _, one := range files {
		docs, err := documents(one)
		if err != nil {
			return nil, err
		}
		f.files = append(f.files, one.path)
		for _, d := range docs {
			root := d.of("network")
			if !root.is() {
				root = d // cloud-init has it so, too
			}
			netplanDevices(f, root.of("ethernets"), ids, false)
			netplanDevices(f, root.of("wifis"), ids, true)
			for _, b := range root.of("bonds").items {
				netplanBond(f, b, ids)
			}
			netplanOthers(f, root)
		}
	}
	return f, nil
}

// netplanDevices notes the devices of which a bond is made, by the names that the file
// gives them.
func netplanDevices(f *found, devices *node, ids map[string]*link, wifi bool) {
	for _, d := range devices.items {
		match := d.of("match")
		l := ids[d.key]
		if l == nil {
			l = &link{name: d.key, at: d.at, lastHolds: true}
			f.links = append(f.links, l)
			ids[d.key] = l
		}
		switch {
		case match.is() && d.of("set-name").value != "":
			l.name = d.of("set-name").value
			l.remark(d.of("set-name").at, "netplan gives it this name: a .link file has to, once netplan no longer does")
		case match.is():
			l.asks = nil
			l.name = match.of("name").value
			for _, k := range match.items {
				switch k.key {
				case "name":
				case "macaddress":
					l.asks = append(l.asks, bond.Setting{Key: "member.mac", Value: k.value})
				case "driver":
					l.asks = append(l.asks, bond.Setting{Key: "member.driver", Value: k.value})
				default:
					l.leave(k.at, "bondctl asks for a member by name, mac, driver, bus or kind alone")
				}
			}
			if l.name == "" && wifi && l.asks == nil {
				l.asks = []bond.Setting{{Key: "member.kind", Value: bond.KindWiFi}}
			}
		}
		l.wifi = wifi
		for _, k := range d.items {
			netplanKey(l, k)
		}
	}
}

func netplanBond(f *found, b *node, ids map[string]*link) {
	l := f.called(b.key, b.at)
	l.at.text = ""
	l.isBond, l.addressed = true, true
	for _, e := range b.of("interfaces").texts() {
		id := e.value.(string)
		if m := ids[id]; m != nil {
			m.master = b.key
			// The bond's list has the order.
			f.links = append(slices.DeleteFunc(f.links, func(o *link) bool { return o == m }), m)
			continue
		}
		l.slaves = append(l.slaves, entry{"member", id, e.at})
	}
	for _, k := range b.of("parameters").items {
		netplanParameter(l, k, ids)
	}
	for _, k := range b.items {
		if k.key != "interfaces" && k.key != "parameters" {
			netplanKey(l, k)
		}
	}
}

// parameters are netplan's names of the driver's options.
var parameters = map[string]string{
	"mode": "mode", "lacp-rate": "lacp_rate", "mii-monitor-interval": "miimon", "min-links": "min_links", "transmit-hash-policy": "xmit_hash_policy",
	"ad-select": "ad_select", "all-slaves-active": "all_slaves_active", "all-members-active": "all_slaves_active", "arp-interval": "arp_interval",
	"arp-ip-targets": "arp_ip_target", "arp-validate": "arp_validate", "arp-all-targets": "arp_all_targets", "up-delay": "updelay", "down-delay": "downdelay",
	"fail-over-mac-policy": "fail_over_mac", "gratuitous-arp": "num_grat_arp", "packets-per-slave": "packets_per_slave",
	"packets-per-member": "packets_per_slave", "primary-reselect-policy": "primary_reselect", "resend-igmp": "resend_igmp", "learn-packet-interval": "lp_interval",
	"primary": "primary",

	"gratuitious-arp": "num_grat_arp", //nolint:misspell // netplan's own, of old
}

func netplanParameter(l *link, k *node, ids map[string]*link) {
	name, known := parameters[k.key]
	value := k.value
	switch {
	case !known:
		l.leave(k.at, "there is no such parameter")
		return
	case name == "arp_ip_target":
		for _, e := range k.texts() {
			l.option(name, e.value.(string), e.at)
		}
		return
	case name == "miimon" || name == "updelay" || name == "downdelay" || name == "arp_interval":
		value = span(value, 1)
	case name == "all_slaves_active":
		if yes, ok := truth(value); ok {
			value = map[bool]string{true: "1", false: "0"}[yes]
		}
	case name == "primary" && ids[value] != nil && ids[value].name != "":
		value = ids[value].name
	}
	l.option(name, value, k.at)
}

// netplanKey notes a key that bonds and devices have.
func netplanKey(l *link, k *node) {
	switch k.key {
	case "dhcp4", "dhcp6", "accept-ra", "link-local":
		netplanMethod(l, k)
	case "addresses":
		netplanAddresses(l, k)
	case "gateway4", "gateway6":
		l.set("ipv"+k.key[7:]+".gateway", k.value, k.at)
	case "nameservers":
		for _, e := range k.of("addresses").texts() {
			l.set("dns", e.value, e.at)
		}
		for _, e := range k.of("search").texts() {
			l.set("search", e.value, e.at)
		}
	case "routes":
		for _, r := range k.items {
			netplanRoute(l, r)
		}
	case "routing-policy":
		for _, r := range k.items {
			netplanRule(l, r)
		}
	case "mtu":
		l.set("mtu", k.value, k.at)
	case "macaddress":
		if l.isBond {
			l.set("mac", k.value, k.at)
		} else {
			l.leave(k.at, "members have the bond's address, or their own")
		}
	case "dhcp4-overrides":
		for _, o := range k.items {
			netplanOverride(l, o)
		}
	case "access-points":
		for _, ap := range k.items {
			at := ap.at
			at.text = ""
			l.leave(at, "the network \""+ap.key+"\" needs a wpa_supplicant.conf, which wpa_conf names; the key isn't copied")
		}
	case "match", "set-name", "optional", "critical", "renderer", "dhcp-identifier", "wakeonlan", "optional-addresses", "ignore-carrier", "activation-mode":
	default:
		l.leave(k.at, "bondctl's configuration has no such key")
	}
}

// netplanAddresses notes addresses, of which each may have a label and a lifetime.
func netplanAddresses(l *link, k *node) {
	for _, e := range k.texts() {
		text := e.value.(string)
		l.set(family(text)+".addresses", text, e.at)
	}
	for _, item := range k.items {
		for _, address := range item.items {
			for _, o := range address.items {
				l.leave(o.at, "an address of bondctl's has no such thing")
			}
		}
	}
}

// netplanMethod notes where addresses come from.
func netplanMethod(l *link, k *node) {
	yes, known := truth(k.value)
	switch {
	case k.key == "dhcp4" && yes:
		l.set("ipv4.method", bond.MethodDHCP, k.at)
	case k.key == "dhcp4": // as a later file says
		l.unset("ipv4.method")
	case k.key == "dhcp6" && yes:
		l.leave(k.at, "bondctl has no DHCPv6; what routers advertise is used")
	case k.key == "accept-ra" && known && !yes:
		l.set("ipv6.method", bond.MethodStatic, k.at)
	case k.key == "link-local" && k.list && !slices.ContainsFunc(k.texts(), func(e entry) bool { return e.value == "ipv6" }):
		l.set("ipv6.method", bond.MethodNone, k.at)
	}
}

func netplanRoute(l *link, n *node) {
	var r route
	at := n.at
	if len(n.items) > 0 {
		at = n.items[0].at
		at.last = n.items[len(n.items)-1].at.last
	}
	for _, k := range n.items {
		switch k.key {
		case "to":
			r.to = k.value
		case "via":
			r.via = k.value
		case "metric":
			r.metric = k.value
		case "table":
			r.table = k.value
		case "from":
			r.source = k.value
		case "on-link":
			if yes, _ := truth(k.value); yes {
				r.onlink = "true"
			}
		case "scope":
		case "type":
			if k.value != "unicast" {
				l.leave(at, "bondctl's routes are of type unicast alone")
				return
			}
		default:
			l.leave(k.at, "bondctl's routes have no such key")
		}
	}
	r.to = network(r.to, family(r.via) == "ipv6")
	l.addRoute(r, at)
}

func netplanRule(l *link, n *node) {
	names := map[string]string{"from": "from", "to": "to", "table": "table", "priority": "priority", "mark": "fwmark"}
	var keys []bond.Setting
	for _, k := range n.items {
		name, known := names[k.key]
		if !known {
			l.leave(k.at, "bondctl's rules have no such key, so it has none of them")
			return
		}
		value := k.value
		if name == "from" || name == "to" {
			value = network(value, false)
		}
		keys = append(keys, bond.Setting{Key: "rule." + name, Value: value})
	}
	l.other = append(l.other, entry{"rule", keys, n.at})
}

func netplanOverride(l *link, k *node) {
	yes, known := truth(k.value)
	switch {
	case k.key == "use-dns" && known:
		l.set("ipv4.use_dns", yes, k.at)
	case k.key == "use-routes" && known:
		l.set("ipv4.use_routes", yes, k.at)
	case k.key == "use-mtu" && known:
		l.set("ipv4.use_mtu", yes, k.at)
	case k.key == "route-metric":
		l.set("ipv4.metric", k.value, k.at)
	case k.key == "hostname":
		l.set("hostname", k.value, k.at)
	case k.key == "send-hostname" && known:
		if !yes {
			l.set("hostname", "", k.at)
		}
	default:
		l.leave(k.at, "bondctl's configuration has no such key")
	}
}

// netplanOthers tells of what stands on a bond.
func netplanOthers(f *found, root *node) {
	for _, kind := range []string{"vlans", "bridges", "vrfs"} {
		for _, d := range root.of(kind).items {
			on := []string{d.of("link").value}
			for _, e := range d.of("interfaces").texts() {
				on = append(on, e.value.(string))
			}
			f.above = append(f.above, above{on, d.at.because("it is one of " + kind + ", which bondctl doesn't make; leave it to netplan")})
		}
	}
}
