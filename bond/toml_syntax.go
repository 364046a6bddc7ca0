package bond

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// badTOML is the error of a file that can't be read as TOML.
func badTOML(where, key, format string, args ...any) error {
	return &ConfigError{[]Problem{{Where: where, Key: key, Message: Messagef(format, args...)}}}
}

// notText refuses a file in another encoding, and what no TOML has though it can hardly
// be seen: zero bytes, and carriage returns that end no line.
func notText(file string, text []byte) error {
	if encoding := otherEncoding(text); encoding != "" {
		return badTOML(file, "", "it is in %s, and TOML is in UTF-8; convert it: iconv -f %[1]s -t UTF-8", encoding)
	}
	line := 0
	for l := range bytes.Lines(text) {
		line++
		where, l := fmt.Sprintf("%s:%d", file, line), bytes.TrimSuffix(l, []byte("\r\n"))
		switch {
		case bytes.ContainsRune(l, 0):
			return badTOML(where, "", "a zero byte, which no text has; delete it")
		case bytes.ContainsRune(l, '\r'):
			return badTOML(where, "", `a carriage return without a line feed, which ends no line; convert it: tr '\r' '\n'`)
		}
	}
	return nil
}

// otherEncoding is the encoding of a text with two or four bytes a character, as
// iconv(1) calls it. Such a text begins with a byte order mark or, as TOML does, with
// ASCII, which is zero bytes but for one.
func otherEncoding(text []byte) string {
	start := string(text[:min(len(text), 4)])
	shape := strings.Map(func(r rune) rune {
		if r != 0 {
			r = 'x'
		}
		return r
	}, start)
	switch {
	case shape == "x\x00\x00\x00", start == "\xff\xfe\x00\x00":
		return "UTF-32LE"
	case shape == "\x00\x00\x00x", start == "\x00\x00\xfe\xff":
		return "UTF-32BE"
	case shape == "x\x00x\x00", strings.HasPrefix(start, "\xff\xfe"):
		return "UTF-16LE"
	case shape == "\x00x\x00x", strings.HasPrefix(start, "\xfe\xff"):
		return "UTF-16BE"
	}
	return ""
}

func syntaxError(file string, text []byte, err error) error {
	// A message may quote a key, which may contain anything.
	message := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "toml: "), "\n", `\n`)
	where, key := file, ""
	if d, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := d.Position()
		where = fmt.Sprintf("%s:%d", file, line)
		content := bytes.Split(text, []byte("\n"))[line-1]
		if k := keyInLine(content); !strings.Contains(message, k) {
			key = k
		}
		if r := runeAt(content, column-1); r > unicode.MaxASCII && r != utf8.RuneError {
			return badTOML(where, key, "%s", foreignRune(message, r))
		}
	}
	if strings.HasSuffix(message, "at start of value") {
		message += "; a text stands in quotes"
	}
	return badTOML(where, key, "%s", message)
}

// keyInLine is the key of a line that the parser may not understand; "" where it has
// none.
func keyInLine(line []byte) string {
	before, _, found := strings.Cut(string(line), "=")
	if key := strings.TrimSpace(before); found && !strings.ContainsFunc(key, isNotBare) {
		return key
	}
	return ""
}

// runeAt is the character that the byte at an offset belongs to; [utf8.RuneError] where
// there is none.
func runeAt(line []byte, offset int) rune {
	offset = min(offset, len(line))
	for offset > 0 && offset < len(line) && !utf8.RuneStart(line[offset]) {
		offset--
	}
	r, _ := utf8.DecodeRune(line[offset:])
	return r
}

// namedByte is how the parser names a character: it takes a byte for one.
var namedByte = regexp.MustCompile(`U\+00[0-9A-F]{2}( '.')?`)

// foreignRune is the parser's message about a character beyond ASCII, with its right
// name, and with what to write in its place where it is one of those that text
// processors and web pages put there.
func foreignRune(message string, r rune) string {
	name := fmt.Sprintf("%#U", r)
	if namedByte.MatchString(message) {
		message = namedByte.ReplaceAllLiteralString(message, name)
	} else {
		message += ", not " + name
	}
	switch {
	case unicode.In(r, unicode.Z):
		return message + "; write a plain blank"
	case unicode.In(r, unicode.Cf):
		return message + "; it can't be seen: delete it"
	case unicode.In(r, unicode.Pi, unicode.Pf) || r == '„' || r == '‚' || r == '″':
		return message + `; write plain quotes (")`
	case unicode.In(r, unicode.Pd) || r == '−':
		return message + "; write a plain minus (-)"
	}
	return message
}
