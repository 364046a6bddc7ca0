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

// ARPValidate says which ARP and NS probes and replies are checked.
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

// Options are the bonding driver's options that apply to active-backup, under
// the names that Documentation/networking/bonding.rst gives them. As part of a
// [Config] nil means "not named, so at its default"; as read from the kernel
// nil means that this kernel doesn't know the option.
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
	key   string // sysfs file, JSON key and key in the file; with dashes the flag
	attr  int    // IFLA_BOND_*
	size  int    // of the attribute in bytes: 1 or 4; 0 for a list of addresses
	words []string
	low   int // of a number
	high  int
	def   string // the kernel's default
	usage string

	isTime bool

	text  func(*Options) (text string, known bool)
	set   func(*Options, string) error
	unset func(*Options)
}

// table has a row an option, in the order in which bond_changelink
// (drivers/net/bonding/bond_netlink.c) goes through their attributes.
var table = []option{
	times("miimon", nl.IFLA_BOND_MIIMON, "how often the members' carrier is looked at", func(o *Options) **Millis { return &o.Miimon }),
	times("updelay", nl.IFLA_BOND_UPDELAY, "how long a member's carrier must be up before it is used", func(o *Options) **Millis { return &o.Updelay }),
	times("downdelay", nl.IFLA_BOND_DOWNDELAY, "how long a member's carrier must be down before it is given up", func(o *Options) **Millis { return &o.Downdelay }),
	times("peer_notif_delay", iflaBondPeerNotifDelay, "the time between gratuitous ARPs after a failover", func(o *Options) **Millis { return &o.PeerNotifDelay }),
	times("arp_interval", nl.IFLA_BOND_ARP_INTERVAL, "how often the ARP targets are asked, instead of miimon", func(o *Options) **Millis { return &o.ARPInterval }),
	targets("arp_ip_target", nl.IFLA_BOND_ARP_IP_TARGET, "an address that ARP monitoring asks, IPv4 or IPv6; 16 of each at most", func(o *Options) *[]netip.Addr { return &o.ARPIPTarget }),
	targets("ns_ip6_target", iflaBondNSIP6Target, "", func(o *Options) *[]netip.Addr { return &o.NSIP6Target }),
	words("arp_validate", nl.IFLA_BOND_ARP_VALIDATE, 4, "which probes and replies are checked", func(o *Options) **ARPValidate { return &o.ARPValidate },
		"none", "active", "backup", "all", "filter", "filter_active", "filter_backup"),
	words("arp_all_targets", nl.IFLA_BOND_ARP_ALL_TARGETS, 4, "how many ARP targets must answer", func(o *Options) **ARPAllTargets { return &o.ARPAllTargets },
		"any", "all"),
	words("primary_reselect", nl.IFLA_BOND_PRIMARY_RESELECT, 1, "when the primary takes over again", func(o *Options) **Reselect { return &o.PrimaryReselect },
		ReselectAlways, ReselectBetter, ReselectFailure),
	words("fail_over_mac", nl.IFLA_BOND_FAIL_OVER_MAC, 1, "whose MAC address the bond carries", func(o *Options) **FailOverMAC { return &o.FailOverMAC },
		FailOverMACNone, FailOverMACActive, FailOverMACFollow),
	count("resend_igmp", nl.IFLA_BOND_RESEND_IGMP, 4, 0, 255, "1", "how many IGMP membership reports follow a failover", func(o *Options) **int { return &o.ResendIGMP }),
	count("num_grat_arp", nl.IFLA_BOND_NUM_PEER_NOTIF, 1, 0, 255, "1", "how many gratuitous ARPs and unsolicited NAs follow a failover", func(o *Options) **int { return &o.NumGratARP }),
	count("all_slaves_active", nl.IFLA_BOND_ALL_SLAVES_ACTIVE, 1, 0, 1, "0", "take in frames that arrive at a backup slave, too", func(o *Options) **int { return &o.AllSlavesActive }),
	count("arp_missed_max", iflaBondMissedMax, 1, 1, 255, "2", "how many ARP intervals may go unanswered", func(o *Options) **int { return &o.ARPMissedMax }),
}

// Attributes that v1.3.1 of the netlink package doesn't name
// (include/uapi/linux/if_link.h).
const (
	iflaBondPeerNotifDelay = 28
	iflaBondMissedMax      = 30
	iflaBondNSIP6Target    = 31
	iflaBondSlavePrio      = 9
)

// row finds an option by its key.
func row(key string) (option, bool) {
	i := slices.IndexFunc(table, func(o option) bool { return o.key == key })
	if i < 0 {
		return option{}, false
	}
	return table[i], true
}

// An OptionDoc describes one option for a help text.
type OptionDoc struct {
	Key     string   // as in the file; with dashes for underscores the flag's name
	Usage   string   // one line
	Words   []string // the words it takes; nil for a number, a time or addresses
	Low     int      // the least number it takes
	High    int      // and the greatest; 0 for what is no number
	Default string   // what it is unless named; "" for a list
	IsTime  bool     // it takes a duration, or milliseconds
}

