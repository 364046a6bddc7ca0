package supplicant

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// message is an event of wpa_supplicant's control interface: a name such as
// CTRL-EVENT-CONNECTED (src/common/wpa_ctrl.h) and what follows it.
type message struct {
	name   string
	fields map[string]string // the words of the form key=value, without quotes
	bare   string            // the first of the other words
}

// parse takes apart what a global monitor receives:
//
//	IFNAME=wlan0 <3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="lab" auth_failures=1
//
// It returns false for what isn't about the interface or isn't such an event.
func parse(text, ifname string) (message, bool) {
	text, ok := strings.CutPrefix(text, "IFNAME="+ifname+" <")
	if !ok {
		return message{}, false
	}
	_, text, ok = strings.Cut(text, ">")
	if !ok || !strings.HasPrefix(text, "CTRL-EVENT-") {
		return message{}, false
	}
	name, rest, _ := strings.Cut(text, " ")
	m := message{name: name, fields: make(map[string]string)}
	for {
		var word string
		if word, rest = nextWord(rest); word == "" {
			return m, true
		}
		key, value, isField := strings.Cut(word, "=")
		switch {
		case isField:
			m.fields[key] = unquoted(value)
		case m.bare == "":
			m.bare = word
		}
	}
}

// nextWord cuts the next word off. One that has a quotation ends with it: spaces
// are not an end there, and neither is a quote after a backslash.
func nextWord(text string) (word, rest string) {
	text = strings.TrimLeft(text, " ")
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && i > 0 && text[i-1] == '=' && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == ' ':
			return text[:i], text[i:]
		}
	}
	return text, ""
}

func unquoted(value string) string {
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}

// ssid is a network's name as wpa_supplicant writes it (printf_encode), made
// printable and put into quotes. Most names come out as they are.
func ssid(encoded string) string { return strconv.Quote(decoded(encoded)) }

// decoded is the opposite of printf_encode.
func decoded(encoded string) string {
	// \e is the one escape that Go hasn't.
	plain := strings.NewReplacer(`\\`, `\\`, `\e`, `\x1b`).Replace(encoded)
	if name, err := strconv.Unquote(`"` + plain + `"`); err == nil {
		return name
	}
	return encoded
}

// status are the lines of the answers to STATUS, key=value.
func status(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimRight(line, "\n"), "="); ok {
			fields[key] = value
		}
	}
	return fields
}

// network is a line of the answer to LIST_NETWORKS.
type network struct{ id, ssid, flags string }

// networks are the lines of the answer to LIST_NETWORKS but the first, which
// says what they are: id, SSID, BSSID and flags, with tabs between.
func networks(text string) []network {
	var all []network
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) == 4 {
			all = append(all, network{id: f[0], ssid: f[1], flags: f[3]})
		}
	}
	return all
}

// printable has what can't be printed escaped, and leaves the rest as it is.
func printable(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if part := text[i : i+n]; unicode.IsPrint(r) && (r != utf8.RuneError || n > 1) {
			b.WriteString(part)
		} else {
			quoted := strconv.Quote(part)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += n
	}
	return b.String()
}
