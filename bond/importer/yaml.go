package importer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A node is a value of a YAML or JSON file, with its line.
type node struct {
	key    string
	value  string // of a scalar
	scalar bool
	list   bool
	items  []*node // of a mapping, by key, or of a list
	at     place
}

// Nothing that a link's configuration has is as large or as deep.
const (
	maxNodes     = 20_000
	maxNodeDepth = 50
)

// documents takes a YAML file apart.
func documents(f file) ([]*node, error) {
	if err := notTooDeep(f.text); err != nil {
		return nil, &Error{f.path, err.Error()}
	}
	parsed, err := parser.ParseBytes(f.text, 0)
	if err != nil {
		where := f.path
		if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil && e.GetToken().Position != nil {
			where = fmt.Sprintf("%s:%d", f.path, e.GetToken().Position.Line)
			return nil, &Error{where, e.GetMessage()}
		}
		first, _, _ := strings.Cut(err.Error(), "\n")
		return nil, &Error{where, first}
	}
	t := treeMaker{file: f, lines: strings.Split(string(f.text), "\n"), anchors: map[string]ast.Node{}}
	var list []*node
	for _, d := range parsed.Docs {
		if d.Body != nil {
			list = append(list, t.node("", d.Body, 0))
		}
	}
	if t.left {
		return nil, &Error{f.path, "it is too large or too deep for a network's configuration"}
	}
	return list, nil
}

// notTooDeep spares the parser, which recurses, brackets in brackets.
func notTooDeep(text []byte) error {
	depth := 0
	for _, b := range text {
		switch b {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		}
		if depth > 4*maxNodeDepth {
			return errors.New("it is too deep for a network's configuration")
		}
	}
	return nil
}

type treeMaker struct {
	file    file
	lines   []string
	anchors map[string]ast.Node
	count   int
	left    bool // something was too much
}

func (t *treeMaker) node(key string, n ast.Node, depth int) *node {
	out := &node{key: key, at: t.place(n)}
	if t.count++; t.count > maxNodes || depth > maxNodeDepth {
		t.left = true
		return out
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			t.pair(out, v, depth)
		}
	case *ast.MappingValueNode:
		t.pair(out, n, depth)
	case *ast.SequenceNode:
		out.list = true
		for _, v := range n.Values {
			out.items = append(out.items, t.node("", v, depth+1))
		}
	case *ast.AnchorNode:
		t.anchors[n.Name.GetToken().Value] = n.Value
		return t.node(key, n.Value, depth+1)
	case *ast.AliasNode:
		if target, ok := t.anchors[n.Value.GetToken().Value]; ok {
			return t.node(key, target, depth+1)
		}
	case *ast.TagNode:
		return t.node(key, n.Value, depth+1)
	case *ast.NullNode:
	case *ast.LiteralNode:
		out.scalar, out.value = true, n.Value.Value
	case *ast.StringNode:
		out.scalar, out.value = true, n.Value
	default:
		out.scalar = true
		if token := n.GetToken(); token != nil {
			out.value = token.Value
		}
	}
	return out
}

// pair adds a key and its value to a mapping.
func (t *treeMaker) pair(into *node, v *ast.MappingValueNode, depth int) {
	if v.Value == nil || v.Key == nil {
		return
	}
	key := ""
	if token := v.Key.GetToken(); token != nil {
		key = token.Value
	}
	child := t.node(key, v.Value, depth+1)
	if _, merges := v.Key.(*ast.MergeKeyNode); merges {
		into.items = append(child.items, into.items...)
		return
	}
	child.at = t.place(v.Key)
	if strings.ContainsAny(child.at.text, "{[") {
		child.at.text = child.short()
	}
	into.items = append(into.items, child)
}

// place is where a node begins, with the text of its line.
func (t *treeMaker) place(n ast.Node) place {
	token := n.GetToken()
	if token == nil || token.Position == nil {
		return place{file: t.file.path}
	}
	line := token.Position.Line
	text := ""
	if line >= 1 && line <= len(t.lines) {
		text = strings.TrimRight(strings.TrimSpace(t.lines[line-1]), ":,")
		if isSecret(text) {
			key, _, _ := strings.Cut(text, ":")
			text = key + " (its value isn't shown)"
		}
	}
	return place{t.file.path, line, line, text}
}

// short is a key and its value, for a line that has others as well.
func (n *node) short() string {
	switch {
	case isSecret(n.key):
		return n.key + " (its value isn't shown)"
	case n.scalar:
		return n.key + ": " + n.value
	}
	return n.key
}

// of is what a mapping has below a path of keys; an empty node for nothing.
func (n *node) of(path ...string) *node {
	for _, key := range path {
		var next *node
		for _, item := range n.items {
			if item.key == key && !n.list {
				next = item
			}
		}
		if next == nil {
			return &node{}
		}
		n = next
	}
	return n
}

// texts are the scalars of a list, or the one scalar.
func (n *node) texts() (list []entry) {
	if n.scalar {
		return []entry{{"", n.value, n.at}}
	}
	for _, item := range n.items {
		switch {
		case item.scalar && n.list:
			list = append(list, entry{"", item.value, item.at})
		case n.list && len(item.items) == 1 && strings.Contains(item.items[0].key, "/"): // - 192.0.2.1/24: {label: x}
			list = append(list, entry{"", item.items[0].key, item.items[0].at})
		}
	}
	return list
}

func (n *node) is() bool { return n.scalar || n.items != nil }
