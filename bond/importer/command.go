package importer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// command notes what a line does that a shell would run when a link goes up or down. It
// is never run: a few are known by what they say.
func (l *link) command(text string, goesUp bool, at place) {
	text = strings.NewReplacer("${IFACE}", l.name, "$IFACE", l.name, `"`+l.name+`"`, l.name).Replace(text)
	for _, end := range []string{"|| true", "|| :", "||true", ";", "2>/dev/null", ">/dev/null"} {
		text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), end))
	}
	if parts := strings.FieldsFunc(strings.ReplaceAll(text, "&&", ";"), func(r rune) bool { return r == ';' }); len(parts) > 1 {
		for _, part := range parts {
			l.command(part, goesUp, at)
		}
		return
	}
	if strings.ContainsAny(text, ";&|$`<>(){}\\\"'*") {
		l.leave(at, notRun)
		return
	}
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return
	}
	name, args := filepath.Base(fields[0]), fields[1:]
	switch {
	case name == "sleep":
		l.leave(at, "bondctl waits for the device by itself")
	case name == "modprobe" || name == "insmod":
		if len(args) > 1 && args[0] == "bonding" {
			bondingOptions(l, strings.Join(args[1:], " "), at)
		}
		l.leave(at, "bondctl has the kernel load the driver by itself")
	case name == "true" || name == ":":
	case name == "ip":
		l.ip(args, goesUp, at)
	case name == "route" && len(args) > 1:
		l.oldRoute(args, goesUp, at)
	case name == "wpa_supplicant":
		l.startsSupplicant(args, at)
	case name == "ifenslave":
		l.ifenslave(args, at)
	case name == "ifconfig" && len(args) > 1:
		l.ifconfig(args, at)
	default:
		l.leave(at, notRun)
	}
}

const notRun = "bondctl runs no commands of the old configuration; a script in /etc/bondctl/hooks.d can"

// ip notes what ip(8) would do.
func (l *link) ip(args []string, goesUp bool, at place) {
	is6 := false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		is6 = is6 || args[0] == "-6"
		args = args[1:]
	}
	if len(args) < 2 {
		l.leave(at, notRun)
		return
	}
	object, verb, rest := args[0], args[1], args[2:]
	is := func(full string) bool { return strings.HasPrefix(full, object) }
	does := func(words ...string) bool {
		return slices.ContainsFunc(words, func(full string) bool { return strings.HasPrefix(full, verb) })
	}
	adds := does("add", "append", "replace", "change")
	switch {
	case !goesUp && !adds && does("delete", "flush"):
		l.remark(at, "bondctl takes away by itself what it has added")
	case is("link") && verb == "set":
		l.ipLink(rest, at)
	case is("link") && goesUp && verb == "add":
		l.ipLinkAdd(rest, at)
	case !goesUp || !adds:
		l.leave(at, notRun)
	case is("route"):
		l.route(rest, is6, at)
	case is("rule"):
		l.rule(rest, at)
	case is("address"):
		l.address(rest, at)
	default:
		l.leave(at, notRun)
	}
}

// ipLink knows of ip link set DEV up, down, mtu and address.
func (l *link) ipLink(args []string, at place) {
	if len(args) > 1 && args[0] == "dev" {
		args = args[1:]
	}
	switch {
	case len(args) == 2 && args[0] == l.name && (args[1] == "up" || args[1] == "down"):
		// bondctl ups what is to be up
	case len(args) == 3 && args[0] == l.name && args[1] == "mtu":
		l.set("mtu", args[2], at)
	case len(args) == 3 && args[0] == l.name && args[1] == "address":
		l.set("mac", args[2], at)
	case len(args) == 3 && args[1] == "master" && args[2] == l.name:
		l.slaves = append(l.slaves, entry{"member", args[0], at})
	default:
		l.leave(at, notRun)
	}
}

// ipLinkAdd knows of ip link add BOND type bond OPTION VALUE...
func (l *link) ipLinkAdd(args []string, at place) {
	if len(args) > 1 && (args[0] == "dev" || args[0] == "name") {
		args = args[1:]
	}
	if len(args) < 3 || args[0] != l.name || args[1] != "type" || args[2] != "bond" {
		l.leave(at, notRun)
		return
	}
	l.isBond = true
	for args = args[3:]; len(args) > 1; args = args[2:] {
		if !l.option(args[0], args[1], at) {
			l.leave(at, args[0]+" is no option of a bond")
		}
	}
}

func (l *link) ifconfig(args []string, at place) {
	switch {
	case len(args) == 2 && args[0] == l.name && (args[1] == "up" || args[1] == "down" || args[1] == "0.0.0.0"):
	case len(args) == 3 && args[0] == l.name && args[1] == "mtu":
		l.set("mtu", args[2], at)
	default:
		l.leave(at, notRun)
	}
}

func (l *link) address(args []string, at place) {
	text := ""
	for len(args) > 0 {
		switch word := args[0]; {
		case word == "dev" && len(args) > 1 && args[1] == l.name, word == "brd" || word == "broadcast" || word == "scope" || word == "label":
			args = args[min(2, len(args)):]
			continue
		case word == "local" && len(args) > 1:
			text, args = args[1], args[2:]
			continue
		case text == "" && strings.ContainsAny(word, ".:"):
			text = word
		default:
			l.leave(at, fmt.Sprintf("%s has no place in bondctl's configuration", word))
			return
		}
		args = args[1:]
	}
	if !strings.Contains(text, "/") {
		text += map[bool]string{true: "/32", false: "/128"}[family(text) == "ipv4"]
	}
	l.set(family(text)+".addresses", text, at)
}

