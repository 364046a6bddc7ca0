package bond

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const exampleFile = `# the bond of a laptop
primary          = "eth0"
primary_reselect = 'always'
miimon           = "100ms"
updelay          = 4_000

[[member]]
name = "eth0"
prio = 0x10

[[member]]
name = "wlan0" # the spare

[ipv4]
method    = "static"
addresses = [
  "192.0.2.10/24",
  "198.51.100.10/24",
]
gateway   = "192.0.2.1"
`

func TestParseTOML(t *testing.T) {
	at := func(line int, key string, value any) Setting {
		return Setting{Key: key, Where: fmt.Sprintf("bond0.toml:%d", line), Value: value}
	}
	for _, tt := range []struct {
		name, text string
		want       []Setting
	}{
		{"example", exampleFile, []Setting{
			at(2, "primary", "eth0"),
			at(3, "primary_reselect", "always"),
			at(4, "miimon", "100ms"),
			at(5, "updelay", int64(4000)),
			at(7, "member", []Setting{at(8, "member.name", "eth0"), at(9, "member.prio", int64(16))}),
			at(11, "member", []Setting{at(12, "member.name", "wlan0")}),
			at(15, "ipv4.method", "static"),
			at(16, "ipv4.addresses", []any{"192.0.2.10/24", "198.51.100.10/24"}),
			at(20, "ipv4.gateway", "192.0.2.1"),
		}},
		{"as a program writes it", "member = [{name = \"eth0\"}, {name = \"eth1\", prio = 1}]\nipv4 = {gateway = \"192.0.2.1\"}\nmtu = 9000", []Setting{
			at(1, "member", []Setting{at(1, "member.name", "eth0")}),
			at(1, "member", []Setting{at(1, "member.name", "eth1"), at(1, "member.prio", int64(1))}),
			at(2, "ipv4.gateway", "192.0.2.1"),
			at(3, "mtu", int64(9000)),
		}},
		{"dots", "ipv4.method = \"none\"\nipv6.gateway = \"fe80::1\"", []Setting{
			at(1, "ipv4.method", "none"),
			at(2, "ipv6.gateway", "fe80::1"),
		}},
		{"windows", "mtu = 9000\r\n\r\nmiimon = 50\r\n", []Setting{at(1, "mtu", int64(9000)), at(3, "miimon", int64(50))}},
		{"other values", "a = true\nb = 1.5\nc = [1, [\"x\"]]", []Setting{
			at(1, "a", true), at(2, "b", 1.5), at(3, "c", []any{int64(1), []any{"x"}}),
		}},
		{"what no key takes", "a = 1979-05-27\nb = {c = 1}\nd.e = 1\n[f]\ng = 1\n[ipv4.h]\ni = 1\n[[ipv6]]\nj = 1", []Setting{
			at(1, "a", nil), at(2, "b", nil), at(3, "d.e", int64(1)), at(4, "f", nil), at(6, "ipv4.h", nil),
			at(8, "ipv6", nil),
		}},
		{"members in the wrong form", "member = \"eth0\"", []Setting{at(1, "member", nil)}},
		{"one member in single brackets", "[member]\nname = \"eth0\"", []Setting{at(1, "member", nil)}},
		{"a table below a member", "[[member]]\n[member.wifi]\nssid = \"home\"\n[[member]]\nname.x = 1", []Setting{
			at(1, "member", []Setting{at(2, "member.wifi", nil)}),
			at(4, "member", []Setting{at(5, "member.name.x", int64(1))}),
		}},
		{"keys that only look like others", "\"ipv4.method\" = \"none\"\n\"\" = 1\n\"a\\nb\" = 2", []Setting{
			at(1, `"ipv4.method"`, "none"), at(2, `""`, int64(1)), at(3, `"a\nb"`, int64(2)),
		}},
		{"nothing", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseTOML("bond0.toml", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

// configFiles are good and bad files to begin with.
var configFiles = []string{
	exampleFile, policyFile, "", "\xef\xbb\xbf", "miimon", "miimon =", "[[member]]", "[member]", "[[member", "member = [{}]", "member = [[]]",
	"member.name = 1", "[a.b]", "\"a\\nb\" = 1\n\"a\\nb\" = 2", "mtu = 1e400", "mtu = inf", "miimon = 0x7fffffff", "x = 12:00:00",
	"member = [{name = \"eth0\"}]\narp_interval = 1\narp_ip_target = \"192.0.2.1\"\narp_validate = \"all\"",
	"member = [{name = \"eth0\", prio = -1}]\nmac = \"stable\"\nfail_over_mac = \"follow\"\nnum_grat_arp = 255",
	"member = [{name = \"eth0\"}]\nipv6 = {addresses = [\"2001:db8::1/64\"], gateway = \"fe80::1\"}\nmtu = 1280",
	"member = [{name = \"eth0\"}]\nmac = \"02:00:5e:10:00:01\"\nprimary = \"eth0\"\nipv4.method = \"none\"",
	"member = [{name = \"eth0\"}]\nprobe = {}", "[[member]]\nname = \"eth0\"\n[probe]\n", "[probe]\ntarget = [\"192.0.2.1\", \"2001:db8::1\"]\ninterval = 500\nfails = 2\npasses = 9",
}

// addFiles has a fuzz test begin with them, and with a file for each value that
// a key takes.
func addFiles(f *testing.F) {
	for _, text := range configFiles {
		f.Add([]byte(text))
	}
	addEncodings(f.Add)
	for _, k := range keys {
		for _, text := range keyTexts {
			c := Config{Name: "bond0", Members: []Member{{Name: "eth0"}}}
			if k.set != nil && k.set(partOf(&c, k), text) == nil {
				f.Add(FormatTOML(c))
			}
		}
	}
}

// FuzzConfigFile reads files as up does. An accepted configuration must come
// back from a bond's record as it was, and a refused one name each place.
func FuzzConfigFile(f *testing.F) {
	addFiles(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		settings, err := ParseTOML("bond0.toml", text)
		var c Config
		if err == nil {
			c, err = NewConfig("bond0", settings)
		}
		if err != nil {
			checkProblems(t, err)
			return
		}
		if marked, err := ParseTOML("bond0.toml", append([]byte("\ufeff"), text...)); err != nil || !cmp.Equal(settings, marked) {
			t.Errorf("with a mark in front: %v, %v", marked, err)
		}
		if diff := cmp.Diff(c, passedThroughJSON(t, c), byValue); diff != "" {
			t.Errorf("through JSON (-before +after):\n%s", diff)
		}
		for _, m := range c.Members {
			if m.Name == "" {
				continue // it asks for a driver, say
			}
			if err := CheckMemberName(m.Name); err != nil || !utf8.ValidString(m.Name) {
				t.Errorf("accepted a name: %q: %v", m.Name, err)
			}
		}
		if c.Primary != "" && !c.hasMember(c.Primary) {
			t.Errorf("primary %q is not among %v", c.Primary, c.Members)
		}
		// The rest of the package counts on a configuration that holds together.
		if _, err := newWanted(c, State{Name: c.Name}, "0123456789abcdef"); err != nil {
			checkProblems(t, err)
		}
	})
}

func checkProblems(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*ConfigError](err)
	if !ok || len(e.Problems) == 0 {
		t.Fatalf("%T: %v", err, err)
	}
	for _, p := range e.Problems {
		if p.Where+p.Key == "" || p.Message.String() == "" || strings.Contains(p.String(), "\n") {
			t.Errorf("no place, no message, or more than a line: %+q", p)
		}
	}
}
