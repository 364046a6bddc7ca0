package bond

import (
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bondctl/bondctl/sysfs"
)

// The kernel's limits of an Ethernet device's MTU (ETH_MIN_MTU; ETH_MAX_MTU is
// what the bonding driver sets as its maximum).
const minMTU, maxMTU = 68, 65535

// defaultMetric is that of routes for which none is named.
const defaultMetric = 100

// Config is what is wanted of one bond. It is complete: what it doesn't name
// is at its default. It may be filled in by hand, or [NewConfig] makes it of a file's
// settings and of flags.
type Config struct {
	Name string `json:"name"` // the bond's
	// Inherited is what the bond has taken over from its members; nil for nothing. It is
	// not for whoever says what is wanted: Reconcile fills it in.
	Inherited *Inherited `json:"inherited,omitempty"`
	// TakeOver gives up what members carry that can't go on over the bond, as it is of
	// another network, and takes off slaves what somebody has given to them.
	TakeOver bool `json:"-"`
	// Lent are addresses of members that DHCP clients were lent, and for how long yet:
	// not every client tells the kernel. The bond has them no longer than that.
	Lent map[netip.Prefix]time.Duration `json:"-"`

	// Strategy is what is made of the members; "" is StrategyBond.
	Strategy string `json:"strategy,omitempty"`
	// MPTCP announces each member's addresses to Multipath TCP, under StrategyRoutes.
	MPTCP bool `json:"mptcp,omitempty"`

	Members []Member `json:"members"`           // in order of preference
	Primary string   `json:"primary,omitempty"` // the name of a member that may be absent for now; "" for none
	Options Options  `json:"options"`
	// FastFailover has the keeper leave a slave that loses its carrier at once, without
	// waiting for miimon; nil is true. See package failover for when it doesn't.
	FastFailover *bool `json:"fast_failover,omitempty"`

	// MAC is the bond's address: nil for that of the member whose place the bond takes or,
	// without one, of the first member.
	MAC HardwareAddr `json:"mac,omitempty"`
	// MACStable asks for an address derived from the machine id and Name.
	MACStable bool `json:"mac_stable,omitempty"`
	// MTU is the bond's and so its members' (IFLA_MTU), in bytes: 0 for that of the member
	// whose place the bond takes or, without one, 1500.
	MTU int `json:"mtu,omitempty"`

	// Method is where the bond's IPv4 address comes from; "" is MethodAuto.
	Method string `json:"method,omitempty"`
	// Addresses are the bond's, of either family, without those of a lease.
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	// Gateways are those of the default routes: one of each family at most.
	Gateways []netip.Addr `json:"gateways,omitempty"`
	// Method6 says what else IPv6 has on the bond; "" is MethodAuto.
	Method6 string `json:"ipv6_method,omitempty"`
	// Metric4 and Metric6 are the metrics of the default routes and of a lease's routes
	// (RTA_PRIORITY), nil for 100: a VPN's 50 goes before it, NetworkManager's 600 for
	// Wi-Fi behind.
	Metric4 *uint32 `json:"ipv4_metric,omitempty"`
	Metric6 *uint32 `json:"ipv6_metric,omitempty"`
	// DNS are the name servers, instead of leased ones.
	DNS []netip.Addr `json:"dns,omitempty"`
	// Search are the domains that are appended to a short name, instead of leased ones.
	Search []string `json:"search,omitempty"`
	// Routes and Rules are those beside the default routes and a lease's, each in the
	// order in which they are added.
	Routes []Route `json:"routes,omitempty"`
	Rules  []Rule  `json:"rules,omitempty"`
	// What to use of a lease: routes and name servers unless it is false, the MTU only
	// if it is true.
	UseRoutes *bool `json:"use_routes,omitempty"`
	UseDNS    *bool `json:"use_dns,omitempty"`
	UseMTU    bool  `json:"use_mtu,omitempty"`
	// EndConnections says whether a keeper ends the connections over an address that is the
	// bond's no more; nil is true.
	EndConnections *bool `json:"end_connections,omitempty"`
	// WiFiStandby is what Wi-Fi members that the keeper associates do while a cable serves; ""
	// is StandbyWarm.
	WiFiStandby string `json:"wifi_standby,omitempty"`
	// Probe has a keeper watch paths beyond the members' own links; nil for not at all, so that an
	// idle machine is silent.
	Probe *Probe `json:"probe,omitempty"`
	// Hostname is what DHCP servers are told as the machine's name: "" is nothing, nil is
	// what the client said whose lease was taken over, or else the machine's.
	Hostname *string `json:"hostname,omitempty"`
	// ClientID is what DHCP servers know the bond by: nil is what they knew the client by
	// whose lease was taken over, or else one of the bond's own.
	ClientID *ClientID `json:"client_id,omitempty"`
}

// The values of Config.Method and Config.Method6.
const (
	// The addresses that are named, or else DHCP; of IPv6 those that are named, and
	// what routers advertise (SLAAC), as the kernel does by itself.
	MethodAuto   = "auto"
	MethodDHCP   = "dhcp"   // not of IPv6
	MethodStatic = "static" // the addresses that are named; of IPv6 beside link-local ones
	MethodNone   = "none"   // no address at all
)

// The values of Config.WiFiStandby.
const (
	StandbyWarm = "warm" // they stay associated, and can take over at once
	// They aren't associated, which saves power, and associate once the cable has no link.
	StandbyCold = "cold"
)

// FailsOverFast says whether a keeper is to leave a slave without waiting for miimon.
func (c Config) FailsOverFast() bool { return valueOr(c.FastFailover, true) }

// tidy gives configurations that mean the same the same form: IPv4 first, as a file
// has a table for each family, and each name server once.
func (c *Config) tidy() {
	slices.SortStableFunc(c.Addresses, func(a, b netip.Prefix) int { return a.Addr().BitLen() - b.Addr().BitLen() })
	slices.SortStableFunc(c.Gateways, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	var servers []netip.Addr
	for _, a := range c.DNS {
		servers = with(servers, a)
	}
	c.DNS = servers
	var domains []string
	for _, name := range c.Search {
		domains = with(domains, name)
	}
	c.Search = domains
}

// CheckName returns an error for a name that no bond can have: one that the kernel
// refuses, or that is too easily taken for something else.
func CheckName(name string) error {
	if err := sysfs.CheckName(name); err != nil {
		return err
	}
	return checkWord(name)
}

// CheckMemberName is CheckName for a member, which may be called by an alternative name.
func CheckMemberName(name string) error {
	if err := sysfs.CheckAltName(name); err != nil {
		return err
	}
	return checkWord(name)
}

// checkWord refuses what is too easily taken for something else than a name.
func checkWord(name string) error {
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
