package ifupdown

import (
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inMemory are files that are given with their paths.
func inMemory(texts map[string]string) Files {
	return Files{
		Read: func(path string) ([]byte, error) {
			text, ok := texts[path]
			if !ok {
				return nil, fmt.Errorf("open %s: %w", path, fs.ErrNotExist)
			}
			return []byte(text), nil
		},
		Glob: func(pattern string) (list []string, err error) {
			found := map[string]bool{}
			for path := range texts {
				for ; path != "/" && path != "."; path = filepath.Dir(path) {
					ok, err := filepath.Match(pattern, path)
					if err != nil {
						return nil, err
					}
					found[path] = found[path] || ok
				}
			}
			for _, path := range slices.Sorted(maps.Keys(found)) {
				if found[path] {
					list = append(list, path)
				}
			}
			return list, nil
		},
	}
}

func parseText(t *testing.T, texts map[string]string) Config {
	t.Helper()
	c, err := Parse("/etc/network/interfaces", inMemory(texts))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const example = "\ufeff# loopback\n" + `auto lo eth0
iface lo inet loopback

allow-hotplug wlan0
iface wlan0 inet manual
	# a comment \
	wpa-conf /etc/wpa.conf
	post-up ip route add \
		192.0.2.0/24 dev wlan0

# behind it
iface br0
	bridge-ports eth0
mapping eth*
	script /bin/where
	map home office
no-auto-down eth0
iface eth0 inet static inherits lan
    address  192.0.2.1/24  ` + "\r\n"

func TestParse(t *testing.T) {
	const file = "/etc/network/interfaces"
	option := func(line int, name, value string) Option {
		return Option{Name: name, Value: value, File: file, First: line, Last: line}
	}
	route := option(9, "post-up", "ip route add \t\t192.0.2.0/24 dev wlan0")
	route.Last = 10
	want := Config{
		Files: []string{file},
		Stanzas: []Stanza{
			{Keyword: "auto", Names: []string{"lo", "eth0"}, File: file, First: 2, Last: 2},
			{Keyword: "iface", Names: []string{"lo"}, Family: "inet", Method: "loopback", File: file, First: 3, Last: 3},
			{Keyword: "allow-hotplug", Names: []string{"wlan0"}, File: file, First: 5, Last: 5},
			{Keyword: "iface", Names: []string{"wlan0"}, Family: "inet", Method: "manual", File: file, First: 6, Last: 10,
				Options: []Option{option(8, "wpa-conf", "/etc/wpa.conf"), route}},
			{Keyword: "iface", Names: []string{"br0"}, File: file, First: 13, Last: 14, Options: []Option{option(14, "bridge-ports", "eth0")}},
			{Keyword: "mapping", Names: []string{"eth*"}, File: file, First: 15, Last: 17,
				Options: []Option{option(16, "script", "/bin/where"), option(17, "map", "home office")}},
			{Keyword: "no-auto-down", Names: []string{"eth0"}, File: file, First: 18, Last: 18},
			{Keyword: "iface", Names: []string{"eth0"}, Family: "inet", Method: "static", Inherits: "lan", File: file, First: 19, Last: 20,
				Options: []Option{option(20, "address", "192.0.2.1/24")}},
		},
	}
	if diff := cmp.Diff(want, parseText(t, map[string]string{file: example})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseProblems(t *testing.T) {
	const file = "/etc/network/interfaces"
	got := parseText(t, map[string]string{file: `address 192.0.2.1
iface
auto
iface eth0 inet static inherits
iface eth1 inet dhcp please
auto eth1
	mtu 1400
source /etc/network/missing
source [
allow-hotplug \`})
	want := []Problem{
		{file, 1, "address 192.0.2.1", "it belongs to no iface"},
		{file, 2, "iface", "it names nothing"},
		{file, 3, "auto", "it names nothing"},
		{file, 4, "iface eth0 inet static inherits", "inherits names nothing"},
		{file, 5, "iface eth1 inet dhcp please", "please has no meaning here"},
		{file, 7, "mtu 1400", "it belongs to no iface"},
		{file, 9, "source [", "syntax error in pattern"},
		{file, 10, "allow-hotplug", "it names nothing"},
	}
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseSources(t *testing.T) {
	got := parseText(t, map[string]string{
		"/etc/network/interfaces":            "source interfaces.d/*.conf /etc/more\nsource-directory parts\nmtu 1\n",
		"/etc/network/interfaces.d/b.conf":   "auto b\nsource a.conf",
		"/etc/network/interfaces.d/a.conf":   "auto a\nsource ../interfaces\nsource *.conf",
		"/etc/network/interfaces.d/c.other":  "auto c",
		"/etc/more":                          "auto more",
		"/etc/network/parts/part-1":          "auto part",
		"/etc/network/parts/part-1.dpkg-old": "auto old",
	})
	var names []string
	for _, s := range got.Stanzas {
		names = append(names, s.Keyword+" "+strings.Join(s.Names, " "))
	}
	want := []string{
		"source interfaces.d/*.conf /etc/more", "auto a", "source ../interfaces", "source *.conf", "auto b", "source a.conf", "auto more",
		"source-directory parts", "auto part",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("stanzas (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Problem{{"/etc/network/interfaces", 3, "mtu 1", "it belongs to no iface"}}, got.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestParseIsBounded(t *testing.T) {
	endless := Files{
		Read: func(path string) ([]byte, error) {
			return fmt.Appendf(nil, "auto eth0\nsource %sa\nsource %[1]sb\n", path), nil
		},
		Glob: func(pattern string) ([]string, error) { return []string{pattern}, nil },
	}
	c, err := Parse("/i", endless)
	if err != nil || len(c.Files) != maxFiles || len(c.Problems) == 0 {
		t.Errorf("%v, %d files, %d problems", err, len(c.Files), len(c.Problems))
	}
	long := strings.Repeat("#\n", maxTotal/2-10)
	c = parseText(t, map[string]string{"/etc/network/interfaces": "source more\n" + long, "/etc/network/more": long})
	if len(c.Files) != 1 || len(c.Problems) != 1 {
		t.Errorf("%q, %v", c.Files, c.Problems)
	}
}

func TestSelects(t *testing.T) {
	for _, tt := range []struct {
		text, name string
		want       bool
	}{
		{"auto eth0 wlan0", "wlan0", true},
		{"auto eth0", "eth1", false},
		{"allow-hotplug eth0=home", "eth0", true},
		{"allow-hotplug eth0=home", "home", false},
		{"auto /eth*", "eth3", true},
		{"auto /eth*/1=lan", "eth3", true},
		{"auto /eth*", "wlan0", false},
		{"auto mac/02:00:5e:*", "eth0", false},
		{"auto /[", "[", false},
		{"no-auto-down eth0", "eth0", false},
		{"iface eth0 inet dhcp", "eth0", false},
	} {
		c := parseText(t, map[string]string{"/etc/network/interfaces": tt.text})
		if got := c.Stanzas[0].Selects(tt.name); got != tt.want {
			t.Errorf("%s selects %s: %v", tt.text, tt.name, got)
		}
	}
}

func TestOptions(t *testing.T) {
	c := parseText(t, map[string]string{"/etc/network/interfaces": `iface lan inet6 auto
	mtu 1280
iface lan inet static inherits all
	mtu 1400
template all
	netmask 24
iface eth0 inet static inherits lan
	address 192.0.2.1
iface eth1 inherits eth1
	mtu 9000
`})
	for name, want := range map[string]string{"eth0": "netmask=24 mtu=1400 address=192.0.2.1", "eth1": strings.TrimSpace(strings.Repeat("mtu=9000 ", maxDepth+1))} {
		var got []string
		for _, o := range c.Options(c.Ifaces(name)[0]) {
			got = append(got, o.Name+"="+o.Value)
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// FuzzParse holds that each stanza and option is where it says to be, and that lines
// belong to one alone.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		example, "iface\\\n eth0", "iface eth0\\", "\\", "\\\n\\\n", "auto /eth*/1=x", "source *", "source-directory /", "iface a inherits a", "a\rb\r\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("/i", inMemory(map[string]string{"/i": text, "/a": "source i", "/d/f": text}))
		if err != nil {
			t.Fatal(err)
		}
		count := strings.Count(text, "\n") + 1
		ends := map[string]int{}
		for _, s := range c.Stanzas {
			if s.First <= ends[s.File] || s.Last < s.First || s.Last > count {
				t.Fatalf("%s: lines %d to %d of %d, after %d", s.Keyword, s.First, s.Last, count, ends[s.File])
			}
			at := s.First
			for _, o := range s.Options {
				if o.File != s.File || o.First <= at || o.Last < o.First || o.Last > s.Last {
					t.Fatalf("%s: lines %d to %d in %d to %d", o.Name, o.First, o.Last, s.First, s.Last)
				}
				at = o.Last
			}
			ends[s.File] = s.Last
			c.Options(s)
			s.Selects("eth0")
		}
	})
}