// route notes what ip route add would add.
func (l *link) route(args []string, is6 bool, at place) {
	r, unknown := readRoute(args, l.name)
	if unknown != "" {
		l.leave(at, unknown+" has no place in bondctl's configuration")
		return
	}
	r.to = network(r.to, is6 || strings.Contains(r.via, ":"))
	l.addRoute(r, at)
}

// A route is one as the formats have it, all in text.
type route struct{ to, via, metric, table, source, onlink string }

// readRoute takes the arguments of ip route add apart, which must be of a device if they
// name one. A word that isn't understood is unknown.
func readRoute(args []string, dev string) (r route, unknown string) {
	with := map[string]*string{
		"via": &r.via, "gw": &r.via, "metric": &r.metric, "preference": &r.metric, "priority": &r.metric,
		"table": &r.table, "src": &r.source, "dev": new(string), "proto": new(string), "protocol": new(string), "scope": new(string),
	}
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		into, takes := with[word]
		switch {
		case takes && len(args) == 0:
			return r, word
		case takes && (args[0] == "inet" || args[0] == "inet6") && len(args) > 1:
			*into, args = args[1], args[2:]
		case takes:
			*into, args = args[0], args[1:]
		case word == "onlink":
			r.onlink = "true"
		case word == "unicast" || word == "to":
		case r.to == "":
			r.to = word
		default:
			return r, word
		}
	}
	switch on := *with["dev"]; {
	case on != "" && on != dev:
		return r, "dev " + on
	case r.to == "":
		return r, "a route to nowhere"
	}
	return r, ""
}

// addRoute notes a route: as a gateway where it is one, since people know that best.
func (l *link) addRoute(r route, at place) {
	is6 := family(r.to) == "ipv6"
	table := map[bool]string{false: "ipv4", true: "ipv6"}[is6]
	isDefault := r.to == "0.0.0.0/0" || r.to == "::/0"
	if r.table == "254" {
		r.table = "main"
	}
	if _, there := l.has(table + ".gateway"); isDefault && !there && r.via != "" && (r.table == "" || r.table == "main") && r.source == "" && r.onlink == "" {
		l.set(table+".gateway", r.via, at)
		if r.metric != "" {
			l.set(table+".metric", r.metric, at)
		}
		return
	}
	keys := []bond.Setting{{Key: "route.to", Value: r.to}}
	for _, k := range [][2]string{{"via", r.via}, {"metric", r.metric}, {"table", r.table}, {"source", r.source}} {
		if k[1] != "" {
			keys = append(keys, bond.Setting{Key: "route." + k[0], Value: k[1]})
		}
	}
	if r.onlink != "" {
		keys = append(keys, bond.Setting{Key: "route.onlink", Value: true})
	}
	l.other = append(l.other, entry{"route", keys, at})
}

// rule notes what ip rule add would add.
func (l *link) rule(args []string, at place) {
	names := map[string]string{
		"from": "from", "to": "to", "fwmark": "fwmark", "iif": "iif", "dev": "iif", "table": "table", "lookup": "table",
		"priority": "priority", "pref": "priority", "preference": "priority", "prio": "priority",
	}
	var keys []bond.Setting
	for len(args) > 0 {
		name, known := names[args[0]]
		if !known || len(args) < 2 {
			l.leave(at, args[0]+" has no place in bondctl's configuration")
			return
		}
		value := args[1]
		args = args[2:]
		if name == "from" || name == "to" {
			if value == "all" {
				continue
			}
			value = network(value, false)
		}
		keys = append(keys, bond.Setting{Key: "rule." + name, Value: value})
	}
	l.other = append(l.other, entry{"rule", keys, at})
}

// oldRoute notes what route(8) would add.
func (l *link) oldRoute(args []string, goesUp bool, at place) {
	if args[0] == "del" && !goesUp {
		l.remark(at, "bondctl takes away by itself what it has added")
		return
	}
	if args[0] != "add" || !goesUp {
		l.leave(at, notRun)
		return
	}
	args, mask := args[1:], ""
	var rest []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-net" || args[i] == "-host":
		case args[i] == "netmask" && i+1 < len(args):
			i++
			mask = args[i]
		default:
			rest = append(rest, args[i])
		}
	}
	r, unknown := readRoute(rest, l.name)
	if unknown != "" {
		l.leave(at, unknown+" has no place in bondctl's configuration")
		return
	}
	if bits, err := prefixLength(mask); err == nil && mask != "" && !strings.Contains(r.to, "/") {
		r.to += "/" + strconv.Itoa(bits)
	}
	r.to = network(r.to, false)
	l.addRoute(r, at)
}

// ifenslave knows of ifenslave BOND MEMBER..., which scripts of old had.
func (l *link) ifenslave(args []string, at place) {
	if len(args) == 0 {
		l.leave(at, notRun)
		return
	}
	if args[0] == "-d" {
		return // down does that
	}
	if args[0] != l.name {
		l.leave(at, notRun)
		return
	}
	for _, name := range args[1:] {
		l.isBond = true
		l.slaves = append(l.slaves, entry{"member", name, at})
	}
}
