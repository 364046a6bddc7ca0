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

// problem is one with a key that perhaps nobody wrote.
func problem(key, format string, args ...any) Problem {
	return Problem{Key: key, Message: Messagef(format, args...)}
}

// ConfigError is all that is wrong in a configuration, found before anything
// was changed.
type ConfigError struct{ Problems []Problem }

// Error has a line for each problem.
func (e *ConfigError) Error() string { return strings.Join(texts(e.Problems), "\n") }

// texts are the texts of values.
func texts[T fmt.Stringer](values []T) []string {
	var list []string
	for _, v := range values {
		list = append(list, v.String())
	}
	return list
}
