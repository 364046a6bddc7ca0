package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/ifupdown"
)

// interfaces reads interfaces(5), of ifupdown with ifenslave, ifupdown2 and Proxmox.
func interfaces(path string, files Files) (*found, error) {
	c, err := ifupdown.Parse(path, files)
	if err != nil {
		return nil, err
	}
	if len(c.Stanzas) > maxLinks {
		return nil, &Error{path, fmt.Sprintf("it has more than %d stanzas", maxLinks)}
	}
	r := interfacesReader{config: c, found: &found{files: c.Files}, over: map[string]bool{}}
	for _, p := range c.Problems {
		r.found.left = append(r.found.left, Remark{p.File, p.Line, p.Line, p.Text, p.Reason})
	}
	for _, s := range c.Stanzas {
		if s.Keyword == "iface" && s.Names != nil {
			r.iface(s)
		}
	}
	r.others()
	r.found.off = func(links []*link, _ []string) []string { return offLines(c, links) }
	return r.found, nil
}

// maxLinks bounds what is held against each other.
const maxLinks = 2000

type interfacesReader struct {
	config ifupdown.Config
	found  *found
	over   map[string]bool // interfaces that stand on others: bridges, VLANs
}

func optionPlace(o ifupdown.Option) place {
	text := o.Name
	switch {
	case isSecret(o.Name):
		text += " (its value isn't shown)"
	case o.Value != "":
		text += " " + o.Value
	}
	return place{o.File, o.First, o.Last, text}
}

// isSecret says whether a key's value is one.
func isSecret(key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc([]string{"psk", "passw", "passphrase", "wep-key", "wep_key", "secret", "-pin", "wireless-key"}, func(part string) bool {
		return strings.Contains(key, part)
	})
}

func stanzaPlace(s ifupdown.Stanza) place {
	text := strings.TrimSpace(s.Keyword + " " + strings.Join(s.Names, " ") + " " + s.Family + " " + s.Method)
	return place{s.File, s.First, s.Last, text}
}

// iface takes a stanza into its link.
func (r *interfacesReader) iface(s ifupdown.Stanza) {
	name, label, aliased := strings.Cut(s.Names[0], ":")
	options := r.config.Options(s)
	if name == "lo" {
		return
	}
	if over := standsOn(name, options); over != "" {
		r.over[name] = true
		r.notCarried(s, over)
		return
	}
	at := stanzaPlace(s)
	l := r.found.called(name, at)
	if aliased {
		l.remark(at, fmt.Sprintf("its addresses are %s's, without the label %s", name, label))
	}
	l.isBond = l.isBond || slices.ContainsFunc(options, makesBond)
	i := ifaceReader{link: l, stanza: s, addresses: map[string]bool{}, found: r.found}
	i.read(options)
	if i.master != "" {
		b := r.found.called(i.master, at)
		b.isBond = true
	}
}

// makesBond says whether an option is one that only a bond has.
func makesBond(o ifupdown.Option) bool {
	name := strings.ReplaceAll(o.Name, "_", "-")
	switch name {
	case "bond-slaves", "slaves", "bond-ports":
		return true
	case "up", "pre-up", "post-up":
		fields := strings.Fields(o.Value)
		return len(fields) > 2 && strings.HasSuffix(fields[0], "ifenslave") && fields[1] != "-d" ||
			strings.Contains(o.Value, " type bond")
	}
	return false
}

// standsOn says what a stanza's interface is made of where that is another interface: a
// VLAN, a bridge or such. It is "" for one that stands alone.
func standsOn(name string, options []ifupdown.Option) string {
	for _, o := range options {
		switch strings.ReplaceAll(o.Name, "_", "-") {
		case "vlan-raw-device":
			return "a VLAN of " + o.Value
		case "bridge-ports":
			return "a bridge over " + o.Value
		case "ovs-type", "ovs-bridge":
			return "a part of Open vSwitch"
		case "vxlan-id":
			return "a VXLAN"
		case "vrf-table":
			return "a VRF"
		}
	}
	if lower, number, ok := strings.Cut(name, "."); ok && lower != "" && number != "" {
		return "a VLAN of " + lower
	}
	return ""
}

// notCarried says of a stanza that its interface isn't bondctl's to make.
func (r *interfacesReader) notCarried(s ifupdown.Stanza, what string) {
	r.found.left = append(r.found.left, stanzaPlace(s).because("it is "+what+", which bondctl doesn't make; leave it to the tool that has it"))
}

// others tells of stanzas of other kinds that may have a part in this.
func (r *interfacesReader) others() {
	for _, s := range r.config.Stanzas {
		if s.Keyword != "mapping" && s.Keyword != "rename" {
			continue
		}
		r.found.left = append(r.found.left, stanzaPlace(s).because("bondctl goes by the name, the mac, driver, bus or kind of a member, and runs no script to find it"))
	}
}

