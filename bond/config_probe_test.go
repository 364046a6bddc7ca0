package bond

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const withProbe = "[[member]]\nname = \"eth0\"\n"

func TestProbe(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       string // as it is written
	}{
		{"none", "", ""},
		{"an empty table", "[probe]\n", "target = \"gateway\"\n"},
		{"in line", "probe = {}\n", "target = \"gateway\"\n"},
		{"the word", "[probe]\ntarget = \"gateway\"\n", "target = \"gateway\"\n"},
		{"a pace alone", "[probe]\ninterval = \"500ms\"\n", "target = \"gateway\"\ninterval = \"500ms\"\n"},
		{"a number of milliseconds", "probe.interval = 2000\n", "target = \"gateway\"\ninterval = \"2s\"\n"},
		{"one address", "[probe]\ntarget = \"192.0.2.1\"\n", "target = [\"192.0.2.1\"]\n"},
		{"all", "[probe]\npasses = 5\nfails = 2\ntarget = [\"192.0.2.1\", \"2001:db8::1\"]\n", "target = [\"192.0.2.1\", \"2001:db8::1\"]\nfails = 2\npasses = 5\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.text + withProbe
			if strings.HasPrefix(tt.text, "[") {
				text = withProbe + tt.text
			}
			c := readBack(t, "bond0", []byte(text))
			if (c.Probe != nil) != (tt.want != "") {
				t.Fatalf("%+v", c.Probe)
			}
			written := FormatTOML(c)
			_, table, _ := strings.Cut(string(written), "[probe]\n")
			if diff := cmp.Diff(tt.want, table); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c, readBack(t, "bond0", written), byValue); diff != "" {
				t.Errorf("read back:\n%s", diff)
			}
			if diff := cmp.Diff(c, passedThroughJSON(t, c), byValue); diff != "" {
				t.Errorf("through JSON:\n%s", diff)
			}
		})
	}
}

// TestProbeByRoutes: under the strategy routes a target may be anywhere, and a web server.
func TestProbeByRoutes(t *testing.T) {
	const group = "strategy = \"routes\"\n[[member]]\nname = \"eth0\"\n[probe]\n"
	for _, tt := range []struct{ text, want string }{
		{"target = \"203.0.113.1\"\n", ""},
		{"target = [\"203.0.113.1\", \"https://example.org/generate_204\", \"http://[2001:db8::1]:8080/\"]\n", ""},
		{"target = \"https:///\"\n", "uplink.toml:5: probe.target: \"https:///\" names no server"},
		{"target = \"ftp://example.org/\"\n", "uplink.toml:5: probe.target: \"ftp://example.org/\" is asked by ftp, and only http and https are known"},
		{"target = \"http://me:key@example.org/\"\n", "uplink.toml:5: probe.target: \"http://me:key@example.org/\" has a user or a fragment, which nobody is asked with; leave that out"},
		{"target = [\"http://a/\", \"http://a/\"]\n", "uplink.toml:5: probe.target: http://a/ is there twice; name it once"},
		{"target = \"http://a/\"\ninterval = 200\n", "uplink.toml:6: probe.interval: a web server needs more time for an answer; write 1000 ms at least, or leave the URL out"},
	} {
		settings, err := ParseTOML("uplink.toml", []byte(group+tt.text))
		var c Config
		if err == nil {
			c, err = NewConfig("uplink", settings)
		}
		if got := textOf(err); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.text, got, tt.want)
		}
		if err != nil {
			continue
		}
		if diff := cmp.Diff(c, readBack(t, "uplink", FormatTOML(c)), byValue); diff != "" {
			t.Errorf("read back:\n%s", diff)
		}
		if diff := cmp.Diff(c, passedThroughJSON(t, c), byValue); diff != "" {
			t.Errorf("through JSON:\n%s", diff)
		}
	}
}

