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
	m.Name = name
	if err := checkMemberName(name); err != nil || !comma {
		return err
	}
	number, ok := strings.CutPrefix(rest, "prio=")
	if !ok {
		key := keyName("member")
		return Messagef("%q: after the comma comes prio=N; for several members repeat the flag: %s %s %s NAME", text, key, name, key)
	}
	if err := m.setPrio(number); err != nil {
		return fmt.Errorf("prio: %w", err)
	}
	return nil
}

// check refuses a member that asks for no interface, or for two kinds of them.
func (m *Member) check(named []string) error {
	if m.Kind == KindWired && m.WPAConf != "" {
		return errors.New("kind wired and wpa_conf contradict each other; leave one of them out")
	}
	asks := func(key string) bool { return key != "member.prio" && key != "member.wpa_conf" }
	if !slices.ContainsFunc(named, asks) {
		return errors.New("it asks for nothing; write name = \"eth0\" below it, or kind, mac, driver or bus")
	}
	return nil
}

// addTo adds the member as the one that is preferred least.
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

// checkMemberName refuses what is no name of an interface that is or will be
// there, nor a pattern.
func checkMemberName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty; write that of an interface, such as eth0")
	case strings.ContainsAny(name, `?[]\`):
		return fmt.Errorf("%q: of patterns only * is known, for any characters", name)
	}
	return CheckName(name)
}

func (m *Member) setPrio(text string) error {
	n, err := parseInt(text, math.MinInt32, math.MaxInt32)
	m.Prio = new(int32(n))
	return err
}

func (m *Member) prioNumber() any {
	if m.Prio == nil {
		return nil
	}
	return int64(*m.Prio)
}

func (m *Member) setMAC(text string) (err error) {
	m.MAC, err = parseMAC(text)
	return err
}

func (m *Member) macText() any { return textOrNil(m.MAC.String()) }

func checkDriver(text string) error { return checkWord(text, "cdc_ether") }
func checkBus(text string) error    { return checkWord(text, "usb") }

// checkWord refuses what no driver or bus is called.
func checkWord(text, such string) error {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) {
		return fmt.Errorf("%q is no name in /sys/bus; write one such as %s", text, such)
	}
	return nil
}

func checkPath(text string) error {
	if !filepath.IsAbs(text) || strings.ContainsRune(text, 0) {
		return fmt.Errorf("%q is not the whole path of a file; write one such as /etc/wpa_supplicant.conf", text)
	}
	return nil
}
