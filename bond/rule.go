package bond

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// A Rule has a routing table looked up for some packets (ip-rule(8)). One that names
// no address holds for IPv4 and IPv6.
type Rule struct {
	From     netip.Prefix `json:"from,omitzero"`      // FRA_SRC
	To       netip.Prefix `json:"to,omitzero"`        // FRA_DST
	FWMark   Mark         `json:"fwmark,omitzero"`    // FRA_FWMARK and FRA_FWMASK
	IIF      string       `json:"iif,omitempty"`      // FRA_IIFNAME
	Priority *uint32      `json:"priority,omitempty"` // FRA_PRIORITY; nil for one from the order
	Table    uint32       `json:"table"`              // FRA_TABLE
}

// A Mark is that of packets which a packet filter has marked: Value, where Mask has a
// bit. The zero Mark is for any.
type Mark struct{ Value, Mask uint32 }

// String is the mark as ip-rule(8) writes it: "0x1", or "0x1/0xff" with its mask.
func (m Mark) String() string {
	if m.Mask == allMark {
		return fmt.Sprintf("%#x", m.Value)
	}
	return fmt.Sprintf("%#x/%#x", m.Value, m.Mask)
}

const allMark = 1<<32 - 1

// MarshalText writes the mark, and none as nothing.
func (m Mark) MarshalText() ([]byte, error) {
	if m == (Mark{}) {
		return nil, nil
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (m *Mark) UnmarshalText(text []byte) (err error) {
	*m = Mark{}
	if len(text) > 0 {
		*m, err = parseMark(string(text))
	}
	return err
}

func parseMark(text string) (m Mark, err error) {
	value, mask, masked := strings.Cut(text, "/")
	number := func(text string) uint32 {
		n, e := strconv.ParseUint(text, 0, 32)
		if e != nil || strings.Contains(text, "_") {
			err = fmt.Errorf("%q is no mark; write a number such as 0x1, or with a mask 0x1/0xff", text)
		}
		return uint32(n)
	}
	m = Mark{number(value), allMark}
	if masked && err == nil {
		m.Mask = number(mask)
	}
	switch {
	case err != nil:
		return Mark{}, err
	case m.Mask == 0:
		return Mark{}, fmt.Errorf("%q takes every packet, for the mask is 0; leave it out", text)
	case m.Value&^m.Mask != 0:
		return Mark{}, fmt.Errorf("%q takes no packet, for the mark has bits that the mask hasn't", text)
	}
	return m, nil
}

// firstPriority is the priority of the first rule, where it names none. The kernel's own
// rules are asked before and after: local at 0, main at 32766.
const firstPriority = 1000

// rules are the rules as the kernel has them; with no6, which is for a kernel without IPv6,
// those of IPv4 alone.
func (c Config) rules(no6 bool) (list []rtnl.Rule) {
	for i, r := range c.Rules {
		for _, family := range r.families() {
			if family == unix.AF_INET6 && no6 {
				continue
			}
			rule := rtnl.NewRule(family, valueOr(r.Priority, firstPriority+uint32(i)), r.Table)
			rule.From, rule.To, rule.IIF = unlessAll(r.From), unlessAll(r.To), r.IIF
			rule.Mark, rule.Mask = r.FWMark.Value, r.FWMark.Mask
			list = with(list, rule)
		}
	}
	return list
}

// unlessAll is the zero Prefix for one of every address.
func unlessAll(p netip.Prefix) netip.Prefix {
	if p.Bits() == 0 {
		return netip.Prefix{}
	}
	return p
}

// families are those of the packets: of the addresses' or, without any, of both.
func (r Rule) families() []uint8 {
	switch p := r.prefix(); {
	case !p.IsValid():
		return []uint8{unix.AF_INET, unix.AF_INET6}
	case p.Addr().Is4():
		return []uint8{unix.AF_INET}
	}
	return []uint8{unix.AF_INET6}
}

func (r Rule) prefix() netip.Prefix {
	if r.From.IsValid() {
		return r.From
	}
	return r.To
}

// newRule is the Rule that makes a rule of the kernel's; ok is false where a file
// can't say all of it, as of one for a user alone.
func newRule(r rtnl.Rule) (rule Rule, ok bool) {
	rule = Rule{From: r.From, To: r.To, FWMark: Mark{r.Mark, r.Mask}, IIF: r.IIF, Priority: new(r.Priority), Table: r.Table}
	if !rule.prefix().IsValid() {
		rule.From = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if r.Family == unix.AF_INET6 {
			rule.From = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
	}
	built := Config{Rules: []Rule{rule}}.rules(false)
	return rule, len(built) == 1 && built[0].Serves(r) && rule.check([]string{"rule.priority", "rule.table"}) == nil
}

// parse refuses a text: there is no flag.
func (r *Rule) parse(string) error {
	return errors.New("a rule is a table, one of several; write [[rule]] and below it from = \"192.0.2.0/24\" and table = 100")
}

// check refuses a rule without a table, one for every packet, and one whose keys
// contradict each other.
func (r *Rule) check(named []string) error {
	asks := func(key string) bool { return key != "rule.priority" && key != "rule.table" }
	switch {
	case !slices.Contains(named, "rule.table"):
		return errors.New("it names no table to look up; write table = 100 below it")
	case !slices.ContainsFunc(named, asks) && !r.From.IsValid():
		return errors.New("it is for every packet; write from, to, fwmark or iif below it, or from = \"0.0.0.0/0\" if that is meant")
	case r.From.IsValid() && r.To.IsValid() && r.From.Addr().Is4() != r.To.Addr().Is4():
		return fmt.Errorf("from %s and to %s are of two families; write a rule for each", r.From, r.To)
	}
	return nil
}

// addTo adds the rule as the last one.
func (r *Rule) addTo(c *Config) error {
	c.Rules = append(c.Rules, *r)
	return nil
}

// same says whether two rules are the same.
func (r Rule) same(o Rule) bool {
	if (r.Priority == nil) != (o.Priority == nil) || value(r.Priority) != value(o.Priority) {
		return false
	}
	r.Priority, o.Priority = nil, nil
	return r == o
}

// checkPolicy checks the rules against each other and the members.
func (c *Config) checkPolicy(say sayer) {
	for i, r := range c.Rules {
		if slices.ContainsFunc(c.Rules[:i], r.same) {
			say(inElement("rule", i, ""), "it is there twice; name it once")
		}
		if slices.ContainsFunc(c.Members, func(m Member) bool { return m.exact() && m.Name == r.IIF }) {
			say(inElement("rule", i, "iif"), "what the member %s receives comes in over the bond; write iif = %q", r.IIF, c.Name)
		}
	}
}
