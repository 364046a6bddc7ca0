package bond

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/bondctl/bondctl/bond/nearest"
)

// A Setting is one key as somebody wrote it, in a file or as a flag.
type Setting struct {
	Key   string // as in the file: "miimon", "ipv4.gateway", "member"
	Where string // "bond0.toml:3: miimon" or "--miimon"
	// Value is a string, int64, bool or float64; []any of them; for a member
	// its own []Setting; nil for what no key takes, such as a date.
	Value any
}

// NewConfig makes the configuration of the bond called name out of layers of
// settings, such as a file's and then the flags': a later layer wins, and
// replaces a list as a whole. The error is a [*ConfigError] with everything
// that is wrong.
func NewConfig(name string, layers ...[]Setting) (Config, error) {
	b := builder{config: Config{Name: name}, where: map[string]string{}, refused: map[string]bool{}}
	for _, layer := range layers {
		b.named = map[string]bool{}
		for _, s := range layer {
			b.set(s)
		}
	}
	b.check()
	if len(b.problems) > 0 {
		return Config{}, &ConfigError{b.problems}
	}
	b.config.sortFamilies()
	return b.config, nil
}

// builder turns settings into a Config and collects what is wrong with them.
type builder struct {
	config   Config
	named    map[string]bool   // lists that the layer at hand has begun anew
	where    map[string]string // where a key was last written
	refused  map[string]bool   // keys that a problem was found with
	problems []Problem
}

// setters has the keys that are no bonding options.
var setters = map[string]func(*builder, Setting) error{
	"primary":         (*builder).primary,
	"fail_over_mac":   (*builder).failOverMAC,
	"arp_ip_target":   (*builder).arpIPTarget,
	"mac":             (*builder).mac,
	"mtu":             (*builder).mtu,
	"member":          (*builder).member,
	"address":         (*builder).addresses,
	"gateway":         (*builder).gateway,
	"dhcp":            (*builder).dhcp,
	"dns":             (*builder).dns,
	"ipv4.method":     (*builder).ipv4Method,
	"ipv4.addresses":  (*builder).addresses,
	"ipv4.gateway":    (*builder).gateway,
	"ipv4.dns":        (*builder).dns,
	"ipv4.use_routes": (*builder).useRoutes,
	"ipv4.use_dns":    (*builder).useDNS,
	"ipv4.use_mtu":    (*builder).useMTU,
	"ipv6.addresses":  (*builder).addresses,
	"ipv6.gateway":    (*builder).gateway,
	"ipv6.dns":        (*builder).dns,
}

func (b *builder) set(s Setting) {
	b.where[subject(s.Key)] = s.Where
	before := len(b.problems)
	b.refuse(s.Where, b.take(s))
	if len(b.problems) > before {
		b.refused[subject(s.Key)] = true
	}
}

// take puts a setting into the configuration.
func (b *builder) take(s Setting) error {
	if setter, ok := setters[s.Key]; ok {
		return setter(b, s)
	}
	o, known := row(s.Key)
	switch {
	case s.Key == "mode":
		return errors.New("bondctl makes bonds of mode active-backup alone; leave it out")
	case s.Key == "ns_ip6_target":
		return errors.New("bondctl has one list of targets; write IPv6 addresses into arp_ip_target, too")
	case isTable(s.Key):
		return fmt.Errorf("it is a table; write [%s] and the keys below it", s.Key)
	case !known:
		return unknownKey(s.Key)
	}
	text, err := scalar(s.Value)
	if err != nil {
		return err
	}
	return o.set(&b.config.Options, text)
}

func (b *builder) refuse(where string, err error) {
	if err != nil {
		b.problems = append(b.problems, Problem{where, err.Error()})
	}
}

// check notes what doesn't go together. What was refused is left out of it:
// what follows from a mistake isn't another one.
func (b *builder) check() {
	for _, rule := range rules {
		if slices.ContainsFunc(rule.keys, func(key string) bool { return b.refused[key] }) {
			continue
		}
		rule.check(&b.config, func(key, format string, args ...any) {
			where, named := b.where[key]
			if !named {
				where = key
			}
			b.problems = append(b.problems, Problem{where, fmt.Sprintf(format, args...)})
		})
	}
}

// subject is the key under which a rule speaks of a setting.
func subject(key string) string {
	_, last, found := strings.Cut(key, ".")
	switch {
	case !found:
		return key
	case last == "addresses":
		return "address"
	default:
		return last
	}
}

