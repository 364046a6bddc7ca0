package bond

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

func TestForeignAddresses(t *testing.T) {
	home, office := netip.MustParsePrefix("2001:db8:1::/64"), netip.MustParsePrefix("2001:db8:2::/64")
	atHome, atOffice := netip.MustParsePrefix("2001:db8:1::7/64"), netip.MustParsePrefix("2001:db8:2::7/64")
	list := func(p ...netip.Prefix) []netip.Prefix { return p }
	for _, tt := range []struct {
		name               string
		had, has, prefixes []netip.Prefix
		want               []netip.Prefix
	}{
		{"the same network", list(atHome), list(atHome), list(home), nil},
		{"another one", list(atHome), list(atHome, atOffice), list(office), list(atHome)},
		{"another one, before the kernel saw it", list(atHome), list(atHome), list(office), list(atHome)},
		{"one router is slow", list(atHome, atOffice), list(atHome, atOffice), list(home), nil},
		{"there and back in a moment", list(atHome), list(atHome, atOffice), list(home), list(atOffice)},
		{"there was none before", nil, list(atHome, atOffice), list(home), nil},
		{"no prefix is advertised", list(atHome), list(atHome), nil, list(atHome)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := State{Name: "bond0", Links: []Link{{Name: "bond0", Index: 7}}}
			for _, p := range tt.has {
				a := rtnl.NewAddr(p).On(7)
				a.Flags = unix.IFA_F_MANAGETEMPADDR
				s.addrs = append(s.addrs, a)
			}
			var got []netip.Prefix
			for _, step := range s.foreign(tt.had, tt.prefixes, nil) {
				got = append(got, step.(delAddress).Address.Prefix)
			}
			if diff := cmp.Diff(tt.want, got, byValue); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
