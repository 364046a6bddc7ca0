package importer

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// order is that in which settings are tried: one that another needs, or that holds if two
// exclude each other, goes first.
var order = []string{
	"primary", "primary_reselect", "fail_over_mac", "mac", "miimon", "arp_interval", "arp_ip_target", "arp_validate", "arp_all_targets", "arp_missed_max",
	"updelay", "downdelay", "peer_notif_delay", "num_grat_arp", "resend_igmp", "all_slaves_active", "mtu",
	"ipv4.method", "ipv4.addresses", "ipv6.addresses", "ipv6.method", "ipv4.gateway", "ipv6.gateway", "ipv4.metric", "ipv6.metric",
	"ipv4.use_routes", "ipv4.use_dns", "ipv4.use_mtu", "hostname", "client_id", "end_connections", "dns", "search", "route", "rule",
}

// A draft is a configuration in the making: what bondctl would refuse doesn't get in.
type draft struct {
	name     string
	settings []bond.Setting
	taken    map[string]entry // of the keys with one value
	result   *Result
}

// try adds settings, unless they are refused together with those that are there.
func (d *draft) try(more ...bond.Setting) error {
	all := append(slices.Clone(d.settings), more...)
	_, err := bond.NewConfig(d.name, all)
	if e, ok := errors.AsType[*bond.ConfigError](err); ok {
		return e.Problems[0].Message
	}
	if err == nil {
		d.settings = all
	}
	return err
}

func (d *draft) leave(at place, reason string) {
	d.result.Left = append(d.result.Left, at.because(reason))
}

func (d *draft) note(reason string) { d.result.Notes = append(d.result.Notes, Remark{Reason: reason}) }

// bond makes the configuration of a bond.
func (f *found) bond(b *link) (Result, error) {
	members := f.members(b)
	for _, m := range members {
		// A member may bring the options of the bond that it makes.
		if b.mode == nil {
			b.mode = m.mode
		}
		if _, ok := b.has("primary"); !ok && b.mode == nil {
			b.settings = append(b.settings, m.primaries()...)
		}
	}
	if err := checkMode(b); err != nil {
		return Result{}, err
	}
	if err := bond.CheckName(b.name); err != nil {
		return Result{}, &Error{b.at.because("").at(), err.Error()}
	}
	r := Result{Name: b.name, Files: f.files, Off: f.offOf(append(slices.Clone(members), b)), Notes: slices.Clone(f.notes)}
	d := &draft{name: b.name, taken: map[string]entry{}, result: &r}
	// Each is tried with those before it.
	if count := settingsOf(append(slices.Clone(members), b)); count > maxSettings {
		return Result{}, &Error{b.at.because("").at(), fmt.Sprintf("%s: %d members and settings are too many for one bond", b.name, count)}
	}
	for _, m := range members {
		d.member(m)
	}
	if len(d.settings) == 0 {
		return Result{}, &Error{b.at.because("").at(), b.name + ": no interface is a member of it here, and a bond needs one"}
	}
	d.all(b, members)
	d.keepMAC(members)
	r.Left = slices.Concat(r.Left, b.left, f.left, f.standing(append(slices.Clone(members), b)))
	r.Notes = append(r.Notes, b.notes...)
	config, err := bond.NewConfig(d.name, d.settings)
	if err != nil {
		return Result{}, err // each setting was tried
	}
	r.Config, r.TOML = config, bond.FormatTOML(config)
	d.advise(b, members)
	r.sort()
	return r, nil
}

const maxSettings = 500

func settingsOf(links []*link) (count int) {
	for _, l := range links {
		count += 1 + len(l.settings) + len(l.other)
	}
	return count
}

func (l *link) primaries() (list []entry) {
	for _, e := range l.settings {
		if e.key == "primary" {
			list = append(list, e)
		}
	}
	return list
}

