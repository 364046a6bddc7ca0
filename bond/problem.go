package bond

import (
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing that is wrong in a configuration.
type Problem struct {
	Key     string  // as it was written; "" for a file that can't be read as TOML
	Where   string  // as the Setting has it; "" where nobody wrote the key
	Message Message // what is wrong and what would be right
}

// String names the problem's place, key and message in a line.
func (p Problem) String() string {
	parts := []string{p.Where, p.Key, p.Message.String()}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ": ")
}

// problem puts a message to a key that nobody may have written.
func problem(key, format string, args ...any) Problem {
	return Problem{Key: key, Message: Messagef(format, args...)}
}

// ConfigError is all that is wrong in a configuration, found before anything
// was changed.
type ConfigError struct{ Problems []Problem }

// Error has a line a problem.
func (e *ConfigError) Error() string { return strings.Join(texts(e.Problems), "\n") }

// A Message is a text for the user. It may name keys of a configuration, which
// the user of a program may know by other names.
type Message struct {
	format string
	args   []any
}

// A keyName among a Message's arguments is such a key.
type keyName string

// Messagef makes a Message as [fmt.Sprintf] makes a text.
func Messagef(format string, args ...any) Message { return Message{format, args} }

// String names keys as a file has them.
func (m Message) String() string { return fmt.Sprintf(m.format, m.args...) }

// Error is String: a Message may be what is wrong with a value.
func (m Message) Error() string { return m.String() }

// Naming is the text with its keys by the names that a program has for them,
// such as those of its flags.
func (m Message) Naming(name func(Key) string) string {
	args := slices.Clone(m.args)
	for i, arg := range args {
		if k, ok := arg.(keyName); ok {
			key, _ := findKey(string(k))
			args[i] = name(key)
		}
	}
	return Messagef(m.format, args...).String()
}

// texts are the texts of values.
func texts[T fmt.Stringer](values []T) []string {
	var list []string
	for _, v := range values {
		list = append(list, v.String())
	}
	return list
}
