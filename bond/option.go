package bond

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink/nl"
)

// Millis is a time in milliseconds, the unit of every bonding option that is
// a time (Documentation/networking/bonding.rst).
type Millis int

// Reselect says when the primary takes over from another active slave.
type Reselect string

// The values of primary_reselect.
const (
	ReselectAlways  Reselect = "always"  // whenever it is up
	ReselectBetter  Reselect = "better"  // when its speed and duplex are better
	ReselectFailure Reselect = "failure" // only when the active slave fails
)

// ARPValidate says which ARP and NS probes and replies are checked: none,
// active, backup, all, filter, filter_active or filter_backup.
type ARPValidate string

// ARPAllTargets says how many ARP targets must answer: any or all.
type ARPAllTargets string

// FailOverMAC says which MAC address bond and members carry.
type FailOverMAC string

// The values of fail_over_mac.
const (
	FailOverMACNone   FailOverMAC = "none"   // all members carry the bond's
	FailOverMACActive FailOverMAC = "active" // the bond carries its active slave's
	FailOverMACFollow FailOverMAC = "follow" // a member takes the bond's when it becomes active
)

// Options are the bonding driver's options that apply to active-backup, by their names
// in Documentation/networking/bonding.rst. In a [Config] nil is for an option that
// isn't named, and so is at its default. In a [State] it is for one that this kernel
// doesn't know.
type Options struct {
	PrimaryReselect *Reselect      `json:"primary_reselect"`  // IFLA_BOND_PRIMARY_RESELECT
	Miimon          *Millis        `json:"miimon"`            // IFLA_BOND_MIIMON
	Updelay         *Millis        `json:"updelay"`           // IFLA_BOND_UPDELAY, a multiple of miimon
	Downdelay       *Millis        `json:"downdelay"`         // IFLA_BOND_DOWNDELAY, a multiple of miimon
	PeerNotifDelay  *Millis        `json:"peer_notif_delay"`  // IFLA_BOND_PEER_NOTIF_DELAY, a multiple of miimon
	NumGratARP      *int           `json:"num_grat_arp"`      // IFLA_BOND_NUM_PEER_NOTIF, 0 to 255
	ARPInterval     *Millis        `json:"arp_interval"`      // IFLA_BOND_ARP_INTERVAL
	ARPIPTarget     []netip.Addr   `json:"arp_ip_target"`     // IFLA_BOND_ARP_IP_TARGET, 16 at most
	NSIP6Target     []netip.Addr   `json:"ns_ip6_target"`     // IFLA_BOND_NS_IP6_TARGET, 16 at most
	ARPValidate     *ARPValidate   `json:"arp_validate"`      // IFLA_BOND_ARP_VALIDATE
	ARPAllTargets   *ARPAllTargets `json:"arp_all_targets"`   // IFLA_BOND_ARP_ALL_TARGETS
	ARPMissedMax    *int           `json:"arp_missed_max"`    // IFLA_BOND_MISSED_MAX, 1 to 255
	FailOverMAC     *FailOverMAC   `json:"fail_over_mac"`     // IFLA_BOND_FAIL_OVER_MAC
	AllSlavesActive *int           `json:"all_slaves_active"` // IFLA_BOND_ALL_SLAVES_ACTIVE, 0 or 1
	ResendIGMP      *int           `json:"resend_igmp"`       // IFLA_BOND_RESEND_IGMP, 0 to 255
}

// An option is one row of the options table: how one field of [Options] is
// written, checked and sent. An option's text is what its sysfs file says,
// without the number behind a word.
type option struct {
	key   string   // sysfs file, JSON key and key of a configuration
	attr  int      // IFLA_BOND_*
	size  int      // of the attribute in bytes: 1 or 4; 0 for a list of addresses
	words []string // of an enumeration; the kernel's number of a word is its place
	def   string   // the kernel's default

	usage string // for the help text of its key
	usual string // what completeOptions makes of it where it isn't named

	text func(*Options) (text string, known bool)
	set  func(o *Options, text string) error
	kind kind // of the option as a key
}

