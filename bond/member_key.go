package bond

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
)

// parse reads a flag's NAME[,prio=N].
func (m *Member) parse(text string) error {
	name, rest, comma := strings.Cut(text, ",")
	var err error
	if m.Name, err = parseMemberName(name); err != nil || !comma {
		return err
	}
	number, ok := strings.CutPrefix(rest, "prio=")
	if !ok {
		key := keyName("member")
		return Messagef("%q: after the comma comes prio=N; for several members repeat the flag: %s %s %s NAME", text, key, name, key)
	}
	prio, err := parsePrio(number)
	if err != nil {
		return fmt.Errorf("prio: %w", err)
	}
	m.Prio = &prio
	return nil
}

// check refuses a member that asks for no interface, or for two kinds of them.
func (m *Member) check(named []string) error {
	asks := func(key string) bool {
		return key != "member.prio" && key != "member.wpa_conf" && tableOf(key) == "member"
	}
	if !slices.ContainsFunc(named, asks) {
		return errors.New("it asks for nothing; write name = \"eth0\" below it, or kind, mac, driver or bus")
	}
	return nil
}

// addTo adds the member as the last one in order of preference.
func (m *Member) addTo(c *Config) error {
	switch {
	case m.Name == c.Name:
		return fmt.Errorf("%s can't be a member of itself; name the interface that carries its traffic", m.Name)
	case slices.ContainsFunc(c.Members, func(o Member) bool { return o.String() == m.String() }):
		return fmt.Errorf("%s is there twice; name it once", m)
	}
	c.Members = append(c.Members, *m)
	return nil
}

// parseMemberName refuses what is neither an interface's name nor a pattern.
func parseMemberName(name string) (string, error) {
	switch {
	case name == "":
		return "", errors.New("the name is empty; write that of an interface, such as eth0")
	case strings.ContainsAny(name, `?[]\`):
		return "", fmt.Errorf("%q: of patterns only * is known, for any characters", name)
	}
	return name, CheckMemberName(name)
}

var parsePrio = wholeNumber[int32](math.MinInt32, math.MaxInt32)

// parseWord makes the parser of a driver's or a bus's name.
func parseWord(such string) func(string) (string, error) {
	return func(text string) (string, error) {
		if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) {
			return "", fmt.Errorf("%q is no name in /sys/bus; write one such as %s", text, such)
		}
		return text, nil
	}
}

func parsePath(text string) (string, error) {
	if !filepath.IsAbs(text) || strings.ContainsRune(text, 0) {
		return "", fmt.Errorf("%q is not the whole path of a file; write one such as /etc/wpa_supplicant.conf", text)
	}
	return text, nil
}
