package bond

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A Setting is one key as somebody wrote it, in a file or as a flag.
type Setting struct {
	Key   string // as in the file: "miimon", "ipv4.gateway", "member"
	Where string // "bond0.toml:3: miimon" or "--miimon"
	// Value is a string, int64, bool or float64; []any of them; or, for a
	// member, its own []Setting.
	Value any
}

// NewConfig makes the configuration of the bond called name out of layers of
// settings, such as a file's and then the flags': a later layer wins, and
// replaces a list as a whole. The error is a [*ConfigError] with everything
// that is wrong.
func NewConfig(name string, layers ...[]Setting) (Config, error) {
	b := builder{config: Config{Name: name}, where: map[string]string{}}
	for _, layer := range layers {
		b.named = map[string]bool{}
		for _, s := range layer {
			b.set(s)
		}
	}
	if len(b.problems) == 0 {
		b.checkMethod()
		b.problems = append(b.problems, b.config.check(func(key string) string { return b.where[key] })...)
	}
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
	"kind": true, "driver": true, "bus": true, "wpa_conf": true,
}

func (b *builder) set(s Setting) {
	b.where[b.subject(s.Key)] = s.Where
	var err error
	switch setter, ok := setters[s.Key]; {
	case ok:
		err = setter(b, s)
	case later[s.Key]:
		err = errNotYet
	default:
		o, ok := row(s.Key)
		if !ok || o.usage == "" {
			err = unknownKey(s.Key, configKeys())
			break
		}
		var text string
		if text, err = scalar(s.Value); err == nil {
			err = o.set(&b.config.Options, text)
		}
	}
	if err != nil {
		b.problems = append(b.problems, Problem{s.Where, err.Error()})
	}
}

var errNotYet = fmt.Errorf("not supported yet: it needs bondctl's keeper, which doesn't exist so far; leave it out")

// subject is the key under which check speaks of a setting.
func (b *builder) subject(key string) string {
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
	text, err := scalar(s.Value)
	if err != nil {
		return err
	}
	if err := CheckName(text); err != nil {
		return err
	}
	b.config.Primary = text
	return nil
}

// failOverMAC takes auto besides the kernel's words: nil in the Config.
func (b *builder) failOverMAC(s Setting) error {
	text, err := scalar(s.Value)
	if err != nil {
		return err
	}
	o := mustRow("fail_over_mac")
	if text == "auto" {
		o.unset(&b.config.Options)
		return nil
	}
	if !slices.Contains(o.words, text) {
		return fmt.Errorf("%q is none of its values; it takes auto, %s", text, oneOf(o.words))
	}
	return o.set(&b.config.Options, text)
}

