package importer

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

func isNetworkd(f file) bool {
	switch filepath.Ext(f.path) {
	case ".netdev", ".network":
		return true
	case ".conf":
		dir := filepath.Dir(f.path)
		return strings.HasSuffix(dir, ".netdev.d") || strings.HasSuffix(dir, ".network.d")
	case ".link", ".nmconnection":
		return false
	}
	return hasSection(f, "NetDev") || hasSection(f, "Match") && hasSection(f, "Network")
}

// A unit is a file of networkd with its drop-ins.
type unit struct {
	path     string
	sections []section
}

// networkd reads systemd.netdev(5) and systemd.network(5).
func networkd(files []file) (*found, error) {
	r := networkdReader{found: &found{spread: true, lastHolds: true, off: moveAway("or networkd goes on, and un-enslaves and removes what it doesn't know")}}
	var units []*unit
	slices.SortStableFunc(files, func(a, b file) int { return cmp.Compare(unitName(a), unitName(b)) })
	for _, f := range files {
		r.found.files = append(r.found.files, f.path)
		s, err := sections(f)
		if err != nil {
			return nil, err
		}
		if i := len(units) - 1; i >= 0 && filepath.Base(units[i].path) == unitName(f) && unitName(f) != f.base() {
			units[i].sections = append(units[i].sections, s...)
			continue
		}
		units = append(units, &unit{f.path, s})
	}
	for _, u := range units {
		if u.find("NetDev", "Kind").value != "" {
			r.netdev(u)
		}
	}
	for _, u := range units {
		if u.find("NetDev", "Kind").value == "" && u.has("Match") {
			r.network(u)
		}
	}
	return r.found, nil
}

// unitName is the name of the unit that a file or a drop-in belongs to.
func unitName(f file) string {
	if dir := filepath.Base(filepath.Dir(f.path)); filepath.Ext(f.path) == ".conf" && strings.HasSuffix(dir, ".d") {
		return strings.TrimSuffix(dir, ".d")
	}
	return f.base()
}

// find is the last key of a name in a section; empty for none.
func (u *unit) find(sectionName, name string) (found key) {
	for _, s := range u.sections {
		for _, k := range s.keys {
			if s.name == sectionName && k.name == name {
				found = k
			}
		}
	}
	return found
}

func (u *unit) has(name string) bool {
	return slices.ContainsFunc(u.sections, func(s section) bool { return s.name == name })
}

type networkdReader struct {
	found    *found
	reserved map[string]bool // bonds whose .network has been found: the first one holds
}

func (r *networkdReader) netdev(u *unit) {
	name, kind := u.find("NetDev", "Name"), u.find("NetDev", "Kind")
	if kind.value != "bond" {
		if name.value != "" {
			r.found.notes = append(r.found.notes, kind.at.because(name.value+" is no bond: it stays networkd's"))
		}
		return
	}
	if name.value == "" {
		r.found.left = append(r.found.left, kind.at.because("a bond without a name"))
		return
	}
	at := name.at
	at.text = ""
	l := r.found.called(name.value, at)
	l.isBond = true
	for _, s := range u.sections {
		for _, k := range s.keys {
			r.bondKey(l, s.name, k)
		}
	}
}

// bondKeys are networkd's names of the driver's options.
var bondKeys = map[string]string{
	"Mode": "mode", "TransmitHashPolicy": "xmit_hash_policy", "LACPTransmitRate": "lacp_rate", "MIIMonitorSec": "miimon",
	"PeerNotifyDelaySec": "peer_notif_delay", "UpDelaySec": "updelay", "DownDelaySec": "downdelay", "LearnPacketIntervalSec": "lp_interval",
	"AdSelect": "ad_select", "AdActorSystemPriority": "ad_actor_sys_prio", "AdUserPortKey": "ad_user_port_key", "AdActorSystem": "ad_actor_system",
	"FailOverMACPolicy": "fail_over_mac", "ARPValidate": "arp_validate", "ARPIntervalSec": "arp_interval", "ARPIPTargets": "arp_ip_target",
	"ARPAllTargets": "arp_all_targets", "PrimaryReselectPolicy": "primary_reselect", "ResendIGMP": "resend_igmp", "PacketsPerSlave": "packets_per_slave",
	"GratuitousARP": "num_grat_arp", "AllSlavesActive": "all_slaves_active", "DynamicTransmitLoadBalancing": "tlb_dynamic_lb",
	"MinLinks": "min_links", "ARPMissedMax": "arp_missed_max",
}

func (r *networkdReader) bondKey(l *link, sectionName string, k key) {
	value := k.value
	switch name := sectionName + "." + k.name; {
	case name == "NetDev.Name", name == "NetDev.Kind", name == "NetDev.Description", sectionName == "Match":
	case value == "": // back to the default
	case name == "NetDev.MACAddress":
		if value != "none" {
			l.set("mac", value, k.at)
		}
	case name == "NetDev.MTUBytes":
		l.set("mtu", value, k.at)
	case sectionName == "Bond" && bondKeys[k.name] != "":
		if strings.HasSuffix(k.name, "Sec") {
			value = span(value, 1000)
		}
		if yes, ok := truth(value); ok && k.name == "AllSlavesActive" {
			value = map[bool]string{true: "1", false: "0"}[yes]
		}
		l.option(bondKeys[k.name], value, k.at)
	default:
		l.leave(k.at, "bondctl's configuration has no such option")
	}
}

