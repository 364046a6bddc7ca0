package bond

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

const (
	defaultMiimon = Millis(100)
	defaultMTU    = 1500

	// Where a member is Wi-Fi another is a dock's cable. The switch port that it
	// returns to runs its spanning tree first, and the switches must learn that the
	// address has moved.
	wifiUpdelay        = Millis(4000)
	wifiNumGratARP     = 3
	wifiPeerNotifDelay = Millis(200)
)

// wanted is a Config with every default filled in, which may depend on the State.
type wanted struct {
	options   Options
	primary   string
	mac       HardwareAddr // nil: whatever it has
	mtu       int
	members   []wantedMember
	addresses []netip.Prefix
	static    []netip.Prefix // of these, those that no lease ends
	routes    []rtnl.Route
	rules     []rtnl.Rule
	method6   string
	metric6   uint32 // of IPv6 default routes
	unleased  bool   // a lease is to come: until then what was wanted before holds
	takeover  takeover
	alone     string     // the member with which a take-over begins; "" where all join at once
	cutOff    string     // what members carry that the bond has no room for
	inherited *Inherited // what was taken over, or is about to be
	notes     []Message
}

// A wantedMember is an interface that an entry asks for, or an entry without one.
type wantedMember struct {
	Member
	name    string // the interface's, or else what the entry asks for
	prio    string
	link    Link
	pending string // why it can't join now; "" when it can or has
}

// newWanted fills in the defaults, some of which depend on what the members are. The
// error is a [*ConfigError].
func newWanted(c Config, s State, machineID string) (wanted, error) {
	w := wanted{primary: s.called(c.Primary), mtu: cmp.Or(c.MTU, defaultMTU), mac: c.MAC,
		metric6: valueOr(c.Metric6, defaultMetric), method6: c.Method6}
	w.unleased = c.Method == MethodDHCP && s.Lease == nil
	w.findMembers(c, s)
	wifi := w.wifiMember()
	w.completeOptions(c, s, wifi)
	w.inherit(&c, s)
	w.mtu = cmp.Or(c.MTU, w.inherited.mtu(), defaultMTU)
	if s.bridge() == "" {
		w.addresses, w.static = c.Addresses, c.Addresses
		for _, gateway := range c.Gateways {
			w.routes = append(w.routes, c.gatewayRoute(gateway))
		}
		for _, r := range c.Routes {
			w.routes = append(w.routes, c.route(r))
		}
		w.useLease(c, s.Lease)
		w.useRoutes(c, s)
	}
	fom := *w.options.FailOverMAC
	problems := slices.Concat(w.limitMTU(c), w.checkTwice(s))
	switch {
	case fom == FailOverMACFollow && wifi != "":
		problems = append(problems, problem("fail_over_mac", "follow changes a member's MAC address while it is up, which Wi-Fi (%s) can't: the link would be dead; choose active", wifi))
	case fom == FailOverMACActive && (c.MAC != nil || c.MACStable):
		problems = append(problems, problem("mac", "with fail_over_mac active (chosen as %s is Wi-Fi) the bond carries its active slave's address; leave mac out, or choose fail_over_mac none", wifi))
	}
	if c.MACStable {
		if machineID == "" {
			problems = append(problems, problem("mac", "stable wants the machine's id, and /etc/machine-id has none; name an address"))
		}
		w.mac = stableMAC(machineID, c.Name)
	}
	if problems != nil {
		return wanted{}, &ConfigError{problems}
	}
	w.noteBetter()
	w.noteProbe(c)
	return w, nil
}

// findMembers finds the links that are wanted, and whether they can join.
func (w *wanted) findMembers(c Config, s State) {
	w.members = s.expand(c)
	for _, m := range w.members {
		if m.pending != "" {
			w.note("%s is %s; the bond does without it for now", m.name, m.pending)
		}
	}
}

