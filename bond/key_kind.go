package bond

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A kind is how the values of a key are read and written. The key stands for a field
// of a *Config or, in a table that is repeated, of an element.
type kind struct {
	texts func(value any) ([]string, error) // of a Setting's Value
	clear func(into any)                    // before the first of a layer; nil where set replaces
	set   func(into any, text string) error
	get   func(from any) any // as a Setting's Value; nil for nothing

	table bool   // it has keys below it
	bare  string // the key that a table without any stands for; "" for none
	// bareValue is that key's value.
	bareValue string
	element   func() element // it has, and is repeated
	elements  func(from any) []any
	example   string // a line of an element

	unsupported string // it is known and not taken, and this is why
}

// An element is a table that is repeated.
type element interface {
	// parse reads a flag's text.
	parse(text string) error
	// check refuses what is missing or contradicts each other, by the keys that were
	// named, be their values good or not.
	check(named []string) error
	// addTo adds it to a configuration.
	addTo(*Config) error
}

// one is the kind of a key with one value, which is a field of T.
func one[T, V any](field func(*T) *V, parse func(string) (V, error)) kind {
	return kind{
		texts: oneText,
		set: func(into any, text string) error {
			v, err := parse(text)
			if err == nil {
				*field(into.(*T)) = v
			}
			return err
		},
		get: func(from any) any { return written(*field(from.(*T))) },
	}
}

// written is a field's value as a Setting has it.
func written(v any) any {
	r := reflect.ValueOf(v)
	if r.IsZero() {
		return nil
	}
	r = reflect.Indirect(r)
	switch v := r.Interface().(type) {
	case Millis:
		return (time.Duration(v) * time.Millisecond).String()
	case fmt.Stringer:
		return v.String()
	}
	switch {
	case r.CanInt():
		return r.Int()
	case r.CanUint():
		return int64(r.Uint())
	case r.Kind() == reflect.String:
		return r.String()
	}
	return r.Interface()
}

// unwritten is a kind that isn't written to a file, for another key is.
func unwritten(k kind) kind {
	k.get = nil
	return k
}

// interfaceName is the kind of a key whose value is an interface's name.
func interfaceName[T any](field func(*T) *string) kind { return linkName(field, parseMemberName) }

// linkName is interfaceName with a parser.
func linkName[T any](field func(*T) *string, parse func(string) (string, error)) kind {
	k := one(field, parse)
	k.texts = func(value any) ([]string, error) {
		if name, ok := value.(string); ok {
			return []string{name}, nil
		}
		return nil, errors.New("it takes the name of one interface in quotes, such as \"eth0\"")
	}
	return k
}

// several is the kind of a list of addresses, of the family that table is for.
func several[T any, V fmt.Stringer](field func(*T) *[]V, parse func(string) (V, error), table string) kind {
	return kind{
		texts: eachText,
		clear: func(into any) { *field(into.(*T)) = nil },
		set: func(into any, text string) error {
			v, err := parse(text)
			if err == nil {
				err = checkFamily(table, addressOf(v))
			}
			if err == nil {
				list := field(into.(*T))
				*list = append(*list, v)
			}
			return err
		},
		get: func(from any) any {
			all := slices.Clone(*field(from.(*T)))
			return writtenAll(slices.DeleteFunc(all, func(v V) bool { return checkFamily(table, addressOf(v)) != nil }))
		},
	}
}

func addressOf(v any) netip.Addr {
	if p, ok := v.(netip.Prefix); ok {
		return p.Addr()
	}
	return v.(netip.Addr)
}

// writtenAll is a list as a Setting has it.
func writtenAll[V fmt.Stringer](list []V) any {
	if len(list) == 0 {
		return nil
	}
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v.String()
	}
	return all
}

// repeated is the kind of a table that is repeated.
func repeated[T any](field func(*Config) *[]T, empty func() element, example string) kind {
	return kind{
		example: example,
		clear:   func(into any) { *field(into.(*Config)) = nil },
		element: empty,
		elements: func(from any) (all []any) {
			list := *field(from.(*Config))
			for i := range list {
				all = append(all, &list[i])
			}
			return all
		},
	}
}

// oneText is the text of one value; a list or a table is an error.
func oneText(value any) ([]string, error) {
	switch v := value.(type) {
	case string:
		return []string{v}, nil
	case int64, bool:
		return []string{fmt.Sprint(v)}, nil
	case float64:
		return nil, errors.New("it takes no decimal fraction; write a whole number, or a text in quotes")
	}
	return nil, errors.New("it takes one text or number, not a list, a table or a date")
}

// eachText are the texts of a list, or of one value. Anything else is an error.
func eachText(value any) (texts []string, err error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, item := range list {
		if text, ok := item.(string); ok {
			texts = append(texts, text)
		} else {
			err = errors.New("it takes a text in quotes, or a list of them in brackets")
		}
	}
	return texts, err
}

// oneOf makes the parser of one of several words.
func oneOf(words ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		if slices.Contains(words, text) {
			return text, nil
		}
		last := len(words) - 1
		return "", fmt.Errorf("%q is none of its values; it takes %s or %s", text, strings.Join(words[:last], ", "), words[last])
	}
}

// pointerTo makes the parser of a value that is nil where nobody names it.
func pointerTo[V any](parse func(string) (V, error)) func(string) (*V, error) {
	return func(text string) (*V, error) {
		v, err := parse(text)
		return &v, err
	}
}

func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, errors.New("it takes true or false")
	}
	return text == "true", nil
}

// wholeNumber makes the parser of a number.
func wholeNumber[T ~int | ~int32](low, high int) func(string) (T, error) {
	return func(text string) (T, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return 0, fmt.Errorf("%q is not a whole number from %d to %d", text, low, high)
		}
		return T(n), nil
	}
}

// parseMetric makes the parser of a route's metric. To an IPv6 route 0 means another
// one (IP6_RT_PRIO_USER).
func parseMetric(least uint64) func(string) (uint32, error) {
	return func(text string) (uint32, error) {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n < least {
			return 0, fmt.Errorf("%q is not a metric; it takes a whole number from %d to %d", text, least, uint32(math.MaxUint32))
		}
		return uint32(n), nil
	}
}
