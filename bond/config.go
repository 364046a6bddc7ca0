package bond

import (
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bondctl/bondctl/sysfs"
)

// DefaultName is the bond that is meant when none is named.
const DefaultName = "bond0"

// Config is what is wanted of one bond. It is complete: what it doesn't name
// is at its default. [NewConfig] makes one that holds together.
type Config struct {
	Name    string   `json:"name"`
	Members []Member `json:"members"` // in order of preference
	Primary string   `json:"primary,omitempty"`
	Options Options  `json:"options"`

	// MAC is the bond's address: nil for the first member's.
	MAC HardwareAddr `json:"mac,omitempty"`
	// MACStable asks for an address derived from the machine id and Name.
	MACStable bool `json:"mac_stable,omitempty"`
	// MTU is the bond's and so its members' (IFLA_MTU): 0 for the default, 1500.
	MTU int `json:"mtu,omitempty"`

	// Method is where the bond's IPv4 address comes from; "" is MethodAuto.
	Method    string         `json:"method,omitempty"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	Gateways  []netip.Addr   `json:"gateways,omitempty"` // one of a family at most
	// DNS are the name servers, in the place of leased ones.
	DNS []netip.Addr `json:"dns,omitempty"`
	// What of a lease is used: its routes and name servers unless that is
	// false, its MTU only if that is true.
	UseRoutes *bool `json:"use_routes,omitempty"`
	UseDNS    *bool `json:"use_dns,omitempty"`
	UseMTU    bool  `json:"use_mtu,omitempty"`
}

// The values of Config.Method.
const (
	MethodAuto   = "auto" // the addresses that are named, or else DHCP
	MethodDHCP   = "dhcp"
	MethodStatic = "static"
	MethodNone   = "none"
)

// A Member is an interface that is wanted in the bond, present or not: the one
// of that name, or each piece of hardware that is all that is asked for.
type Member struct {
	Name   string       `json:"name,omitempty"`   // with * a pattern
	Kind   string       `json:"kind,omitempty"`   // wired or wifi
	MAC    HardwareAddr `json:"mac,omitempty"`    // the permanent one
	Driver string       `json:"driver,omitempty"` // such as cdc_ether
	Bus    string       `json:"bus,omitempty"`    // such as usb or pci
	// Prio is the slave's failover priority (IFLA_BOND_SLAVE_PRIO); nil
	// takes it from the member's place in the list.
	Prio *int32 `json:"prio,omitempty"`
	// WPAConf is the wpa_supplicant.conf(5) with which the keeper has the
	// member associate; "" leaves that to others.
	WPAConf string `json:"wpa_conf,omitempty"`
}

// HardwareAddr is a MAC address that is text in JSON.
type HardwareAddr net.HardwareAddr

func (a HardwareAddr) String() string { return net.HardwareAddr(a).String() }

// MarshalJSON writes the address as colon-separated hexadecimal bytes, and none as null.
func (a HardwareAddr) MarshalJSON() ([]byte, error) {
	if a == nil {
		return []byte("null"), nil
	}
	return json.Marshal(a.String())
}

// UnmarshalText reads the address that MarshalJSON wrote; null leaves it as it is.
func (a *HardwareAddr) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = nil
		return nil
	}
	mac, err := net.ParseMAC(string(text))
	*a = HardwareAddr(mac)
	return err
}

// A Problem is one thing that is wrong in a configuration.
type Problem struct {
	Where   string // "bond0.toml:3: miimon" or "--miimon"; empty where it is nowhere in particular
	Message string // what is wrong and what would be right
}

func (p Problem) String() string {
	if p.Where == "" {
		return p.Message
	}
	return p.Where + ": " + p.Message
}

// ConfigError is all that is wrong in a configuration, found before anything
// was changed.
type ConfigError struct{ Problems []Problem }

func (e *ConfigError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// CheckName returns an error for a name that no bond or member can have: what
// the kernel refuses, and what is too easily taken for something else.
func CheckName(name string) error {
	if err := sysfs.CheckName(name); err != nil {
		return err
	}
	reason := ""
	switch {
	case name == "all" || name == "default" || name == "bonding_masters":
		reason = "used by the kernel itself"
	case name[0] == '-':
		reason = "looks like a flag"
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }):
		reason = "contains characters that can't be printed"
	case strings.ContainsAny(name, "%,"):
		reason = "contains a percent sign or a comma"
	}
	if reason == "" {
		return nil
	}
	return &sysfs.NameError{Name: name, Reason: reason}
}

// rules are what must go together in a configuration, each with the keys that
// have a part in it.
var rules = []struct {
	keys  []string
	check func(*Config, sayer)
}{
	{[]string{"name"}, (*Config).checkName},
	{[]string{"member"}, (*Config).checkMembers},
	{[]string{"member", "primary"}, (*Config).checkPrimary},
	{[]string{"mac", "fail_over_mac"}, (*Config).checkMAC},
	{monitorKeys, (*Config).checkMonitor},
	{[]string{"address"}, (*Config).checkAddresses},
	{[]string{"method", "address", "use_routes", "use_dns", "use_mtu"}, (*Config).checkMethod},
	{[]string{"mtu", "address"}, (*Config).checkMTU},
	{[]string{"gateway", "address"}, (*Config).checkGateways},
}

// A sayer takes down a problem: the key that it is put to, what is wrong and
// what would be right.
type sayer func(key, format string, args ...any)

func (c *Config) checkName(say sayer) {
	if err := CheckName(c.Name); err != nil {
		say("name", "%v", err)
	}
}

func (c *Config) checkMembers(say sayer) {
	if len(c.Members) == 0 {
		say("member", "a bond wants at least one, and none is named; add --member eth0, or [[member]] and name = \"eth0\" in the file")
	}
}

func (c *Config) checkPrimary(say sayer) {
	if c.Primary != "" && len(c.Members) > 0 && !c.hasMember(c.Primary) {
		say("primary", "%s is not among the members (%s); name one of them, or make it one", c.Primary, c.memberNames())
	}
}

func (c *Config) hasMember(name string) bool {
	return slices.ContainsFunc(c.Members, func(m Member) bool { return m.mayBe(name) })
}

func (c *Config) memberNames() string {
	names := make([]string, len(c.Members))
	for i, m := range c.Members {
		names[i] = m.String()
	}
	return strings.Join(names, ", ")
}

func (c *Config) checkMAC(say sayer) {
	if value(c.Options.FailOverMAC) == FailOverMACActive && (c.MAC != nil || c.MACStable) {
		say("mac", "with fail_over_mac active the bond carries its active slave's address, so it can't have one of its own; leave mac out, or choose fail_over_mac none")
	}
}

var monitorKeys = []string{
	"miimon", "updelay", "downdelay", "peer_notif_delay",
	"arp_interval", "arp_ip_target", "ns_ip6_target", "arp_validate",
}

// checkMonitor holds the options of MII and ARP monitoring against each
// other. The kernel would silently let the later one switch the other off, or
// answer a bare EPERM.
func (c *Config) checkMonitor(say sayer) {
	o := &c.Options
	if value(o.ARPInterval) > 0 {
		c.checkARP(say)
		return
	}
	if o.Miimon != nil && *o.Miimon == 0 {
		say("miimon", "0 switches monitoring off, and the bond would never fail over; name a time such as 100ms, or use arp_interval")
	}
	if len(o.ARPIPTarget) > 0 || len(o.NSIP6Target) > 0 {
		say("arp_ip_target", "it means something with arp_interval only; name that as well, or leave arp_ip_target out")
	}
	if v := value(o.ARPValidate); v != "" && v != "none" {
		say("arp_validate", "it means something with arp_interval only; name that as well, or leave arp_validate out")
	}
}

func (c *Config) checkARP(say sayer) {
	o := &c.Options
	if value(o.Miimon) > 0 {
		say("arp_interval", "miimon and arp_interval exclude each other; leave one of them out")
	}
	if len(o.ARPIPTarget) == 0 && len(o.NSIP6Target) == 0 {
		say("arp_interval", "ARP monitoring needs somebody to ask; name one or more with arp_ip_target")
	}
	for _, key := range []string{"updelay", "downdelay", "peer_notif_delay"} {
		if text, named := mustRow(key).text(o); named && text != "0" {
			say(key, "delays are counted in miimon, which is off with arp_interval; leave %s out", key)
		}
	}
}

func (c *Config) checkAddresses(say sayer) {
	for i, p := range c.Addresses {
		if slices.IndexFunc(c.Addresses, func(o netip.Prefix) bool { return o.Addr() == p.Addr() }) != i {
			say("address", "%s is there twice; name it once", p.Addr())
		}
	}
}

// checkMethod holds the table ipv4 together.
func (c *Config) checkMethod(say sayer) {
	named := slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() })
	switch {
	case c.Method == MethodStatic && !named:
		say("method", "static wants an address; name one with addresses = [\"192.0.2.10/24\"]")
	case c.Method == MethodNone && named:
		say("method", "none and an IPv4 address contradict each other; leave one of them out")
	}
	if c.WantsDHCP() {
		return
	}
	for _, use := range []struct {
		key   string
		named bool
	}{{"use_routes", c.UseRoutes != nil}, {"use_dns", c.UseDNS != nil}, {"use_mtu", c.UseMTU}} {
		if use.named {
			say(use.key, "it means something with DHCP only; leave it out, or write method = \"dhcp\"")
		}
	}
}

// minMTU6 is the least MTU with which the kernel runs IPv6 (IPV6_MIN_MTU).
const minMTU6 = 1280

func (c *Config) checkMTU(say sayer) {
	named := slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() })
	if named && c.MTU != 0 && c.MTU < minMTU6 {
		say("mtu", "IPv6 wants %d at least, and the bond is to have an IPv6 address; name a greater one", minMTU6)
	}
}

func (c *Config) checkGateways(say sayer) {
	seen := map[bool]netip.Addr{}
	for _, g := range c.Gateways {
		if other, ok := seen[g.Is4()]; ok {
			say("gateway", "%s and %s: there is one default route of a family; name one of them", other, g)
			continue
		}
		seen[g.Is4()] = g
		switch on := slices.IndexFunc(c.Addresses, func(p netip.Prefix) bool { return p.Contains(g) }); {
		case slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr() == g }):
			say("gateway", "%s is the bond's own address; name the router's", g)
		case on < 0 && !(g.Is6() && g.IsLinkLocalUnicast()):
			say("gateway", "%s is in none of the bond's networks, so it can't be reached; give the bond an address beside it with --address", g)
		case on >= 0 && !isHost(g, c.Addresses[on]):
			say("gateway", "%s is the own or the broadcast address of the network %s; name the router's", g, c.Addresses[on].Masked())
		}
	}
}

func mustRow(key string) option {
	o, ok := row(key)
	if !ok {
		panic("bond: no option " + key)
	}
	return o
}

// value is what p points to, or zero for nil.
func value[T any](p *T) T {
	var zero T
	return valueOr(p, zero)
}

// valueOr is what p points to, or another value for nil.
func valueOr[T any](p *T, or T) T {
	if p == nil {
		return or
	}
	return *p
}
