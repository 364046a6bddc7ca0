package keyfile

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	text := "# NetworkManager\n\n[connection]\nid=Home; sweet # home\n  type = wifi\r\nname[de]=Heim\n\n" +
		"[ipv4]\t\ndns=192.0.2.1;192.0.2.2;\nroute1=a\nroute1=b\nempty=\n[connection]\nid=again \n" +
		"[@pem@ca]\n-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n[x y]"
	want := &File{Groups: []Group{
		{Name: "connection", Line: 3, Entries: []Entry{
			{Key: "id", Raw: "Home; sweet # home", Line: 4}, {Key: "type", Raw: "wifi", Line: 5}, {Key: "name[de]", Raw: "Heim", Line: 6},
		}},
		{Name: "ipv4", Line: 8, Entries: []Entry{
			{Key: "dns", Raw: "192.0.2.1;192.0.2.2;", Line: 9}, {Key: "route1", Raw: "a", Line: 10}, {Key: "route1", Raw: "b", Line: 11}, {Key: "empty", Line: 12},
		}},
		{Name: "connection", Line: 13, Entries: []Entry{{Key: "id", Raw: "again ", Line: 14}}},
		{Name: "@pem@ca", Line: 15, Embedded: true},
		{Name: "x y", Line: 19},
	}}
	got, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		line int
	}{
		"a key outside of a group":         {"a=b\n", 1},
		"a line that is nothing":           {"[a]\nb\n", 2},
		"no key":                           {"[a]\n\n =b\n", 3},
		"a group that isn't closed":        {"[a\n", 1},
		"a group without a name":           {"[]\n", 1},
		"a group with something behind it": {"[a] # b\n", 1},
		"a bracket in a group's name":      {"[a[b]\n", 1},
		"a zero byte":                      {"[a]\nb=\x00\n", 2},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(strings.NewReader(c.text))
			if wrong, ok := errors.AsType[*SyntaxError](err); !ok || wrong.Line != c.line {
				t.Errorf("got %v, want a syntax error in line %d", err, c.line)
			}
		})
	}
	if _, err := Parse(strings.NewReader(strings.Repeat("#\n", Largest/2+1))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v for a large file", err)
	}
}

func TestGroup(t *testing.T) {
	f, err := Parse(strings.NewReader("[wifi]\nssid=a\nmode=ap\n[x]\nssid=x\n[802-11-wireless]\nssid=b\n"))
	if err != nil {
		t.Fatal(err)
	}
	g := f.Group("wifi", "802-11-wireless")
	if got := g.Text("ssid"); g.Line != 1 || got != "b" {
		t.Errorf("got %q of a group in line %d, want the last of both groups", got, g.Line)
	}
	if _, ok := g.Find("psk"); ok || g.Text("psk") != "" || f.Has("none") || !f.Has("none", "x") {
		t.Error("what isn't there was found, or what is there wasn't")
	}
}

func TestValues(t *testing.T) {
	for name, c := range map[string]struct {
		raw   string
		text  string
		list  []string
		bytes string
	}{
		"nothing":                        {"", "", nil, ""},
		"a word":                         {"a", "a", []string{"a"}, "a"},
		"blanks":                         {`\sa b\t `, " a b\t ", []string{" a b\t "}, " a b\t "},
		"a list":                         {"a;b;", "a;b;", []string{"a", "b"}, "a;b;"},
		"an open list":                   {"a;b", "a;b", []string{"a", "b"}, "a;b"},
		"a list with an empty one":       {"a;;b;", "a;;b;", []string{"a", "", "b"}, "a;;b;"},
		"a semicolon in a list":          {`a\;b;c;`, `a\;b;c;`, []string{"a;b", "c"}, "a;b;c;"},
		"a backslash before a semicolon": {`a\\;b`, `a\;b`, []string{`a\`, "b"}, "a;b"},
		"an unknown escape":              {`a\qb\`, `a\qb\`, []string{`a\qb\`}, `a\qb\`},
		"numbers":                        {"79;102; 0 ;255;", "79;102; 0 ;255;", []string{"79", "102", " 0 ", "255"}, "Of\x00\xff"},
		"a number alone":                 {"79", "79", []string{"79"}, "79"},
		"a number without an end":        {"79;102", "79;102", []string{"79", "102"}, "79;102"},
		"a number that is too large":     {"79;256;", "79;256;", []string{"79", "256"}, "79;256;"},
		"a number that is too long":      {"0079;", "0079;", []string{"0079"}, "0079;"},
	} {
		t.Run(name, func(t *testing.T) {
			e := Entry{Raw: c.raw}
			if got := e.Text(); got != c.text {
				t.Errorf("text %q, want %q", got, c.text)
			}
			if diff := cmp.Diff(c.list, e.List()); diff != "" {
				t.Errorf("list (-want +got)\n%s", diff)
			}
			if got := string(e.Bytes()); got != c.bytes {
				t.Errorf("bytes %q, want %q", got, c.bytes)
			}
		})
	}
}

func TestSwitchesAndNumbers(t *testing.T) {
	for raw, want := range map[string]bool{"true": true, "1 ": true, "false": false, "0": false} {
		if got, err := (Entry{Raw: raw}).Bool(); err != nil || got != want {
			t.Errorf("%q: got %v, %v", raw, got, err)
		}
	}
	if _, err := (Entry{Key: "a", Raw: "yes", Line: 7}).Bool(); err == nil || err.Error() != `line 7: a is true or false, not "yes"` {
		t.Errorf("got %v", err)
	}
	if got, err := (Entry{Raw: "-3 "}).Int(); err != nil || got != -3 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := (Entry{Key: "a", Raw: "3s", Line: 7}).Int(); err == nil {
		t.Error("3s is a number")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("[wifi]\nssid=79;102;\n# x\n[wifi]\nssid = a\\;b\n"))
	f.Add([]byte("[@pem@a]\n-----BEGIN\n[Security]\nPassphrase=a\\sb \n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<14 {
			return
		}
		got, err := Parse(bytes.NewReader(text))
		if err != nil {
			return
		}
		lines, last := bytes.Count(text, []byte("\n"))+1, 0
		for _, g := range got.Groups {
			for _, e := range append([]Entry{{Line: g.Line}}, g.Entries...) {
				if e.Line <= last || e.Line > lines {
					t.Fatalf("line %d after %d of %d", e.Line, last, lines)
				}
				last = e.Line
				if len(e.Text()) > len(e.Raw) || len(e.Bytes()) > len(e.Raw) || len(e.List()) > len(e.Raw) {
					t.Fatalf("%q has become more", e.Raw)
				}
			}
			for _, e := range g.Entries {
				if found, ok := got.Group(g.Name).Find(e.Key); !ok || found.Line < e.Line {
					t.Fatalf("%q isn't found, or not the last one", e.Key)
				}
			}
		}
	})
}
