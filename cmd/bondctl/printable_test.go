package main

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain", "eth0 is absent", "eth0 is absent"},
		{"letters of another alphabet", "сеть", "сеть"},
		{"quotes stay", `"eth0"'s`, `"eth0"'s`},
		{"escape", "\x1b[2J", `\x1b[2J`},
		{"line ends", "a\r\nb", `a\r\nb`},
		{"right to left", "a\u202eb", `a\u202eb`},
		{"no-break space", "a\u00a0b", `a\u00a0b`},
		{"not utf-8", "a\xff\xc3", `a\xff\xc3`},
		{"the sign for it", "a\ufffd", "a\ufffd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := printable(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzPrintable has nothing come out that moves a cursor or begins a line.
func FuzzPrintable(f *testing.F) {
	for _, text := range []string{"eth0", "\x1b[2J", "a\nb", "\xff", "\u202e", "\u00a0", "\ufffd", "'", "\\x1b", "\x00", "\U000e0001"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := printable(text)
		if !utf8.ValidString(got) {
			t.Errorf("%q became %q, which isn't UTF-8", text, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q became %q with %q in it", text, got, r)
			}
		}
		if again := printable(got); again != got {
			t.Errorf("%q became %q and then %q", text, got, again)
		}
	})
}
