package bond

import (
	"bytes"
	"fmt"
	"strings"
)

// FormatTOML writes a configuration as a file's text. [ParseTOML] and [NewConfig] make
// an equal one of it. The bond's name isn't written, for the file is called so, nor is
// what is at its default.
func FormatTOML(c Config) []byte {
	var b bytes.Buffer
	writeTOML(&b, "", settingsOf(&c, ""))
	return b.Bytes()
}

// writeTOML writes the settings of a table, and of those below it with their
// titles.
func writeTOML(b *bytes.Buffer, table string, settings []Setting) {
	begin := func(title string) {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintln(b, title)
	}
	for _, s := range settings {
		if element, ok := s.Value.([]Setting); ok {
			begin("[[" + s.Key + "]]")
			writeTOML(b, s.Key, element)
			continue
		}
		if below := tableOf(s.Key); below != table {
			table = below
			begin("[" + table + "]")
		}
		fmt.Fprintf(b, "%s = %s\n", lastPart(s.Key), tomlValue(s.Value))
	}
}

// tomlValue is a Setting's Value as TOML.
func tomlValue(value any) string {
	switch v := value.(type) {
	case string:
		return tomlString(v)
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, tomlValue(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return fmt.Sprint(value)
}

// tomlString quotes a text as a TOML basic string.
func tomlString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
