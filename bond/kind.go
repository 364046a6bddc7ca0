package bond

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A kind is how the values of a key are read and written. A key of the top
// level, or of a table that is there once, is a part of a *Config, one of a
// table that is repeated a part of an element.
type kind struct {
	texts func(value any) ([]string, error) // of a Setting's Value
	clear func(into any)                    // before the first of a layer; nil where set replaces
	set   func(into any, text string) error
	get   func(from any) any // as a Setting's Value; nil for nothing

	table    bool           // it has keys below it
	element  func() element // it has, and is repeated
	elements func(from any) []any

	refused string // it is known and not taken, and this is why
}

// An element is a table that is repeated.
type element interface {
	// parse reads a flag's text.
	parse(text string) error
	// check refuses what doesn't go together or is missing, whether or not
	// the keys that were named have good values.
	check(named []string) error
	// addTo adds it to those that are there.
	addTo(*Config) error
}

// valueKind is the kind of one value, be it a text, a number or a boolean; T is what
// it is a part of.
func valueKind[T any](set func(*T, string) error, get func(*T) any) kind {
	return kind{
		texts: oneText,
		set:   func(into any, text string) error { return set(into.(*T), text) },
		get:   func(from any) any { return get(from.(*T)) },
	}
}

// textKind is the kind of one text; "" is none.
func textKind[T any](field func(*T) *string, check func(string) error) kind {
	return valueKind(
		func(t *T, text string) error { *field(t) = text; return check(text) },
		func(t *T) any { return textOrNil(*field(t)) })
}

func textOrNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// wordKind is the kind of one of several words.
func wordKind[T any](field func(*T) *string, words ...string) kind {
	return textKind(field, func(text string) error { return among(text, words) })
}

// among refuses a text that is none of the words.
func among(text string, words []string) error {
	if !slices.Contains(words, text) {
		return fmt.Errorf("%q is none of its values; it takes %s", text, oneOf(words))
	}
	return nil
}

// oneOf joins words as "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// texts are the texts of values.
func texts[T fmt.Stringer](values []T) []string {
	var list []string
	for _, v := range values {
		list = append(list, v.String())
	}
	return list
}

// nameKind is the kind of the name of an interface that is or will be there.
func nameKind[T any](field func(*T) *string) kind {
	k := textKind(field, checkMemberName)
	k.texts = func(value any) ([]string, error) {
		if name, ok := value.(string); ok {
			return []string{name}, nil
		}
		return nil, errors.New("it takes the name of one interface in quotes, such as \"eth0\"")
	}
	return k
}

// numberKind is the kind of a number; 0 is none.
func numberKind(field func(*Config) *int, low, high int) kind {
	return valueKind(
		func(c *Config, text string) (err error) { *field(c), err = parseInt(text, low, high); return err },
		func(c *Config) any {
			if *field(c) == 0 {
				return nil
			}
			return int64(*field(c))
		})
}

func parseInt(text string, low, high int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", text, low, high)
	}
	return n, nil
}

// boolKind is the kind of true and false; nil is neither.
func boolKind(set func(*Config, bool), get func(*Config) *bool) kind {
	k := valueKind(
		func(c *Config, text string) error { set(c, text == "true"); return nil },
		func(c *Config) any {
			if yes := get(c); yes != nil {
				return *yes
			}
			return nil
		})
	k.texts = booleanText
	return k
}

// listKind is the kind of several addresses, of the family that belongs in a table.
func listKind[V fmt.Stringer](field func(*Config) *[]V, parse func(string) (V, error), table string) kind {
	return kind{
		texts: eachText,
		clear: func(into any) { *field(into.(*Config)) = nil },
		set: func(into any, text string) error {
			v, err := parse(text)
			if err == nil {
				err = checkFamily(table, addressOf(v))
			}
			if err == nil {
				*field(into.(*Config)) = append(*field(into.(*Config)), v)
			}
			return err
		},
		get: func(from any) any {
			all := slices.Clone(*field(from.(*Config)))
			return listOrNil(slices.DeleteFunc(all, func(v V) bool { return !inTable(table, addressOf(v)) }))
		},
	}
}

func addressOf(v any) netip.Addr {
	if p, ok := v.(netip.Prefix); ok {
		return p.Addr()
	}
	return v.(netip.Addr)
}

// listOrNil is a list as a Setting has it.
func listOrNil[V fmt.Stringer](values []V) any {
	var list []any
	for _, v := range values {
		list = append(list, v.String())
	}
	if list == nil {
		return nil
	}
	return list
}

// unwritten is a kind whose values another key writes.
func unwritten(k kind) kind {
	k.get = nil
	return k
}

// tablesKind is the kind of a table that is repeated.
func tablesKind[T any](field func(*Config) *[]T, empty func() element) kind {
	return kind{
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
	case int64:
		return []string{strconv.FormatInt(v, 10)}, nil
	case bool:
		return []string{strconv.FormatBool(v)}, nil
	case float64:
		return nil, errors.New("it takes no decimal fraction; write a whole number, or a text in quotes")
	}
	return nil, errors.New("it takes one text or number, not a list, a table or a date")
}

// eachText are the texts of a list, or of one value.
func eachText(value any) (texts []string, err error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, item := range list {
		text, ok := item.(string)
		if !ok {
			return texts, errors.New("it takes a text in quotes, or a list of them in brackets")
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func booleanText(value any) ([]string, error) {
	if yes, ok := value.(bool); ok {
		return []string{strconv.FormatBool(yes)}, nil
	}
	return nil, errors.New("it takes true or false")
}