// inherit finds what the bond takes over, and what it has taken over before.
func (w *wanted) inherit(c *Config, s State) {
	has := s.inherited // of which there is none for as long as there is a journal
	if s.Before != nil {
		has = s.Before.Inherited
		for _, l := range s.Before.Links {
			leaves := !slices.ContainsFunc(w.members, func(m wantedMember) bool { return m.link.Index == l.Index })
			if link, present := s.linkByIndex(l.Index); leaves && present && link.Name != s.Name {
				has = has.without(s.Before.only(l.Index))
			}
		}
	}
	if !s.patient {
		w.takeover = s.takeOver(w.members)
	}
	if s.Before == nil && w.takeover.from != nil {
		has = nil
	}
	update := func() {
		c.Inherited = w.takeover.inherits(has, *c, &s)
		c.Inherited = c.Inherited.within(*c, s.Lease != nil && c.WantsDHCP())
		w.inherited = c.Inherited
	}
	update()
	named := c.Addresses
	if s.Lease != nil && c.WantsDHCP() {
		named = with(slices.Clone(named), s.Lease.Address)
	}
	w.cutOff = w.takeover.cutOff(*c, named, w.inherited)
	if s.stepwise && w.beginsAlone(s) {
		w.alone, w.takeover.from = w.takeover.bearer(), w.takeover.from[:1]
		w.takeover.dropped = nil
		update()
	}
}

// beginsAlone says whether the member whose place the bond takes is to be its active
// slave before others join, whichever is preferred: with fail_over_mac active the bond
// has its MAC address then, by which the neighbours know the addresses.
func (w *wanted) beginsAlone(s State) bool {
	empty := s.Bond == nil || len(s.Bond.Slaves) == 0
	return empty && len(w.takeover.from) > 0 && *w.options.FailOverMAC == FailOverMACActive
}

// joinsLater says whether a member waits until a take-over that has begun is done.
func (w *wanted) joinsLater(member string) bool { return w.alone != "" && w.alone != member }

// limitMTU has the MTU be one that every member can have. It is a problem only where
// somebody has named it.
func (w *wanted) limitMTU(c Config) (problems []Problem) {
	for _, m := range w.members {
		limit := m.link.nearestMTU(w.mtu)
		switch {
		case limit == w.mtu || m.pending != "":
		case c.MTU == 0:
			w.note("%s can't have the MTU %d; the bond and its members get %d", m.name, w.mtu, limit)
			w.mtu = limit
		case limit < w.mtu:
			problems = append(problems, problem("mtu", "%s can't have the MTU %d; name one up to %d, or leave mtu out", m.name, w.mtu, limit))
		default:
			problems = append(problems, problem("mtu", "%s can't have the MTU %d; name one of %d at least, or leave mtu out", m.name, w.mtu, limit))
		}
	}
	needs6 := slices.ContainsFunc(w.addresses, func(p netip.Prefix) bool { return p.Addr().Is6() })
	can6 := !slices.ContainsFunc(w.members, func(m wantedMember) bool { return m.pending == "" && m.link.nearestMTU(minMTU6) != minMTU6 })
	if needs6 && can6 && w.mtu < minMTU6 && c.MTU == 0 {
		w.note("IPv6 wants an MTU of %d at least, and not the leased %d", minMTU6, w.mtu)
		w.mtu = minMTU6
	}
	return problems
}

// checkTwice refuses a member that another entry calls by another of its names. To a
// keeper one of the entries is absent.
func (w *wanted) checkTwice(s State) (problems []Problem) {
	for _, m := range w.members {
		if link, present := s.linkCalled(m.Name); m.exact() && present && m.link.Name == "" && link.Name != s.Name && !s.patient {
			problems = append(problems, problem("member", "%s is %s, which is a member already; name it once", m.name, link.Name))
		}
	}
	return problems
}

// nearestMTU is the MTU nearest to the wanted one that a link can have.
func (l Link) nearestMTU(wanted int) int {
	if l.MaxMTU != 0 && l.MaxMTU < wanted {
		return l.MaxMTU
	}
	return max(l.MinMTU, wanted)
}

// wifiMember is the first member that is Wi-Fi, or may be once it is present.
func (w *wanted) wifiMember() string {
	i := slices.IndexFunc(w.members, func(m wantedMember) bool {
		return m.link.WiFi || !m.exact() && m.mayBeWiFi() || m.link.Name == "" && m.mayBeWiFi()
	})
	if i < 0 {
		return ""
	}
	return w.members[i].name
}

// refused names the members that wait, as the kernel refused them a moment ago.
func (w *wanted) refused() (names []string) {
	for _, m := range w.members {
		if m.pending != "" && m.pending == m.link.refused {
			names = append(names, m.name)
		}
	}
	return names
}

