package importer

import (
	"strings"
	"unicode"

	"github.com/bondctl/bondctl/bond"
)

func isTalos(f file) bool {
	return isYAML(f) && (hasLine(f, "machine:") || hasLine(f, "kind: BondConfig", "kind: LinkConfig", "kind: DHCPv4Config"))
}

// talos reads the configuration of a Talos machine: machine.network, or the documents that
// came in its place.
func talos(files []file) (*found, error) {
	f := &found{}
	f.off = func([]*link, []string) []string {
		return []string{"take the bond out of the machine's configuration; Talos itself has no place for bondctl, so this is for another system on the machine"}
	}
	for _, one := range files {
		docs, err := documents(one)
		if err != nil {
			return nil, err
		}
		f.files = append(f.files, one.path)
		t := talosReader{found: f}
		for _, d := range docs {
			t.machine(d.of("machine", "network"))
		}
		for _, d := range docs {
			t.document(d)
		}
		t.finish()
	}
	return f, nil
}

type talosReader struct {
	found        *found
	dns, domains []entry
}

func (t *talosReader) machine(n *node) {
	for _, i := range n.of("interfaces").items {
		name := i.of("interface")
		if name.value == "" {
			if i.of("bond").is() || i.of("deviceSelector").is() {
				t.found.left = append(t.found.left, i.at.because("an interface without a name"))
			}
			continue
		}
		at := name.at
		at.text = ""
		l := t.found.called(name.value, at)
		for _, k := range i.items {
			t.key(l, k)
		}
		if primary := i.of("bond", "primary"); primary.is() {
			l.remark(primary.at, "a BondConfig document, which Talos 1.12 and newer take in its place, had no primary for long (siderolabs/talos #13969)")
		}
	}
	t.dns = append(t.dns, n.of("nameservers").texts()...)
	t.domains = append(t.domains, n.of("searchDomains").texts()...)
}

