package bond

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Setting is one key with its value, as somebody wrote it in a file or as a
// flag.
type Setting struct {
	Key   string // with its table: "miimon", "ipv4.gateway", "member.prio"
	Where string // where it was written, such as "bond0.toml:3"
	// Value is a string, int64, bool or float64; []any of them; for a member
	// a []Setting, or a flag's text such as "eth0,prio=3"; nil for what no
	// key takes, such as a date.
	Value any
}

// NewConfig makes the configuration of the bond called name out of layers of
// settings, such as a file's and then the flags': a later layer wins, and
// replaces a list as a whole. The error is a [*ConfigError] with everything
// that is wrong.
func NewConfig(name string, layers ...[]Setting) (Config, error) {
	b := builder{config: Config{Name: name}, written: map[string][]Setting{}, faulty: map[string]bool{}}
	for _, layer := range layers {
		b.begun = map[string]bool{}
		for _, s := range layer {
			b.set(s)
		}
	}
	b.checkRules()
	if len(b.problems) > 0 {
		return Config{}, &ConfigError{b.problems}
	}
	b.config.tidy()
	return b.config, nil
}

// Check looks for what is wrong in a configuration: a value, or values that contradict
// each other. The error is a [*ConfigError]. [NewPlan] and [Host.Reconcile] check as
// well.
func (c Config) Check() error {
	_, err := NewConfig(c.Name, settingsOf(&c, ""))
	return err
}

// settingsOf are the settings of which a configuration or an element can be made
// again: those of a table, and of the tables below it.
func settingsOf(from any, table string) (list []Setting) {
	for k := range keysOf(table) {
		if k.get == nil {
			continue
		}
		value := k.get(from)
		if values, ok := value.([]any); ok && !k.List && len(values) == 1 {
			value = values[0]
		}
		if value != nil {
			list = append(list, Setting{Key: k.Name, Value: value})
		}
	}
	for k := range keysOf(table) {
		switch {
		case k.table:
			list = append(list, settingsOf(from, k.Name)...)
		case k.elements != nil:
			for _, e := range k.elements(from) {
				list = append(list, Setting{Key: k.Name, Value: settingsOf(e, k.Name)})
			}
		}
	}
	return list
}

// A builder makes a Config of settings, and collects what is wrong with them. Its maps
// are by a key's subject.
type builder struct {
	config   Config
	begun    map[string]bool      // keys that the layer at hand has named
	written  map[string][]Setting // of the last layer that named the key
	faulty   map[string]bool      // keys that a problem was found with
	problems []Problem
}

func (b *builder) set(s Setting) {
	key, known := findKey(s.Key)
	// What is written below a key that is no table makes that key a table, which is
	// the mistake.
	if top, _, below := strings.Cut(s.Key, "."); below {
		if k, ok := findKey(top); ok && !k.table {
			key, known, s.Value = k, true, nil
		}
	}
	if !known {
		meant, err := unknownKey(s.Key)
		b.faulty[meant.subject()] = true
		b.wrong(s, err)
		return
	}
	subject := key.subject()
	if !b.begun[subject] {
		b.written[subject] = nil
	}
	before := len(b.problems)
	b.take(&b.config, key, s)
	b.written[subject] = append(b.written[subject], s)
	if len(b.problems) > before {
		b.faulty[subject] = true
	}
}

// take puts a setting into the configuration, or into an element of it.
func (b *builder) take(into any, key Key, s Setting) {
	if subject := key.subject(); !b.begun[subject] {
		b.begun[subject] = true
		if key.clear != nil {
			key.clear(into)
		}
	}
	switch {
	case key.unsupported != "":
		b.wrong(s, errors.New(key.unsupported))
	case key.table:
		b.wrong(s, fmt.Errorf("it is a table; write [%s] and the keys below it", key.Name))
	case key.element != nil:
		b.takeElement(key, s)
	default:
		texts, err := key.texts(s.Value)
		for _, text := range texts {
			b.wrong(s, key.set(into, text))
		}
		b.wrong(s, err)
	}
}

// takeElement adds an element. A problem with one of its keys has that key's place.
func (b *builder) takeElement(key Key, s Setting) {
	e := key.element()
	before := len(b.problems)
	switch v := s.Value.(type) {
	case string:
		b.wrong(s, e.parse(v))
	case []Setting:
		var named []string
		for _, part := range v {
			named = append(named, part.Key)
			if k, known := findKey(part.Key); known && strings.HasPrefix(k.Name, key.Name+".") {
				b.take(e, k, part)
			} else {
				_, err := unknownKey(part.Key)
				b.wrong(part, err)
			}
		}
		b.wrong(s, e.check(named))
	default:
		b.wrong(s, fmt.Errorf("a %s is a table, one of several; write [[%[1]s]] and below it %s", key.Name, key.example))
	}
	if len(b.problems) == before {
		b.wrong(s, e.addTo(&b.config))
	}
}

// wrong notes what is wrong with a setting, if anything is.
func (b *builder) wrong(s Setting, err error) {
	if err == nil {
		return
	}
	message, ok := errors.AsType[Message](err)
	if !ok {
		message = Messagef("%v", err)
	}
	b.problems = append(b.problems, Problem{s.Key, s.Where, message})
}

// checkRules notes what contradicts each other. It skips the keys with a problem of
// their own: what follows from a mistake isn't another one.
func (b *builder) checkRules() {
	for _, rule := range configRules {
		if slices.ContainsFunc(rule.keys, func(key string) bool { return b.faulty[key] }) {
			continue
		}
		rule.check(&b.config, func(key, format string, args ...any) {
			at := b.place(key)
			b.problems = append(b.problems, Problem{at.Key, at.Where, Messagef(format, args...)})
		})
	}
}

// inElement is a key of the i-th table of those that are repeated, for a [sayer]; "" is
// the table itself.
func inElement(table string, i int, key string) string {
	return fmt.Sprintf("%s[%d].%s", table, i, key)
}

// placeInElement finds where such a key was written, or else its table.
func (b *builder) placeInElement(table, rest string) Setting {
	number, key, _ := strings.Cut(rest, "].")
	i, _ := strconv.Atoi(number)
	place := Setting{Key: table}
	if tables := b.written[table]; i < len(tables) {
		place.Where = tables[i].Where
		keys, _ := tables[i].Value.([]Setting)
		for _, s := range keys {
			if s.Key == table+"."+key {
				place = s
			}
		}
	}
	return place
}

// place finds where a key was written. It may have been written as the key of the top
// level that sets the same.
func (b *builder) place(key string) Setting {
	if table, rest, in := strings.Cut(key, "["); in {
		return b.placeInElement(table, rest)
	}
	place := Setting{Key: key}
	k, _ := findKey(key)
	for _, s := range b.written[k.subject()] {
		if s.Key == key {
			return s
		}
		if s.Key == k.Flag {
			place = s
		}
	}
	return place
}
