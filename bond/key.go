package bond

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/nearest"
)

// A Key is one key of a configuration. A program can make a flag of it, or a line of a
// help text.
type Key struct {
	// Name is the key as a file has it, with its table: "miimon",
	// "ipv4.gateway", "member.prio".
	Name string
	// Flag is the key whose flag sets the same: Name itself for most, "gateway" for
	// "ipv4.gateway", "" where there is no such flag.
	Flag string
	// Usage says in a line what it is, and in backquotes what stands for its
	// value: "the `MEMBER` that is active whenever it can be".
	Usage string
	// Default says what it is where it isn't named; "" for nothing.
	Default string

	Option bool // it is an option of the bonding driver
	List   bool // it takes several values; its flag can be repeated
	Switch bool // its flag takes no value

	kind
}

// keys has a row for each key, in the order of help texts and files. What contradicts
// each other is in configRules.
var keys = slices.Concat([]Key{
	{Name: "member", Flag: "member", List: true, kind: repeated(membersOf, func() element { return &Member{} }, `name = "eth0"`),
		Usage: "`NAME[,prio=N]` an interface of the bond, present or not, in order of preference; the order gives the prio unless one is written"},
	{Name: "strategy", kind: one(func(c *Config) *string { return &c.Strategy }, oneOf(StrategyBond, StrategyRoutes)), Default: StrategyBond,
		Usage: "`WORD` what is made of the members: bond (one address over all of them), routes (each keeps its own, with a routing table of its own)"},
	{Name: "mptcp", kind: one(func(c *Config) *bool { return &c.MPTCP }, parseBool),
		Usage: "`BOOLEAN` whether connections of Multipath TCP may go over each member's addresses, under the strategy routes"},
	{Name: "primary", Flag: "primary", kind: interfaceName(func(c *Config) *string { return &c.Primary }),
		Usage: "the `MEMBER` that is active whenever it can be"},
	{Name: "fast_failover", Flag: "fast_failover", kind: one(func(c *Config) **bool { return &c.FastFailover }, pointerTo(parseBool)), Default: "true",
		Usage: "`BOOLEAN` whether the keeper leaves a member as soon as the kernel tells that its carrier is lost, and not at the next miimon; never under ARP monitoring or with a downdelay"},
}, optionKeys(), []Key{
	{Name: "mac", Flag: "mac", kind: kind{texts: oneText, set: setMAC, get: getMAC}, Default: "that of the member whose place the bond takes, else the first member's",
		Usage: "the bond's MAC `ADDRESS`, or stable: derived from the machine's id and the bond's name"},
	{Name: "mtu", Flag: "mtu", kind: one(func(c *Config) *int { return &c.MTU }, wholeNumber[int](minMTU, maxMTU)), Default: "that of the member whose place the bond takes, else 1500",
		Usage: "the bond's and its members' MTU in `BYTES`"},
	{Name: "address", Flag: "address", List: true, kind: unwritten(several(addressesOf, parseCIDR, "")),
		Usage: "an address of the bond as `CIDR`, such as 192.0.2.10/24"},
	{Name: "gateway", Flag: "gateway", List: true, kind: unwritten(several(gatewaysOf, parseGateway, "")),
		Usage: "the `ADDRESS` of the default gateway, one of a family"},
	{Name: "dhcp", Flag: "dhcp", Switch: true, kind: unwritten(one(func(c *Config) *string { return &c.Method }, parseDHCP)),
		Usage: "have the keeper ask for an IPv4 address by DHCP, which it does as well where no IPv4 address is named and members have none, or a leased one"},
	{Name: "dns", Flag: "dns", List: true, kind: several(dnsOf, parseServer, ""),
		Usage: "the `ADDRESS` of a name server, in the place of leased ones"},
	{Name: "hostname", Flag: "hostname", kind: one(func(c *Config) **string { return &c.Hostname }, pointerTo(parseHostname)), Default: "the machine's, or what the DHCP client said whose lease was taken over",
		Usage: "the `NAME` that DHCP servers are told; an empty one tells them none"},
	{Name: "client_id", Flag: "client_id", kind: one(func(c *Config) **ClientID { return &c.ClientID }, pointerTo(parseClientID)), Default: "the bond's own, or that of the DHCP client whose lease was taken over",
		Usage: "the `BYTES` by which DHCP servers know the bond, such as 01:02:00:5e:10:00:01, the first one being their type; none has them go by MAC address"},
	{Name: "end_connections", Flag: "end_connections", kind: one(func(c *Config) **bool { return &c.EndConnections }, pointerTo(parseBool)), Default: "true",
		Usage: "`BOOLEAN` whether the keeper ends connections over an address that the bond has no more, so that programs connect again at once"},
	{Name: "wifi_standby", Flag: "wifi_standby", kind: one(func(c *Config) *string { return &c.WiFiStandby }, oneOf(StandbyWarm, StandbyCold)), Default: StandbyWarm,
		Usage: "`WORD` what members with a wpa_conf do while a cable serves: warm, cold (stay associated and take over at once, or save power and associate once the cable has no link)"},
	{Name: "search", List: true, kind: domains(),
		Usage: "a `DOMAIN` that is appended to a short name, in the place of leased ones"},

	{Name: "member.name", kind: interfaceName(func(m *Member) *string { return &m.Name }),
		Usage: "the interface `NAME`; with * in it a pattern, for hardware alone"},
	{Name: "member.kind", kind: one(func(m *Member) *string { return &m.Kind }, oneOf(KindWired, KindWiFi)),
		Usage: "`WORD` hardware of a kind: wired, wifi"},
	{Name: "member.mac", kind: one(func(m *Member) *HardwareAddr { return &m.MAC }, parseMAC),
		Usage: "hardware with the permanent MAC `ADDRESS`"},
	{Name: "member.driver", kind: one(func(m *Member) *string { return &m.Driver }, parseWord("cdc_ether")),
		Usage: "hardware that the driver `NAME` serves, such as cdc_ether"},
	{Name: "member.bus", kind: one(func(m *Member) *string { return &m.Bus }, parseWord("usb")),
		Usage: "hardware on the bus `NAME`, such as usb or pci"},
	{Name: "member.wpa_conf", kind: one(func(m *Member) *string { return &m.WPAConf }, parsePath),
		Usage: "have the keeper run a wpa_supplicant with `FILE`; without it, whoever associates the interface goes on to do so"},
	{Name: "member.prio", kind: one(func(m *Member) **int32 { return &m.Prio }, pointerTo(parsePrio)), Default: "from the order",
		Usage: "`N` of the members that are up, the one with the greatest is active"},
}, memberNetworkKeys(unix.AF_INET, ", else dhcp", MethodAuto, MethodDHCP, MethodStatic, MethodNone),
	memberNetworkKeys(unix.AF_INET6, "", MethodAuto, MethodStatic, MethodNone), []Key{
		{Name: "ipv4", kind: kind{table: true}},
		{Name: "ipv4.method", kind: one(func(c *Config) *string { return &c.Method }, oneOf(MethodAuto, MethodDHCP, MethodStatic, MethodNone)),
			Usage: "`WORD` where the IPv4 address comes from: auto, dhcp, static, none", Default: "auto: static where an address is named, else what the members carried, else dhcp"},
		{Name: "ipv4.use_routes", kind: one(func(c *Config) **bool { return &c.UseRoutes }, pointerTo(parseBool)),
			Usage: "`BOOLEAN` whether to use the routes of a lease", Default: "true"},
		{Name: "ipv4.use_dns", kind: one(func(c *Config) **bool { return &c.UseDNS }, pointerTo(parseBool)),
			Usage: "`BOOLEAN` whether to use the name servers of a lease", Default: "true"},
		{Name: "ipv4.use_mtu", kind: one(func(c *Config) *bool { return &c.UseMTU }, parseBool),
			Usage: "`BOOLEAN` whether to use the MTU of a lease, which is left alone otherwise"},
		{Name: "ipv4.addresses", Flag: "address", List: true, kind: several(addressesOf, parseCIDR, "ipv4"),
			Usage: "`CIDR` an IPv4 address of the bond"},
		{Name: "ipv4.gateway", Flag: "gateway", kind: several(gatewaysOf, parseGateway, "ipv4"),
			Usage: "the `ADDRESS` of the default gateway"},
		{Name: "ipv4.metric", kind: one(func(c *Config) **uint32 { return &c.Metric4 }, pointerTo(parseMetric(0))), Default: "100",
			Usage: "`N` the metric of the default route and of a lease's routes"},
		{Name: "ipv4.dns", Flag: "dns", List: true, kind: unwritten(several(dnsOf, parseServer, "ipv4")),
			Usage: "the IPv4 `ADDRESS` of a name server"},

		{Name: "ipv6", kind: kind{table: true}},
		{Name: "ipv6.method", kind: one(func(c *Config) *string { return &c.Method6 }, oneOf(MethodAuto, MethodStatic, MethodNone)),
			Usage: "`WORD` what IPv6 has beside the addresses that are named: auto (what routers advertise), static (link-local addresses alone), none (no IPv6 at all)", Default: "auto"},
		{Name: "ipv6.addresses", Flag: "address", List: true, kind: several(addressesOf, parseCIDR, "ipv6"),
			Usage: "`CIDR` an IPv6 address of the bond"},
		{Name: "ipv6.gateway", Flag: "gateway", kind: several(gatewaysOf, parseGateway, "ipv6"),
			Usage: "the `ADDRESS` of the default gateway"},
		{Name: "ipv6.metric", kind: one(func(c *Config) **uint32 { return &c.Metric6 }, pointerTo(parseMetric(1))), Default: "100",
			Usage: "`N` the metric of the default route, a router's included"},
		{Name: "ipv6.dns", Flag: "dns", List: true, kind: unwritten(several(dnsOf, parseServer, "ipv6")),
			Usage: "the IPv6 `ADDRESS` of a name server"},
	}, probeKeys, policyKeys, []Key{
		{Name: "mode", kind: kind{unsupported: "bondctl makes bonds of mode active-backup alone; leave it out"}},
		{Name: "ns_ip6_target", kind: kind{unsupported: "bondctl has one list of targets; write IPv6 addresses into arp_ip_target, too"}},
	})