// offLines tells which lines have ifup still do what bondctl is to do.
func offLines(c ifupdown.Config, links []*link) (list []string) {
	names := map[string]bool{}
	for _, l := range links {
		names[l.name] = true
	}
	for _, file := range c.Files {
		var whole [][2]int
		var shared []string
		for _, s := range c.Stanzas {
			mine, others := concerned(s, names)
			switch {
			case s.File != file || mine == nil:
			case others:
				shared = append(shared, fmt.Sprintf("take %s out of line %d of %s", strings.Join(mine, " and "), s.First, file))
			case whole != nil && whole[len(whole)-1][1]+1 == s.First:
				whole[len(whole)-1][1] = s.Last
			default:
				whole = append(whole, [2]int{s.First, s.Last})
			}
		}
		if whole != nil {
			list = append(list, fmt.Sprintf("comment out, or delete, lines %s of %s", ranges(whole), file))
		}
		list = append(list, shared...)
	}
	return list
}

func ranges(all [][2]int) string {
	var texts []string
	for _, r := range all {
		if r[0] == r[1] {
			texts = append(texts, fmt.Sprint(r[0]))
		} else {
			texts = append(texts, fmt.Sprintf("%d-%d", r[0], r[1]))
		}
	}
	return strings.Join(texts, ", ")
}

// concerned are the links that a stanza is about, and whether it is about others, too.
func concerned(s ifupdown.Stanza, links map[string]bool) (mine []string, others bool) {
	switch {
	case s.Keyword == "iface":
		name, _, _ := strings.Cut(append(s.Names, "")[0], ":")
		if links[name] {
			return []string{name}, false
		}
	case s.Keyword == "auto" || strings.HasPrefix(s.Keyword, "allow-"):
		for _, one := range s.Names {
			selects := ifupdown.Stanza{Keyword: "auto", Names: []string{one}}
			if slices.ContainsFunc(slices.Collect(maps.Keys(links)), selects.Selects) {
				mine = append(mine, one)
				others = others || strings.HasPrefix(one, "/") // a pattern may select others
			} else {
				others = true
			}
		}
	}
	return mine, others
}

// An ifaceReader takes the options of one stanza.
type ifaceReader struct {
	found     *found
	link      *link
	stanza    ifupdown.Stanza
	master    string
	inline    []string // wpa_supplicant's settings, without secrets
	inlineAt  place
	addresses map[string]bool
	mask      string
	address   []entry // that wait for a mask
	radio     bool
}

func (i *ifaceReader) read(options []ifupdown.Option) {
	l := i.link
	i.method()
	for _, o := range options {
		if name := strings.ReplaceAll(o.Name, "_", "-"); name == "netmask" || name == "prefixlen" {
			i.mask = strings.TrimPrefix(o.Value, "/")
		}
	}
	for _, o := range options {
		i.option(strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(o.Name, "?")), "_", "-"), o.Value, optionPlace(o))
	}
	if i.master != "" {
		l.master = i.master
	}
	i.supplicant()
}

// method notes what the first line says.
func (i *ifaceReader) method() {
	l, at := i.link, stanzaPlace(i.stanza)
	l.addressed = true
	switch i.stanza.Family + " " + i.stanza.Method {
	case "inet dhcp":
		l.set("ipv4.method", bond.MethodDHCP, at)
	case "inet6 dhcp":
		l.leave(at, "bondctl has no DHCPv6; what routers advertise is used")
	case "inet6 static", "inet static", "inet manual", "inet6 manual", "inet6 auto", " ", "inet loopback":
	case "inet ppp", "inet wvdial", "inet tunnel", "inet bootp", "inet ipv4ll", "inet6 v4tunnel", "inet6 6to4":
		l.leave(at, "bondctl has no such method")
	default:
		l.leave(at, "this family or method isn't known")
	}
}

var (
	bonding  = []string{"bond-", "bond"}
	upWords  = []string{"up", "pre-up", "post-up"}
	offWords = []string{"down", "pre-down", "post-down"}
	// Options that change nothing here: what follows from an address, descriptions, and
	// what ifup does about itself.
	harmless = []string{"netmask", "prefixlen", "broadcast", "network", "auto", "alias", "description", "allow", "dad-attempts", "dad-interval", "preferred-lifetime", "request-prefix", "autoconf-default"}
)

func (i *ifaceReader) option(name, value string, at place) {
	l := i.link
	bare, isBonding := strings.CutPrefix(name, bonding[0])
	switch {
	case name == "bond-master":
		if value != "none" {
			i.master = value
		}
	case name == "bond-slaves" || name == "slaves" || name == "bond-ports":
		i.slaves(value, at)
	case isBonding && l.option(bare, value, at):
	case isBonding:
		l.leave(at, "there is no such option")
	case l.isBond && isOption(name):
		l.option(name, value, at)
	case slices.Contains(upWords, name):
		l.command(value, true, at)
	case slices.Contains(offWords, name):
		l.command(value, false, at)
	case strings.HasPrefix(name, "wpa-"):
		i.wpa(strings.TrimPrefix(name, "wpa-"), value, at)
	case strings.HasPrefix(name, "wireless-"):
		i.wireless(at)
	case slices.Contains(harmless, name):
	default:
		i.network(name, value, at)
	}
}

// slaves notes the list of a bond's members.
func (i *ifaceReader) slaves(value string, at place) {
	l := i.link
	for _, name := range separated(value) {
		switch name {
		case "none":
		case "all", "glob", "regex":
			l.leave(at, "bondctl asks for each member by name, mac, driver, bus or kind; name those that are meant as [[member]]")
			return
		default:
			l.slaves = append(l.slaves, entry{"member", name, at})
		}
	}
}

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