// optionTable has a row for each option, in the order in which bond_changelink
// (drivers/net/bonding/bond_netlink.c) goes through their attributes.
var optionTable = []option{
	times("miimon", nl.IFLA_BOND_MIIMON, func(o *Options) **Millis { return &o.Miimon }, maxMillis,
		"how often the members' carrier is looked at", "100ms; 0 with ARP monitoring"),
	times("updelay", nl.IFLA_BOND_UPDELAY, func(o *Options) **Millis { return &o.Updelay }, maxMillis,
		"how long a member's carrier must be up before it is used", "0; 4s with a Wi-Fi member"),
	times("downdelay", nl.IFLA_BOND_DOWNDELAY, func(o *Options) **Millis { return &o.Downdelay }, maxMillis,
		"how long a member's carrier must be down before it is given up", "0"),
	times("peer_notif_delay", iflaBondPeerNotifDelay, func(o *Options) **Millis { return &o.PeerNotifDelay }, maxPeerNotifDelay,
		"the time between gratuitous ARPs after a failover, 5m at most", "0; 200ms with a Wi-Fi member"),
	times("arp_interval", nl.IFLA_BOND_ARP_INTERVAL, func(o *Options) **Millis { return &o.ARPInterval }, maxMillis,
		"how often the ARP targets are asked, instead of miimon", "0"),
	targets("arp_ip_target", nl.IFLA_BOND_ARP_IP_TARGET, func(o *Options) *[]netip.Addr { return &o.ARPIPTarget }),
	targets("ns_ip6_target", iflaBondNSIP6Target, func(o *Options) *[]netip.Addr { return &o.NSIP6Target }),
	words("arp_validate", nl.IFLA_BOND_ARP_VALIDATE, 4, func(o *Options) **ARPValidate { return &o.ARPValidate },
		"which probes and replies are checked", "none", "active", "backup", "all", "filter", "filter_active", "filter_backup"),
	words("arp_all_targets", nl.IFLA_BOND_ARP_ALL_TARGETS, 4, func(o *Options) **ARPAllTargets { return &o.ARPAllTargets },
		"how many ARP targets must answer", "any", "all"),
	words("primary_reselect", nl.IFLA_BOND_PRIMARY_RESELECT, 1, func(o *Options) **Reselect { return &o.PrimaryReselect },
		"when the primary takes over again", ReselectAlways, ReselectBetter, ReselectFailure),
	words("fail_over_mac", nl.IFLA_BOND_FAIL_OVER_MAC, 1, func(o *Options) **FailOverMAC { return &o.FailOverMAC },
		"whose MAC address the bond carries", FailOverMACNone, FailOverMACActive, FailOverMACFollow),
	count("resend_igmp", nl.IFLA_BOND_RESEND_IGMP, 4, func(o *Options) **int { return &o.ResendIGMP }, 0, 255, "1",
		"how many IGMP membership reports follow a failover", "1"),
	count("num_grat_arp", nl.IFLA_BOND_NUM_PEER_NOTIF, 1, func(o *Options) **int { return &o.NumGratARP }, 0, 255, "1",
		"how many gratuitous ARPs and unsolicited NAs follow a failover", "1; 3 with a Wi-Fi member"),
	count("all_slaves_active", nl.IFLA_BOND_ALL_SLAVES_ACTIVE, 1, func(o *Options) **int { return &o.AllSlavesActive }, 0, 1, "0",
		"take in frames that arrive at a backup slave, too", "0"),
	count("arp_missed_max", iflaBondMissedMax, 1, func(o *Options) **int { return &o.ARPMissedMax }, 1, 255, "2",
		"how many ARP intervals may go unanswered", "2"),
}

// Attributes that v1.3.1 of the netlink package doesn't name
// (include/uapi/linux/if_link.h).
const (
	iflaBondPeerNotifDelay = 28
	iflaBondMissedMax      = 30
	iflaBondNSIP6Target    = 31
	iflaBondSlavePrio      = 9
)

// mustRow finds an option by its key.
func mustRow(key string) option {
	for _, o := range optionTable {
		if o.key == key {
			return o
		}
	}
	panic("bond: no option " + key)
}

// times makes the row of a time of up to high milliseconds. It is written as
// milliseconds, as in the kernel's documentation, or as a Go duration.
func times(key string, attr int, field func(*Options) **Millis, high int, usage, usual string) option {
	o := option{key: key, attr: attr, size: 4, def: "0", usage: "`TIME` " + usage, usual: usual}
	return single(o, field, millisUpTo(high))
}

// words makes the row of an enumeration. Its first word is the default.
func words[T ~string](key string, attr, size int, field func(*Options) **T, usage string, all ...T) option {
	names := make([]string, len(all))
	for i, w := range all {
		names[i] = string(w)
	}
	o := option{key: key, attr: attr, size: size, words: names, def: names[0], usual: names[0]}
	o.usage = "`WORD` " + usage + ": " + strings.Join(names, ", ")
	return single(o, field, func(text string) (T, error) {
		word, err := oneOf(names...)(text)
		return T(word), err
	})
}