func (b *builder) arpIPTarget(s Setting) error {
	if b.fresh("arp_ip_target") {
		b.config.Options.ARPIPTarget, b.config.Options.NSIP6Target = nil, nil
	}
	return eachText(s.Value, b.config.Options.addTarget)
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
		return fmt.Errorf("%s is no interface's address", mac)
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
	return eachText(s.Value, func(text string) error {
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
		if a, err := netip.ParseAddr(text); err == nil {
			return p, fmt.Errorf("%s has no prefix length; write it as %s/%d, say", a, a, a.BitLen()*3/4)
		}
		return p, fmt.Errorf("%q is not an address; write it with its prefix length, such as 192.0.2.10/24", text)
	}
	a := p.Addr()
	switch {
	case a.Is4In6():
		return p, fmt.Errorf("%s is an IPv4 address written as IPv6; write it as IPv4", text)
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback():
		return p, fmt.Errorf("%s is no address that a bond can have", text)
	case p.Bits() == 0:
		return p, fmt.Errorf("%s takes the whole internet for its own network; the prefix length is at least 1", text)
	case a.Is4() && p.Bits() < 31 && (a == p.Masked().Addr() || a == broadcast(p)):
		return p, fmt.Errorf("%s is its network's own or broadcast address, not a host's", text)
	}
	return p, nil
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
	return eachText(s.Value, func(text string) error {
		a, err := netip.ParseAddr(text)
		if err != nil || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.Zone() != "" || a.Is4In6() {
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

// checkMethod holds ipv4.method against the addresses that are named.
func (b *builder) checkMethod() {
	named := slices.ContainsFunc(b.config.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() })
	switch {
	case b.config.Method == "static" && !named:
		b.problems = append(b.problems, Problem{b.where["method"], "static wants an address; name one with addresses = [\"192.0.2.10/24\"]"})
	case b.config.Method == "none" && named:
		b.problems = append(b.problems, Problem{b.where["method"], "none and an address contradict each other; leave one of them out"})
	}
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
		m = b.memberTable(s.Where, v)
	default:
		err = fmt.Errorf("a member is a table; write [[member]] and below it name = \"eth0\"")
	}
	if err != nil {
		return err
	}
	b.config.Members = append(b.config.Members, m)
	return nil
}

func parseMember(text string) (Member, error) {
	name, rest, comma := strings.Cut(text, ",")
	m := Member{Name: name}
	if err := checkMemberName(name); err != nil {
		return m, err
	}
	if !comma {
		return m, nil
	}
	number, ok := strings.CutPrefix(rest, "prio=")
	if !ok {
		return m, fmt.Errorf("%q: after the comma comes prio=N; for several members repeat the flag: --member %s --member ...", text, name)
	}
	prio, err := parsePrio(number)
	m.Prio = &prio
	return m, err
}

func checkMemberName(name string) error {
	if strings.ContainsAny(name, "*?[") {
		return fmt.Errorf("%q: patterns are %w", name, errNotYet)
	}
	return CheckName(name)
}

func parsePrio(text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("prio %q is not a whole number from %d to %d", text, math.MinInt32, math.MaxInt32)
	}
	return int32(n), nil
}

func (b *builder) memberTable(where string, settings []Setting) Member {
	var m Member
	before := len(b.problems)
	say := func(where, message string) { b.problems = append(b.problems, Problem{where, message}) }
	for _, s := range settings {
		text, err := scalar(s.Value)
		switch {
		case later[s.Key] || s.Key == "mac":
			err = errNotYet
		case s.Key == "name" && err == nil:
			m.Name = text
			err = checkMemberName(text)
		case s.Key == "prio" && err == nil:
			var prio int32
			prio, err = parsePrio(text)
			m.Prio = &prio
		case err == nil:
			err = unknownKey(s.Key, []string{"name", "prio"})
		}
		if err != nil {
			say(s.Where, err.Error())
		}
	}
	if m.Name == "" && len(b.problems) == before {
		say(where, "the member has no name; write name = \"eth0\" below it")
	}
	return m
}

// scalar is a value's text; a list or a table is an error.
func scalar(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", fmt.Errorf("it takes one value, not a list or a table")
}

// eachText calls f with a value's text, or with each one's of a list.
func eachText(v any, f func(string) error) error {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, item := range list {
		text, err := scalar(item)
		if err != nil {
			return fmt.Errorf("it takes a list of texts, such as [\"192.0.2.1\"]")
		}
		if err := f(text); err != nil {
			return err
		}
	}
	return nil
}

// configKeys are the keys at a file's top level.
func configKeys() []string {
	keys := []string{"primary", "mac", "mtu", "member", "ipv4", "ipv6"}
	for _, o := range OptionDocs() {
		keys = append(keys, o.Key)
	}
	return keys
}

// unknownKey says what key may have been meant.
func unknownKey(key string, known []string) error {
	best, least := "", 3
	for _, k := range known {
		if d := distance(key, k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Errorf("unknown key; did you mean %s?", best)
	}
	slices.Sort(known)
	return fmt.Errorf("unknown key; there are %s", strings.Join(known, ", "))
}

// distance is the number of letters to change, add or drop between two words
// (Levenshtein).
func distance(a, b string) int {
	line := make([]int, len(b)+1)
	for j := range line {
		line[j] = j
	}
	for i := range len(a) {
		diagonal := line[0]
		line[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = line[j+1]
			line[j+1] = min(change, line[j]+1, line[j+1]+1)
		}
	}
	return line[len(b)]
}
