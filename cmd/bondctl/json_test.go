package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

// FuzzWriteJSON has JSON mean what it should, in characters that all can be shown.
func FuzzWriteJSON(f *testing.F) {
	for _, text := range []string{"eth0", "\x1b[2J", "a\nb", "\u009b2J", "\x7f", "\u202e", "\u00a0", "\ufffd", "\U000e0001", "<&>", "сеть"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "\ufffd")
		var b bytes.Buffer
		if err := writeJSON(&b, []string{text}, "  "); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.String() {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%q is written with %q in it: %q", text, r, b.String())
			}
		}
		var read []string
		if err := json.Unmarshal(b.Bytes(), &read); err != nil || len(read) != 1 || read[0] != text {
			t.Errorf("%q became %q (%v)", text, read, err)
		}
	})
}
