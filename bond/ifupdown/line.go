package ifupdown

import (
	"bytes"
	"strings"
	"unicode"
)

// A line is one to ifup: lines that a backslash continues are one.
type line struct {
	text        string // without blanks around it
	first, last int
}

// lines takes a file's text apart. Comments and empty lines are left out.
func lines(text []byte) (list []line) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors' mark of UTF-8
	var l line
	number, open := 0, false
	for raw := range bytes.Lines(text) {
		number++
		part := strings.TrimRight(string(raw), "\r\n")
		if !open {
			part = strings.TrimLeftFunc(part, unicode.IsSpace)
			// A comment doesn't go on, whatever it ends with. But what continues a line
			// is never a comment.
			if strings.HasPrefix(part, "#") {
				continue
			}
			l = line{first: number}
		}
		part, open = strings.CutSuffix(part, `\`)
		l.text += part
		l.last = number
		if !open {
			list = appendLine(list, l)
		}
	}
	if open { // the file ends with a backslash
		list = appendLine(list, l)
	}
	return list
}

func appendLine(list []line, l line) []line {
	if l.text = strings.TrimSpace(l.text); l.text == "" {
		return list
	}
	return append(list, l)
}

// cutWord takes the first word off a text.
func cutWord(text string) (word, rest string) {
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		return text, ""
	}
	return text[:end], strings.TrimLeftFunc(text[end:], unicode.IsSpace)
}
