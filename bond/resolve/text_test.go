package resolve

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       kept
	}{
		{name: "empty"},
		{
			name: "all",
			text: "# a comment\n; another\nnameserver 192.0.2.1\nsearch example.org lan\noptions edns0\tndots:2\nsortlist 192.0.2.0/24\n",
			want: kept{search: []string{"example.org", "lan"}, options: []string{"edns0", "ndots:2"}, sortlist: []string{"192.0.2.0/24"}},
		},
		{name: "the last counts", text: "search a b\ndomain c d\n", want: kept{search: []string{"c"}}},
		{name: "the last counts, the other way", text: "domain c\nsearch a b", want: kept{search: []string{"a", "b"}}},
		{name: "options add up", text: "options a\noptions b a\r\n", want: kept{options: []string{"a", "b"}}},
		{name: "trust-ad was said of others", text: "options edns0 trust-ad\n", want: kept{options: []string{"edns0"}}},
		{name: "not at the start", text: " search a\n\toptions b\n"},
		{name: "nothing follows", text: "search\noptions \n"},
		{name: "other words", text: "searching a\nSEARCH a\n"},
		{name: "odd bytes", text: "search a\x00b\noptions \x1b[2J\nsortlist ü\n"},
		{name: "the root", text: "search .\n", want: kept{search: []string{"."}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, parse([]byte(tt.text)), cmp.AllowUnexported(kept{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompose(t *testing.T) {
	const original = "nameserver 198.51.100.1\nsearch home\noptions edns0 trust-ad\nsortlist 192.0.2.0/24\n"
	for _, tt := range []struct {
		name     string
		bonds    map[string]Settings
		original string
		want     string
		left     []netip.Addr
	}{
		{
			name:     "the original's search list",
			bonds:    map[string]Settings{"bond0": {Servers: addrs("192.0.2.1")}},
			original: original,
			want:     "# Written by bondctl for bond0.\n# note\nnameserver 192.0.2.1\nsearch home\noptions edns0\nsortlist 192.0.2.0/24\n",
		},
		{
			name:     "its own",
			bonds:    map[string]Settings{"bond0": {addrs("192.0.2.1", "fe80::1%bond0"), []string{"example.org"}}},
			original: original,
			want: "# Written by bondctl for bond0.\n# note\nnameserver 192.0.2.1\nnameserver fe80::1%bond0\n" +
				"search example.org\noptions edns0\nsortlist 192.0.2.0/24\n",
		},
		{
			name:  "too many",
			bonds: map[string]Settings{"bond0": {Servers: addrs("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5")}},
			want: "# Written by bondctl for bond0.\n# note\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n" +
				"# Not asked, for only 3 count: 192.0.2.4, 192.0.2.5\n",
			left: addrs("192.0.2.4", "192.0.2.5"),
		},
		{
			name: "two bonds take turns",
			bonds: map[string]Settings{
				"bond1": {addrs("198.51.100.1", "192.0.2.2"), []string{"b", "a"}},
				"bond0": {addrs("192.0.2.1", "192.0.2.2", "192.0.2.3"), []string{"a", "c"}},
			},
			want: "# Written by bondctl for bond0 and bond1.\n# note\nnameserver 192.0.2.1\nnameserver 198.51.100.1\nnameserver 192.0.2.2\n" +
				"search a c b\n# Not asked, for only 3 count: 192.0.2.3\n",
			left: addrs("192.0.2.3"),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, left := compose(tt.bonds, []byte(tt.original), "# note\n")
			if diff := cmp.Diff(tt.want, string(text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.left, left, compareAddrs); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzCompose takes any file for the original. What comes of it is a resolv.conf
// of known lines, with the bond's servers alone, and means the same when it is
// taken for the original in turn.
func FuzzCompose(f *testing.F) {
	f.Add([]byte("# a comment\nnameserver 192.0.2.1\nsearch example.org lan\noptions edns0 trust-ad\n"))
	f.Add([]byte("domain a\r\nsearch\tb c\nsortlist 1\noptions \x1b[2J\noptions a\noptions a b"))
	f.Add([]byte("search \x00\n nameserver x\n"))
	f.Fuzz(func(t *testing.T, original []byte) {
		bonds := map[string]Settings{"bond0": {Servers: addrs("192.0.2.1", "192.0.2.2")}}
		text, left := compose(bonds, original, "# note\n")
		if len(left) > 0 {
			t.Errorf("left out %v", left)
		}
		count := map[string]int{}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if line != strings.Join(words, " ")+"\n" || !isPrintable(words) {
				t.Errorf("line %q", line)
			}
			count[words[0]]++
		}
		if count["nameserver"] != 2 || count["#"] != 2 || count["search"] > 1 || count["options"] > 1 || count["sortlist"] > 1 {
			t.Errorf("lines %v in\n%s", count, text)
		}
		if diff := cmp.Diff(parse(original), parse(text), cmp.AllowUnexported(kept{})); diff != "" {
			t.Errorf("what goes on to hold (-of the original +of the new one):\n%s", diff)
		}
		if again, _ := compose(bonds, text, "# note\n"); !bytes.Equal(again, text) {
			t.Errorf("composed again:\n%s\nat first:\n%s", again, text)
		}
	})
}