// fresh says whether the layer at hand names key for the first time: then its
// list replaces the one of an earlier layer.
func (b *builder) fresh(key string) bool {
	first := !b.named[key]
	b.named[key] = true
	return first
}

func (b *builder) primary(s Setting) error {
	name, err := memberName(s.Value)
	b.config.Primary = name
	return err
}

// failOverMAC takes auto besides the kernel's words: nil in the Config.
func (b *builder) failOverMAC(s Setting) error {
	text, err := scalar(s.Value)
	if err != nil {
		return err
	}
	o := mustRow("fail_over_mac")
	switch {
	case text == "auto":
		o.unset(&b.config.Options)
		return nil
	case !slices.Contains(o.words, text):
		return fmt.Errorf("%q is none of its values; it takes %s", text, oneOf(o.documentedWords()))
	}
	return o.set(&b.config.Options, text)
}

func (b *builder) arpIPTarget(s Setting) error {
	if b.fresh("arp_ip_target") {
		b.config.Options.ARPIPTarget, b.config.Options.NSIP6Target = nil, nil
	}
	return b.eachText(s, b.config.Options.addTarget)
}

func (b *builder) mac(s Setting) error {
	text, err := scalar(s.Value)
	if err != nil {
		return err
	}
	b.config.MAC, b.config.MACStable = nil, text == "stable"
	if b.config.MACStable {
		return nil
	}
	if b.config.MAC, err = parseMAC(text); err != nil {
		return fmt.Errorf("%w, or stable", err)
	}
	return nil
}

// parseMAC reads an interface's address.
func parseMAC(text string) (HardwareAddr, error) {
	mac, err := net.ParseMAC(text)
	switch {
	case err != nil || len(mac) != 6:
		return nil, fmt.Errorf("%q is not a MAC address; write one such as 02:00:5e:10:00:01", text)
	case mac[0]&1 != 0:
		return nil, fmt.Errorf("%s is a multicast address, no interface's; write one such as 02:00:5e:10:00:01", mac)
	case slices.Equal(mac, make(net.HardwareAddr, 6)):
		return nil, fmt.Errorf("%s is no interface's address; write one such as 02:00:5e:10:00:01", mac)
	}
	return HardwareAddr(mac), nil
}

// The kernel's limits of an Ethernet device's MTU (ETH_MIN_MTU; ETH_MAX_MTU is
// what the bonding driver sets as its maximum).
const minMTU, maxMTU = 68, 65535

func (b *builder) mtu(s Setting) error {
	text, err := scalar(s.Value)
	if err != nil {
		return err
	}
	b.config.MTU, err = parseInt(text, minMTU, maxMTU)
	return err
}

// scalar is a value's text; a list or a table is an error.
func scalar(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return "", errors.New("it takes no decimal fraction; write a whole number, or a text in quotes")
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", errors.New("it takes one text or number, not a list, a table or a date")
}

// eachText calls f with a value's text, or with each one's of a list, and notes
// what it refuses.
func (b *builder) eachText(s Setting, f func(string) error) error {
	list, ok := s.Value.([]any)
	if !ok {
		list = []any{s.Value}
	}
	for _, item := range list {
		text, ok := item.(string)
		if !ok {
			return errors.New("it takes a text in quotes, or a list of them in brackets")
		}
		b.refuse(s.Where, f(text))
	}
	return nil
}

// knownKeys has the keys of each table of a file; "" is its top level.
func knownKeys(table string) []string {
	switch table {
	case "member":
		return []string{"name", "kind", "mac", "driver", "bus", "prio", "wpa_conf"}
	case "ipv4":
		return []string{"method", "addresses", "gateway", "dns", "use_routes", "use_dns", "use_mtu"}
	case "ipv6":
		return []string{"addresses", "gateway", "dns"}
	}
	keys := []string{"primary", "mac", "mtu", "address", "gateway", "dns", "dhcp", "member", "ipv4", "ipv6"}
	for _, o := range OptionDocs() {
		keys = append(keys, o.Key)
	}
	return keys
}

// unknownKey says what key may have been meant, of the same table.
func unknownKey(key string) error {
	table, name, found := strings.Cut(key, ".")
	if !found {
		table, name = "", key
	}
	known := knownKeys(table)
	if meant := nearest.Word(name, known); meant != "" {
		return fmt.Errorf("unknown key; did you mean %s?", meant)
	}
	slices.Sort(known)
	return fmt.Errorf("unknown key; there are %s", strings.Join(known, ", "))
}