func TestProbeRefused(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"[probe]\ninterval = \"50ms\"", "bond0.toml:4: probe.interval: \"50ms\" is too short a time for an answer; write 100 ms at least"},
		{"[probe]\nfails = 0", "bond0.toml:4: probe.fails: \"0\" is not a whole number from 1 to 100"},
		{"[probe]\ntarget = []", "bond0.toml:4: probe.target: the list is empty; write \"gateway\" or an address, or leave [probe] out"},
		{"[probe]\ntarget = [\"gateway\", \"192.0.2.1\"]", "bond0.toml:4: probe.target: gateway stands alone; write it, or addresses"},
		{"[probe]\ntarget = \"https://example.org/\"", "bond0.toml:4: probe.target: https://example.org/ is a web address, which of a bond only the active member can ask for; name the gateway, or an address on the link"},
		{"[probe]\ntarget = \"router\"", "bond0.toml:4: probe.target: \"router\" is no address to ask; write gateway, or one such as 192.0.2.1 or 2001:db8::1"},
		{"[probe]\ntarget = \"ff02::1\"", "bond0.toml:4: probe.target: ff02::1 is not the address of one host; name one that answers"},
		{"[probe]\npauses = 1", "bond0.toml:4: probe.pauses: unknown key; did you mean passes?"},
		{"[ipv4]\naddresses = [\"192.0.2.10/24\"]\n[probe]\ntarget = \"192.0.2.10\"", "bond0.toml:6: probe.target: 192.0.2.10 is the bond's own address; name somebody else's"},
		{"[ipv4]\nmethod = \"static\"\naddresses = [\"192.0.2.10/24\"]\n[probe]\ntarget = \"203.0.113.1\"", "bond0.toml:7: probe.target: 203.0.113.1 is in none of the bond's networks, and only who is on the link answers; name one that is, or gateway"},
		{"[ipv6]\nmethod = \"none\"\n[probe]\ntarget = \"2001:db8::1\"", "bond0.toml:6: probe.target: ipv6.method none and an IPv6 target contradict each other; leave one of them out"},
		{"[[route]]\nto = \"203.0.113.0/24\"\n[ipv4]\naddresses = [\"192.0.2.10/24\"]\n[probe]\ntarget = \"203.0.113.1\"", ""},
		{"[ipv4]\nmethod = \"dhcp\"\n[probe]\ntarget = \"203.0.113.1\"", ""},
		{"[probe]", ""},
	} {
		settings, err := ParseTOML("bond0.toml", []byte(withProbe+tt.text))
		if err == nil {
			_, err = NewConfig("bond0", settings)
		}
		if got := textOf(err); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.text, got, tt.want)
		}
	}
	settings, err := ParseTOML("bond0.toml", []byte("arp_interval = 1000\narp_ip_target = \"192.0.2.1\"\n"+withProbe+"[probe]"))
	if err == nil {
		_, err = NewConfig("bond0", settings)
	}
	if want := "bond0.toml:5: probe.target: with arp_interval the kernel itself watches paths; leave [probe] out, or arp_interval"; textOf(err) != want {
		t.Errorf("beside arp_interval: %v", err)
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// That there is nobody to ask yet is said where nobody will bring a gateway, and is no mistake.
func TestProbeNoted(t *testing.T) {
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"[ipv4]\naddresses = [\"192.0.2.10/24\"]\n[ipv6]\nmethod = \"none\"\n[probe]", true},
		{"[ipv4]\naddresses = [\"192.0.2.10/24\"]\ngateway = \"192.0.2.1\"\n[ipv6]\nmethod = \"none\"\n[probe]", false},
		{"[ipv4]\naddresses = [\"192.0.2.10/24\"]\n[ipv6]\nmethod = \"none\"\n[probe]\ntarget = \"192.0.2.1\"", false},
		{"[ipv4]\naddresses = [\"192.0.2.10/24\"]\n[ipv6]\nmethod = \"none\"\n", false},
		{"[ipv4]\nmethod = \"dhcp\"\n[ipv6]\nmethod = \"none\"\n[probe]", false},
		{"[ipv4]\naddresses = [\"192.0.2.10/24\"]\n[probe]", false}, // an IPv6 router may come
	} {
		var w wanted
		w.noteProbe(readBack(t, "bond0", []byte(withProbe+tt.text)))
		if got := len(w.notes) > 0; got != tt.want {
			t.Errorf("%s: %q", tt.text, w.notes)
		}
	}
}