// count makes the row of a number from low to high.
func count(key string, attr, size int, field func(*Options) **int, low, high int, def, usage, usual string) option {
	o := option{key: key, attr: attr, size: size, def: def, usual: usual}
	o.usage = fmt.Sprintf("`N` %s: %d to %d", usage, low, high)
	if high == low+1 {
		o.usage = fmt.Sprintf("`N` %s: %d or %d", usage, low, high)
	}
	return single(o, field, wholeNumber[int](low, high))
}

// single completes the row of an option with one value.
func single[T any](o option, field func(*Options) **T, parse func(string) (T, error)) option {
	o.kind = one(func(c *Config) **T { return field(&c.Options) }, pointerTo(parse))
	o.text = func(from *Options) (string, bool) {
		p := *field(from)
		if p == nil {
			return "", false
		}
		return fmt.Sprint(*p), true
	}
	o.set = func(to *Options, text string) error {
		v, err := parse(text)
		if err == nil {
			*field(to) = &v
		}
		return err
	}
	return o
}

// targets makes the row of a list of addresses. Its text is the addresses with
// a space between them, as in sysfs.
func targets(key string, attr int, field func(*Options) *[]netip.Addr) option {
	return option{
		key: key, attr: attr,
		text: func(o *Options) (string, bool) { return strings.Join(texts(*field(o)), " "), *field(o) != nil },
		set: func(o *Options, text string) error {
			list := []netip.Addr{}
			for word := range strings.FieldsSeq(text) {
				a, err := netip.ParseAddr(word)
				if err != nil {
					return err
				}
				list = append(list, a)
			}
			*field(o) = list
			return nil
		},
	}
}

// arpTargets is the kind of a configuration's list of ARP targets, which has IPv4 and
// IPv6 addresses.
func arpTargets() kind {
	return kind{
		texts: eachText,
		clear: func(into any) { o := &into.(*Config).Options; o.ARPIPTarget, o.NSIP6Target = nil, nil },
		set:   func(into any, text string) error { return into.(*Config).Options.addTarget(text) },
		get: func(from any) any {
			o := &from.(*Config).Options
			return writtenAll(slices.Concat(o.ARPIPTarget, o.NSIP6Target))
		},
	}
}

// parseFailOverMAC takes the kernel's words, and auto, which is nil.
func parseFailOverMAC(text string) (*FailOverMAC, error) {
	word, err := oneOf(append([]string{"auto"}, mustRow("fail_over_mac").words...)...)(text)
	if err != nil || word == "auto" {
		return nil, err
	}
	return new(FailOverMAC(word)), nil
}

// maxTargets is BOND_MAX_ARP_TARGETS and BOND_MAX_NS_TARGETS.
const maxTargets = 16

// addTarget adds an ARP target to the list of its family.
func (o *Options) addTarget(text string) error {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return fmt.Errorf("%q is not an IP address; write one such as 192.0.2.1 or 2001:db8::1", text)
	}
	a = a.Unmap()
	list := &o.ARPIPTarget
	if a.Is6() {
		list = &o.NSIP6Target
	}
	switch {
	case a.IsUnspecified() || a.IsMulticast() || a == limitedBroadcast:
		return fmt.Errorf("%s is not the address of one host; name one that answers", a)
	case slices.Contains(*list, a):
		return fmt.Errorf("%s is there twice", a)
	case len(*list) == maxTargets:
		return fmt.Errorf("%s is one too many; the kernel takes %d of a family", a, maxTargets)
	}
	*list = append(*list, a)
	return nil
}

// The kernel's limits for times.
const (
	maxMillis         = 1<<31 - 1 // INT_MAX, bond_intmax_tbl in drivers/net/bonding/bond_options.c
	maxPeerNotifDelay = 300_000   // delay_range in bond_netlink.c, and bond_peer_notif_delay_tbl
)

// millisUpTo makes the parser of a time.
func millisUpTo(high int) func(string) (Millis, error) {
	return func(text string) (Millis, error) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			var d time.Duration
			if d, err = time.ParseDuration(text); d%time.Millisecond != 0 {
				return 0, fmt.Errorf("%q is finer than the kernel's milliseconds; write it in whole ones", text)
			}
			n = d.Milliseconds()
		}
		if err != nil || n < 0 || n > int64(high) {
			return 0, fmt.Errorf("%q is not a time from 0 to %d ms; write a duration such as 100ms or 4s, or a number of milliseconds", text, high)
		}
		return Millis(n), nil
	}
}