func checkMode(b *link) error {
	const alone = "bondctl makes active-backup bonds alone"
	switch {
	case b.mode == nil:
		if _, ok := b.has("primary"); ok {
			b.notes = append(b.notes, Remark{Reason: b.name + ": no mode is named; active-backup is taken, as a primary is named"})
			return nil
		}
		return &Error{b.at.because("").at(), b.name + ": no mode is named, and then it is balance-rr; " + alone + ": name that mode first, if it is set elsewhere"}
	case b.mode.value == "active-backup":
		return nil
	}
	mode := b.mode.value.(string)
	text := b.mode.at.text
	if number := modeNumber(mode); number == "" || !strings.Contains(text, mode) {
		text += " (" + mode + ")"
	}
	where := b.mode.at.because("").at()
	return &Error{where, strings.TrimPrefix(text+": ", ": ") + alone}
}

// member adds a member, and what it says.
func (d *draft) member(m *link) {
	d.result.Notes = append(d.result.Notes, m.notes...)
	s := m.setting()
	if m.wpaConf != nil {
		with := s
		with.Value = append(slices.Clone(s.Value.([]bond.Setting)), bond.Setting{Key: "member.wpa_conf", Value: m.wpaConf.value})
		if d.try(with) == nil {
			d.result.Left = append(d.result.Left, m.left...)
			return
		}
	}
	if err := d.try(s); err != nil {
		d.leave(m.at, err.Error())
		return
	}
	if m.wpaConf != nil {
		d.leave(m.wpaConf.at, fmt.Sprintf("%q is not the whole path of a file", m.wpaConf.value))
	}
	d.result.Left = append(d.result.Left, m.left...)
}

// all tries every setting of a bond and of its members.
func (d *draft) all(b *link, members []*link) {
	entries := slices.Clone(b.settings)
	for _, m := range members {
		entries = append(entries, d.ofMember(m)...)
	}
	entries = slices.Concat(entries, b.other)
	if b.addressed && !slices.ContainsFunc(entries, func(e entry) bool { return e.key == "ipv4.method" || e.key == "ipv4.addresses" }) {
		entries = append(entries, entry{key: "ipv4.method", value: bond.MethodNone, at: b.at})
	}
	// Of the values of a key the first one holds, and the bond's own come first.
	slices.SortStableFunc(entries, func(x, y entry) int { return cmp.Compare(slices.Index(order, x.key), slices.Index(order, y.key)) })
	entries = d.monitoring(entries)
	for _, e := range entries {
		d.take(e)
	}
}

// keepMAC has a bond keep an address that it is given: where a member may be Wi-Fi bondctl
// chooses fail_over_mac active otherwise, with which it has none of its own. The driver's
// default, by which the old bond went, is none.
func (d *draft) keepMAC(members []*link) {
	has := func(key string) bool {
		return slices.ContainsFunc(d.settings, func(s bond.Setting) bool { return s.Key == key })
	}
	if !has("mac") || has("fail_over_mac") || !slices.ContainsFunc(members, (*link).isNotWired) {
		return
	}
	if d.try(bond.Setting{Key: "fail_over_mac", Value: string(bond.FailOverMACNone)}) == nil {
		d.note("fail_over_mac none is taken, the driver's default, since the bond has a MAC address of its own; a Wi-Fi driver that can't carry it needs mac and fail_over_mac left out")
	}
}

// ofMember are what a member says of the bond. What it says of itself a member can't
// have.
func (d *draft) ofMember(m *link) (entries []entry) {
	if m.isPrimary != nil {
		if m.name == "" || strings.ContainsAny(m.name, "*?[") {
			d.leave(m.isPrimary.at, "a primary has a name, and this one is only matched; its place in the list says that it is preferred")
		} else {
			entries = append(entries, entry{"primary", m.name, m.isPrimary.at})
		}
	}
	for _, e := range m.settings {
		switch {
		case e.key == "ipv4.method" && e.value == bond.MethodNone, e.key == "ipv6.method" && e.value != bond.MethodAuto:
		case strings.HasPrefix(e.key, "ipv"), e.key == "route", e.key == "rule", e.key == "dns", e.key == "search", e.key == "hostname", e.key == "client_id":
			d.leave(e.at, "a member of a bond has no addresses or routes of its own; give them to the bond")
		case e.key == "mtu", e.key == "mac":
			d.leave(e.at, "members have the bond's")
		default:
			entries = append(entries, e)
		}
	}
	for _, e := range m.other {
		d.leave(e.at, "a member of a bond has no routes or rules of its own; give them to the bond")
	}
	return entries
}

