package bond

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// ParseTOML reads a configuration file's text; file is its name for messages.
// What the keys mean is for [NewConfig] to say. The error is a [*ConfigError].
func ParseTOML(file string, text []byte) ([]Setting, error) {
	// The parser below gives positions, but lets pass what only a decoder
	// sees, such as a key that is there twice: so the decoder looks first.
	var all map[string]any
	if err := toml.Unmarshal(text, &all); err != nil {
		return nil, syntaxError(file, err)
	}
	r := tomlReader{file: file}
	r.parser.Reset(text)
	for r.parser.NextExpression() {
		r.expression(r.parser.Expression())
	}
	if err := r.parser.Error(); err != nil {
		return nil, syntaxError(file, err)
	}
	if len(r.problems) > 0 {
		return nil, &ConfigError{r.problems}
	}
	return r.settings, nil
}

func syntaxError(file string, err error) error {
	where := file
	if d, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := d.Position()
		where = fmt.Sprintf("%s:%d", file, line)
	}
	return &ConfigError{[]Problem{{where, strings.TrimPrefix(err.Error(), "toml: ")}}}
}

// tomlReader walks over a file's expressions and notes each key with its line.
type tomlReader struct {
	file     string
	parser   unstable.Parser
	table    string // the table that the expressions at hand belong to
	settings []Setting
	problems []Problem
}

func (r *tomlReader) expression(e *unstable.Node) {
	switch e.Kind {
	case unstable.KeyValue:
		r.add(r.table, e)
	case unstable.Table:
		key, line := r.key(e)
		r.table = key
		if key == "member" {
			r.problems = append(r.problems, Problem{r.at(line, key), "a member is one of several; write [[member]]"})
		}
	case unstable.ArrayTable:
		key, line := r.key(e)
		r.table = key
		if key != "member" {
			r.problems = append(r.problems, Problem{r.at(line, key), "only member is repeated; write [" + key + "]"})
			return
		}
		r.settings = append(r.settings, Setting{Key: key, Where: r.at(line, key), Value: []Setting{}})
	}
}

// add notes one key and its value, that of an inline table key by key.
func (r *tomlReader) add(table string, e *unstable.Node) {
	key, line := r.key(e)
	if table != "" {
		key = table + "." + key
	}
	if e.Value().Kind == unstable.InlineTable {
		for it := e.Value().Children(); it.Next(); {
			r.add(key, it.Node())
		}
		return
	}
	s := Setting{Key: key, Where: r.at(line, key), Value: r.value(e.Value())}
	if name, ok := strings.CutPrefix(key, "member."); ok && len(r.settings) > 0 {
		if member := &r.settings[len(r.settings)-1]; member.Key == "member" {
			s.Key = name
			member.Value = append(member.Value.([]Setting), s)
			return
		}
	}
	r.settings = append(r.settings, s)
}

func (r *tomlReader) at(line int, key string) string {
	return fmt.Sprintf("%s:%d: %s", r.file, line, key)
}

// key is an expression's key with its parts joined by dots, and its line.
func (r *tomlReader) key(e *unstable.Node) (string, int) {
	var parts []string
	line := 0
	for it := e.Key(); it.Next(); {
		n := it.Node()
		if line == 0 {
			line = r.parser.Shape(n.Raw).Start.Line
		}
		part := string(n.Data)
		if strings.ContainsAny(part, ". \t\n\"") {
			part = strconv.Quote(part)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "."), line
}

// value is a node's value as a Setting has it.
func (r *tomlReader) value(n *unstable.Node) any {
	text := string(n.Data)
	switch n.Kind {
	case unstable.Bool:
		return text == "true"
	case unstable.Integer:
		i, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 0, 64)
		if err != nil {
			return text
		}
		return i
	case unstable.Array:
		list := []any{}
		for it := n.Children(); it.Next(); {
			list = append(list, r.value(it.Node()))
		}
		return list
	case unstable.InlineTable:
		return []Setting{}
	}
	return text
}
