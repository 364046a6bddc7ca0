package importer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/bondctl/bondctl/bond"
)

// A Bond is a running bond that somebody else has made.
type Bond struct {
	State     bond.State
	Addresses []netip.Prefix // that don't end by themselves
	Leased    bool           // DHCP has lent it another
	Gateways  []bond.NextHop // of its default routes
}

// Running makes the configuration of a bond as the kernel has it now.
func Running(running Bond) (Result, error) {
	s := running.State
	if s.Bond == nil {
		return Result{}, fmt.Errorf("import %s: %w", s.Name, bond.ErrNoBond)
	}
	b := &link{name: s.Name, isBond: true, addressed: true, mode: &entry{key: "mode", value: s.Bond.Mode, at: place{text: s.Name + " runs with mode " + s.Bond.Mode}}}
	f := &found{links: []*link{b}}
	wifi := false
	slaves, ordered := byPrio(s.Bond.Slaves)
	for _, slave := range slaves {
		m := &link{name: slave.Name, master: s.Name, wifi: isWiFi(s, slave.Name)}
		if !ordered && slave.Prio != nil && *slave.Prio != 0 {
			m.asks = []bond.Setting{{Key: "member.prio", Value: strconv.Itoa(*slave.Prio)}}
		}
		wifi = wifi || m.wifi
		f.links = append(f.links, m)
	}
	b.runningOptions(s.Bond, wifi)
	b.runningLink(s)
	b.runningAddresses(running.Addresses, running.Leased)
	for _, g := range running.Gateways {
		if g.Link == s.Name && !(running.Leased && g.Addr.Is4()) && !(g.Addr.Is6() && g.Addr.IsLinkLocalUnicast()) {
			b.set(gatewayKey(g.Addr.String()), g.Addr.WithZone("").String(), place{text: "the default route over " + g.Addr.String()})
		}
	}
	f.off = func([]*link, []string) []string {
		return []string{"whoever made " + s.Name + " makes it again at the next boot: take it out of that tool's configuration, which bondctl import FILE reads as well"}
	}
	b.notes = append(b.notes, Remark{Reason: "this is what the kernel has now; routes beside the default ones, rules and name servers aren't read"})
	return f.bond(b)
}

// byPrio puts the slaves that are preferred first. ordered says that this order says all
// that their prios do.
func byPrio(slaves []bond.SlaveState) (list []bond.SlaveState, ordered bool) {
	prio := func(s bond.SlaveState) int {
		if s.Prio == nil {
			return 0
		}
		return *s.Prio
	}
	list, ordered = slices.Clone(slaves), true
	slices.SortStableFunc(list, func(a, b bond.SlaveState) int { return cmp.Compare(prio(b), prio(a)) })
	for i, s := range list {
		ordered = ordered && prio(s) == len(list)-1-i
	}
	return list, ordered
}

func isWiFi(s bond.State, name string) bool {
	return slices.ContainsFunc(s.Links, func(l bond.Link) bool { return l.Name == name && l.WiFi })
}

// runningOptions notes the options that differ from what bondctl makes of none.
func (l *link) runningOptions(b *bond.BondState, wifi bool) {
	o := b.Options
	set := func(key string, value any) {
		l.set(key, fmt.Sprint(value), place{text: fmt.Sprintf("%s %v", key, value)})
	}
	if b.Primary != "" {
		set("primary", b.Primary)
	}
	arp := o.ARPInterval != nil && *o.ARPInterval > 0
	for key, value := range map[string]*bond.Millis{"miimon": o.Miimon, "arp_interval": o.ARPInterval, "updelay": o.Updelay, "downdelay": o.Downdelay, "peer_notif_delay": o.PeerNotifDelay} {
		// With a Wi-Fi member bondctl's delays aren't 0 by themselves.
		if value != nil && (*value > 0 || wifi && !arp && key != "miimon" && key != "arp_interval") {
			set(key, int(*value))
		}
	}
	for _, targets := range [][]string{textsOf(o.ARPIPTarget), textsOf(o.NSIP6Target)} {
		for _, target := range targets {
			set("arp_ip_target", target)
		}
	}
	if o.PrimaryReselect != nil && *o.PrimaryReselect != bond.ReselectAlways {
		set("primary_reselect", *o.PrimaryReselect)
	}
	if o.FailOverMAC != nil && (*o.FailOverMAC != bond.FailOverMACNone || wifi) {
		set("fail_over_mac", *o.FailOverMAC)
	}
	if o.ARPValidate != nil && *o.ARPValidate != "none" {
		set("arp_validate", *o.ARPValidate)
	}
	if o.ARPAllTargets != nil && *o.ARPAllTargets != "any" {
		set("arp_all_targets", *o.ARPAllTargets)
	}
	for _, n := range []struct {
		key   string
		value *int
		usual int
	}{{"num_grat_arp", o.NumGratARP, 1}, {"resend_igmp", o.ResendIGMP, 1}, {"all_slaves_active", o.AllSlavesActive, 0}, {"arp_missed_max", o.ARPMissedMax, 2}} {
		if n.value != nil && (*n.value != n.usual || n.key == "num_grat_arp" && wifi) {
			set(n.key, *n.value)
		}
	}
}

func textsOf[T fmt.Stringer](list []T) (texts []string) {
	for _, v := range list {
		texts = append(texts, v.String())
	}
	return texts
}

// runningLink notes the MTU, and an address that is no member's own.
func (l *link) runningLink(s bond.State) {
	for _, k := range s.Links {
		if k.Name != s.Name {
			continue
		}
		l.set("mtu", strconv.Itoa(k.MTU), place{text: fmt.Sprintf("the MTU %d", k.MTU)})
		own := slices.ContainsFunc(s.Bond.Slaves, func(m bond.SlaveState) bool { return m.PermHWAddr.String() == k.MAC.String() })
		if follows := s.Bond.Options.FailOverMAC; !own && k.MAC != nil && (follows == nil || *follows == bond.FailOverMACNone) {
			l.set("mac", k.MAC.String(), place{text: "the address " + k.MAC.String()})
		}
		for _, upper := range k.Upper {
			l.left = append(l.left, Remark{Text: upper, Reason: "it stands on the bond, and bondctl doesn't make it; leave it to the tool that has it"})
		}
		if k.Master != "" {
			l.left = append(l.left, Remark{Text: k.Master, Reason: "the bond belongs to it, and bondctl doesn't make it; leave it to the tool that has it"})
		}
	}
}

// runningAddresses notes addresses, unless they came by DHCP or from routers and will
// again.
func (l *link) runningAddresses(addresses []netip.Prefix, leased bool) {
	if leased {
		l.set("ipv4.method", bond.MethodDHCP, place{text: "an address that DHCP has lent"})
	}
	for _, p := range addresses {
		l.set(family(p.String())+".addresses", p.String(), place{text: "the address " + p.String()})
	}
}
