package bond

import (
	"fmt"
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

	// Method is where the bond's addresses come from: auto, static or none.
	Method    string         `json:"method,omitempty"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	Gateways  []netip.Addr   `json:"gateways,omitempty"` // one of a family at most
}

// A Member is an interface that is wanted in the bond, present or not.
type Member struct {
	Name string `json:"name"`
	// Prio is the slave's failover priority (IFLA_BOND_SLAVE_PRIO); nil
	// takes it from the member's place in the list.
	Prio *int32 `json:"prio,omitempty"`
}

// HardwareAddr is a MAC address that is text in JSON.
type HardwareAddr net.HardwareAddr

func (a HardwareAddr) String() string { return net.HardwareAddr(a).String() }

// MarshalText writes the address as colon-separated hexadecimal bytes.
func (a HardwareAddr) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText wrote.
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
		reason = "the kernel uses it itself"
	case name[0] == '-':
		reason = "it looks like a flag"
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }):
		reason = "it has characters that can't be printed"
	case strings.ContainsAny(name, "%,"):
		reason = "it contains a percent sign or a comma"
	}
	if reason == "" {
		return nil
	}
	return &sysfs.NameError{Name: name, Reason: reason}
}

// check returns what in the configuration doesn't go together; where tells
// where a key was written.
func (c *Config) check(where func(key string) string) []Problem {
	var problems []Problem
	say := func(key, format string, args ...any) {
		problems = append(problems, Problem{where(key), fmt.Sprintf(format, args...)})
	}
	if err := CheckName(c.Name); err != nil {
		problems = append(problems, Problem{"", err.Error()})
	}
	c.checkMembers(say)
	c.checkMonitor(say)
	if c.Options.FailOverMAC != nil && *c.Options.FailOverMAC == FailOverMACActive && (c.MAC != nil || c.MACStable) {
		say("mac", "with fail_over_mac active the bond carries its active slave's address, so it can't have one of its own; leave mac out, or choose fail_over_mac none")
	}
	c.checkAddresses(say)
	return problems
}

type sayer func(key, format string, args ...any)

func (c *Config) checkMembers(say sayer) {
	if len(c.Members) == 0 {
		say("member", "no member is named; a bond wants at least one, such as --member eth0")
		return
	}
	for i, m := range c.Members {
		if m.Name == c.Name {
			say("member", "%s can't be a member of itself", c.Name)
		}
		if slices.IndexFunc(c.Members, func(o Member) bool { return o.Name == m.Name }) != i {
			say("member", "%s is there twice", m.Name)
		}
	}
	if c.Primary != "" && !slices.ContainsFunc(c.Members, func(m Member) bool { return m.Name == c.Primary }) {
		say("primary", "%s is not among the members (%s)", c.Primary, c.memberNames())
	}
}

func (c *Config) memberNames() string {
	names := make([]string, len(c.Members))
	for i, m := range c.Members {
		names[i] = m.Name
	}
	return strings.Join(names, ", ")
}

// checkMonitor holds the options of MII and ARP monitoring against each
// other. The kernel would silently let the later one switch the other off, or
// answer a bare EPERM.
func (c *Config) checkMonitor(say sayer) {
	o := &c.Options
	arp := value(o.ARPInterval) > 0
	switch {
	case arp && value(o.Miimon) > 0:
		say("arp_interval", "miimon and arp_interval exclude each other; leave one of them out")
	case arp && len(o.ARPIPTarget) == 0 && len(o.NSIP6Target) == 0:
		say("arp_interval", "ARP monitoring needs somebody to ask; name one or more with arp_ip_target")
	case !arp && o.Miimon != nil && *o.Miimon == 0:
		say("miimon", "0 switches monitoring off, and the bond would never fail over; name a time such as 100ms, or use arp_interval")
	}
	if !arp {
		for _, key := range []string{"arp_ip_target", "ns_ip6_target", "arp_validate"} {
			if text, named := mustRow(key).text(o); named && text != "" && text != "none" {
				say(key, "it means something with arp_interval only; name that as well, or leave %s out", key)
				break
			}
		}
	}
	if !arp {
		return
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
			say("address", "%s is there twice", p.Addr())
		}
	}
	seen := map[bool]netip.Addr{}
	for _, g := range c.Gateways {
		if other, ok := seen[g.Is4()]; ok {
			say("gateway", "%s and %s: there is one default route of a family", other, g)
			continue
		}
		seen[g.Is4()] = g
		switch on := slices.IndexFunc(c.Addresses, func(p netip.Prefix) bool { return p.Contains(g) }); {
		case slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr() == g }):
			say("gateway", "%s is the bond's own address", g)
		case on < 0 && !g.IsLinkLocalUnicast():
			say("gateway", "%s is in none of the bond's networks, so it can't be reached; give the bond an address beside it with --address", g)
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
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