// network takes a .network: a bond's own, or that of members.
func (r *networkdReader) network(u *unit) {
	master := u.find("Network", "Bond")
	var links []*link
	if master.value != "" {
		links = r.matched(u)
	} else if l := r.bondOf(u); l != nil {
		links = []*link{l}
	} else if l := r.single(u); l != nil {
		links = []*link{l}
	}
	for i, l := range links {
		l.addressed = true
		n := networkReader{link: l}
		n.read(u, master.value != "")
		if master.value != "" {
			l.master = master.value
		}
		if i > 0 { // said of the first one
			l.left, l.notes = nil, nil
		}
	}
}

// bondOf is the bond that a .network is for, and none has been for before.
func (r *networkdReader) bondOf(u *unit) *link {
	if r.reserved == nil {
		r.reserved = map[string]bool{}
	}
	name := u.find("Match", "Name").value
	if name == "" && (u.find("Match", "Kind").value == "bond" || u.find("Match", "Type").value == "bond") {
		name = "*"
	}
	for _, b := range r.found.bonds() {
		for pattern := range strings.FieldsSeq(name) {
			if ok, err := filepath.Match(pattern, b.name); ok && err == nil && !r.reserved[b.name] {
				r.reserved[b.name] = true
				return b
			}
		}
	}
	return nil
}

// single is the link of a .network that names one interface.
func (r *networkdReader) single(u *unit) *link {
	k := u.find("Match", "Name")
	if k.value == "" || strings.ContainsAny(k.value, " *?[!") {
		return nil
	}
	at := k.at
	at.text = ""
	return r.found.called(k.value, at)
}

// orNone is a list, or one of nothing.
func orNone(list []string) []string {
	if list == nil {
		return []string{""}
	}
	return list
}

// matched are the members that a [Match] asks for.
func (r *networkdReader) matched(u *unit) (list []*link) {
	var asks []bond.Setting
	var at place
	var names, macs, kinds []string
	var unknown []Remark
	for _, s := range u.sections {
		for _, k := range s.keys {
			if s.name != "Match" || k.value == "" {
				continue
			}
			at = k.at
			ask := func(key, value string) { asks = append(asks, bond.Setting{Key: key, Value: value}) }
			switch {
			case strings.HasPrefix(k.value, "!"):
				unknown = append(unknown, k.at.because("bondctl asks for what a member is, not for what it isn't"))
			case k.name == "Name":
				names = strings.Fields(k.value)
			case k.name == "MACAddress" || k.name == "PermanentMACAddress":
				macs = append(macs, strings.Fields(k.value)...)
			case k.name == "Driver" && !strings.ContainsAny(k.value, " *?"):
				ask("member.driver", k.value)
			case k.name == "Type" && kindsOf(k.value) != nil:
				kinds = kindsOf(k.value)
			default:
				unknown = append(unknown, k.at.because("bondctl asks for a member by name, mac, driver, bus or kind alone"))
			}
		}
	}
	if asks == nil && names == nil && macs == nil && kinds == nil {
		unknown = append(unknown, at.because("nothing is left by which the members could be found; name them"))
		b := r.found.called(u.find("Network", "Bond").value, at)
		b.left = append(b.left, unknown...)
		return nil
	}
	for _, name := range orNone(names) {
		for _, kind := range orNone(kinds) {
			for _, mac := range orNone(macs) {
				list = append(list, r.member(name, kind, mac, asks, at))
			}
		}
	}
	list[0].left = append(list[0].left, unknown...)
	return list
}

// member is a link that is asked for by a name, a kind and a MAC address, each of which may
// be empty, and by what else is asked.
func (r *networkdReader) member(name, kind, mac string, asks []bond.Setting, at place) *link {
	l := &link{name: name, asks: slices.Clone(asks), at: at}
	if kind != "" {
		l.asks = append(l.asks, bond.Setting{Key: "member.kind", Value: kind})
	}
	if mac != "" {
		l.asks = append(l.asks, bond.Setting{Key: "member.mac", Value: mac})
	}
	if name != "" && l.asks == nil {
		return r.found.called(name, at)
	}
	r.found.links = append(r.found.links, l)
	return l
}

// kindsOf are bondctl's kinds of the types of a [Match]; nil where one of them is another.
func kindsOf(types string) (kinds []string) {
	for word := range strings.FieldsSeq(types) {
		kind := map[string]string{"ether": bond.KindWired, "wlan": bond.KindWiFi}[word]
		if kind == "" {
			return nil
		}
		kinds = append(kinds, kind)
	}
	return kinds
}
