package dhcp

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/bondctl/bondctl/bond/lease"
)

// TestHostNameThatIsNone: what a machine without a name is called, and what can't be a
// host's name, no server is told of; of one with a domain it is told the first label.
func TestHostNameThatIsNone(t *testing.T) {
	longest := strings.Repeat("a", 63)
	tests := map[string]string{
		"":                        "",
		"(none)":                  "",
		"localhost":               "",
		"LocalHost":               "",
		"localhost.localdomain":   "",
		"localhost.lan":           "",
		"localhost4":              "",
		"localhost4.localdomain4": "",
		"localhost6.localdomain6": "",
		"192.0.2.7":               "",
		"2001:db8::7":             "",
		"a_b":                     "",
		"-a":                      "",
		"a b":                     "",
		"a\n":                     "",
		".a":                      "",
		longest + "a":             "",
		longest:                   longest,
		"localhosts":              "localhosts",
		"Laptop":                  "Laptop",
		"laptop.":                 "laptop",
		"laptop.home.example":     "laptop",
		"laptop.my_home":          "laptop",
		"3com":                    "3com",
	}
	for name, want := range tests {
		c := Client{Hostname: name}
		for _, m := range []*dhcpv4.DHCPv4{
			c.discover(leasedAddr), c.reboot(leasedAddr), c.renew(leasedAddr), c.choose(lease.Lease{Address: netip.PrefixFrom(leasedAddr, 24), Server: serverAddr}, dhcpv4.TransactionID{}),
		} {
			if got := string(m.Options.Get(dhcpv4.OptionHostName)); got != want {
				t.Errorf("%q is sent as %q in a %s, want %q", name, got, m.MessageType(), want)
			}
			if want == "" && m.Options.Has(dhcpv4.OptionHostName) {
				t.Errorf("%q is sent as an option of nothing", name)
			}
		}
	}
}
