package keyfile

import (
	"fmt"
	"strconv"
	"strings"
)

// escapes are what GLib writes for a byte that can't stand for itself.
var escapes = map[byte]byte{'s': ' ', 'n': '\n', 't': '\t', 'r': '\r', '\\': '\\'}

// Text is the value without its escapes. One that isn't known stays as it is written.
func (e Entry) Text() string {
	var out strings.Builder
	for i := 0; i < len(e.Raw); i++ {
		if e.Raw[i] == '\\' && i+1 < len(e.Raw) {
			if c, ok := escapes[e.Raw[i+1]]; ok {
				out.WriteByte(c)
				i++
				continue
			}
		}
		out.WriteByte(e.Raw[i])
	}
	return out.String()
}

// List is the value as a list: what ends with a semicolon, the last one without it too.
// A semicolon within an element is written "\;".
func (e Entry) List() []string {
	var all []string
	begin := 0
	for i := 0; i < len(e.Raw); i++ {
		switch e.Raw[i] {
		case '\\':
			i++ // whatever it is, it ends nothing
		case ';':
			all = append(all, element(e.Raw[begin:i]))
			begin = i + 1
		}
	}
	if begin < len(e.Raw) {
		all = append(all, element(e.Raw[begin:]))
	}
	return all
}

func element(raw string) string {
	var out strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' && i+1 < len(raw) && raw[i+1] == ';' {
			out.WriteByte(';')
			i++
			continue
		}
		if raw[i] == '\\' && i+1 < len(raw) {
			out.WriteString(Entry{Raw: raw[i : i+2]}.Text())
			i++
			continue
		}
		out.WriteByte(raw[i])
	}
	return out.String()
}

// Bytes is the value as NetworkManager reads what may be no text, as an SSID: a list
// of numbers up to 255, each with a semicolon, or else a text, with "\;" for a
// semicolon once its escapes are off.
func (e Entry) Bytes() []byte {
	text := e.Text()
	if list, ok := numbers(text); ok {
		return list
	}
	return []byte(strings.ReplaceAll(text, `\;`, ";"))
}

func numbers(text string) ([]byte, bool) {
	parts := strings.Split(text, ";")
	if len(parts) < 2 || strings.Trim(parts[len(parts)-1], blanks) != "" {
		return nil, false
	}
	var all []byte
	for _, part := range parts[:len(parts)-1] {
		part = strings.Trim(part, blanks)
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || len(part) > 3 {
			return nil, false
		}
		all = append(all, byte(n))
	}
	return all, true
}

// Bool is the value of a switch.
func (e Entry) Bool() (bool, error) {
	switch strings.TrimRight(e.Raw, blanks) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, e.wrong("true or false")
}

// Int is the value of a number.
func (e Entry) Int() (int, error) {
	n, err := strconv.ParseInt(strings.TrimRight(e.Raw, blanks), 10, 64)
	if err != nil || int64(int(n)) != n {
		return 0, e.wrong("a number")
	}
	return int(n), nil
}

func (e Entry) wrong(right string) error {
	return &SyntaxError{Line: e.Line, Reason: fmt.Sprintf("%s is %s, not %q", e.Key, right, e.Raw)}
}
