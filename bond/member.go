package bond

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
)

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
	case slices.ContainsFunc(b.config.Members, func(o Member) bool { return o.String() == m.String() }):
		return fmt.Errorf("%s is there twice; name it once", m)
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
		return m, fmt.Errorf("%q: after the comma comes prio=N; for several members repeat the flag: --member %s --member NAME", text, name)
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
	case strings.ContainsAny(name, `?[]\`):
		return "", fmt.Errorf("%q: of patterns only * is known, for any characters", name)
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
	asks := false
	for _, s := range settings {
		b.refuse(s.Where, m.take(s))
		asks = asks || s.Key != "prio" && s.Key != "wpa_conf"
	}
	if m.Kind == KindWired && m.WPAConf != "" {
		b.refuse(where, errors.New("kind wired and wpa_conf contradict each other; leave one of them out"))
	}
	if !asks {
		b.refuse(where, errors.New("it asks for nothing; write name = \"eth0\" below it, or kind, mac, driver or bus"))
	}
	return m, len(b.problems) == before
}

// take puts a setting into the member.
func (m *Member) take(s Setting) error {
	if s.Key == "name" {
		var err error
		m.Name, err = memberName(s.Value)
		return err
	}
	take, known := memberKeys[s.Key]
	if !known {
		return unknownKey("member." + s.Key)
	}
	text, err := scalar(s.Value)
	if err != nil {
		return err
	}
	return take(m, text)
}

// memberKeys are a member's keys beside its name.
var memberKeys = map[string]func(*Member, string) error{
	"prio": func(m *Member, text string) error {
		prio, err := parsePrio(text)
		m.Prio = &prio
		return err
	},
	"kind": func(m *Member, text string) error {
		if text != KindWired && text != KindWiFi {
			return fmt.Errorf("%q is none of its values; it takes wired or wifi", text)
		}
		m.Kind = text
		return nil
	},
	"mac": func(m *Member, text string) (err error) {
		m.MAC, err = parseMAC(text)
		return err
	},
	"driver": func(m *Member, text string) error {
		m.Driver = text
		return checkWord(text, "cdc_ether")
	},
	"bus": func(m *Member, text string) error {
		m.Bus = text
		return checkWord(text, "usb")
	},
	"wpa_conf": func(m *Member, text string) error {
		m.WPAConf = text
		if !filepath.IsAbs(text) || strings.ContainsRune(text, 0) {
			return fmt.Errorf("%q is not the whole path of a file; write one such as /etc/wpa_supplicant.conf", text)
		}
		return nil
	},
}

// checkWord refuses what no driver or bus is called.
func checkWord(text, such string) error {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) {
		return fmt.Errorf("%q is no name in /sys/bus; write one such as %s", text, such)
	}
	return nil
}
