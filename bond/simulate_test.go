package bond

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// A simulation applies steps to a State by the rules of the bonding driver
// (drivers/net/bonding/bond_main.c, bond_options.c and bond_netlink.c of Linux
// 6.1), and fails the test where the kernel would refuse one. It is no stand-in
// for the kernel, on which the tests of netnstest run: it lets thousands of
// plans be tried.
type simulation struct {
	t testing.TB
	State
	remembered string                  // the primary's name, enslaved or not
	before     map[string]linkSettings // of slaves, as the kernel keeps them
	nextIndex  int
	strict     bool // gateways must be on the link, and sources addresses
}

func simulate(t testing.TB, s State) *simulation {
	sim := &simulation{t: t, State: clone(s), before: map[string]linkSettings{}, nextIndex: 1000}
	if sim.Bond != nil {
		sim.remembered = sim.Bond.Primary
		for _, slave := range sim.Bond.Slaves {
			l := sim.mustLink(slave.Name)
			sim.before[slave.Name] = linkSettings{MAC: slave.PermHWAddr, MTU: l.MTU}
		}
	}
	return sim
}

// clone copies a State so deep that steps don't reach the original.
func clone(s State) State {
	s.Links, s.traffic = slices.Clone(s.Links), s.traffic.clone()
	s.rules, s.ipv6 = slices.Clone(s.rules), maps.Clone(s.ipv6)
	for i, l := range s.Links {
		s.Links[i].MAC = bytes.Clone(l.MAC)
	}
	if s.Bond != nil {
		b := *s.Bond
		b.Slaves = slices.Clone(b.Slaves)
		s.Bond = &b
	}
	return s
}

func (s *simulation) mustLink(name string) *Link {
	s.t.Helper()
	i := slices.IndexFunc(s.Links, func(l Link) bool { return l.Name == name })
	if i < 0 {
		s.t.Fatalf("no such device: %s", name)
	}
	return &s.Links[i]
}

func (s *simulation) apply(steps ...Step) {
	s.t.Helper()
	for _, step := range steps {
		s.do(step)
	}
}

func (s *simulation) do(step Step) {
	s.t.Helper()
	switch step := step.(type) {
	case createBond:
		s.create(step)
	case deleteBond:
		for _, slave := range slices.Clone(s.Bond.Slaves) {
			s.release(slave.Name)
		}
		s.Bond = nil
		index := s.mustLink(step.Name).Index
		s.goDown(index)
		for _, a := range slices.Clone(s.addrs) {
			if _, there := s.addr(index, a.Prefix); there && a.Link == index {
				s.delAddress(a)
			}
		}
		s.Links = slices.DeleteFunc(s.Links, func(l Link) bool { return l.Name == step.Name })
		for key, setting := range s.ipv6 {
			s.ipv6[key] = setting6{setting.initial, setting.initial}
		}
	case setOptions:
		for _, message := range step.messages() {
			s.setOptions(message)
		}
	case setLink:
		s.setLink(step.Name, step.To)
	case giveBack:
		s.setLink(step.Name, step.To)
	case enslave:
		s.enslave(step)
	case release:
		s.release(step.Member)
	case setPrio:
		s.setPrio(step)
	case setActive:
		s.Bond.ActiveSlave = step.To
		s.reselect()
	default:
		s.doNetwork(step)
	}
}

func (s *simulation) create(step createBond) {
	s.t.Helper()
	if s.Bond != nil {
		s.t.Fatal("create: file exists")
	}
	s.nextIndex++
	mac := step.MAC
	if mac == nil {
		mac = randomMAC
	}
	s.Links = append(s.Links, Link{Name: step.Name, Index: s.nextIndex, Kind: "bond", MAC: mac, MTU: step.MTU})
	s.Bond = &BondState{Mode: step.Mode, Options: kernelDefaults(s.t)}
	s.setOptions(step.Options)
	s.mustLink(step.Name).Up = !step.Down
}

// randomMAC stands for the address that the kernel draws for a bond without members.
var randomMAC = HardwareAddr{2, 0xff, 0, 0, 0, 1}

