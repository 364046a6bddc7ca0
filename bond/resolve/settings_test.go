package resolve

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var compareAddrs = cmpopts.EquateComparable(netip.Addr{})

// addrs parses addresses.
func addrs(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func TestChecked(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, tt := range []struct {
		name  string
		given Settings
		want  Settings
		notes []string
	}{
		{name: "nothing"},
		{
			name:  "usual",
			given: Settings{addrs("192.0.2.1", "2001:db8::1"), []string{"example.org", "Lan", "3com.example"}},
			want:  Settings{addrs("192.0.2.1", "2001:db8::1"), []string{"example.org", "Lan", "3com.example"}},
		},
		{
			name:  "usual forms, each once",
			given: Settings{addrs("::ffff:192.0.2.1", "192.0.2.1", "127.0.0.1", "fe80::1", "fe80::1%bond0"), []string{"example.org.", "example.org"}},
			want:  Settings{addrs("192.0.2.1", "127.0.0.1", "fe80::1%bond0"), []string{"example.org"}},
		},
		{
			name:  "no servers",
			given: Settings{Servers: append(addrs("0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "fe80::1%eth9", "2001:db8::1%bond0"), netip.Addr{})},
			notes: []string{
				`"0.0.0.0" is no address of a DNS server, left out`,
				`"::" is no address of a DNS server, left out`,
				`"224.0.0.1" is no address of a DNS server, left out`,
				`"ff02::1" is no address of a DNS server, left out`,
				`"255.255.255.255" is no address of a DNS server, left out`,
				`"fe80::1%eth9" is no address of a DNS server, left out`,
				`"2001:db8::1%bond0" is no address of a DNS server, left out`,
				`"invalid IP" is no address of a DNS server, left out`,
			},
		},
		{
			name:  "a zone that isn't one",
			given: Settings{Servers: addrs("fe80::1%bond0\nnameserver 192.0.2.66")},
			notes: []string{`"fe80::1%bond0\nnameserver 192.0.2.66" is no address of a DNS server, left out`},
		},
		{
			name: "no domains",
			given: Settings{addrs("192.0.2.1"), []string{
				"", ".", "a..b", "-a", "a-", "a_b", "a b", "a\nnameserver 192.0.2.66", "b\x00", "ü.example", long + "a",
				strings.Repeat(long+".", 3) + long,
			}},
			want: Settings{Servers: addrs("192.0.2.1")},
			notes: []string{
				`"" is no domain name, left out`,
				`"" is no domain name, left out`,
				`"a..b" is no domain name, left out`,
				`"-a" is no domain name, left out`,
				`"a-" is no domain name, left out`,
				`"a_b" is no domain name, left out`,
				`"a b" is no domain name, left out`,
				`"a\nnameserver 192.0.2.66" is no domain name, left out`,
				`"b\x00" is no domain name, left out`,
				`"ü.example" is no domain name, left out`,
				`"` + long + `a" is no domain name, left out`,
				`"` + strings.Repeat(long+".", 3) + long + `" is no domain name, left out`,
			},
		},
		{
			name:  "as long as can be",
			given: Settings{addrs("192.0.2.1"), []string{strings.Repeat(long+".", 3) + long[:61]}},
			want:  Settings{addrs("192.0.2.1"), []string{strings.Repeat(long+".", 3) + long[:61]}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, notes := tt.given.checked("bond0")
			if diff := cmp.Diff(tt.want, got, compareAddrs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.notes, notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"bond0", "b", "uplink.7", "a_b-c@d+e", "bond0bond0bond0"} {
		if err := checkName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "-a", "~a", ".a", "a b", "a/b", "a\nb", "a*", "a;b", "ü", "bond0bond0bond01"} {
		if checkName(name) == nil {
			t.Errorf("%q passes for a bond's name", name)
		}
	}
}

// FuzzChecked hands over what a network may say. Nothing gets into the file by it
// but one line for each server and one search list, of harmless characters.
func FuzzChecked(f *testing.F) {
	f.Add("192.0.2.1", "fe80::1", "example.org", "lan.")
	f.Add("fe80::1%bond0\nx", "::", "a\nnameserver 192.0.2.66", "#")
	f.Fuzz(func(t *testing.T, server1, server2, domain1, domain2 string) {
		var given Settings
		for _, text := range []string{server1, server2} {
			addr, _ := netip.ParseAddr(text)
			given.Servers = append(given.Servers, addr)
		}
		given.Domains = []string{domain1, domain2}
		s, notes := given.checked("bond0")
		if len(s.Servers)+len(s.Domains)+len(notes) > 4 {
			t.Errorf("4 became %v and %q", s, notes)
		}
		for line := range strings.Lines(lines(s)) {
			words := strings.Fields(line)
			if line != strings.Join(words, " ")+"\n" || !isPrintable(words) || len(words) < 2 ||
				!slices.Contains([]string{"nameserver", "search"}, words[0]) {
				t.Errorf("line %q", line)
			}
		}
		for _, note := range notes {
			if strings.ContainsFunc(note, func(r rune) bool { return r < ' ' }) {
				t.Errorf("note %q", note)
			}
		}
	})
}