func membersOf(c *Config) *[]Member         { return &c.Members }
func addressesOf(c *Config) *[]netip.Prefix { return &c.Addresses }
func gatewaysOf(c *Config) *[]netip.Addr    { return &c.Gateways }
func dnsOf(c *Config) *[]netip.Addr         { return &c.DNS }

// optionKeys are the options of the bonding driver as keys.
func optionKeys() (list []Key) {
	for _, o := range optionTable {
		k := Key{Name: o.key, Flag: o.key, Usage: o.usage, Default: o.usual, Option: true, kind: o.kind}
		switch o.key {
		case "arp_ip_target":
			k.List, k.kind = true, arpTargets()
			k.Usage = "`ADDRESS` an address that ARP monitoring asks, IPv4 or IPv6; 16 of each at most"
		case "ns_ip6_target":
			continue // arp_ip_target takes both
		case "fail_over_mac":
			k.kind = one(func(c *Config) **FailOverMAC { return &c.Options.FailOverMAC }, parseFailOverMAC)
			k.Usage = strings.Replace(k.Usage, ": ", ": auto, ", 1)
			k.Default = "auto, which is active with a Wi-Fi member, else none"
		}
		list = append(list, k)
	}
	return list
}

// Keys lists the keys that a configuration may have, in the order in which a
// help text has them.
func Keys() []Key {
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return k.table || k.unsupported != "" })
}

