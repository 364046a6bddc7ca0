package rtnl

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// A Rule says which table is asked for which packets (RTM_NEWRULE, ip-rule(8)).
type Rule struct {
	Family   uint8 // AF_INET or AF_INET6
	Priority uint32
	Table    uint32
	IIF, OIF string // the names of links

	message string // the kernel's
}

// String says the rule in words.
func (r Rule) String() string {
	text := fmt.Sprintf("rule %d: lookup %d", r.Priority, r.Table)
	if r.IIF != "" {
		text += " iif " + r.IIF
	}
	if r.OIF != "" {
		text += " oif " + r.OIF
	}
	return text
}

// Like says whether two rules are alike in every attribute.
func (r Rule) Like(o Rule) bool { return string(r.request()) == string(o.request()) }

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

// DelRule removes a rule. The error is ENOENT where there is none like it.
func (c *Conn) DelRule(r Rule) error { return c.change(unix.RTM_DELRULE, 0, r.request()) }

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

func (r Rule) request() []byte {
	b := []byte(r.message)
	if len(b) < sizeofRuleHeader {
		return nil
	}
	flags := hostOrder.Uint32(b[8:])
	hostOrder.PutUint32(b[8:], flags&fibRuleInvert)
	return b
}

// parseRule reads the body of an RTM_NEWRULE message.
func parseRule(m []byte) (Rule, error) {
	if len(m) < sizeofRuleHeader {
		return Rule{}, fmt.Errorf("read a rule: %d bytes are too few", len(m))
	}
	r := Rule{Family: m[0], Table: uint32(m[4]), message: string(m)}
	err := EachAttr(m[sizeofRuleHeader:], func(kind uint16, value []byte) {
		switch kind {
		case unix.FRA_PRIORITY:
			r.Priority = Uint32(value)
		case unix.FRA_TABLE:
			r.Table = Uint32(value)
		case unix.FRA_IIFNAME:
			r.IIF = unix.ByteSliceToString(value)
		case unix.FRA_OIFNAME:
			r.OIF = unix.ByteSliceToString(value)
		}
	})
	if err != nil {
		return Rule{}, fmt.Errorf("read a rule: %w", err)
	}
	return r, nil
}