func reason(err error) string {
	if e, ok := errors.AsType[*bond.ConfigError](err); ok {
		return e.Problems[0].Message.String()
	}
	return err.Error()
}

// take tries one setting.
func (d *draft) take(e entry) {
	switch e.key {
	case "mtu":
		if fmt.Sprint(e.value) == "1500" {
			return // the default
		}
	case "ipv4.addresses", "ipv6.addresses", "dns", "search", "route", "rule":
		d.takeOne(e)
		return
	}
	if before, ok := d.taken[e.key]; ok {
		switch {
		case before.value == e.value:
		case e.key == "primary":
			d.result.Notes = append(d.result.Notes, e.at.because(fmt.Sprintf("there is one primary, and %v it is; the order of the members says which is preferred after it", before.value)))
		default:
			d.leave(e.at, fmt.Sprintf("it is said twice, and %v is taken", before.value))
		}
		return
	}
	if d.takeOne(e) {
		d.taken[e.key] = e
	}
}

func (d *draft) takeOne(e entry) bool {
	s := bond.Setting{Key: e.key, Value: e.value}
	if e.key != "route" && e.key != "rule" && slices.ContainsFunc(d.settings, func(o bond.Setting) bool { return o.Key == s.Key && o.Value == s.Value }) {
		return true
	}
	err := d.try(s)
	if err != nil {
		d.leave(e.at, err.Error())
	}
	return err == nil
}

// advise says what is to be known of a configuration, whatever it was read from.
func (d *draft) advise(b *link, members []*link) {
	c := d.result.Config
	wifi := slices.ContainsFunc(members, (*link).mayBeWiFi)
	if c.Options.PrimaryReselect != nil && *c.Options.PrimaryReselect == bond.ReselectBetter && wifi {
		d.note("primary_reselect better with a Wi-Fi member: the kernel knows no speed of Wi-Fi and takes it for the better one, so it never returns from it when a cable is plugged in again; always does")
	}
	for _, m := range members {
		if m.mayBeWiFi() && m.wpaConf == nil {
			d.note(m.String() + ": the Wi-Fi has no wpa_conf: something else must associate it (iwd, wpa_supplicant@), or name a wpa_supplicant.conf")
		}
	}
	if c.Options.Miimon == nil && c.Options.ARPInterval == nil && !b.watched {
		d.note("no miimon and no ARP monitoring is named, and the old bond would never fail over; bondctl's has a miimon of 100ms")
	}
	if !b.addressed && c.Method == "" && len(c.Addresses) == 0 {
		d.note("no address of " + b.name + " is named here: bondctl takes over what the members carry, or else asks DHCP; [ipv4] says otherwise")
	}
}

// sort puts remarks in the order of the files' lines, and drops what is there twice.
func (r *Result) sort() {
	for _, list := range []*[]Remark{&r.Left, &r.Notes} {
		slices.SortStableFunc(*list, func(a, b Remark) int {
			return cmp.Or(cmp.Compare(fileRank(r.Files, a.File), fileRank(r.Files, b.File)), cmp.Compare(a.First, b.First))
		})
		*list = slices.Compact(*list)
	}
}

// fileRank is a file's place in the order of reading. What is about no file comes last.
func fileRank(files []string, file string) int {
	if i := slices.Index(files, file); i >= 0 {
		return i
	}
	return len(files)
}

// family is the table of an address's or a network's family.
func family(text string) string {
	host, _, _ := strings.Cut(text, "/")
	if a, err := netip.ParseAddr(host); err == nil && !a.Is4() {
		return "ipv6"
	}
	return "ipv4"
}
