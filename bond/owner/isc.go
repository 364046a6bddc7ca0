package owner

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A statement is one of an ISC file (dhclient.conf(5), dhclient.leases(5)): words up to a
// semicolon, or a block in braces.
type statement struct {
	words []word
	block []statement
}

// A word of a statement. Commas, equals signs and parentheses are words of their own.
type word struct {
	text   string
	quoted bool
}

// is says whether a statement begins with words.
func (s statement) is(words ...string) bool {
	if len(s.words) < len(words) {
		return false
	}
	for i, w := range words {
		if s.words[i].text != w || s.words[i].quoted {
			return false
		}
	}
	return true
}

// errISC says that a file isn't in that form.
var errISC = errors.New("it isn't in ISC's form")

// maxDepth bounds blocks in blocks.
const maxDepth = 32

// parseISC reads the statements of an ISC file.
func parseISC(text string) ([]statement, error) {
	p := iscParser{rest: text}
	all, err := p.statements(0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("%w: there is a } without a {", errISC)
	}
	return all, err
}

type iscParser struct{ rest string }

// statements reads those up to the end of the block or of the file. One that is cut short, as
// in a file that is being written, is left out.
func (p *iscParser) statements(depth int) (all []statement, err error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: it has blocks too deep in others", errISC)
	}
	var s statement
	for {
		w, end := p.next()
		switch {
		case end:
			return all, nil
		case w.quoted || !strings.ContainsAny(w.text, "{};"):
			s.words = append(s.words, w)
		case w.text == ";":
			if s.words != nil {
				all = append(all, s)
			}
			s = statement{}
		case w.text == "{":
			if s.block, err = p.statements(depth + 1); err != nil {
				return nil, err
			}
			if strings.HasPrefix(p.rest, "}") {
				p.rest = p.rest[1:]
				all = append(all, s)
			}
			s = statement{}
		default: // }, which whoever began the block takes
			p.rest = "}" + p.rest
			return all, nil
		}
	}
}

const (
	iscMarks = "{};,=()"
	iscSpace = " \t\r\n"
)

// next reads a word or a mark.
func (p *iscParser) next() (w word, end bool) {
	for {
		p.rest = strings.TrimLeft(p.rest, iscSpace)
		if !strings.HasPrefix(p.rest, "#") {
			break
		}
		_, p.rest, _ = strings.Cut(p.rest, "\n")
	}
	switch {
	case p.rest == "":
		return word{}, true
	case p.rest[0] == '"':
		return p.quotation()
	case strings.IndexByte(iscMarks, p.rest[0]) >= 0:
		w.text, p.rest = p.rest[:1], p.rest[1:]
		return w, false
	}
	i := strings.IndexAny(p.rest, iscMarks+iscSpace+`#"`)
	if i < 0 {
		i = len(p.rest)
	}
	w.text, p.rest = p.rest[:i], p.rest[i:]
	return w, false
}

var iscEscapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b'}

// quotation reads a text in quotes, in which \ooo is a byte and \x is x.
func (p *iscParser) quotation() (w word, end bool) {
	var text strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case '"':
			p.rest = p.rest[i+1:]
			return word{text.String(), true}, false
		case '\\':
			if i+1 >= len(p.rest) {
				continue // and so it is cut short
			}
			if i+3 < len(p.rest) {
				if n, err := strconv.ParseUint(p.rest[i+1:i+4], 8, 8); err == nil {
					text.WriteByte(byte(n))
					i += 3
					continue
				}
			}
			i++
			escaped, known := iscEscapes[p.rest[i]]
			if !known {
				escaped = p.rest[i]
			}
			text.WriteByte(escaped)
		default:
			text.WriteByte(c)
		}
	}
	p.rest = ""
	return word{}, true
}

// bytesOf are a value's: a text in quotes, or hexadecimal numbers with colons.
func bytesOf(words []word) ([]byte, bool) {
	if len(words) != 1 {
		return nil, false
	}
	if words[0].quoted {
		return []byte(words[0].text), words[0].text != ""
	}
	var all []byte
	for part := range strings.SplitSeq(words[0].text, ":") {
		n, err := strconv.ParseUint(part, 16, 8)
		if err != nil {
			return nil, false
		}
		all = append(all, byte(n))
	}
	return all, true
}
