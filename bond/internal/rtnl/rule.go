package rtnl

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// A Rule says which table is asked for which packets (RTM_NEWRULE, ip-rule(8)).
type Rule struct {
	Family   uint8 // AF_INET or AF_INET6
	Priority uint32
	Table    uint32
	From, To netip.Prefix // FRA_SRC and FRA_DST; the zero Prefix for any address
	IIF, OIF string       // the names of links
	// Mark is the packets' (FRA_FWMARK) where Mask has a bit (FRA_FWMASK).
	Mark, Mask uint32
	Protocol   uint8 // RTPROT_*: who set it
	// SuppressDefault has a default route that is found taken for none (FRA_SUPPRESS_PREFIXLEN 0).
	SuppressDefault bool

	message string // the kernel's; "" for one that didn't come from it
}

// NewRule is a rule that has a table looked up, for every packet of a family. Whoever
// wants one for fewer packets fills in what they have in common.
func NewRule(family uint8, priority, table uint32) Rule {
	return Rule{Family: family, Priority: priority, Table: table, Protocol: unix.RTPROT_STATIC}
}

// String says the rule in words, as ip-rule(8) does. Which family it is of is said where
// no address shows it.
func (r Rule) String() string {
	text := fmt.Sprintf("rule %d:", r.Priority)
	if r.Family == unix.AF_INET6 && !r.From.IsValid() && !r.To.IsValid() {
		text = "IPv6 " + text
	}
	if r.message != "" && hostOrder.Uint32([]byte(r.message)[8:])&fibRuleInvert != 0 {
		text += " not"
	}
	if r.From.IsValid() {
		text += " from " + r.From.String()
	}
	if r.To.IsValid() {
		text += " to " + r.To.String()
	}
	if r.Mask != 0 {
		text += fmt.Sprintf(" fwmark %#x", r.Mark)
		if r.Mask != allBits {
			text += fmt.Sprintf("/%#x", r.Mask)
		}
	}
	if r.IIF != "" {
		text += " iif " + r.IIF
	}
	if r.OIF != "" {
		text += " oif " + r.OIF
	}
	text += r.action()
	if r.SuppressDefault {
		text += " suppress_prefixlength 0"
	}
	return text
}

// action says what becomes of the packets.
func (r Rule) action() string {
	action := uint8(unix.FR_ACT_TO_TBL)
	if r.message != "" {
		action = r.message[7] // of struct fib_rule_hdr
	}
	switch action {
	case unix.FR_ACT_GOTO:
		to := uint32(0)
		_ = EachAttr([]byte(r.message)[sizeofRuleHeader:], func(kind uint16, value []byte) {
			if kind == unix.FRA_GOTO {
				to = Uint32(value)
			}
		})
		return fmt.Sprintf(" goto %d", to)
	case unix.FR_ACT_NOP:
		return " nop"
	case unix.FR_ACT_BLACKHOLE:
		return " blackhole"
	case unix.FR_ACT_UNREACHABLE:
		return " unreachable"
	case unix.FR_ACT_PROHIBIT:
		return " prohibit"
	}
	if r.Table == 0 {
		return " lookup the table of its VRF" // l3mdev
	}
	if r.Table == unix.RT_TABLE_MAIN {
		return " lookup main"
	}
	return fmt.Sprintf(" lookup %d", r.Table)
}

const allBits = 1<<32 - 1

// Like says whether two rules are alike in every attribute.
func (r Rule) Like(o Rule) bool { return string(r.request()) == string(o.request()) }

// Serves says whether a rule does what another one does, whoever set them. The kernel
// spells out what a request leaves at its default.
func (r Rule) Serves(o Rule) bool {
	return slices.EqualFunc(r.meaning(), o.meaning(), bytes.Equal)
}

// meaning is what a rule does, in an order of its own: its header and its attributes
// without those that are at their defaults or say who set it.
func (r Rule) meaning() (parts [][]byte) {
	b := r.request()
	if len(b) < sizeofRuleHeader {
		return nil
	}
	header := bytes.Clone(b[:sizeofRuleHeader])
	header[4] = 0 // the table is an attribute, too
	parts = append(parts, appendUint32(nil, unix.FRA_TABLE, r.Table))
	_ = EachAttr(b[sizeofRuleHeader:], func(kind uint16, value []byte) {
		switch kind {
		case unix.FRA_TABLE, unix.FRA_PROTOCOL, unix.FRA_PAD:
			return
		case unix.FRA_SUPPRESS_PREFIXLEN, unix.FRA_SUPPRESS_IFGROUP:
			if Uint32(value) == allBits {
				return
			}
		case unix.FRA_PRIORITY, unix.FRA_FWMARK, unix.FRA_FWMASK, unix.FRA_FLOW, unix.FRA_L3MDEV:
			if !slices.ContainsFunc(value, func(b byte) bool { return b != 0 }) {
				return
			}
		}
		parts = append(parts, appendAttr(nil, kind, value))
	})
	slices.SortFunc(parts, bytes.Compare)
	return append(parts, header)
}

// sizeofRuleHeader is the size of struct fib_rule_hdr.
const sizeofRuleHeader = 12

// Rules lists the rules.
func (c *Conn) Rules() ([]Rule, error) {
	list, err := dump(c, unix.RTM_GETRULE, make([]byte, sizeofRuleHeader), parseRule)
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	return list, nil
}

// AddRule adds a rule. The error is EEXIST where there is one like it.
func (c *Conn) AddRule(r Rule) error {
	return c.change(unix.RTM_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, r.request())
}