// snake turns a name such as primaryReselect into the kernel's, primary_reselect.
func snake(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		if unicode.IsUpper(r) && lower {
			b.WriteByte('_')
		}
		lower = !unicode.IsUpper(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// talosOptions are names that aren't the kernel's in another spelling.
var talosOptions = map[string]string{
	"bond_mode": "mode", "num_peer_notif": "num_grat_arp", "peer_notify_delay": "peer_notif_delay", "arp_iptarget": "arp_ip_target", "arp_ip_targets": "arp_ip_target",
	"arp_iptargets": "arp_ip_target", "ns_ip6_targets": "arp_ip_target", "ns_ip6target": "arp_ip_target", "ns_ip6targets": "arp_ip_target", "resend_igmp": "resend_igmp", "resend_i_g_m_p": "resend_igmp",
	"arp_missed_max": "arp_missed_max", "missed_max": "arp_missed_max", "use_carrier": "use_carrier",
}

// option notes a key of bond, or of a BondConfig.
func (t *talosReader) option(l *link, k *node) bool {
	name := snake(k.key)
	if other := talosOptions[name]; other != "" {
		name = other
	}
	if k.list {
		for _, e := range k.texts() {
			if !l.option(name, e.value.(string), e.at) {
				return false
			}
		}
		return true
	}
	value := k.value
	if yes, known := truth(value); known && (name == "all_slaves_active" || name == "use_carrier") {
		value = map[bool]string{true: "1", false: "0"}[yes]
	}
	if name == "miimon" || strings.HasSuffix(name, "delay") || name == "arp_interval" {
		value = span(value, 1)
	}
	return isOption(name) && l.option(name, value, k.at)
}

func (t *talosReader) key(l *link, k *node) {
	switch k.key {
	case "interface", "ignore", "name", "apiVersion", "kind", "up":
	case "bond":
		l.isBond = true
		for _, o := range k.items {
			t.bondKey(l, o)
		}
	case "dhcp":
		if yes, _ := truth(k.value); yes {
			l.set("ipv4.method", bond.MethodDHCP, k.at)
		}
	case "addresses", "cidr":
		t.addresses(l, k)
	case "routes":
		for _, r := range k.items {
			t.route(l, r)
		}
	case "mtu":
		l.set("mtu", k.value, k.at)
	case "hardwareAddr":
		l.set("mac", k.value, k.at)
	case "dhcpOptions":
		for _, o := range k.items {
			t.dhcpOption(l, o)
		}
	case "vlans", "vip", "bridge", "wireguard":
		l.leave(k.at, "bondctl doesn't make it; leave it to the tool that has it")
	default:
		l.leave(k.at, "bondctl's configuration has no such key")
	}
	l.addressed = l.addressed || l.isBond
}

func (t *talosReader) bondKey(l *link, k *node) {
	switch {
	case k.key == "interfaces" || k.key == "links":
		for _, e := range k.texts() {
			l.slaves = append(l.slaves, entry{"member", e.value, e.at})
		}
	case k.key == "deviceSelectors":
		for _, s := range k.items {
			t.selector(l, s)
		}
	case !t.option(l, k):
		l.leave(k.at, "there is no such option")
	}
}

// selector notes a member that is asked for.
func (t *talosReader) selector(b *link, s *node) {
	l := &link{master: b.name, at: s.at}
	for _, k := range s.items {
		ask := func(key string) { l.asks = append(l.asks, bond.Setting{Key: key, Value: k.value}) }
		switch {
		case (k.key == "hardwareAddr" || k.key == "permanentAddr") && !strings.Contains(k.value, "*"):
			ask("member.mac")
		case k.key == "driver" && !strings.Contains(k.value, "*"):
			ask("member.driver")
		case k.key == "busPath":
			l.leave(k.at, "busPath isn't kept: bondctl's bus is the kind of bus (usb, pci)")
		case k.key == "physical":
		default:
			l.leave(k.at, "bondctl asks for a member by name, mac, driver, bus or kind alone")
		}
	}
	if l.asks == nil {
		b.left = append(b.left, l.left...)
		b.leave(s.at, "nothing is left by which the member could be found; name it")
		return
	}
	t.found.links = append(t.found.links, l)
}

func (t *talosReader) addresses(l *link, k *node) {
	for _, e := range k.texts() {
		text := e.value.(string)
		l.set(family(text)+".addresses", hostPrefix(text), e.at)
	}
	for _, item := range k.items {
		if a := item.of("address"); a.value != "" {
			l.set(family(a.value)+".addresses", hostPrefix(a.value), a.at)
		}
	}
}

func (t *talosReader) route(l *link, n *node) {
	var r route
	at := n.at
	for _, k := range n.items {
		switch k.key {
		case "network", "destination":
			r.to = k.value
		case "gateway":
			r.via = k.value
		case "metric":
			r.metric = k.value
		case "source":
			r.source = k.value
		case "table":
			r.table = k.value
		default:
			l.leave(k.at, "bondctl's routes have no such key")
		}
	}
	if r.to == "" {
		r.to = "default"
	}
	r.to = network(r.to, family(r.via) == "ipv6")
	l.addRoute(r, at)
}

func (t *talosReader) dhcpOption(l *link, k *node) {
	yes, known := truth(k.value)
	switch {
	case k.key == "routeMetric":
		l.set("ipv4.metric", k.value, k.at)
	case k.key == "ipv4" && known && !yes:
		l.leave(k.at, "dhcp is taken as DHCPv4, which is switched off here")
	case k.key == "ipv4":
	case k.key == "ipv6" && known && !yes:
	case k.key == "ipv6":
		l.leave(k.at, "bondctl has no DHCPv6; what routers advertise is used")
	default:
		l.leave(k.at, "bondctl's configuration has no such key")
	}
}

// document notes one of the documents that are a link's each.
func (t *talosReader) document(d *node) {
	name := d.of("name").value
	switch d.of("kind").value {
	case "BondConfig":
		t.bondDocument(d, name)
	case "DHCPv4Config":
		l := t.found.called(name, d.of("name").at)
		l.set("ipv4.method", bond.MethodDHCP, d.of("kind").at)
		for _, k := range d.items {
			if k.key == "routeMetric" {
				l.set("ipv4.metric", k.value, k.at)
			}
		}
	case "DHCPv6Config":
		l := t.found.called(name, d.of("name").at)
		l.leave(d.of("kind").at, "bondctl has no DHCPv6; what routers advertise is used")
	case "LinkConfig":
		l := t.found.called(name, d.of("name").at)
		for _, k := range d.items {
			t.key(l, k)
		}
	case "LinkAliasConfig":
		t.found.left = append(t.found.left, d.of("kind").at.because("the alias "+name+" is Talos's own: put the member's mac in the place of its name"))
	case "ResolverConfig":
		for _, server := range d.of("nameservers").items {
			a := server.of("address")
			t.dns = append(t.dns, entry{"", a.value, a.at})
		}
		t.domains = append(t.domains, d.of("searchDomains", "domains").texts()...)
	}
}

func (t *talosReader) bondDocument(d *node, name string) {
	at := d.of("name").at
	at.text = ""
	l := t.found.called(name, at)
	l.isBond, l.addressed = true, true
	if !d.of("primary").is() {
		l.remark(at, "Talos's BondConfig had no primary for long, and this one names none: the order of links says which is preferred")
	}
	for _, k := range d.items {
		switch {
		case k.key == "links":
			t.bondKey(l, k)
		case isTalosBondKey(k.key):
			t.option(l, k)
		default:
			t.key(l, k)
		}
	}
}

func isTalosBondKey(key string) bool {
	name := snake(key)
	if other := talosOptions[name]; other != "" {
		name = other
	}
	return isOption(name)
}

// finish gives a bond what the machine has once.
func (t *talosReader) finish() {
	for _, b := range t.found.bonds() {
		for _, e := range t.dns {
			b.set("dns", e.value, e.at)
		}
		for _, e := range t.domains {
			b.set("search", e.value, e.at)
		}
	}
}