// findKey finds a key by its name.
func findKey(name string) (Key, bool) {
	for i := range keys {
		if keys[i].Name == name {
			return keys[i], true
		}
	}
	return Key{}, false
}

// keysOf are the keys of a table; "" is the top level.
func keysOf(table string) iter.Seq[*Key] {
	return func(yield func(*Key) bool) {
		for i := range keys {
			if tableOf(keys[i].Name) == table && !yield(&keys[i]) {
				return
			}
		}
	}
}

// tableOf is the table that a key belongs to.
func tableOf(key string) string { return key[:max(strings.LastIndexByte(key, '.'), 0)] }

// lastPart is a key without its table.
func lastPart(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// subject is the name by which rules know a key. Keys that set the same share it.
func (k Key) subject() string { return cmp.Or(k.Flag, k.Name) }

// unknownKey finds the key of the same table that may have been meant.
func unknownKey(name string) (meant Key, err error) {
	table := tableOf(name)
	for table != "" && slices.Collect(keysOf(table)) == nil {
		table = tableOf(table)
	}
	var known []string
	for k := range keysOf(table) {
		if k.unsupported == "" {
			known = append(known, lastPart(k.Name))
		}
	}
	part := strings.TrimPrefix(name, table+".")
	if !strings.Contains(part, `"`) { // within quotes a dot is like any other character
		part, _, _ = strings.Cut(part, ".")
	}
	if word := nearest.Word(part, known); word != "" {
		meant, _ = findKey(strings.TrimPrefix(table+"."+word, "."))
		return meant, fmt.Errorf("unknown key; did you mean %s?", word)
	}
	slices.Sort(known)
	return meant, fmt.Errorf("unknown key; there are %s", strings.Join(known, ", "))
}