// DelRule removes the rule that does the same and was set by the same. The error is
// ENOENT where there is none.
//
// What a request doesn't name the kernel doesn't compare: it removes the first rule
// that has all that is named, and perhaps more. So whatever else has gone is put back.
func (c *Conn) DelRule(r Rule) error {
	var others []Rule
	defer func() {
		for _, o := range others {
			_ = c.AddRule(o) // EEXIST: somebody was faster
		}
	}()
	for {
		before, err := c.Rules()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(before, r.is)
		if i < 0 {
			return unix.ENOENT
		}
		if err := c.change(unix.RTM_DELRULE, 0, before[i].request()); err != nil {
			return err
		}
		after, err := c.Rules()
		if err != nil {
			return err
		}
		for _, o := range before {
			if !o.is(before[i]) && !slices.ContainsFunc(after, o.Like) {
				others = append(others, o)
			}
		}
		if !slices.ContainsFunc(after, r.is) {
			return nil
		}
	}
}

// is says whether two rules are one and the same to the kernel.
func (r Rule) is(o Rule) bool { return r.Protocol == o.Protocol && r.Serves(o) }

// In finds the rule in a list: one that does the same and was set by the same.
func (r Rule) In(list []Rule) (Rule, bool) {
	i := slices.IndexFunc(list, r.is)
	if i < 0 {
		return Rule{}, false
	}
	return list[i], true
}

// Renamed is the rule for another link in one's place.
func (r Rule) Renamed(from, to string) Rule {
	b := slices.Clone(r.request()[:sizeofRuleHeader])
	_ = EachAttr(r.request()[sizeofRuleHeader:], func(kind uint16, value []byte) {
		if kind == unix.FRA_IIFNAME || kind == unix.FRA_OIFNAME {
			if unix.ByteSliceToString(value) == from {
				value = append([]byte(to), 0)
			}
		}
		b = appendAttr(b, kind, value)
	})
	renamed, err := parseRule(b)
	if err != nil {
		return r // which can't be: it was parsed before
	}
	return renamed
}

// fibRuleInvert is FIB_RULE_INVERT, the one flag that isn't the kernel's.
const fibRuleInvert = 2

// request is the body of a message about the rule: the kernel's own, where the rule
// came from it, without the flags that only the kernel sets.
func (r Rule) request() []byte {
	if r.message == "" {
		return r.build()
	}
	b := []byte(r.message)
	flags := hostOrder.Uint32(b[8:])
	hostOrder.PutUint32(b[8:], flags&fibRuleInvert)
	return b
}

// build is the body of a message about a rule that didn't come from the kernel.
func (r Rule) build() []byte {
	b := []byte{r.Family, uint8(max(r.To.Bits(), 0)), uint8(max(r.From.Bits(), 0)), 0, tableByte(r.Table), 0, 0, unix.FR_ACT_TO_TBL}
	b = appendNumber(b, 0)
	b = appendUint32(b, unix.FRA_TABLE, r.Table)
	b = appendUint32(b, unix.FRA_PRIORITY, r.Priority)
	for _, a := range []struct {
		kind   uint16
		prefix netip.Prefix
	}{{unix.FRA_SRC, r.From}, {unix.FRA_DST, r.To}} {
		if a.prefix.Bits() > 0 {
			b = appendAttr(b, a.kind, a.prefix.Addr().AsSlice())
		}
	}
	if r.Mask != 0 {
		b = appendUint32(b, unix.FRA_FWMARK, r.Mark)
		b = appendUint32(b, unix.FRA_FWMASK, r.Mask)
	}
	if r.IIF != "" {
		b = appendAttr(b, unix.FRA_IIFNAME, append([]byte(r.IIF), 0))
	}
	if r.OIF != "" {
		b = appendAttr(b, unix.FRA_OIFNAME, append([]byte(r.OIF), 0))
	}
	if r.SuppressDefault {
		b = appendUint32(b, unix.FRA_SUPPRESS_PREFIXLEN, 0)
	}
	return appendAttr(b, unix.FRA_PROTOCOL, []byte{r.Protocol})
}

// parseRule reads the body of an RTM_NEWRULE message.
func parseRule(m []byte) (Rule, error) {
	if len(m) < sizeofRuleHeader {
		return Rule{}, fmt.Errorf("read a rule: %d bytes are too few", len(m))
	}
	r := Rule{Family: m[0], Table: uint32(m[4]), message: string(m)}
	err := EachAttr(m[sizeofRuleHeader:], func(kind uint16, value []byte) {
		switch kind {
		case unix.FRA_SRC:
			r.From = prefixOf(value, m[2])
		case unix.FRA_DST:
			r.To = prefixOf(value, m[1])
		default:
			r.parseAttr(kind, value)
		}
	})
	if err != nil {
		return Rule{}, fmt.Errorf("read a rule: %w", err)
	}
	return r, nil
}

func (r *Rule) parseAttr(kind uint16, value []byte) {
	switch kind {
	case unix.FRA_PRIORITY:
		r.Priority = Uint32(value)
	case unix.FRA_TABLE:
		r.Table = Uint32(value)
	case unix.FRA_IIFNAME:
		r.IIF = unix.ByteSliceToString(value)
	case unix.FRA_OIFNAME:
		r.OIF = unix.ByteSliceToString(value)
	case unix.FRA_FWMARK:
		r.Mark = Uint32(value)
	case unix.FRA_FWMASK:
		r.Mask = Uint32(value)
	case unix.FRA_SUPPRESS_PREFIXLEN:
		r.SuppressDefault = Uint32(value) == 0
	case unix.FRA_PROTOCOL:
		if len(value) > 0 {
			r.Protocol = value[0]
		}
	}
}

// prefixOf is the zero Prefix for what is none.
func prefixOf(address []byte, bits uint8) netip.Prefix {
	a, _ := netip.AddrFromSlice(address)
	if p := netip.PrefixFrom(a, int(bits)); p.IsValid() {
		return p
	}
	return netip.Prefix{}
}
