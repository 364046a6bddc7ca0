package bond

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/xrash/smetrics"
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
	"primary":        (*builder).primary,
	"fail_over_mac":  (*builder).failOverMAC,
	"arp_ip_target":  (*builder).arpIPTarget,
	"mac":            (*builder).mac,
	"mtu":            (*builder).mtu,
	"member":         (*builder).member,
	"address":        (*builder).addresses,
	"gateway":        (*builder).gateway,
	"ipv4.method":    (*builder).ipv4Method,
	"ipv4.addresses": (*builder).addresses,
	"ipv4.gateway":   (*builder).gateway,
	"ipv6.addresses": (*builder).addresses,
	"ipv6.gateway":   (*builder).gateway,
}

// later are keys that only a keeper can honour. They are refused by name.
var later = map[string]bool{
	"dhcp": true, "dns": true, "ipv4.dns": true, "ipv6.dns": true,
	"ipv4.use_mtu": true, "ipv4.use_routes": true, "ipv4.use_dns": true,
	"member.kind": true, "member.mac": true, "member.driver": true, "member.bus": true, "member.wpa_conf": true,
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
	case later[s.Key]:
		return errNotYet
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

var (
	errNoKeeper = errors.New("not supported yet, as bondctl has no keeper so far")
	errNotYet   = fmt.Errorf("%w; leave it out", errNoKeeper)
)

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
	mac, err := net.ParseMAC(text)
	switch {
	case err != nil || len(mac) != 6:
		return fmt.Errorf("%q is not a MAC address; write one such as 02:00:5e:10:00:01, or stable", text)
	case mac[0]&1 != 0:
		return fmt.Errorf("%s is a multicast address; an interface's has an even first byte", mac)
	case slices.Equal(mac, make(net.HardwareAddr, 6)):
		return fmt.Errorf("%s is no interface's address; write one such as 02:00:5e:10:00:01, or stable", mac)
	}
	b.config.MAC = HardwareAddr(mac)
	return nil
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

func (b *builder) addresses(s Setting) error {
	if b.fresh("address") {
		b.config.Addresses = nil
	}
	return b.eachText(s, func(text string) error {
		p, err := parseCIDR(text)
		if err != nil {
			return err
		}
		if err := b.family(s.Key, p.Addr()); err != nil {
			return err
		}
		b.config.Addresses = append(b.config.Addresses, p)
		return nil
	})
}

func parseCIDR(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			return p, fmt.Errorf("%s has no prefix length; write it with one, such as %s/%d", a, a, usualBits(a))
		}
		return p, fmt.Errorf("%q is not an address with its prefix length; write one such as 192.0.2.10/24", text)
	}
	a := p.Addr()
	switch {
	case a.Is4In6():
		return p, fmt.Errorf("%s is an IPv4 address written as IPv6; write it as IPv4", text)
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a == limitedBroadcast:
		return p, fmt.Errorf("%s is not the address of one host on a network; write one such as 192.0.2.10/24", text)
	case p.Bits() == 0:
		return p, fmt.Errorf("%s makes the whole internet the bond's own network; write the network's prefix length, such as %s/%d", text, a, usualBits(a))
	case !isHost(a, p):
		return p, fmt.Errorf("%s is its network's own or its broadcast address; write the host's", text)
	}
	return p, nil
}

// usualBits is the prefix length of most local networks.
func usualBits(a netip.Addr) int {
	if a.Is4() {
		return 24
	}
	return 64
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// isHost says whether an address in a network is neither the network's own nor
// its broadcast address. IPv6 has none, nor has a link of two (RFC 3021).
func isHost(a netip.Addr, network netip.Prefix) bool {
	return !a.Is4() || network.Bits() >= 31 || a != network.Masked().Addr() && a != broadcast(network)
}

// broadcast is the last address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := range b {
		host := 8*(i+1) - p.Bits()
		b[i] |= byte(1<<min(max(host, 0), 8) - 1)
	}
	return netip.AddrFrom4(b)
}

// family refuses an IPv6 address in the ipv4 table, and the other way about.
func (b *builder) family(key string, a netip.Addr) error {
	switch table, _, found := strings.Cut(key, "."); {
	case !found:
		return nil
	case table == "ipv4" && !a.Is4():
		return fmt.Errorf("%s is an IPv6 address; it belongs below [ipv6]", a)
	case table == "ipv6" && a.Is4():
		return fmt.Errorf("%s is an IPv4 address; it belongs below [ipv4]", a)
	}
	return nil
}

