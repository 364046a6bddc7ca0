package bond

import (
	"errors"
	"fmt"
	"math"
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
		return "", fmt.Errorf("%q: patterns are %w; name one interface", name, errUnbuilt)
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