// OptionDocs lists the options that can be given for a bond, in the table's order.
func OptionDocs() []OptionDoc {
	var docs []OptionDoc
	for _, o := range table {
		if o.usage != "" {
			docs = append(docs, OptionDoc{
				Key: o.key, Usage: o.usage, Words: o.documentedWords(), Low: o.low, High: o.high,
				Default: o.documentedDefault(), IsTime: o.isTime,
			})
		}
	}
	return docs
}

// documentedWords are the kernel's words, and auto where bondctl chooses.
func (o option) documentedWords() []string {
	if o.key == "fail_over_mac" {
		return append([]string{"auto"}, o.words...)
	}
	return o.words
}

// documentedDefault is what a help text says of an option that isn't named;
// settleOptions says it in code.
func (o option) documentedDefault() string {
	switch o.key {
	case "miimon":
		return "100ms; 0 with ARP monitoring"
	case "updelay":
		return "0; 4s with a Wi-Fi member"
	case "peer_notif_delay":
		return "0; 200ms with a Wi-Fi member"
	case "num_grat_arp":
		return "1; 3 with a Wi-Fi member"
	case "fail_over_mac":
		return "auto, which is active with a Wi-Fi member, else none"
	}
	return o.def
}

// maxMillis is the kernel's limit for a time (INT_MAX, bond_intmax_tbl in
// drivers/net/bonding/bond_options.c).
const maxMillis = 1<<31 - 1

// times makes the row of a time. It is written as milliseconds, as in the
// kernel's documentation, or as a Go duration.
func times(key string, attr int, usage string, field func(*Options) **Millis) option {
	return option{
		key: key, attr: attr, size: 4, def: "0", usage: usage, isTime: true,
		text: func(o *Options) (string, bool) {
			p := *field(o)
			if p == nil {
				return "", false
			}
			return strconv.Itoa(int(*p)), true
		},
		set: func(o *Options, text string) error {
			ms, err := parseMillis(text)
			if err != nil {
				return err
			}
			*field(o) = &ms
			return nil
		},
		unset: func(o *Options) { *field(o) = nil },
	}
}

func parseMillis(text string) (Millis, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		var d time.Duration
		if d, err = time.ParseDuration(text); d%time.Millisecond != 0 {
			return 0, fmt.Errorf("%q is finer than the kernel's milliseconds; write it in whole ones", text)
		}
		n = d.Milliseconds()
	}
	if err != nil || n < 0 || n > maxMillis {
		return 0, fmt.Errorf("%q is not a time from 0 to %d ms; write a duration such as 100ms or 4s, or a number of milliseconds", text, maxMillis)
	}
	return Millis(n), nil
}

// words makes the row of an enumeration; the kernel's number of a word is its place.
func words[T ~string](key string, attr, size int, usage string, field func(*Options) **T, all ...T) option {
	names := make([]string, len(all))
	for i, w := range all {
		names[i] = string(w)
	}
	return option{
		key: key, attr: attr, size: size, words: names, def: names[0], usage: usage,
		text: func(o *Options) (string, bool) {
			p := *field(o)
			if p == nil {
				return "", false
			}
			return string(*p), true
		},
		set: func(o *Options, text string) error {
			if !slices.Contains(names, text) {
				return fmt.Errorf("%q is none of its values; it takes %s", text, oneOf(names))
			}
			*field(o) = new(T(text))
			return nil
		},
		unset: func(o *Options) { *field(o) = nil },
	}
}

// count makes the row of a number from low to high.
func count(key string, attr, size, low, high int, def, usage string, field func(*Options) **int) option {
	return option{
		key: key, attr: attr, size: size, low: low, high: high, def: def, usage: usage,
		text: func(o *Options) (string, bool) {
			p := *field(o)
			if p == nil {
				return "", false
			}
			return strconv.Itoa(*p), true
		},
		set: func(o *Options, text string) error {
			n, err := parseInt(text, low, high)
			if err != nil {
				return err
			}
			*field(o) = &n
			return nil
		},
		unset: func(o *Options) { *field(o) = nil },
	}
}

func parseInt(text string, low, high int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", text, low, high)
	}
	return n, nil
}

// maxTargets is BOND_MAX_ARP_TARGETS and BOND_MAX_NS_TARGETS.
const maxTargets = 16

// targets makes the row of a list of addresses. Its text is the addresses with
// a space between them, as in sysfs.
func targets(key string, attr int, usage string, field func(*Options) *[]netip.Addr) option {
	return option{
		key: key, attr: attr, usage: usage,
		text: func(o *Options) (string, bool) {
			var b strings.Builder
			for i, a := range *field(o) {
				if i > 0 {
					b.WriteByte(' ')
				}
				b.WriteString(a.String())
			}
			return b.String(), *field(o) != nil
		},
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
		unset: func(o *Options) { *field(o) = nil },
	}
}

// addTarget puts an ARP target where its family belongs.
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

// oneOf joins words as "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