func (b *builder) gateway(s Setting) error {
	if b.fresh("gateway") {
		b.config.Gateways = nil
	}
	return b.eachText(s, func(text string) error {
		a, err := netip.ParseAddr(text)
		if err != nil || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.Zone() != "" || a.Is4In6() || a == limitedBroadcast {
			return fmt.Errorf("%q is not a gateway's address; write one such as 192.0.2.1", text)
		}
		if err := b.family(s.Key, a); err != nil {
			return err
		}
		b.config.Gateways = append(b.config.Gateways, a)
		return nil
	})
}

func (b *builder) ipv4Method(s Setting) error {
	text, err := scalar(s.Value)
	if err != nil {
		return err
	}
	switch text {
	case "auto", "static", "none":
		b.config.Method = text
		return nil
	case "dhcp":
		return errNotYet
	}
	return fmt.Errorf("%q is none of its values; it takes auto, dhcp, static or none", text)
}

// member takes a flag's NAME[,prio=N] or a [[member]] of a file.
func (b *builder) member(s Setting) error {
	if b.fresh("member") {
		b.config.Members = nil
	}
	var m Member
	var err error
	switch v := s.Value.(type) {
	case string:
		m, err = parseMember(v)
	case []Setting:
		var ok bool
		if m, ok = b.memberTable(s.Where, v); !ok {
			return nil
		}
	default:
		err = errors.New("a member is a table, one of several; write [[member]] and below it name = \"eth0\"")
	}
	switch {
	case err != nil:
		return err
	case m.Name == b.config.Name:
		return fmt.Errorf("%s can't be a member of itself; name the interface that carries its traffic", m.Name)
	case b.config.hasMember(m.Name):
		return fmt.Errorf("%s is there twice; name it once", m.Name)
	}
	b.config.Members = append(b.config.Members, m)
	return nil
}

func parseMember(text string) (Member, error) {
	name, rest, comma := strings.Cut(text, ",")
	m := Member{}
	var err error
	if m.Name, err = memberName(name); err != nil || !comma {
		return m, err
	}
	number, ok := strings.CutPrefix(rest, "prio=")
	if !ok {
		return m, fmt.Errorf("%q: after the comma comes prio=N; for several members repeat the flag: --member %s --member ...", text, name)
	}
	prio, err := parsePrio(number)
	if err != nil {
		return m, fmt.Errorf("prio: %w", err)
	}
	m.Prio = &prio
	return m, nil
}

// memberName is the name of an interface that is or will be there.
func memberName(v any) (string, error) {
	name, ok := v.(string)
	switch {
	case !ok:
		return "", errors.New("it takes the name of one interface in quotes, such as \"eth0\"")
	case name == "":
		return "", errors.New("the name is empty; write that of an interface, such as eth0")
	case strings.ContainsAny(name, "*?["):
		return "", fmt.Errorf("%q: patterns are %w; name one interface", name, errNoKeeper)
	}
	return name, CheckName(name)
}

func parsePrio(text string) (int32, error) {
	n, err := parseInt(text, math.MinInt32, math.MaxInt32)
	return int32(n), err
}

// memberTable makes a member of its own keys. What is wrong with one of them is
// noted here, as each has its own place; then the member isn't ok.
func (b *builder) memberTable(where string, settings []Setting) (m Member, ok bool) {
	before := len(b.problems)
	named := false
	for _, s := range settings {
		b.refuse(s.Where, m.take(s))
		named = named || s.Key == "name" || later["member."+s.Key]
	}
	if !named {
		b.refuse(where, errors.New("it has no name; write name = \"eth0\" below it"))
	}
	return m, len(b.problems) == before
}

// take puts a setting into the member.
func (m *Member) take(s Setting) error {
	switch {
	case later["member."+s.Key]:
		return errNotYet
	case s.Key == "name":
		var err error
		m.Name, err = memberName(s.Value)
		return err
	case s.Key != "prio":
		return unknownKey("member." + s.Key)
	}
	text, err := scalar(s.Value)
	if err != nil {
		return err
	}
	prio, err := parsePrio(text)
	m.Prio = &prio
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
		return []string{"name", "prio"}
	case "ipv4":
		return []string{"method", "addresses", "gateway"}
	case "ipv6":
		return []string{"addresses", "gateway"}
	}
	keys := []string{"primary", "mac", "mtu", "address", "gateway", "member", "ipv4", "ipv6"}
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
	best, least := "", min(3, len(name)/3+1) // a short word is near to every other
	for _, k := range known {
		if d := smetrics.WagnerFischer(name, k, 1, 1, 1); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Errorf("unknown key; did you mean %s?", best)
	}
	slices.Sort(known)
	return fmt.Errorf("unknown key; there are %s", strings.Join(known, ", "))
}
