package bond

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// ParseTOML reads a configuration file's text; file is its name in messages. It only
// takes the text apart: keys and values are checked by [NewConfig]. The error is a
// [*ConfigError].
func ParseTOML(file string, text []byte) ([]Setting, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors' mark of UTF-8
	if err := notText(file, text); err != nil {
		return nil, err
	}
	// The parser below gives positions, but accepts what a decoder refuses, such as a
	// key that is there twice. So the decoder reads it first.
	var all map[string]any
	if err := toml.Unmarshal(text, &all); err != nil {
		return nil, syntaxError(file, text, err)
	}
	r := tomlReader{file: file, all: all, last: map[string]int{}, begun: map[string]int{}}
	r.parser.Reset(text)
	for r.parser.NextExpression() {
		r.expression(r.parser.Expression())
	}
	if err := r.parser.Error(); err != nil {
		return nil, syntaxError(file, text, err)
	}
	return r.settings, nil
}

// tomlReader walks over a file's expressions and notes each key with its line.
type tomlReader struct {
	file     string
	parser   unstable.Parser
	table    []string       // the table that the expressions at hand belong to
	unknown  bool           // it is none, which has been noted; what is in it needn't be
	all      map[string]any // as it is decoded
	settings []Setting
	// For the tables that are repeated, by key: the index in settings of the last one,
	// and their number.
	last, begun map[string]int
}

func (r *tomlReader) expression(e *unstable.Node) {
	path, line := r.key(e)
	k, _ := findKey(joinKey(path))
	switch e.Kind {
	case unstable.KeyValue:
		if !r.unknown {
			r.add(append(r.table[:len(r.table):len(r.table)], path...), line, e.Value())
		}
	case unstable.Table:
		r.table, r.unknown = path, !k.table
		if r.unknown {
			r.note(path, line, nil)
		}
		if below, _ := r.all[k.Name].(map[string]any); len(below) == 0 {
			r.noteBare(k, line)
		}
	case unstable.ArrayTable:
		r.table, r.unknown = path, k.element == nil
		if r.unknown {
			r.note(path, line, nil)
		} else {
			r.begin(k.Name, line)
		}
	}
}

// add notes a key with its value; of a table, each key in it.
func (r *tomlReader) add(path []string, line int, value *unstable.Node) {
	switch k, _ := findKey(joinKey(path)); {
	case k.table && value.Kind == unstable.InlineTable:
		r.addAll(path, line, value)
		if value.Child() == nil {
			r.noteBare(k, line)
		}
	case k.element != nil && value.Kind == unstable.Array:
		// Programs write it so; people write [[member]].
		for it := value.Children(); it.Next(); {
			if it.Node().Kind != unstable.InlineTable {
				r.note(path, line, nil)
				return
			}
			r.begin(k.Name, line)
			r.addAll(path, line, it.Node())
		}
	case k.element != nil:
		r.note(path, line, nil) // a text is a flag's
	default:
		r.note(path, line, r.value(path))
	}
}

// noteBare notes what a table stands for that has nothing in it.
func (r *tomlReader) noteBare(table Key, line int) {
	if table.bare != "" {
		r.settings = append(r.settings, Setting{Key: table.bare, Where: r.at(line), Value: table.bareValue})
	}
}

func (r *tomlReader) addAll(path []string, line int, table *unstable.Node) {
	for it := table.Children(); it.Next(); {
		name, _ := r.key(it.Node())
		r.add(append(path[:len(path):len(path)], name...), line, it.Node().Value())
	}
}

// begin notes one more of the tables that are repeated.
func (r *tomlReader) begin(key string, line int) {
	r.last[key] = len(r.settings)
	r.begun[key]++
	r.settings = append(r.settings, Setting{Key: key, Where: r.at(line), Value: []Setting{}})
}

// note makes a setting of a path and its value, in the table that is repeated if it is
// of one. A table where none belongs is a setting without a value.
func (r *tomlReader) note(path []string, line int, value any) {
	s := Setting{Key: joinKey(path), Where: r.at(line), Value: value}
	if last, ok := r.last[path[0]]; ok && len(path) > 1 {
		element := &r.settings[last]
		element.Value = append(element.Value.([]Setting), s)
		return
	}
	r.settings = append(r.settings, s)
}

func (r *tomlReader) at(line int) string { return fmt.Sprintf("%s:%d", r.file, line) }

// key is an expression's key in parts, and its line.
func (r *tomlReader) key(e *unstable.Node) ([]string, int) {
	var path []string
	line := 0
	for it := e.Key(); it.Next(); {
		if line == 0 {
			line = r.parser.Shape(it.Node().Raw).Start.Line
		}
		path = append(path, string(it.Node().Data))
	}
	return path, line
}

// joinKey writes a key's parts as a file does. A part with anything but letters,
// digits and dashes is quoted, so that no two keys look the same.
func joinKey(path []string) string {
	parts := make([]string, len(path))
	for i, part := range path {
		parts[i] = part
		if part == "" || strings.ContainsFunc(part, isNotBare) {
			parts[i] = strconv.Quote(part)
		}
	}
	return strings.Join(parts, ".")
}

func isNotBare(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-'
}

// value is a key's value as a Setting has it: nil for a date or a table. Of a table
// that is repeated it is the last one's.
func (r *tomlReader) value(path []string) any {
	value := any(r.all)
	for _, part := range path {
		if tables, ok := value.([]any); ok {
			value = tables[r.begun[path[0]]-1]
		}
		value = value.(map[string]any)[part]
	}
	switch value.(type) {
	case string, bool, int64, float64, []any:
		return value
	}
	return nil
}
