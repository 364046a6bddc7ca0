package importer

import (
	"fmt"
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
	r := interfacesReader{config: c, found: &found{files: c.Files}}
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
}

func optionPlace(o ifupdown.Option) place {
	text := o.Name
	switch {
	case isSecret(o.Name) || isSecret(o.Value):
		text += " (its value isn't shown)"
	case o.Value != "":
		text += " " + o.Value
	}
	return place{o.File, o.First, o.Last, text}
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
	if what, on := standsOn(name, options); what != "" {
		reason := "it is " + what + ", which bondctl doesn't make; leave it to the tool that has it"
		r.found.above = append(r.found.above, above{on, stanzaPlace(s).because(reason)})
		return
	}
	at := stanzaPlace(s)
	l := r.found.called(name, at)
	if aliased {
		l.remark(at, fmt.Sprintf("its addresses are %s's, without the label %s", name, label))
	}
	l.isBond = l.isBond || slices.ContainsFunc(options, makesBond)
	i := ifaceReader{link: l, stanza: s, found: r.found}
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

// standsOn says what a stanza's interface is where it is made of others, a VLAN, a bridge
// or such, and of which. It is "" for one that stands alone.
func standsOn(name string, options []ifupdown.Option) (what string, on []string) {
	for _, o := range options {
		value := strings.Fields(o.Value)
		switch strings.ReplaceAll(o.Name, "_", "-") {
		case "vlan-raw-device", "vlan-device":
			return "a VLAN of " + o.Value, value
		case "bridge-ports":
			return "a bridge over " + o.Value, value
		case "ovs-bonds":
			return "a bond of Open vSwitch", value
		case "ovs-type", "ovs-bridge":
			return "a part of Open vSwitch", []string{name}
		case "vxlan-physdev":
			return "a VXLAN over " + o.Value, value
		case "vrf-table":
			return "a VRF", nil
		}
	}
	if lower, number, ok := strings.Cut(name, "."); ok && lower != "" && number != "" {
		return "a VLAN of " + lower, []string{lower}
	}
	return "", nil
}

// others tells of stanzas of other kinds that may have a part in this.
func (r *interfacesReader) others() {
	const reason = "bondctl goes by the name, the mac, driver, bus or kind of a member, and runs no script to find it"
	for _, s := range r.config.Stanzas {
		switch s.Keyword {
		case "mapping":
			r.found.above = append(r.found.above, above{s.Names, stanzaPlace(s).because(reason)})
		case "rename":
			r.found.left = append(r.found.left, stanzaPlace(s).because(reason))
		}
	}
}

// An ifaceReader takes the options of one stanza.
type ifaceReader struct {
	found    *found
	link     *link
	stanza   ifupdown.Stanza
	master   string
	mask     string   // of an address that has none of its own
	global   []string // wpa_supplicant's settings, without secrets
	inline   []string // those of a network
	inlineAt place
	radio    bool // it has options of a Wi-Fi
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
	upWords  = []string{"up", "pre-up", "post-up"}
	offWords = []string{"down", "pre-down", "post-down"}
	// Options that change nothing here: what follows from an address, descriptions, and
	// what ifup does about itself.
	harmless = []string{"netmask", "prefixlen", "broadcast", "network", "auto", "alias", "description", "allow", "dad-attempts", "dad-interval", "preferred-lifetime", "request-prefix", "autoconf-default"}
)

func (i *ifaceReader) option(name, value string, at place) {
	l := i.link
	bare, isBonding := strings.CutPrefix(name, "bond-")
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