func kernelDefaults(t testing.TB) Options {
	var o Options
	for _, row := range optionTable {
		if err := row.set(&o, row.def); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// setOptions is bond_changelink: one message, option by option in its own order.
func (s *simulation) setOptions(message []change) {
	s.t.Helper()
	to := map[string]string{}
	for _, c := range message {
		to[c.Key] = c.To
	}
	if mode, ok := to["mode"]; ok {
		if len(s.Bond.Slaves) > 0 || s.mustLink(s.Name).Up {
			s.t.Fatal("mode: directory not empty, or device busy")
		}
		s.Bond.Mode = mode
	}
	for _, row := range optionTable {
		if text, ok := to[row.key]; ok {
			s.setOption(row, text, to)
		}
	}
	if primary, ok := to["primary"]; ok {
		if primary != "" {
			s.mustLink(primary) // a stale index would clear it
		}
		s.remembered = primary
		s.reselect()
	}
}

func (s *simulation) setOption(row option, text string, message map[string]string) {
	s.t.Helper()
	o := &s.Bond.Options
	switch {
	case isDelay(row.key):
		if *o.Miimon == 0 {
			s.t.Fatalf("%s %s: operation not permitted, since miimon is 0", row.key, text)
		}
		ms, _ := strconv.Atoi(text)
		text = strconv.Itoa(ms - ms%int(*o.Miimon))
	case row.key == "arp_interval" && text != "0":
		if m := message["miimon"]; m != "" && m != "0" {
			s.t.Fatal("arp_interval: ARP monitoring cannot be used with MII monitoring")
		}
		o.Miimon = new(Millis(0))
	case row.key == "miimon" && text != "0":
		o.ARPInterval = new(Millis(0))
		o.ARPValidate = new(ARPValidate("none"))
	case row.key == "fail_over_mac" && len(s.Bond.Slaves) > 0:
		s.t.Fatal("fail_over_mac: directory not empty")
	}
	if err := row.set(o, text); err != nil {
		s.t.Fatalf("%s %s: %v", row.key, text, err)
	}
	if row.key == "miimon" && text != "0" {
		for _, d := range []**Millis{&o.Updelay, &o.Downdelay, &o.PeerNotifDelay} {
			*d = new(**d - **d%*o.Miimon)
		}
	}
}

// reselect is what follows each change of slaves or primary: the primary is
// seen only while it is enslaved; and every slave having a link here, it is
// the active one, or else the one that is, or else the first.
func (s *simulation) reselect() {
	b := s.Bond
	b.Primary = ""
	if _, in := s.slave(s.remembered); in {
		b.Primary, b.ActiveSlave = s.remembered, s.remembered
	}
	if _, in := s.slave(b.ActiveSlave); !in {
		b.ActiveSlave = ""
		if len(b.Slaves) > 0 {
			b.ActiveSlave = b.Slaves[0].Name
		}
	}
	if *b.Options.FailOverMAC == FailOverMACActive && b.ActiveSlave != "" {
		s.mustLink(s.Name).MAC = bytes.Clone(s.mustLink(b.ActiveSlave).MAC)
	}
}

func (s *simulation) setLink(name string, to linkSettings) {
	s.t.Helper()
	l := s.mustLink(name)
	if to.MTU != 0 {
		l.MTU = to.MTU
	}
	active := s.Bond != nil && name == s.Name && *s.Bond.Options.FailOverMAC == FailOverMACActive
	if to.MAC != nil && !active {
		l.MAC = HardwareAddr(bytes.Clone(to.MAC))
	}
	if l.Up && !to.Up {
		s.goDown(l.Index)
	}
	l.Up = to.Up
	for i := range s.Links {
		if m := &s.Links[i]; name == s.Name && m.Master == s.Name {
			m.MTU = l.MTU
			if *s.Bond.Options.FailOverMAC == FailOverMACNone {
				m.MAC = bytes.Clone(l.MAC)
			}
		}
	}
}

func (s *simulation) enslave(step enslave) {
	s.t.Helper()
	l, b := s.mustLink(step.Member), s.mustLink(step.Bond)
	if l.Master != "" && l.Master != step.Bond {
		s.t.Fatalf("enslave %s: it would be taken from %s", l.Name, l.Master)
	}
	s.goDown(l.Index)
	s.before[l.Name] = linkSettings{MAC: bytes.Clone(l.MAC), MTU: l.MTU}
	fom := *s.Bond.Options.FailOverMAC
	if len(s.Bond.Slaves) == 0 && bytes.Equal(b.MAC, randomMAC) {
		b.MAC = bytes.Clone(l.MAC)
	}
	s.Bond.Slaves = append(s.Bond.Slaves, SlaveState{Name: l.Name, PermHWAddr: bytes.Clone(l.MAC), Prio: new(0)})
	l.Master, l.Up, l.MTU = step.Bond, true, b.MTU
	if fom == FailOverMACNone {
		l.MAC = bytes.Clone(b.MAC)
	}
	s.reselect()
}

func (s *simulation) release(name string) {
	s.t.Helper()
	l := s.mustLink(name)
	before := s.before[name]
	s.goDown(l.Index)
	l.Master, l.Up, l.MAC, l.MTU = "", false, before.MAC, before.MTU
	s.Bond.Slaves = slices.DeleteFunc(s.Bond.Slaves, func(m SlaveState) bool { return m.Name == name })
	if len(s.Bond.Slaves) == 0 {
		s.mustLink(s.Name).MAC = randomMAC
	}
	s.reselect()
}

func (s *simulation) setPrio(step setPrio) {
	s.t.Helper()
	i := slices.IndexFunc(s.Bond.Slaves, func(m SlaveState) bool { return m.Name == step.Member })
	if i < 0 {
		s.t.Fatalf("%s: it is no slave", step)
	}
	prio, err := strconv.Atoi(step.To)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Bond.Slaves[i].Prio = &prio
}

// recount notes with each link what of its own somebody would miss, as a look does.
func recount(s *State) {
	for i := range s.Links {
		l := &s.Links[i]
		if l.Name == s.Name {
			continue // which somebody else may have put to use
		}
		l.Addresses, l.Routes = nil, 0
		for _, a := range s.addrsOf(l.Index) {
			if isGlobal(a) {
				l.Addresses = append(l.Addresses, a.Prefix)
			}
		}
		for _, r := range s.routes {
			if r.Over(l.Index) {
				l.Routes++
			}
		}
	}
}

// settings are the links and what they carry, as an undone up must leave them.
func (s *State) settings() map[string]string {
	m := map[string]string{}
	for _, l := range s.Links {
		text := fmt.Sprintf("index %d, master %q, up %t, address %s, mtu %d", l.Index, l.Master, l.Up, l.MAC, l.MTU)
		addrs := s.addrsOf(l.Index)
		// Of one IPv4 network the first address counts, of several each has its own.
		slices.SortStableFunc(addrs, func(a, b rtnl.Addr) int {
			if a.Prefix.Addr().Is6() && b.Prefix.Addr().Is6() {
				return a.Prefix.Compare(b.Prefix)
			}
			return a.Prefix.Masked().Compare(b.Prefix.Masked())
		})
		for _, a := range addrs {
			text += fmt.Sprintf(", %s for %d", a, a.Valid)
		}
		var routes []string
		for _, r := range s.routes {
			if r.Over(l.Index) {
				routes = append(routes, fmt.Sprintf(", %s from %s", r, r.Source))
			}
		}
		slices.Sort(routes)
		m[l.Name] = text + strings.Join(routes, "")
	}
	m["rules"], m["ipv6"] = strings.Join(slices.Sorted(slices.Values(texts(s.rules))), ", "), fmt.Sprint(s.ipv6)
	if s.Bond != nil {
		m["active slave"], m["mode"] = s.Bond.ActiveSlave, s.Bond.Mode
	}
	return m
}
