package bond

import (
	"fmt"
	"slices"
)

// A Message is a text for the user. It may name keys of a configuration, which a
// program's users may know by other names.
type Message struct {
	format string
	args   []any
}

// A keyName among a Message's arguments is a key that it names.
type keyName string

// Messagef makes a Message as [fmt.Sprintf] makes a text.
func Messagef(format string, args ...any) Message { return Message{format, args} }

// String names keys as a file has them.
func (m Message) String() string { return fmt.Sprintf(m.format, m.args...) }

// Error is String: a Message can be an error, of a value.
func (m Message) Error() string { return m.String() }

// Naming is the text with other names for the keys in it, such as a program's flags.
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
