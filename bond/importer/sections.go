package importer

import (
	"bytes"
	"errors"
	"strings"

	"github.com/bondctl/bondctl/bond/keyfile"
)

// A section is what follows a line "[NAME]"; there may be several of one name.
type section struct {
	name string
	keys []key
}

// A key is a line of a section.
type key struct {
	name, value string
	entry       keyfile.Entry
	at          place
}

// sections takes a file of sections apart. Both systemd's and NetworkManager's are read so:
// go-systemd's reader of units gives no lines. What systemd has in excess is rewritten:
// comments that begin with a semicolon, and lines that a backslash continues.
func sections(f file) ([]section, error) {
	parsed, err := keyfile.Parse(bytes.NewReader(likeKeyfile(f.text)))
	if e, ok := errors.AsType[*keyfile.SyntaxError](err); ok {
		return nil, &Error{Remark{File: f.path, First: e.Line}.at(), e.Reason}
	}
	if err != nil {
		return nil, &Error{f.path, err.Error()}
	}
	var list []section
	for _, g := range parsed.Groups {
		s := section{name: g.Name}
		for _, e := range g.Entries {
			value := strings.TrimSpace(e.Raw)
			text := e.Key + "=" + value
			if isSecret(e.Key) {
				text = e.Key + " (its value isn't shown)"
			}
			s.keys = append(s.keys, key{e.Key, value, e, place{f.path, e.Line, e.Line, text}})
		}
		list = append(list, s)
	}
	return list, nil
}

// likeKeyfile keeps the number of lines.
func likeKeyfile(text []byte) []byte {
	var b bytes.Buffer
	joined := 0
	for line := range bytes.Lines(text) {
		line, ended := bytes.CutSuffix(line, []byte("\n"))
		bare := bytes.TrimSpace(line)
		isComment := len(bare) > 0 && (bare[0] == '#' || bare[0] == ';')
		if before, ok := bytes.CutSuffix(line, []byte(`\`)); ok && ended && !isComment {
			b.Write(before)
			b.WriteByte(' ')
			joined++
			continue
		}
		switch {
		case isComment && joined > 0: // a comment within a continued line
			joined++
			continue
		case isComment:
			b.WriteByte('#')
		default:
			b.Write(bytes.TrimLeft(line, " \t"))
		}
		b.WriteString(strings.Repeat("\n", joined+1))
		joined = 0
	}
	return b.Bytes()
}

// hasSection says whether a file has a section of that name.
func hasSection(f file, names ...string) bool {
	for line := range bytes.Lines(f.text) {
		for _, name := range names {
			if strings.TrimSpace(string(line)) == "["+name+"]" {
				return true
			}
		}
	}
	return false
}

// truth reads a switch as the formats write it; known is false for anything else.
func truth(text string) (value, known bool) {
	switch strings.ToLower(text) {
	case "yes", "true", "on", "1", "y":
		return true, true
	case "no", "false", "off", "0", "n":
		return false, true
	}
	return false, false
}
