package bond

import (
	"bytes"
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// TestMarkedTOML has a file read with the mark in front that some editors put there, and
// its lines counted the same, whatever ends them.
func TestMarkedTOML(t *testing.T) {
	const mark = "\ufeff"
	for _, text := range []string{exampleFile, "", "\n\nmtu = 9000", "mtu = 9000\r\nmiimon = 50\r\n", "mtu = 1\nmtu = 2"} {
		want, wantErr := ParseTOML("bond0.toml", []byte(text))
		got, err := ParseTOML("bond0.toml", []byte(mark+text))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: settings (-without the mark +with it):\n%s", text, diff)
		}
		if diff := cmp.Diff(errorText(wantErr), errorText(err)); diff != "" {
			t.Errorf("%q: error (-without the mark +with it):\n%s", text, diff)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestNotTOML has what only looks like TOML refused in words that say what to do.
func TestNotTOML(t *testing.T) {
	const noLine = `a carriage return without a line feed, which ends no line; convert it: tr '\r' '\n'`
	for _, tt := range []struct{ name, text, want string }{
		{"old line ends", "mtu = 1\rmiimon = 2\r", "f:1: " + noLine},
		{"an old line end among others", "mtu = 1\r\n# a\rb\r\n", "f:2: " + noLine},
		{"zero byte", "mtu = 1\n\nprimary = \"a\x00b\"", "f:3: a zero byte, which no text has; delete it"},
		{"zero byte alone", "\x00", "f:1: a zero byte, which no text has; delete it"},
		{"no-break space before a key", "mtu = 1\n\u00a0\u00a0miimon = 1", "f:2: miimon: invalid character at start of key: U+00A0; write a plain blank"},
		{"no-break space behind a key", "mtu\u00a0= 1", "f:1: mtu: expected '=' after key, not U+00A0; write a plain blank"},
		{"no-break space before a value", "mtu =\u00a01", "f:1: mtu: unexpected character U+00A0 at start of value; write a plain blank"},
		{"no-break space behind a value", "mtu = 1\u202f", "f:1: mtu: expected newline but got U+202F; write a plain blank"},
		{"no-break space in a table's name", "[ipv4\u00a0]", "f:1: expected ']' to close table name, not U+00A0; write a plain blank"},
		{"no-break space in a list", "x = [1,\u00a02]", "f:1: unexpected character U+00A0 at start of value; write a plain blank"},
		{"zero-width space", "[[member]]\u200b", "f:1: expected newline but got U+200B; it can't be seen: delete it"},
		{"two files in one", "mtu = 1\n\ufeffmiimon = 2", "f:2: invalid character at start of key: U+FEFF; it can't be seen: delete it"},
		{"a printer's quotes", "primary = “eth0”", `f:1: primary: unexpected character U+201C '“' at start of value; write plain quotes (")`},
		{"a printer's single quotes", "primary = ‘eth0’", `f:1: primary: unexpected character U+2018 '‘' at start of value; write plain quotes (")`},
		{"a printer's low quotes", "primary = „eth0“", `f:1: primary: unexpected character U+201E '„' at start of value; write plain quotes (")`},
		{"a printer's minus", "prio = −1", "f:1: prio: unexpected character U+2212 '−' at start of value; write a plain minus (-)"},
		{"a letter", "mü = 1", "f:1: expected '=' after key, not U+00FC 'ü'"},
		{"a byte that is no letter", "mtu = \xfc", "f:1: mtu: unexpected character U+00FC 'ü' at start of value; a text stands in quotes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings, err := ParseTOML("f", []byte(tt.text))
			if diff := cmp.Diff(tt.want, errorText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if settings != nil {
				t.Errorf("settings %v, want none", settings)
			}
		})
	}
}

// TestEncodings has a file in another encoding refused with the command that converts
// it, with a mark in front and without.
func TestEncodings(t *testing.T) {
	for _, tt := range []struct {
		name   string
		encode func(text string) []byte
	}{
		{"UTF-16LE", func(text string) []byte { return in16(binary.LittleEndian, text) }},
		{"UTF-16BE", func(text string) []byte { return in16(binary.BigEndian, text) }},
		{"UTF-32LE", func(text string) []byte { return in32(binary.LittleEndian, text) }},
		{"UTF-32BE", func(text string) []byte { return in32(binary.BigEndian, text) }},
	} {
		for _, mark := range []string{"\ufeff", ""} {
			_, err := ParseTOML("f", tt.encode(mark+exampleFile))
			want := "f: it is in " + tt.name + ", and TOML is in UTF-8; convert it: iconv -f " + tt.name + " -t UTF-8"
			if diff := cmp.Diff(want, errorText(err)); diff != "" {
				t.Errorf("%s with %q in front (-want +got):\n%s", tt.name, mark, diff)
			}
		}
	}
}

func in16(order binary.AppendByteOrder, text string) (b []byte) {
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return b
}

func in32(order binary.AppendByteOrder, text string) (b []byte) {
	for _, r := range text {
		b = order.AppendUint32(b, uint32(r))
	}
	return b
}

// addEncodings has a fuzz test begin with files that are no plain TOML.
func addEncodings(add func(...any)) {
	for _, text := range [][]byte{
		in16(binary.LittleEndian, "\ufeff"+exampleFile), in16(binary.BigEndian, "mtu = 1"), in32(binary.LittleEndian, "mtu = 1"),
		bytes.ReplaceAll([]byte(exampleFile), []byte("\n"), []byte("\r")), bytes.ReplaceAll([]byte(exampleFile), []byte("\n"), []byte("\r\n")),
		bytes.ReplaceAll([]byte(exampleFile), []byte(" "), []byte("\u00a0")), bytes.ReplaceAll([]byte(exampleFile), []byte(`"`), []byte("“")),
		[]byte("\ufeff\ufeffmtu = 1"), []byte("mtu = 1\x00"), []byte("mtu = 1\n\xe2\x80"), []byte("\xff\xfe"),
	} {
		add(text)
	}
}