// associations are those of the members that are present and can join. A wired one has
// something to authenticate at while it has carrier.
func (w *wanted) associations() (list []Association) {
	for _, m := range w.members {
		a := Association{Interface: m.link.Name, Index: m.link.Index, Config: m.WPAConf}
		switch {
		case m.WPAConf == "" || m.link.Name == "" || m.pending != "":
		case m.link.WiFi:
			list = append(list, a)
		case value(m.link.Carrier):
			a.Wired, a.Changes = true, m.link.Changes
			list = append(list, a)
		}
	}
	return list
}

// completeOptions fills in the options: what is named, else what suits a Wi-Fi member,
// else the kernel's default.
func (w *wanted) completeOptions(c Config, s State, wifi string) {
	o := &w.options
	for _, row := range optionTable {
		text, named := row.text(&c.Options)
		if !named {
			text = row.def
		}
		if err := row.set(o, text); err != nil {
			panic(fmt.Sprintf("bond: %s %q: %v", row.key, text, err)) // Check has refused it
		}
	}
	arp := value(c.Options.ARPInterval) > 0
	if c.Options.Miimon == nil && !arp {
		o.Miimon = new(defaultMiimon)
	}
	if wifi != "" {
		if c.Options.NumGratARP == nil {
			o.NumGratARP = new(wifiNumGratARP)
		}
		if c.Options.Updelay == nil && !arp {
			o.Updelay = new(wifiUpdelay)
		}
		if c.Options.PeerNotifDelay == nil && !arp {
			o.PeerNotifDelay = new(wifiPeerNotifDelay)
		}
	}
	w.roundDelays(c)
	w.chooseFailOverMAC(c, s, wifi)
}

// roundDelays makes the delays what the kernel will make of them: multiples of
// miimon, rounded down.
func (w *wanted) roundDelays(c Config) {
	miimon := *w.options.Miimon
	if miimon == 0 {
		return
	}
	for _, d := range []struct {
		key   string
		delay **Millis
		named bool
	}{
		{"updelay", &w.options.Updelay, c.Options.Updelay != nil},
		{"downdelay", &w.options.Downdelay, c.Options.Downdelay != nil},
		{"peer_notif_delay", &w.options.PeerNotifDelay, c.Options.PeerNotifDelay != nil},
	} {
		asked := **d.delay
		kept := asked - asked%miimon
		*d.delay = &kept
		if kept != asked && d.named {
			w.note("%s %d ms is no multiple of miimon (%d ms); the kernel makes it %d ms", d.key, asked, miimon, kept)
		}
	}
}

// chooseFailOverMAC chooses for auto when the bond is made. Afterwards the bond keeps
// what it has, for a change means to release every member.
func (w *wanted) chooseFailOverMAC(c Config, s State, wifi string) {
	if c.Options.FailOverMAC != nil {
		return
	}
	auto := FailOverMACNone
	if wifi != "" {
		auto = FailOverMACActive
	}
	w.options.FailOverMAC = &auto
	if s.Bond == nil || !s.madeBond() || s.Bond.Options.FailOverMAC == nil {
		return
	}
	if has := *s.Bond.Options.FailOverMAC; has != auto {
		w.options.FailOverMAC = &has
		w.note("fail_over_mac stays %s; these members would now get %s, which %s %s brings about with an interruption", has, auto, keyName("fail_over_mac"), auto)
	}
}

// noteBetter warns of primary_reselect better with a member whose speed the kernel
// doesn't know: to the kernel it is the fastest.
func (w *wanted) noteBetter() {
	if *w.options.PrimaryReselect != ReselectBetter {
		return
	}
	for _, m := range w.members {
		if m.link.WiFi || m.link.Name != "" && m.link.SpeedUnknown {
			w.note("primary_reselect better: the kernel takes the unknown speed of %s for the fastest, so without a keeper it never returns from it to a faster member", m.name)
		}
	}
}

func (w *wanted) note(format string, args ...any) {
	w.notes = append(w.notes, Messagef(format, args...))
}

// stableMAC derives a locally administered unicast address (IEEE 802c) from
// the machine's id. The id itself is confidential (machine-id(5)), so it is
// only the key of a hash.
func stableMAC(machineID, name string) HardwareAddr {
	h := hmac.New(sha256.New, []byte(machineID))
	h.Write([]byte("bondctl " + name))
	mac := h.Sum(nil)[:6]
	mac[0] = mac[0]&^1 | 2
	return mac
}
