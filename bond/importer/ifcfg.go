package importer

import (
	"bytes"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

func isIfcfg(f file) bool {
	base := f.base()
	for _, start := range []string{"ifcfg-", "route-", "route6-", "rule-", "rule6-"} {
		if strings.HasPrefix(base, start) {
			return true
		}
	}
	return bytes.Contains(f.text, []byte("BONDING_OPTS=")) || bytes.Contains(f.text, []byte("\nDEVICE=")) || bytes.HasPrefix(f.text, []byte("DEVICE="))
}

// ifcfg reads the files of Red Hat's network-scripts, and of SUSE's wicked.
func ifcfg(files []file) (*found, error) {
	f := &found{spread: true, lastHolds: true, off: moveAway("so that no service reads them at boot")}
	uuids := map[string]string{}
	var list []*scriptFile
	for _, one := range files {
		f.files = append(f.files, one.path)
		// Its scripts are in the same folder, and have such lines as well.
		if s := newScriptFile(one); s.byMAC() || bond.CheckMemberName(s.device) == nil && s.device != "lo" {
			list = append(list, s)
			uuids[s.text("UUID")] = s.device
			uuids[s.text("NAME")] = s.device
		}
	}
	for _, s := range list {
		s.add(f, uuids)
	}
	for _, one := range files {
		policyFile(f, one)
	}
	return f, nil
}

// A scriptFile is one of lines NAME=VALUE, as a shell reads it.
type scriptFile struct {
	file   file
	device string
	keys   []key
}

func newScriptFile(f file) *scriptFile {
	s := &scriptFile{file: f}
	if !strings.HasPrefix(f.base(), "route") && !strings.HasPrefix(f.base(), "rule") {
		s.keys = assignments(f)
		s.device = s.text("DEVICE")
		if s.device == "" {
			s.device, _ = strings.CutPrefix(f.base(), "ifcfg-")
		}
	}
	return s
}

// byMAC says whether the file is for the interface that has an address, whatever its name:
// ifup looks for that one where there is no DEVICE.
func (s *scriptFile) byMAC() bool { return s.text("DEVICE") == "" && s.text("HWADDR") != "" }

// link makes the link that the file is for.
func (s *scriptFile) link(f *found, at place) *link {
	if !s.byMAC() {
		return f.called(s.device, at)
	}
	l := &link{asks: []bond.Setting{{Key: "member.mac", Value: s.text("HWADDR")}}, at: at, lastHolds: f.lastHolds}
	f.links = append(f.links, l)
	return l
}

// assignments are the lines NAME=VALUE of a shell's file.
func assignments(f file) (list []key) {
	number := 0
	for line := range bytes.Lines(f.text) {
		number++
		text := strings.TrimSpace(string(line))
		name, value, ok := strings.Cut(strings.TrimPrefix(text, "export "), "=")
		if !ok || strings.HasPrefix(text, "#") || strings.ContainsAny(name, " \t") {
			continue
		}
		k := key{name: name, value: unquoted(value)}
		k.at = place{f.path, number, number, text}
		if isSecret(name) {
			k.at.text = name + " (its value isn't shown)"
		}
		list = append(list, k)
	}
	return list
}

// unquoted is a shell's word, without what follows it.
func unquoted(value string) string {
	if value == "" {
		return ""
	}
	if quote := value[0]; quote == '"' || quote == '\'' {
		if end := strings.IndexByte(value[1:], quote); end >= 0 {
			return strings.TrimSpace(value[1 : end+1])
		}
	}
	word, _, _ := strings.Cut(value, " ")
	word, _, _ = strings.Cut(word, "\t")
	return word
}

func (s *scriptFile) text(name string) (value string) {
	for _, k := range s.keys {
		if k.name == name {
			value = k.value
		}
	}
	return value
}

func (s *scriptFile) add(f *found, uuids map[string]string) {
	kind := strings.ToLower(s.text("TYPE"))
	at := place{file: s.file.path, first: 1, last: 1}
	if kind == "bridge" || kind == "vlan" || s.text("VLAN") == "yes" || kind == "team" || kind == "infiniband" || strings.HasPrefix(kind, "ovs") {
		f.notes = append(f.notes, at.because(s.device+" isn't bondctl's to make: it stays as it is"))
		return
	}
	l := s.link(f, at)
	l.wifi = kind == "wireless"
	l.isBond = kind == "bond" || s.text("BONDING_OPTS") != "" || s.text("BONDING_MASTER") == "yes" || s.text("BONDING_MODULE_OPTS") != ""
	l.addressed = l.isBond || s.text("BOOTPROTO") != "" || s.text("IPADDR") != ""
	master := s.text("MASTER")
	for _, other := range []string{"MASTER_UUID", "CONTROLLER"} {
		if master == "" {
			master = s.text(other)
		}
	}
	if name := uuids[master]; name != "" && master != "" {
		master = name
	}
	if l.master = master; master != "" && !slices.ContainsFunc(f.links, func(b *link) bool { return b.name == master }) {
		f.called(master, at).isBond = true
	}
	for _, k := range s.keys {
		s.key(l, k)
	}
}

// silent are keys that change nothing here.
var silent = []string{
	"DEVICE", "NAME", "TYPE", "ONBOOT", "UUID", "NM_CONTROLLED", "USERCTL", "BONDING_MASTER", "MASTER", "MASTER_UUID", "CONTROLLER", "SLAVE", "BOOTPROTO", "STARTMODE",
	"NETWORK", "BROADCAST", "DEFROUTE", "IPV4_FAILURE_FATAL", "IPV6_FAILURE_FATAL", "IPV6_ADDR_GEN_MODE", "PROXY_METHOD", "BROWSER_ONLY", "HOTPLUG", "NOZEROCONF",
	"PEERDNS", "PEERROUTES", "AUTOCONNECT_PRIORITY", "DEVTIMEOUT", "ARPCHECK", "ZONE", "IPV6_DEFROUTE", "ETHERDEVICE", "SLAVE_PRIORITY", "AUTOCONNECT_SLAVES",
}

func (s *scriptFile) key(l *link, k key) {
	name, number := numbered(k.name)
	switch {
	case k.value == "":
	case name == "BONDING_OPTS" || name == "BONDING_MODULE_OPTS":
		bondingOptions(l, k.value, k.at)
	case name == "BONDING_SLAVE":
		l.slaves = append(l.slaves, entry{"member", k.value, k.at})
	case name == "IPADDR":
		s.ipv4(l, number, k)
	case name == "PREFIX" || name == "PREFIXLEN" || name == "NETMASK":
	case name == "GATEWAY" && s.text("DEFROUTE") != "no":
		l.set(gatewayKey(k.value), k.value, k.at)
	case name == "DNS":
		l.set("dns", k.value, k.at)
	case name == "DOMAIN" || name == "SEARCH":
		for _, domain := range separated(k.value) {
			l.set("search", domain, k.at)
		}
	case name == "MTU":
		l.set("mtu", k.value, k.at)
	case name == "MACADDR" || name == "LLADDR":
		l.set("mac", k.value, k.at)
	case name == "HWADDR":
		switch {
		case l.isBond:
			l.leave(k.at, "a bond has no hardware; mac gives it an address")
		case l.name != "":
			l.remark(k.at, "the member could be matched by mac instead of name; the name is kept")
		}
	case strings.HasPrefix(name, "IPV6"):
		s.ipv6(l, k)
	default:
		s.rest(l, k)
	}
}

// numbered takes the number off a name such as IPADDR1 or IPADDR_1.
func numbered(name string) (bare, number string) {
	bare = strings.TrimRight(name, "0123456789")
	number = name[len(bare):]
	if bare == "IPV" {
		return name, ""
	}
	return strings.TrimSuffix(bare, "_"), number
}

func (s *scriptFile) rest(l *link, k key) {
	yes, known := truth(k.value)
	switch {
	case k.name == "BOOTPROTO":
		switch k.value {
		case "dhcp", "dhcp4", "bootp", "dhcp6", "dhcp4+dhcp6":
			if k.value != "dhcp6" {
				l.set("ipv4.method", bond.MethodDHCP, k.at)
			}
			if strings.Contains(k.value, "dhcp6") {
				l.leave(k.at, "bondctl has no DHCPv6; what routers advertise is used")
			}
		case "none", "static":
		default:
			l.leave(k.at, "bondctl has no such method")
		}
	case k.name == "PEERDNS" && known && !yes && s.text("BOOTPROTO") == "dhcp":
		l.set("ipv4.use_dns", false, k.at)
	case k.name == "PEERROUTES" && known && !yes && s.text("BOOTPROTO") == "dhcp":
		l.set("ipv4.use_routes", false, k.at)
	case k.name == "DHCP_HOSTNAME":
		l.set("hostname", k.value, k.at)
	case k.name == "DHCP_CLIENT_ID":
		l.set("client_id", k.value, k.at)
	case k.name == "METRIC" || k.name == "IPV4_ROUTE_METRIC":
		l.set("ipv4.metric", k.value, k.at)
	case k.name == "ESSID":
		l.leave(k.at, "the network needs a wpa_supplicant.conf, which wpa_conf names; the key isn't copied")
	case k.name == "DEFROUTE" && known && !yes && s.text("GATEWAY") != "":
		l.leave(k.at, "the gateway is left out, as it is for no default route")
	case k.name == "BRIDGE":
		l.leave(k.at, "the bridge over it stays with the tool that has it")
	case slices.Contains(silent, k.name):
	default:
		l.leave(k.at, "bondctl's configuration has no such key")
	}
}

// ipv4 notes an address with the mask of the same number.
func (s *scriptFile) ipv4(l *link, number string, k key) {
	mask := ""
	for _, name := range []string{"PREFIX", "PREFIXLEN", "NETMASK"} {
		for _, n := range []string{number, "_" + number} {
			if mask == "" {
				mask = s.text(name + strings.TrimSuffix(n, "_"))
			}
		}
	}
	text, err := cidr(k.value, mask)
	if err != nil {
		l.leave(k.at, err.Error())
		return
	}
	l.set(family(text)+".addresses", text, k.at)
}

func (s *scriptFile) ipv6(l *link, k key) {
	yes, known := truth(k.value)
	switch k.name {
	case "IPV6INIT":
		if known && !yes {
			l.set("ipv6.method", bond.MethodNone, k.at)
		}
	case "IPV6_AUTOCONF":
		if known && !yes && s.text("IPV6INIT") != "no" {
			l.set("ipv6.method", bond.MethodStatic, k.at)
		}
	case "IPV6ADDR", "IPV6ADDR_SECONDARIES":
		for address := range strings.FieldsSeq(k.value) {
			text, err := cidr(address, "")
			if err != nil {
				l.leave(k.at, err.Error())
				continue
			}
			l.set("ipv6.addresses", text, k.at)
		}
	case "IPV6_DEFAULTGW":
		gateway, _, _ := strings.Cut(k.value, "%")
		l.set("ipv6.gateway", gateway, k.at)
	case "IPV6_ROUTE_METRIC":
		l.set("ipv6.metric", k.value, k.at)
	case "IPV6_DISABLED":
		if known && yes {
			l.set("ipv6.method", bond.MethodNone, k.at)
		}
	default:
		if !slices.Contains(silent, k.name) {
			l.leave(k.at, "bondctl's configuration has no such key")
		}
	}
}

// bondingOptions notes options of the driver: "mode=1 miimon=100".
func bondingOptions(l *link, options string, at place) {
	for option := range strings.FieldsSeq(options) {
		name, value, _ := strings.Cut(option, "=")
		at.text = option
		if !l.option(name, value, at) {
			l.leave(at, "there is no such option")
		}
	}
}

// policyFile notes routes and rules, which have files of their own: route-bond0 and
// rule-bond0, with lines for ip(8) or ADDRESS0= and so on.
func policyFile(f *found, one file) {
	kind, device, ok := strings.Cut(one.base(), "-")
	is6 := strings.HasSuffix(kind, "6")
	kind = strings.TrimSuffix(kind, "6")
	if !ok || kind != "route" && kind != "rule" {
		return
	}
	l := f.called(device, place{file: one.path, first: 1, last: 1})
	keys := assignments(one)
	for _, k := range keys {
		if number, ok := strings.CutPrefix(k.name, "ADDRESS"); ok {
			s := scriptFile{keys: keys}
			to, err := cidr(k.value, s.text("NETMASK"+number))
			if err != nil {
				l.leave(k.at, err.Error())
				continue
			}
			l.addRoute(route{to: network(to, false), via: s.text("GATEWAY" + number), metric: s.text("METRIC" + number)}, k.at)
		}
	}
	number := 0
	for line := range bytes.Lines(one.text) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		at := place{one.path, number, number, text}
		switch {
		case keys != nil && !slices.ContainsFunc(keys, func(k key) bool { return k.at.first == number }):
			l.leave(at, "network-scripts reads ADDRESS lines or lines for ip, not both")
		case keys != nil:
		case kind == "route":
			l.route(strings.Fields(text), is6, at)
		default:
			l.rule(strings.Fields(text), at)
		}
	}
}
